package plan

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// unplacedSQL finds shows that want a chat and have no place, and up to how many tickets they have.
const unplacedSQL = `SELECT w.event_id, (SELECT count(*) FROM (SELECT 1 FROM ticket_role t WHERE t.event_id = w.event_id AND t.role > '' AND t.valid
	  ORDER BY t.role LIMIT $1) AS found)
	FROM wanted_event w LEFT JOIN placement p ON p.event_id = w.event_id
	WHERE w.make AND COALESCE(p.placed_ms, 0) = 0 ORDER BY w.doors_ms, w.event_id`

// usedSQL counts the account's app instances apart from the shared one: those of shows, and other people's (package sweep).
const usedSQL = `SELECT (SELECT count(*) FROM placement WHERE place <> '' AND placed_ms > 0)
	+ (SELECT count(*) FROM stranger WHERE kind = 'instance')`

// placeShows chooses places for shows that have tickets and none, and marks them in shows.
func (p *Planner) placeShows(ctx context.Context, shows []Show) (placed []id.Event, err error) {
	type unplaced struct {
		event   id.Event
		tickets int
	}
	waiting, err := db.All(ctx, p.DB, func(u *unplaced) []any { return []any{&u.event, &u.tickets} }, unplacedSQL, rule.Large+1)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	used, err := db.Value[int](ctx, p.DB, usedSQL)
	if err != nil {
		return nil, err
	}
	used++ // the shared one
	most := rule.Instances(p.Pace.Ceilings.Instances)
	if p.Full() {
		used = most
	}
	for _, u := range waiting {
		at := slices.IndexFunc(shows, func(s Show) bool { return s.ID == u.event })
		if u.tickets == 0 || at < 0 {
			continue // nobody could chat
		}
		s := &shows[at]
		switch rule.PlaceOf(s.DoorsAt(), time.Now(), u.tickets, used, most) {
		case rule.Wait:
			continue
		case rule.Own:
			s.Place = s.ID
			used++
		case rule.Shared:
			s.Place = ledger.Shared
		}
		s.Placed = time.Now().UnixMilli()
		if err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error { return p.wantPlace(tx, *s) }); err != nil {
			return nil, err
		}
		placed = append(placed, s.ID)
	}
	return placed, nil
}

// wantPlace writes where a show is, and lets its app instance, its admins and its channel be wanted.
func (p *Planner) wantPlace(tx *db.Tx, s Show) error {
	_, err := tx.Exec(`INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $2, $3, 0, FALSE)
		ON CONFLICT (event_id) DO UPDATE SET place = excluded.place, placed_ms = excluded.placed_ms`, s.ID, s.Place, s.Placed)
	if err != nil {
		return err
	}
	admins := 1 // more when it is known how large the show is
	if s.Place == ledger.Shared {
		admins = rule.Admins(rule.Shared, 0, p.Pace.Bearers)
	}
	if err := ledger.WantAdmins(tx, p.Epoch, s.Place, 1, admins); err != nil {
		return err
	}
	if err := ledger.WantOne(tx, p.Epoch, s.Place, "", ledger.KindInstance, ledger.RankInstance, "Stagedoor"); err != nil {
		return err
	}
	if err := ledger.WantOne(tx, p.Epoch, s.ID, "", ledger.KindChannel, ledger.RankChannel, s.Name); err != nil {
		return err
	}
	return ledger.Decide(tx, s.Place, ledger.AdminSubjects(1, admins)...)
}

// largeSQL counts the accounts that a show wants in an app instance of its own, up to a number.
const largeSQL = `SELECT count(*) FROM (SELECT 1 FROM resource r WHERE r.event_id = $1 AND r.subject > '' AND r.kind = 'user' AND r.want
	AND EXISTS (SELECT 1 FROM placement p WHERE p.event_id = $1 AND p.place = $1 AND NOT p.leaving) ORDER BY r.subject LIMIT $2) AS found`

// moreAdmins gives a large show in an app instance of its own as many admins as its provider's limits make useful.
func (p *Planner) moreAdmins(ctx context.Context, event id.Event) error {
	if rule.Admins(rule.Own, rule.Large+1, p.Pace.Bearers) < 2 {
		return nil
	}
	n, err := db.Value[int](ctx, p.DB, largeSQL, event, rule.Large+1)
	most := rule.Admins(rule.Own, n, p.Pace.Bearers)
	if err != nil || most < 2 {
		return err
	}
	return p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		if left, err := ledger.Leaving(tx, event); err != nil || left {
			return err
		}
		if err := ledger.WantAdmins(tx, p.Epoch, event, 2, most); err != nil {
			return err
		}
		return ledger.Decide(tx, event, ledger.AdminSubjects(2, most)...)
	})
}

package provision

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// shared is the place of the installation's own app instance. Which place a show gets is said in package rule.
const shared = id.Event("")

// placement is where an event's resources are.
type placement struct {
	place   id.Event
	placed  int64 // when it was chosen, Unix milliseconds; 0: not yet
	round   int   // how often all of it was removed
	leaving bool  // everything is going; nothing else happens to it meanwhile
}

// unplacedSQL finds shows that want a chat and have no place, and up to how many tickets they have.
const unplacedSQL = `SELECT w.event_id, (SELECT count(*) FROM (SELECT 1 FROM ticket_role t WHERE t.event_id = w.event_id AND t.valid LIMIT $1) AS found)
	FROM wanted_event w LEFT JOIN placement p ON p.event_id = w.event_id
	WHERE w.make AND COALESCE(p.placed_ms, 0) = 0 ORDER BY w.doors_ms, w.event_id`

// usedSQL counts the account's app instances apart from the shared one: those of shows, and other people's (sweep.go).
const usedSQL = `SELECT (SELECT count(*) FROM placement WHERE place <> '' AND placed_ms > 0)
	+ (SELECT count(*) FROM stranger WHERE kind = 'instance')`

// placeShows chooses places for shows that have tickets and none, and marks them in shows.
func (p *planner) placeShows(ctx context.Context, shows []show) (placed []id.Event, err error) {
	type unplaced struct {
		event   id.Event
		tickets int
	}
	waiting, err := db.All(ctx, p.db, func(u *unplaced) []any { return []any{&u.event, &u.tickets} }, unplacedSQL, rule.Large+1)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	used, err := db.Value[int](ctx, p.db, usedSQL)
	if err != nil {
		return nil, err
	}
	used++ // the shared one
	most := rule.Instances(p.pace.Ceilings.Instances)
	p.mu.Lock()
	if time.Now().Before(p.full) {
		used = most
	}
	p.mu.Unlock()
	for _, u := range waiting {
		at := slices.IndexFunc(shows, func(s show) bool { return s.ID == u.event })
		if u.tickets == 0 || at < 0 {
			continue // nobody could chat
		}
		s := &shows[at]
		switch rule.PlaceOf(s.doors(), time.Now(), u.tickets, used, most) {
		case rule.Wait:
			continue
		case rule.Own:
			s.place = s.ID
			used++
		case rule.Shared:
			s.place = shared
		}
		s.placed = time.Now().UnixMilli()
		if err := p.lease.Write(ctx, p.epoch, func(tx *db.Tx) error { return p.wantPlace(tx, *s) }); err != nil {
			return nil, err
		}
		placed = append(placed, s.ID)
	}
	return placed, nil
}

// wantPlace writes where a show is, and lets its app instance, its admins and its channel be wanted.
func (p *planner) wantPlace(tx *db.Tx, s show) error {
	_, err := tx.Exec(`INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $2, $3, 0, FALSE)
		ON CONFLICT (event_id) DO UPDATE SET place = excluded.place, placed_ms = excluded.placed_ms`, s.ID, s.place, s.placed)
	if err != nil {
		return err
	}
	admins := 1 // more when it is known how large the show is
	if s.place == shared {
		admins = rule.Admins(rule.Shared, 0, p.pace.Bearers)
	}
	if err := wantAdmins(tx, p.epoch, s.place, 1, admins); err != nil {
		return err
	}
	if err := wantOne(tx, p.epoch, s.place, "", kindInstance, rankInstance, "Stagedoor"); err != nil {
		return err
	}
	if err := wantOne(tx, p.epoch, s.ID, "", kindChannel, rankChannel, s.Name); err != nil {
		return err
	}
	return decideFor(tx, s.place, adminSubjects(1, admins)...)
}

// adminSubjects names the ledger rows of the admins from first to last, counted from 1.
func adminSubjects(first, last int) []id.Ticket {
	var out []id.Ticket
	for n := first; n <= last; n++ {
		if n == 1 {
			out = append(out, "")
		} else {
			out = append(out, id.Ticket("admin-"+strconv.Itoa(n)))
		}
	}
	return out
}

func wantAdmins(tx *db.Tx, epoch int64, place id.Event, first, last int) error {
	for i, subject := range adminSubjects(first, last) {
		account, role := rankAdminUser, rankAdminRole
		if first+i > 1 {
			account, role = rankModerator, rankModerator
		}
		if err := wantOne(tx, epoch, place, subject, kindAdminUser, account, "Stagedoor"); err != nil {
			return err
		}
		if err := wantOne(tx, epoch, place, subject, kindAdmin, role, "Stagedoor"); err != nil {
			return err
		}
	}
	return nil
}

// wantOne wants one resource that belongs to no ticket.
func wantOne(tx *db.Tx, epoch int64, event id.Event, subject id.Ticket, k kind, rank int, name string) error {
	_, err := tx.Exec(insert+`VALUES ($1, $2, $3, '', $4, TRUE, $5, 'absent', '', '', 'create', FALSE, FALSE, 0, 0, 0, '', $6, 0)
		ON CONFLICT DO NOTHING`, event, subject, k, rank, name, epoch)
	return err
}

// moreAdmins gives a large show in an app instance of its own as many admins as its provider's limits make useful.
func (p *planner) moreAdmins(ctx context.Context, event id.Event) error {
	if rule.Admins(rule.Own, rule.Large+1, p.pace.Bearers) < 2 {
		return nil
	}
	n, err := db.Value[int](ctx, p.db, `SELECT count(*) FROM (SELECT 1 FROM resource r JOIN placement p ON p.event_id = r.event_id AND p.place = r.event_id
		AND NOT p.leaving WHERE r.event_id = $1 AND r.kind = 'user' AND r.want LIMIT $2) AS found`, event, rule.Large+1)
	most := rule.Admins(rule.Own, n, p.pace.Bearers)
	if err != nil || most < 2 {
		return err
	}
	return p.lease.Write(ctx, p.epoch, func(tx *db.Tx) error {
		if left, err := leaving(tx, event); err != nil || left {
			return err
		}
		if err := wantAdmins(tx, p.epoch, event, 2, most); err != nil {
			return err
		}
		return decideFor(tx, event, adminSubjects(2, most)...)
	})
}

// leaving reports whether everything of an event is going: nothing may be wanted again before it is gone.
func leaving(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(l *bool) []any { return []any{l} }, "SELECT leaving FROM placement WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

// retiring reports whether the archive of an event is sealed, so that nothing of it is wanted any more.
func retiring(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(r *bool) []any { return []any{r} }, "SELECT retire FROM wanted_event WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

// base is what every call needs to know: where things are made and who makes them. Fields are "" until made.
type base struct {
	installation string
	place        id.Event
	round        int
	instance     arn.ARN
	admin        arn.ARN   // the first admin, who made the others
	bearers      []arn.ARN // all accounts with the admin's role, at least the first
}

// appInstanceName names the app instance of a place. By it, and by nothing else, it is known as ours.
func (b base) appInstanceName() string {
	name := "stagedoor-" + b.installation
	if b.place != shared {
		name += "-" + string(b.place)
	}
	return name
}

// user is the account of the row's ticket.
func (b base) user(r row) arn.ARN { return b.instance.User(id.ChatUser(r.Role, r.Subject)) }

// adminUser is the AppInstanceUserId of an admin account of ours; n is the row's subject, "" for the first. It cannot be
// mistaken for a ticket's: those begin with one letter and a dash.
func adminUser(n id.Ticket) string {
	if n == "" {
		return "stagedoor-admin"
	}
	return "stagedoor-" + string(n)
}

// baseOf reads how far the app instance of a place is. ready says that channels can be made in it.
func (t *term) baseOf(ctx context.Context, in placement) (b base, ready bool, err error) {
	t.mu.Lock()
	b, ready = t.bases[in.place]
	t.mu.Unlock()
	if ready && b.round == in.round {
		return b, true, nil
	}
	if b, ready, err = t.readBase(ctx, in); ready {
		t.mu.Lock()
		t.bases[in.place] = b
		t.mu.Unlock()
	}
	return b, ready, err
}

// readBase is baseOf from the ledger.
func (t *term) readBase(ctx context.Context, in placement) (b base, ready bool, err error) {
	b = base{installation: t.installation, place: in.place, round: in.round}
	rows, err := db.All(ctx, t.db, (*row).fields, "SELECT "+rowColumns+` FROM resource WHERE event_id = $1
		AND kind IN ('instance', 'admin_user', 'admin') AND subject IN ('', 'admin-2', 'admin-3', 'admin-4') AND state = 'made'
		ORDER BY rank, subject, kind DESC`, in.place) // an account before its role, which may have the same rank
	if err != nil {
		return b, false, err
	}
	admins := map[id.Ticket]arn.ARN{}
	for _, r := range rows {
		switch r.Kind {
		case kindInstance:
			b.instance = r.ARN
		case kindAdminUser:
			admins[r.Subject] = r.ARN
		case kindAdmin:
			b.bearers = append(b.bearers, admins[r.Subject])
		default: // channels and what is in them
		}
	}
	b.admin = admins[""]
	return b, len(b.bearers) > 0 && b.bearers[0] == b.admin, nil
}

// forget lets baseOf look again: something about the app instance of a place has changed.
func (t *term) forget(place id.Event) {
	t.mu.Lock()
	delete(t.bases, place)
	t.mu.Unlock()
}

// displace lets a show of which nothing could be made be placed once more: the account has no app instance left.
func (t *term) displace(tx *db.Tx, event id.Event) error {
	t.mu.Lock()
	t.full = time.Now().Add(asideRetry)
	t.mu.Unlock()
	if _, err := tx.Exec("DELETE FROM resource WHERE event_id = $1 AND kind IN ('instance', 'admin_user', 'admin')", event); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE placement SET placed_ms = 0 WHERE event_id = $1", event)
	return err
}

package plan

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// Retiring. When a show's archive is sealed, nothing of it is wanted any more. What has an app instance of its own goes
// with it, in one call; in the shared one the channel goes with its memberships, and the accounts one by one. From the
// moment that call is announced the event is leaving, and nothing else is planned for it, until the ledger has forgotten
// it: a show that is wanted again meanwhile is then made from nothing.

// retire does one chunk of that; more says that another one can follow at once.
func (p *Planner) retire(ctx context.Context, s Show) (more bool, err error) {
	if p.purged[s.ID] && s.Placed == 0 {
		return false, nil
	}
	if s.Retire {
		if more, err := p.wantNothing(ctx, s.ID); err != nil || more {
			return more, err
		}
	}
	if s.Place != ledger.Shared {
		return p.forgetInside(ctx, s)
	}
	if at, err := p.stands(ctx, s.ID, ledger.KindChannel); err != nil || at {
		return false, err // the dispatcher deletes it
	}
	if time.Since(p.emptied[s.ID]) < emptiedEvery {
		if rows, err := ledger.Todo(ctx, p.DB, s.ID, ledger.TaskDelete, time.Now(), 1); err != nil || len(rows) > 0 {
			return false, err
		}
	}
	inside, err := p.ofKinds(ctx, insideSQL, s.ID, ledger.KindMembership, ledger.KindModerator)
	if err != nil {
		return false, err
	}
	if len(inside) > 0 {
		return true, p.change(ctx, s.ID, inside, `UPDATE resource SET state = 'absent' WHERE event_id = $1
			AND kind IN ('membership', 'moderator') AND NOT busy AND subject IN (SELECT value ->> 's' FROM json_each($2))`)
	}
	left, err := p.ofKinds(ctx, leftSQL, s.ID, ledger.KindUser, ledger.KindMembership, ledger.KindModerator, ledger.KindChannel,
		ledger.KindAdmin, ledger.KindAdminUser, ledger.KindInstance)
	if err != nil || len(left) > 0 {
		p.emptied[s.ID] = time.Now()
		return false, err
	}
	return p.purge(ctx, s)
}

// The questions of a show that goes. Each has the order of an index: for the first rows that match, in no order, PostgreSQL
// would read the whole ledger from its beginning if it believes that most match. The range beside NOT want and busy has SQLite take
// the index (00002_provision.sql).
const (
	// insideSQL reads what went with the channel.
	insideSQL = `SELECT subject FROM resource WHERE event_id = $1 AND kind = $3 AND NOT want AND want < TRUE AND state <> 'absent' AND NOT busy
		ORDER BY want, subject LIMIT $2`
	// leftSQL reads what is left, from the end: accounts are deleted from the beginning on.
	leftSQL = `SELECT subject FROM resource WHERE event_id = $1 AND kind = $3 AND NOT want AND want < TRUE AND state <> 'absent'
		ORDER BY want DESC, subject DESC LIMIT $2`
	flyingSQL = "SELECT subject FROM resource WHERE event_id = $1 AND busy AND epoch >= 0 ORDER BY epoch LIMIT $2"
	// peopleSQL reads the rows that are not the show's own.
	peopleSQL = "SELECT subject FROM resource WHERE event_id = $1 AND subject > '' ORDER BY subject LIMIT $2"
	lastSQL   = "SELECT COALESCE((SELECT subject FROM resource WHERE event_id = $1 AND subject >= '' ORDER BY subject DESC LIMIT 1), '')"
)

// emptiedEvery is how often it is looked what is left of a show while its accounts are being deleted: that may read all of it.
const emptiedEvery = 10 * time.Second

// wantedSQL reads what of an archived show is still wanted, its own rows first: what goes with them is not deleted one by one.
const wantedSQL = "SELECT subject FROM resource WHERE event_id = $1 AND want AND subject >= $2 ORDER BY subject LIMIT $3"

// wantNothing lets a chunk of an archived show not be wanted any more; more says that there may be another one.
func (p *Planner) wantNothing(ctx context.Context, event id.Event) (more bool, err error) {
	wanted, err := db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, wantedSQL, event, p.unwanted[event], ledger.Chunk)
	if err != nil {
		return false, err
	}
	if len(wanted) == 0 {
		p.unwanted[event], err = db.Value[id.Ticket](ctx, p.DB, lastSQL, event)
		return false, err
	}
	p.unwanted[event] = wanted[len(wanted)-1]
	return true, p.change(ctx, event, wanted, `UPDATE resource SET want = FALSE, failed = FALSE, next_try_ms = 0
		WHERE event_id = $1 AND subject IN (SELECT value ->> 's' FROM json_each($2))`)
}

// stands reports whether an event's own row of a kind is not known to be absent.
func (p *Planner) stands(ctx context.Context, event id.Event, k ledger.Kind) (bool, error) {
	n, err := db.Value[int](ctx, p.DB, "SELECT count(*) FROM resource WHERE event_id = $1 AND subject = '' AND kind = $2 AND (state <> 'absent' OR busy)", event, k)
	return n > 0, err
}

// forgetInside forgets, chunk by chunk, what went with the app instance of a show.
func (p *Planner) forgetInside(ctx context.Context, s Show) (more bool, err error) {
	if at, err := p.stands(ctx, s.ID, ledger.KindInstance); err != nil || at {
		return false, err // the dispatcher deletes it
	}
	busy, err := p.some(ctx, flyingSQL, s.ID)
	if err != nil || len(busy) > 0 {
		return false, err // calls that will be refused are still on their way
	}
	return p.purge(ctx, s)
}

// purge forgets an event of which nothing is left, chunk by chunk, and at last tells that it is so.
func (p *Planner) purge(ctx context.Context, s Show) (more bool, err error) {
	rows, err := p.some(ctx, peopleSQL, s.ID)
	if err != nil {
		return false, err
	}
	if len(rows) > 0 {
		return true, p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
			for _, table := range []string{"resource", "resource_history"} {
				if _, err := tx.Exec("DELETE FROM "+table+" WHERE event_id = $1 AND subject IN (SELECT value ->> 's' FROM json_each($2))", s.ID, ledger.Bulk(rows)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		for _, table := range []string{"resource", "resource_history"} {
			if _, err := tx.Exec("DELETE FROM "+table+" WHERE event_id = $1", s.ID); err != nil {
				return err
			}
		}
		if err := ledger.CloseReport(tx, s.ID); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE placement SET placed_ms = 0, leaving = FALSE, round = round + 1 WHERE event_id = $1 AND placed_ms > 0", s.ID)
		return err
	})
	if err != nil {
		return false, err
	}
	p.Forget(s.Place)
	p.walkAnew(s.ID)
	if !s.Retire || p.purged[s.ID] {
		return false, nil // it is wanted again, or was told before
	}
	if p.OnPurged != nil {
		if err := p.OnPurged(ctx, s.ID); err != nil {
			p.Log.Warn("event is not marked purged", "event", s.ID, "err", err)
			return false, nil // again at the next look
		}
	}
	p.purged[s.ID] = true
	p.Log.Info("nothing of the event is left at the chat provider", "event", s.ID)
	return false, nil
}

// some reads up to a chunk of subjects.
func (p *Planner) some(ctx context.Context, query string, event id.Event) ([]id.Ticket, error) {
	return db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, query, event, ledger.Chunk)
}

// ofKinds reads up to a chunk of subjects of the first kind that has any.
func (p *Planner) ofKinds(ctx context.Context, query string, event id.Event, kinds ...ledger.Kind) (found []id.Ticket, err error) {
	for _, k := range kinds {
		found, err = db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, query, event, ledger.Chunk, k)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// change runs an update of some subjects of an event and decides what follows.
func (p *Planner) change(ctx context.Context, event id.Event, subjects []id.Ticket, update string) error {
	err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		if _, err := tx.Exec(update, event, ledger.Bulk(subjects)); err != nil {
			return err
		}
		return ledger.Decide(tx, event, subjects...)
	})
	if err == nil {
		p.Changed(event)
	}
	return err
}

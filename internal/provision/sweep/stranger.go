package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// stranger is something that is not ours.
type stranger struct {
	arn  arn.ARN
	kind string // instance user admin channel
	name string
}

// report writes down what is not ours. That is all that is ever done about it.
func (p *pass) report(ctx context.Context, found []stranger) error {
	if len(found) == 0 {
		return nil
	}
	p.strangers += len(found)
	now := time.Now().UnixMilli()
	return p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		for _, s := range found {
			_, err := tx.Exec(`INSERT INTO stranger (arn, kind, name, place, first_ms, seen_ms) VALUES ($1, $2, $3, $4, $5, $5)
				ON CONFLICT (arn) DO UPDATE SET kind = excluded.kind, name = excluded.name, place = excluded.place, seen_ms = excluded.seen_ms`,
				s.arn, s.kind, s.name, p.place, now)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// dismissal is the removal of something that is ours, that nobody wants, and that no show's ledger can hold: its show is
// over, or it is in the wrong app instance, or nobody knows its ticket.
type dismissal struct {
	call   pace.Call
	what   ledger.Row                          // for the history
	still  func(context.Context) (bool, error) // asked right before the call: does nobody want it?
	remove func(context.Context) error
}

// dismiss removes something. Nothing is recorded before the call: if its answer is lost, the next sweep finds what is left.
func (p *pass) dismiss(ctx context.Context, d dismissal) (done bool, err error) {
	var unsure error
	err = p.ask(ctx, d.call, func(ctx context.Context) error {
		if done, unsure = d.still(ctx); !done {
			return nil
		}
		if err := d.remove(ctx); !chime.Missing(err) {
			return err
		}
		return nil
	})
	var refused trouble
	switch {
	case errors.As(err, &refused):
		p.Log.Warn("sweep: cannot remove what nobody wants", "what", d.what.ARN, "err", refused.err)
		return false, nil
	case err != nil, unsure != nil, !done:
		return false, errors.Join(err, unsure)
	}
	p.removed++
	return true, p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		return ledger.Note(tx, d.what, "deleted", "nobody wanted it; the sweep found "+string(d.what.ARN))
	})
}

// whereabouts is where a show is and how far it is.
type whereabouts struct {
	event  id.Event
	place  id.Event
	placed bool
	leaves bool
	make   bool // it wants a chat
	sealed bool // its archive is sealed: what it had may be deleted
}

func (w *whereabouts) fields() []any {
	return []any{&w.event, &w.place, &w.placed, &w.leaves, &w.make, &w.sealed}
}

const whereSQL = `SELECT c.event_id, COALESCE(p.place, ''), COALESCE(p.placed_ms > 0, FALSE), COALESCE(p.leaving, FALSE), COALESCE(w.make, FALSE), c.sealed
	FROM chat_event c LEFT JOIN placement p ON p.event_id = c.event_id LEFT JOIN wanted_event w ON w.event_id = c.event_id
	WHERE c.event_id IN (SELECT value ->> 's' FROM json_each($1))`

// where looks shows up. One that the database does not know is not in the answer.
func (p *pass) where(ctx context.Context, events ...id.Event) (map[id.Event]whereabouts, error) {
	subjects := make([]id.Ticket, len(events))
	for i, e := range events {
		subjects[i] = id.Ticket(e)
	}
	all, err := db.All(ctx, p.DB, (*whereabouts).fields, whereSQL, ledger.Bulk(subjects))
	out := make(map[id.Event]whereabouts, len(all))
	for _, w := range all {
		out[w.event] = w
	}
	return out, err
}

// here reports whether the show's things belong into the place that is swept.
func (w whereabouts) here(place id.Event) bool { return w.placed && w.place == place }

// homeless reports whether nothing of the show can be wanted in a place that is not its own. A show that has no place yet
// may be about to get this one.
func (w whereabouts) homeless() bool { return w.placed || !w.make }

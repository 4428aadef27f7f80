package sweep

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// lose marks things of one kind as vanished; why says for what of it people want to know, "" of nothing.
func (p *pass) lose(tx *db.Tx, t *tally, event id.Event, k ledger.Kind, before int64, why string, subjects ...id.Ticket) error {
	rows, err := ledger.Lose(tx, p.Epoch, event, k, ledger.Span{Before: before, After: future()}, why, subjects...)
	if why != "" {
		t.vanished += len(rows)
	}
	return err
}

// walk compares the rows of one kind of a show with what a complete list has shown, and returns how many of them the
// ledger says are there.
func (p *pass) walk(ctx context.Context, event id.Event, k ledger.Kind, seen sights, before int64) (there int, err error) {
	for after, more := id.Ticket(""), true; more; {
		rows, err := db.All(ctx, p.DB, (*standing).fields, walkSQL, event, k, after, ledger.Chunk)
		if err != nil {
			return 0, err
		}
		var lost []id.Ticket
		for _, r := range rows {
			shown := seen.has(id.ChatUser(r.Role, r.Subject))
			switch {
			case (r.State == ledger.Made) == shown:
			case r.State == ledger.Made && !r.moving(before):
				lost = append(lost, r.Subject)
			default:
				p.moving++ // made or removed meanwhile
			}
			if r.State == ledger.Made {
				there++
			}
		}
		if len(lost) > 0 {
			n := p.vanished
			if err := p.vanish(ctx, event, k, before, lost); err != nil {
				return 0, err
			}
			there -= p.vanished - n
		}
		if more = len(rows) == ledger.Chunk; more {
			after = rows[len(rows)-1].Subject
		}
	}
	return there, nil
}

// vanish takes up to a chunk of things of a show for lost.
func (p *pass) vanish(ctx context.Context, event id.Event, k ledger.Kind, before int64, subjects []id.Ticket) error {
	return p.correct(ctx, event, func(tx *db.Tx, t *tally) error {
		if err := p.lose(tx, t, event, k, before, "the sweep did not find it at the provider", subjects...); err != nil {
			return err
		}
		for _, in := range ledger.Inside(k) {
			if err := p.lose(tx, t, event, in, before, "", subjects...); err != nil {
				return err
			}
		}
		return ledger.Decide(tx, event, subjects...)
	})
}

const insideSQL = `SELECT subject FROM resource
	WHERE event_id = $1 AND kind = $2 AND state = 'made' AND NOT busy AND subject > $3 ORDER BY subject LIMIT $4`

// vanishInside takes everything of some kinds of a show for lost: what held it is gone.
func (p *pass) vanishInside(ctx context.Context, event id.Event, before int64, kinds ...ledger.Kind) error {
	for _, k := range kinds {
		for after, more := id.Ticket(""), true; more; {
			subjects, err := db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, insideSQL, event, k, after, ledger.Chunk)
			if err != nil {
				return err
			}
			if len(subjects) == 0 {
				break // of this kind
			}
			err = p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
				if left, err := ledger.Leaving(tx, event); err != nil || left {
					return err
				}
				if err := p.lose(tx, nil, event, k, before, "", subjects...); err != nil {
					return err
				}
				return ledger.Decide(tx, event, subjects...)
			})
			if err != nil {
				return err
			}
			after, more = subjects[len(subjects)-1], len(subjects) == ledger.Chunk
		}
	}
	p.Changed(event)
	return nil
}

package provision

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// goneSQL marks rows absent whose things are not there any more. What is in flight or was touched lately stays.
const goneSQL = `UPDATE resource SET state = 'absent', arn = '', name = '', attempts = 0, failed = FALSE, error = '', next_try_ms = 0, epoch = $1
	WHERE event_id = $2 AND kind = $3 AND state = 'made' AND NOT busy AND (made_ms < $4 OR made_ms > $5)
	AND subject IN (SELECT value ->> 's' FROM json_each($6)) RETURNING ` + rowColumns

// lose marks things of one kind as vanished, and what was in them without a word.
func (p *pass) lose(tx *db.Tx, t *tally, event id.Event, k kind, before int64, why string, subjects ...id.Ticket) error {
	rows, err := db.All(tx.Context(), tx, (*row).fields, goneSQL, p.Epoch, event, k, before, future(), bulk(subjects))
	if err != nil || why == "" {
		return err
	}
	for _, r := range rows {
		if err := note(tx, r, "vanished", why); err != nil {
			return err
		}
	}
	t.vanished += len(rows)
	return nil
}

// inside says what goes with a thing of a kind.
func inside(k kind) []kind {
	switch k {
	case kindUser:
		return []kind{kindMembership, kindModerator}
	case kindAdminUser:
		return []kind{kindAdmin}
	case kindChannel, kindMembership, kindModerator, kindInstance, kindAdmin:
	}
	return nil
}

// walk compares the rows of one kind of a show with what a complete list has shown, and returns how many of them the
// ledger says are there.
func (p *pass) walk(ctx context.Context, event id.Event, k kind, seen sights, before int64) (there int, err error) {
	for after, more := id.Ticket(""), true; more; {
		rows, err := db.All(ctx, p.DB, (*standing).fields, walkSQL, event, k, after, chunk)
		if err != nil {
			return 0, err
		}
		var lost []id.Ticket
		for _, r := range rows {
			shown := seen.has(id.ChatUser(r.Role, r.Subject))
			switch {
			case (r.State == made) == shown:
			case r.State == made && !r.moving(before):
				lost = append(lost, r.Subject)
			default:
				p.moving++ // made or removed meanwhile
			}
			if r.State == made {
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
		if more = len(rows) == chunk; more {
			after = rows[len(rows)-1].Subject
		}
	}
	return there, nil
}

// vanish takes up to a chunk of things of a show for lost.
func (p *pass) vanish(ctx context.Context, event id.Event, k kind, before int64, subjects []id.Ticket) error {
	return p.correct(ctx, event, func(tx *db.Tx, t *tally) error {
		if err := p.lose(tx, t, event, k, before, "the sweep did not find it at the provider", subjects...); err != nil {
			return err
		}
		for _, in := range inside(k) {
			if err := p.lose(tx, t, event, in, before, "", subjects...); err != nil {
				return err
			}
		}
		return decideFor(tx, event, subjects...)
	})
}

// vanishInside takes everything of some kinds of a show for lost: what held it is gone.
func (p *pass) vanishInside(ctx context.Context, event id.Event, before int64, kinds ...kind) error {
	for _, k := range kinds {
		for after, more := id.Ticket(""), true; more; {
			subjects, err := db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, `SELECT subject FROM resource
				WHERE event_id = $1 AND kind = $2 AND state = 'made' AND NOT busy AND subject > $3 ORDER BY subject LIMIT $4`, event, k, after, chunk)
			if err != nil || len(subjects) == 0 {
				return err
			}
			err = p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
				if left, err := leaving(tx, event); err != nil || left {
					return err
				}
				if err := p.lose(tx, nil, event, k, before, "", subjects...); err != nil {
					return err
				}
				return decideFor(tx, event, subjects...)
			})
			if err != nil {
				return err
			}
			after, more = subjects[len(subjects)-1], len(subjects) == chunk
		}
	}
	p.Changed(event)
	return nil
}

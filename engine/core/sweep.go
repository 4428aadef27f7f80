package core

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// SweepChunk bounds how many rows one background write removes, so that it never holds the writer for long: about 20 ms.
const SweepChunk = 1000

// sweepEvery is how often Run looks for old work when nobody tells it of new: leftovers of a process that was killed,
// and what has expired.
const sweepEvery = 10 * time.Minute

// Step removes a bounded piece of what is deleted or has expired and returns how much it did; 0 says that it found
// nothing to do.
type Step func(*db.Tx) (int64, error)

// SweepSoon wakes Run.
func (c *Core) SweepSoon() {
	select {
	case c.wake <- struct{}{}:
	default: // a sweep is due already
	}
}

// Run takes the steps, in their order, until ctx ends: the rooms' background work. It returns the first database error;
// running it again continues the work.
func (c *Core) Run(ctx context.Context, steps ...Step) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		more, err := c.Sweep(ctx, steps...)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		rest := tick.C
		if more { // leave the writer to others for as long as this took: nobody waits for what is deleted
			rest = time.After(time.Since(began))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-rest:
		}
	}
}

// Sweep takes the first step that finds something to do and reports whether there may be more.
func (c *Core) Sweep(ctx context.Context, steps ...Step) (more bool, err error) {
	for _, step := range steps {
		err = c.DB.Write(ctx, func(tx *db.Tx) error {
			n, err := step(tx)
			more = n > 0
			return err
		})
		if err != nil || more {
			return more, err
		}
	}
	return false, nil
}

// Ending names one deleted app instance whose rows are still being removed, "" for none. Its row is locked: a step of
// another node waits and then finds what is left, so that "nothing left" is never said of rows that this node removes.
func Ending(tx *db.Tx) (app string, err error) {
	app, err = db.Value[string](tx.Context(), tx, `UPDATE app_instance SET deleted_ms = deleted_ms WHERE id =
 (SELECT id FROM app_instance WHERE deleted_ms > 0 ORDER BY id LIMIT 1) RETURNING id`)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return app, err
}

// ForgetRequests is the step that forgets old request tokens.
func ForgetRequests(tx *db.Tx) (int64, error) {
	return tx.Exec(`DELETE FROM client_request WHERE created_ms < $1 AND created_ms IN
 (SELECT created_ms FROM client_request WHERE created_ms < $1 ORDER BY created_ms LIMIT $2)`,
		time.Now().Add(-tokenLife).UnixMilli(), SweepChunk)
}

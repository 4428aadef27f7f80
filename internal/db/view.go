package db

import (
	"context"
	"database/sql"
	"time"
)

// pinTime bounds how long the writer waits for a view to take hold.
const pinTime = 2 * time.Second

// View lets fn read the database as it stands between two commits of this process. mark is called at that very point,
// under the rules of AfterCommit: what was announced before it is in the view, what is announced later is not. When
// View fails before that point, mark is not called. Another process's commits have no place in this order.
//
// The writer stops only for as long as it takes to get hold of the view; fn runs beside later writes.
func (d *DB) View(ctx context.Context, mark func(), fn func(Querier) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	pin := `SELECT 1 FROM sqlite_schema LIMIT 1` // BEGIN alone reads nothing; the first read decides what is seen
	if d.dialect == PostgreSQL {
		opts.Isolation = sql.LevelRepeatableRead
		pin = `SELECT 1`
	}
	tx, err := d.read.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	err = d.writer.between(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, pinTime)
		defer cancel()
		var one int
		if err := tx.QueryRowContext(ctx, pin).Scan(&one); err != nil {
			return err
		}
		mark()
		return nil
	})
	if err != nil {
		return err
	}
	return fn(viewer{tx, d})
}

// viewer reads in a view and counts.
type viewer struct {
	tx *sql.Tx
	db *DB
}

func (v viewer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	v.db.reads.Add(1)
	return v.tx.QueryContext(ctx, query, args...)
}

// between runs f on the goroutine that commits, when everything committed has been announced.
func (w *writer) between(ctx context.Context, f func() error) error {
	return w.enqueue(&job{ctx: ctx, between: f, done: make(chan error, 1)})
}

// pause takes the jobs that are no writes out of a group; run does them.
func pause(group []*job) (writes []*job, run func()) {
	var pauses []*job
	for _, j := range group {
		if j.between == nil {
			writes = append(writes, j)
		} else {
			pauses = append(pauses, j)
		}
	}
	return writes, func() {
		for _, j := range pauses {
			err := j.ctx.Err()
			if err == nil {
				err = j.between()
			}
			j.done <- err
		}
	}
}

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrClosed is what Write answers after Close.
var ErrClosed = errors.New("database is closed")

// ErrUnknown is what Write answers when the answer to the commit was lost: the change is made, or it is not.
var ErrUnknown = errors.New("whether the change was committed is unknown")

// maxGroup bounds how many writes share one commit, so that the first of them does not wait for thousands.
const maxGroup = 512

// Tx is a running write. It must not be kept after the function it was given to returns.
type Tx struct {
	ctx    context.Context
	tx     *sql.Tx
	stmts  *statements
	lock   string         // of writer
	before []func() error // of the write that runs now
	after  []func()       // of the write that runs now
}

// QueryContext reads inside the transaction. The context is the transaction's own; the argument is ignored so that one
// caller's deadline cannot break a commit shared with others.
func (t *Tx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := t.stmts.get(t.ctx, query); s != nil {
		return s.QueryContext(t.ctx, args...)
	}
	return t.tx.QueryContext(t.ctx, query, args...)
}

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	run := t.tx.ExecContext
	if s := t.stmts.get(t.ctx, query); s != nil {
		run = func(ctx context.Context, _ string, args ...any) (sql.Result, error) {
			return s.ExecContext(ctx, args...)
		}
	}
	r, err := run(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// AfterCommit has f run once what this write did is durable, and never if it is undone. All such functions of one DB run
// one at a time, in commit order, on the goroutine that commits, and before Write returns: f must be quick and must not
// call Write.
func (t *Tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// BeforeCommit has f run in the same transaction when the write's function has returned without an error. An error of f
// undoes the write like one of that function. f may call AfterCommit, but not BeforeCommit.
func (t *Tx) BeforeCommit(f func() error) { t.before = append(t.before, f) }

// Lock lets this write and every other that locks the same name, of any process, follow each other: what is read after
// Lock includes what the earlier ones committed, and none of the later ones goes on before the commit. It is for a rule that
// looks at one row and writes another.
func (t *Tx) Lock(name string) error {
	if t.lock == "" {
		return nil // SQLite: a write has the whole database for itself from its beginning
	}
	_, err := t.Exec(t.lock, name)
	return err
}

// Context is the transaction's own context, for All, One and Value.
func (t *Tx) Context() context.Context { return t.ctx }

type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	done  chan error
	after []func() // left by the run of fn that was committed

	between func() error // instead of fn: runs after a commit, in no transaction
}

// beginner is the pool or, for SQLite, its one connection, whose statements run inside the transaction it has open.
type beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

type writer struct {
	db    beginner
	stmts *statements
	lock  string // the statement of Tx.Lock; "" where a transaction is alone anyway
	queue chan *job
	mu    sync.RWMutex // guards closed against a send on a closed queue
	close bool
	ended chan struct{}

	committed func() // called after each commit
}

// newWriter makes a writer that begins with run.
func newWriter(db beginner, stmts *statements) *writer {
	return &writer{db: db, stmts: stmts, queue: make(chan *job, maxGroup), ended: make(chan struct{}), committed: func() {}}
}

// Write runs fn in a transaction and returns after the commit: nil means durable. An error from fn undoes only what fn
// did and is returned as it is. fn may share its commit with other writes, may run a second time when such a group has
// to be repeated, and must not block on anything but the transaction. Writes queued by one goroutine keep their order.
// A write that has begun is finished even when ctx ends.
//
// An error that is ErrUnknown leaves open whether the change was made. It is not repeated here, because then it might be
// made twice: whoever asks again must be able to tell.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return d.writer.enqueue(&job{ctx: ctx, fn: fn, done: make(chan error, 1)})
}

// enqueue hands a job to the writer and waits for its answer.
func (w *writer) enqueue(j *job) error {
	w.mu.RLock()
	if w.close {
		w.mu.RUnlock()
		return ErrClosed
	}
	select {
	case w.queue <- j:
		w.mu.RUnlock()
	case <-j.ctx.Done():
		w.mu.RUnlock()
		return j.ctx.Err()
	}
	return <-j.done
}

// Exec is Write for a single statement; it returns how many rows changed.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := d.Write(ctx, func(tx *Tx) (err error) {
		n, err = tx.Exec(query, args...)
		return err
	})
	return n, err
}

func (w *writer) stop() {
	w.mu.Lock()
	if !w.close {
		w.close = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.ended
}

func (w *writer) run() {
	defer close(w.ended)
	for first := range w.queue {
		runtime.Gosched() // whoever is ready to write does so first and shares the commit, above all those whom the last one has just answered
		group := []*job{first}
		for len(group) < maxGroup {
			select {
			case j, ok := <-w.queue:
				if !ok {
					w.commit(group)
					return
				}
				group = append(group, j)
				continue
			default:
			}
			break
		}
		w.commit(group)
	}
}

// commit runs a group in one transaction and answers each write. When the transaction itself breaks (deadlock, lost
// connection) every write of a group gets a transaction of its own, so that only the guilty one fails.
func (w *writer) commit(group []*job) {
	group, afterwards := pause(group)
	defer afterwards()
	if len(group) == 0 {
		return
	}
	answers := make([]error, len(group))
	err := w.transaction(group, answers)
	if err != nil && !errors.Is(err, ErrUnknown) && (len(group) > 1 || repeatable(err)) {
		for i, j := range group {
			answers[i] = w.alone(j)
		}
		err = nil
	}
	for i, j := range group {
		if err != nil {
			answers[i] = err
		}
		if answers[i] == nil {
			for _, f := range j.after {
				f()
			}
		}
		j.done <- answers[i]
	}
	w.committed()
}

// maxTries bounds how often one write is repeated after deadlocks. Each time another node's transaction went through.
const maxTries = 20

// alone gives a write a transaction of its own and repeats it while nobody is to blame for its end.
func (w *writer) alone(j *job) error {
	var err error
	for range maxTries {
		answer := make([]error, 1)
		if err = w.transaction([]*job{j}, answer); err == nil {
			return answer[0]
		}
		if !repeatable(err) {
			return err
		}
	}
	return err
}

// repeatable reports whether PostgreSQL ended a transaction so that one of another node could go on: 40P01
// deadlock_detected, 40001 serialization_failure (PostgreSQL manual, appendix A).
func repeatable(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40P01" || pe.Code == "40001")
}

// run runs a write and then what it wants to be done before the commit.
func (t *Tx) run(fn func(*Tx) error) error {
	t.before, t.after = nil, nil // fn may run twice: only the last run counts
	if err := fn(t); err != nil {
		return err
	}
	for _, f := range t.before {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// settled reports whether an error of a commit says that nothing was committed: the database answered, and it goes on, or
// it has ended the session before it was asked to commit (25P03 idle_in_transaction_session_timeout). Everything else – a lost connection, PostgreSQL that shuts down – may have come after the commit.
func settled(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.SeverityUnlocalized == "ERROR" || pe.Code == "25P03"
	}
	var se *sqlite.Error // the change is undone, whatever was the matter
	return errors.As(err, &se) || errors.Is(err, pgx.ErrTxCommitRollback)
}

// transaction returns ErrUnknown when the commit may have been made, and another error only when nothing of the group was
// committed.
func (w *writer) transaction(group []*job, answers []error) error {
	ctx := context.Background()
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit: no effect
	t := &Tx{ctx: ctx, tx: tx, stmts: w.stmts, lock: w.lock}
	for i, j := range group {
		if answers[i] = j.ctx.Err(); answers[i] != nil {
			continue // the caller left while the write was queued
		}
		if _, err := t.Exec("SAVEPOINT w"); err != nil {
			return err
		}
		answers[i] = t.run(j.fn)
		j.after = t.after
		if repeatable(answers[i]) {
			return answers[i]
		}
		if answers[i] != nil {
			if _, err := t.Exec("ROLLBACK TO SAVEPOINT w"); err != nil {
				return err
			}
		}
		if _, err := t.Exec("RELEASE SAVEPOINT w"); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil && !settled(err) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	} else if err != nil {
		return err
	}
	return nil
}

package moderate

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// workers is how many acts that somebody sees the end of one node works on at once. A ban whose person is hidden does not
	// count any more: a thousand lines that are still to be removed keep no other act waiting.
	workers = 8
	// claim is how long an act belongs to the worker that took it, renewed while it works: the time after which another
	// worker goes on when this one was killed, and long enough for a busy database to take the renewal.
	claim = 20 * time.Second
	// look is how often a worker looks for acts that other nodes or times have left; new ones of this node wake it.
	look = time.Second
	// firstPause and longestPause bound the wait after a failure, doubled each time.
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

var (
	errLost     = errors.New("another worker has taken this act")
	errNotReady = errors.New("the chat account of the moderator is not made yet")
)

// Run tells the provider what moderators did until ctx ends. Any number of nodes may run it.
func (d *Desk) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, workers)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case free <- struct{}{}:
		}
		r, found, err := d.take(ctx)
		if err != nil && ctx.Err() == nil {
			d.cfg.Logger.Error("moderation: cannot read the acts", "err", err)
		}
		if found {
			wg.Go(func() {
				relax := sync.OnceFunc(func() {
					d.tell(r.ID)
					<-free
				})
				d.work(ctx, r, relax)
				relax()
				d.signal() // an act that had to wait for this one may go now
			})
			continue
		}
		<-free
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-tick.C:
		}
	}
}

// take claims the oldest act that may be worked on: acts about one person go one after the other.
func (d *Desk) take(ctx context.Context) (record, bool, error) {
	now := time.Now().UnixMilli()
	r, err := db.One(ctx, d.cfg.DB, actFields, "SELECT "+actColumns+` FROM moderator_act a
		JOIN chat_event e ON e.event_id = a.event_id
		WHERE a.done_ms = 0 AND a.due_ms <= $1 AND a.part_of = '' AND NOT e.sealed
		  AND (a.kind = 'redact' OR NOT EXISTS (SELECT 1 FROM moderator_act b WHERE b.event_id = a.event_id
		       AND b.user_id = a.user_id AND b.kind <> 'redact' AND b.done_ms = 0 AND b.created_ms < a.created_ms))
		ORDER BY a.created_ms, a.id LIMIT 1`, now)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	until := now + claim.Milliseconds()
	n, err := d.cfg.DB.Exec(ctx, "UPDATE moderator_act SET due_ms = $1 WHERE id = $2 AND due_ms = $3 AND done_ms = 0", until, r.ID, r.dueMs)
	r.dueMs = until
	if n == 0 && err == nil {
		d.signal() // another worker was faster; there may be more
	}
	return r, n == 1, err
}

// renew renews the claim on an act at half of its time until ctx ends, and returns how long it lasts. Where another worker
// has taken the act, because this one was asleep for too long, it calls lost.
func (d *Desk) renew(ctx context.Context, r record, lost context.CancelCauseFunc) (dueMs int64) {
	tick := time.NewTicker(claim / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.dueMs
		case <-tick.C:
		}
		until := time.Now().Add(claim).UnixMilli()
		n, err := d.cfg.DB.Exec(context.WithoutCancel(ctx), "UPDATE moderator_act SET due_ms = $1 WHERE id = $2 AND due_ms = $3 AND done_ms = 0",
			until, r.ID, r.dueMs)
		switch {
		case err != nil: // another worker may come in between: every step may be repeated
		case n == 0:
			lost(errLost)
			return r.dueMs
		default:
			r.dueMs = until
		}
	}
}

// work performs an act and writes down what came of it. relax is called when nobody waits for the rest any more.
func (d *Desk) work(ctx context.Context, r record, relax func()) {
	within, stop := context.WithCancelCause(ctx)
	kept := make(chan int64, 1)
	go func() { kept <- d.renew(within, r, stop) }()
	err := d.perform(within, &r, relax)
	if errors.Is(context.Cause(within), errLost) {
		err = errLost
	}
	stop(nil)
	r.dueMs = <-kept
	// The outcome is written down although ctx may just have ended: what the provider did is done.
	write := context.WithoutCancel(ctx)
	now := time.Now().UnixMilli()
	var werr error
	switch {
	case err == nil:
		_, werr = d.cfg.DB.Exec(write, "UPDATE moderator_act SET done_ms = $1 WHERE (id = $2 OR part_of = $2) AND done_ms = 0", now, r.ID)
	case errors.Is(err, errLost):
	case ctx.Err() != nil: // this node stops: the next worker need not wait for the claim to end
		_, werr = d.cfg.DB.Exec(write, "UPDATE moderator_act SET due_ms = $1 WHERE id = $2 AND due_ms = $3", now, r.ID, r.dueMs)
	default:
		pause := max(min(firstPause<<min(r.tries, 10), longestPause), fault.As(err).RetryAfter)
		_, werr = d.cfg.DB.Exec(write, "UPDATE moderator_act SET due_ms = $1, tries = tries + 1 WHERE id = $2 AND due_ms = $3",
			now+pause.Milliseconds(), r.ID, r.dueMs)
		if !errors.Is(err, errNotReady) {
			d.cfg.Logger.Warn("moderation: the provider has not confirmed yet", "act", r.ID, "kind", r.Kind, "event", r.event, "again_in", pause, "err", err)
		}
	}
	if werr != nil {
		d.cfg.Logger.Error("moderation: cannot write an act's outcome", "act", r.ID, "err", werr)
	}
}

// hurry wakes the worker and waits until it has worked on the act, but at most patience.
func (d *Desk) hurry(ctx context.Context, r record) (Act, error) {
	if r.doneMs != 0 {
		return r.act(), nil
	}
	d.mu.Lock()
	told, known := d.waiting[r.ID]
	if !known {
		told = make(chan struct{})
		d.waiting[r.ID] = told
	}
	d.mu.Unlock()
	defer d.forget(r.ID, told)
	d.signal()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-told:
	case <-limit.C:
	case <-ctx.Done():
	}
	a, err := d.get(context.WithoutCancel(ctx), r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return Act{}, fault.New(fault.NotFound, "message_unknown", "There is no such message.")
	}
	return a, err
}

// tell wakes whoever waits for an act.
func (d *Desk) tell(act string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if told, ok := d.waiting[act]; ok {
		close(told)
		delete(d.waiting, act)
	}
}

func (d *Desk) forget(act string, told chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[act] == told {
		delete(d.waiting, act)
	}
}

func (d *Desk) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

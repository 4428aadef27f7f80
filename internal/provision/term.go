package provision

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	// maxCalls is how many calls may wait for their answers: at 10/s a provider may take 1.6 s each without costing rate.
	maxCalls = 16
	// farewell is how long a clean shutdown waits for answers on their way.
	farewell = 3 * time.Second
	// idle is how long the dispatcher sleeps when there is nothing to do and nobody wakes it.
	idle = time.Second
	// quietWindow passes between two leaders' calls: it makes the sliding second hold whatever their clocks say.
	quietWindow = time.Second
)

// term is one term of leadership.
type term struct {
	*Provisioner
	epoch int64
	calls context.Context // of calls and their records: outlives the term's own by farewell
	stop  context.CancelCauseFunc

	mu      sync.Mutex             // guards all below
	shows   []show                 // by doors; replaced, never changed
	stirs   map[id.Event]int       // how often something about the event changed
	quiet   map[id.Event]time.Time // nothing to do until then, unless stirred
	held    map[id.Event]time.Time // not to be asked for anything until then
	flying  int
	breaker breaker

	base    base          // dispatcher only
	lead0   time.Duration // how far ahead slots are taken, grows when commits are slow
	workers sync.WaitGroup
}

// show is an event as the dispatcher sees it.
type show struct {
	ID     id.Event
	Name   string
	Doors  int64 // Unix milliseconds
	Make   bool
	Retire bool
}

func (s show) open(now time.Time) bool { return s.Make && s.Doors <= now.UnixMilli() }

// lead runs one term: until ctx ends, the lease is lost, or the database fails.
func (p *Provisioner) lead(ctx context.Context, epoch int64) error {
	calls, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t := &term{Provisioner: p, epoch: epoch, calls: calls, stop: stop, stirs: map[id.Event]int{}, quiet: map[id.Event]time.Time{}, held: map[id.Event]time.Time{},
		lead0: firstLead}
	if err := t.begin(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.lease.keep(ctx, epoch) })
	g.Go(func() error { return t.plan(ctx) })
	g.Go(func() error { return t.dispatch(ctx) })
	err := g.Wait()
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // a worker could not record its outcome
	}
	if err != nil {
		drop() // nothing can be recorded any more
	}
	late := time.AfterFunc(farewell, drop)
	defer late.Stop()
	t.workers.Wait()
	if errors.Is(err, errStale) {
		p.log.Warn("another process leads the provisioning")
		return nil
	}
	return errors.Join(err, p.lease.release(context.WithoutCancel(ctx), epoch))
}

// begin makes what a term stands on: the installation's row and rows, and nothing in flight.
func (t *term) begin(ctx context.Context) error {
	err := t.lease.write(ctx, t.epoch, func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO installation (one, id, paused) VALUES (1, $1, FALSE) ON CONFLICT DO NOTHING", id.NewUUID()); err != nil {
			return err
		}
		return takeOver(tx, t.epoch)
	})
	if err != nil {
		return err
	}
	used, err := db.Value[int64](ctx, t.db, "SELECT count(*) FROM pace WHERE gap_us > 0")
	if err == nil && used > 0 {
		wait(ctx, quietWindow, nil)
	}
	return err
}

// dispatch starts one call after the other.
func (t *term) dispatch(ctx context.Context) error {
	for ctx.Err() == nil {
		room, pause := t.room(time.Now())
		if room == 0 {
			wait(ctx, pause, t.wake)
			continue
		}
		work, err := t.pick(ctx, time.Now(), room)
		if err != nil {
			return ended(ctx, err)
		}
		if len(work) == 0 {
			wait(ctx, idle, t.wake)
			continue
		}
		if err := t.start(ctx, work); err != nil {
			return ended(ctx, err)
		}
	}
	return nil
}

// ended hides an error that is only the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// room says how many calls may be started now, and how long to wait if none.
func (t *term) room(now time.Time) (int, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	most := maxCalls
	if t.breaker.open() {
		if d := t.breaker.until.Sub(now); d > 0 {
			return 0, d
		}
		most = 1
	}
	return max(0, most-t.flying), idle
}

// errPaused ends an announcement without a trace.
var errPaused = errors.New("paused")

const (
	firstLead = 10 * time.Millisecond
	maxLead   = 500 * time.Millisecond
)

// start announces the picked calls, waits for their slot, and sends them on their way. Where the pace has gaps, only the
// first is started.
func (t *term) start(ctx context.Context, work []call) error {
	var begun []call
	var slot time.Time
	spaced := true
	now := time.Now()
	err := t.lease.write(ctx, t.epoch, func(tx *db.Tx) error {
		begun = begun[:0]
		paused, err := db.Value[bool](tx.Context(), tx, "SELECT paused FROM installation WHERE one = 1")
		if err != nil {
			return err
		}
		if paused {
			return errPaused
		}
		free, err := t.preset.unpaced(tx, work[0].op())
		if err != nil {
			return err
		}
		earliest := now
		if spaced = !free; spaced {
			work, earliest = work[:1], now.Add(t.lead0)
		}
		for _, c := range work {
			rows, err := begin(tx, t.epoch, c.rows)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				begun = append(begun, call{rows: rows, channel: c.channel, base: c.base})
			}
		}
		if len(begun) == 0 {
			return nil
		}
		slot, err = t.preset.reserve(tx, begun[0].op(), len(begun), earliest)
		return err
	})
	switch {
	case errors.Is(err, errPaused):
		wait(ctx, idle, t.wake)
		return nil
	case err != nil || len(begun) == 0:
		return err
	}
	if spaced && !t.onTime(ctx, slot) {
		return t.lease.write(t.calls, t.epoch, func(tx *db.Tx) error {
			for _, c := range begun {
				if err := abandon(tx, t.epoch, c.rows); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, c := range begun {
		t.mu.Lock()
		t.flying++
		t.mu.Unlock()
		t.workers.Go(func() { t.run(c) })
	}
	return nil
}

// onTime waits for a slot and reports whether the call may start in it. A call that comes late (a slow commit, a stopped
// process) would run into the next ones: it gives its slot up, and slots are taken further ahead.
func (t *term) onTime(ctx context.Context, slot time.Time) bool {
	wait(ctx, time.Until(slot), nil)
	late := time.Since(slot)
	if ctx.Err() != nil || !t.lease.valid() {
		return false
	}
	if late > maxLate {
		t.lead0 = min(2*t.lead0, maxLead)
		return false
	}
	t.lead0 = max(firstLead, t.lead0-t.lead0/16)
	return true
}

// run makes one call and records its outcome. If that fails, the term ends: the next one finds the row "unknown".
func (t *term) run(c call) {
	started := time.Now()
	answers := t.send(t.calls, c, func(op string) error { return t.takeSlot(op) })
	err := t.record(t.calls, c, started, answers)
	if err != nil {
		t.stop(err)
	}
	now := time.Now()
	t.mu.Lock()
	t.flying--
	t.breaker.note(answers[0].err, now)
	for _, a := range answers {
		if a.err != nil && judge(a.err, 0).hold {
			t.held[c.first().Event] = now.Add(holdFor)
		}
	}
	t.mu.Unlock()
	for _, a := range answers {
		if a.err != nil && !fault.Is(a.err, fault.Throttled) {
			t.log.Warn("chat provider", "event", c.first().Event, "kind", c.first().Kind, "task", c.first().Task, "err", a.err)
			break // one line a call
		}
	}
	t.stir(c.first().Event)
}

// takeSlot waits for the pace on behalf of a call that needs one more request.
func (t *term) takeSlot(op string) error {
	for {
		var slot time.Time
		now := time.Now()
		err := t.lease.write(t.calls, t.epoch, func(tx *db.Tx) (err error) {
			slot, err = t.preset.reserve(tx, op, 1, now.Add(firstLead))
			return err
		})
		if err != nil {
			return err
		}
		if wait(t.calls, time.Until(slot), nil); t.calls.Err() != nil {
			return t.calls.Err()
		}
		if time.Since(slot) <= maxLate {
			return nil
		}
	}
}

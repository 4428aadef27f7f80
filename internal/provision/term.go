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
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
	"github.com/stagedoor/stagedoor/internal/provision/share"
	"github.com/stagedoor/stagedoor/internal/provision/sweep"
)

const (
	// freeCalls is how many calls may wait for their answers where the provider has no limit: enough to fill its group
	// commits. pacedCalls is for a provider with limits: at 50/s it may take 1.2 s for each answer without costing rate.
	freeCalls  = 16
	pacedCalls = 64
	// farewell is how long a clean shutdown waits for answers on their way.
	farewell = 3 * time.Second
	// idle is how long the dispatcher sleeps when there is nothing to do and nobody wakes it.
	idle = time.Second
	// quietWindow passes between two leaders' calls: it makes the sliding second hold whatever their clocks say.
	quietWindow = time.Second
	// firstLead and maxLead bound how long before its slot a call is announced: a commit takes that long.
	firstLead = 10 * time.Millisecond
	maxLead   = 500 * time.Millisecond
	// ahead is how much further slots are taken. Whoever is urgent waits for them.
	ahead = 50 * time.Millisecond
)

// term is one term of leadership.
type term struct {
	*Provisioner
	epoch int64
	calls context.Context // of calls and their records: outlives the term's own by farewell
	stop  context.CancelCauseFunc

	mu      sync.Mutex               // guards these
	shows   []plan.Show              // by doors; replaced, never changed
	stirs   map[id.Event]int         // how often something about the event changed
	quiet   map[id.Event]time.Time   // nothing to do until then, unless stirred
	held    map[heldKind]time.Time   // not to be asked for until then
	refused map[heldKind]int         // rows set aside since one was made
	bases   map[id.Event]ledger.Base // app instances that are ready, by place
	full    time.Time                // until then the account is believed to have no app instance left
	flying  int
	breaker breaker
	lead0   time.Duration // how long before its slot a call is announced now; grows when commits are slow
	waited  time.Time     // when the dispatcher last had a call that could not start at once

	installation string             // set by begin
	turn         int                // looks at the ledger so far; dispatcher only, as the next
	others       int                // calls since the last one that was kept for upkeep
	served       map[id.Event]int   // the turn in which an event last got a call
	asked        map[id.Event]asked // what a show said when it was last asked
	workers      sync.WaitGroup
}

// heldKind is what an event is not asked for, see verdict.hold.
type heldKind struct {
	event id.Event
	kind  ledger.Kind
	task  ledger.Task
}

func (p *Provisioner) newTerm(epoch int64) *term {
	return &term{Provisioner: p, epoch: epoch, stirs: map[id.Event]int{}, quiet: map[id.Event]time.Time{}, held: map[heldKind]time.Time{}, refused: map[heldKind]int{},
		bases: map[id.Event]ledger.Base{}, served: map[id.Event]int{}, asked: map[id.Event]asked{}, lead0: firstLead}
}

// lead runs one term: until ctx ends, the lease is lost, or the database fails.
func (p *Provisioner) lead(ctx context.Context, epoch int64) error {
	calls, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t := p.newTerm(epoch)
	t.calls, t.stop = calls, stop
	if err := t.begin(ctx); err != nil { // asked to stop, mostly: the lease is free at once all the same
		return errors.Join(err, p.lease.Release(context.WithoutCancel(ctx), epoch))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.lease.Keep(ctx, epoch) })
	g.Go(func() error { return ended(ctx, plan.New(t.plans()).Run(ctx)) })
	g.Go(func() error { return t.dispatch(ctx) })
	g.Go(func() error { return ended(ctx, sweep.Run(ctx, t.sweeps())) })
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
	if errors.Is(err, lease.ErrStale) {
		p.log.Warn("another process leads the provisioning")
		return nil
	}
	return errors.Join(err, p.lease.Release(context.WithoutCancel(ctx), epoch))
}

// plans is what the planner needs of the term.
func (t *term) plans() plan.Term {
	return plan.Term{DB: t.db, Lease: t.lease, Epoch: t.epoch, Bus: t.bus, Pace: t.pace, Log: t.log, OnPurged: t.onPurged,
		Publish: func(shows []plan.Show) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.shows = shows
		},
		Changed: t.stir, Wake: t.nudge, Forget: t.forget,
		Full: func() bool {
			t.mu.Lock()
			defer t.mu.Unlock()
			return time.Now().Before(t.full)
		}}
}

// sweeps is what the sweep needs of the term.
func (t *term) sweeps() sweep.Term {
	return sweep.Term{DB: t.db, Lease: t.lease, Epoch: t.epoch, Chime: t.waiting, Pace: t.pace, Limited: t.limited, Installation: t.installation, Log: t.log,
		Changed: t.stir, Forget: t.forget,
		Pressure: func() (p share.Pressure) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.breaker.open() {
				p.Away = t.breaker.until
			}
			p.Waited = t.waited
			return p
		},
		Answered: func(err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.breaker.note(err, time.Now())
		}}
}

// begin makes what a term stands on: the installation's row and rows, and nothing in flight.
func (t *term) begin(ctx context.Context) error {
	err := t.lease.Write(ctx, t.epoch, func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO installation (one, id, paused) VALUES (1, $1, FALSE) ON CONFLICT DO NOTHING", id.NewUUID()); err != nil {
			return err
		}
		return ledger.TakeOver(tx, t.epoch)
	})
	if err != nil {
		return err
	}
	if t.installation, err = db.Value[string](ctx, t.db, "SELECT id FROM installation WHERE one = 1"); err != nil {
		return err
	}
	if t.limited {
		wait(ctx, quietWindow, nil)
	}
	return nil
}

// dispatch announces one call after the other, each in time for its slot.
func (t *term) dispatch(ctx context.Context) error {
	for ctx.Err() == nil {
		room, pause := t.room(time.Now())
		if room == 0 {
			wait(ctx, pause, t.wake)
			continue
		}
		latest := t.soon().Add(ahead)
		work, next, err := t.pick(ctx, latest, room)
		if err != nil {
			return ended(ctx, err)
		}
		if !next.IsZero() {
			t.mu.Lock()
			t.waited = time.Now()
			t.mu.Unlock()
		}
		if len(work) == 0 {
			pause := idle
			if !next.IsZero() {
				pause = min(pause, max(time.Millisecond, next.Sub(latest)))
			}
			wait(ctx, pause, t.wake)
			continue
		}
		if err := t.announce(ctx, work); err != nil {
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
	most := freeCalls
	if t.limited {
		most = pacedCalls
	}
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

// soon is the earliest slot that a call announced now can keep.
func (t *term) soon() time.Time {
	now := t.pace.Now()
	if !t.limited {
		return now
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Add(t.lead0)
}

// announce writes into the ledger that calls are going to be made, together with their slots, and sends each on its way.
func (t *term) announce(ctx context.Context, work []call) error {
	var begun []call
	earliest := t.soon()
	err := t.lease.Write(ctx, t.epoch, func(tx *db.Tx) error {
		begun = begun[:0] // fn may run twice
		paused, err := db.Value[bool](tx.Context(), tx, "SELECT paused FROM installation WHERE one = 1")
		if err != nil {
			return err
		}
		if paused {
			return errPaused
		}
		for _, c := range work {
			booked, ok, err := t.book(tx, c, earliest)
			if err != nil {
				return err
			}
			if ok {
				begun = append(begun, booked)
			}
		}
		return nil
	})
	if errors.Is(err, errPaused) {
		wait(ctx, idle, t.wake)
		return nil
	}
	if err != nil {
		return err
	}
	if len(begun) == 0 { // the next look would find the same
		wait(ctx, time.Millisecond, nil)
	}
	for _, c := range begun {
		t.mu.Lock()
		t.flying++
		t.mu.Unlock()
		t.workers.Go(func() { t.run(ctx, c) })
	}
	return nil
}

// book takes a slot for a call and writes the call into the ledger. ok is false if nothing came of it.
func (t *term) book(tx *db.Tx, c call, earliest time.Time) (booked call, ok bool, err error) {
	if c.slot, ok, err = t.pace.Book(tx, c.paced(), earliest, earliest.Add(ahead)); err != nil || !ok {
		return c, false, err // somebody else, a moderator, took the slot
	}
	if ok, err = c.write(tx, t.epoch); err == nil && !ok {
		err = t.pace.Answered(tx, c.slot, pace.NotSent)
	}
	return c, ok, err
}

// write announces a call in the ledger. It reports false if the call is not wanted any more.
func (c *call) write(tx *db.Tx, epoch int64) (ok bool, err error) {
	if c.rows, err = ledger.Begin(tx, epoch, c.rows); err != nil || len(c.rows) == 0 {
		return false, err // changed since it was picked, or another show asked for it too
	}
	if c.endsAll() {
		if ok, err := ledger.LetGo(tx, c.first().Event); err != nil {
			return false, err
		} else if !ok {
			return false, ledger.Abandon(tx, epoch, c.rows) // wanted again, just now
		}
	}
	if c.first().Task == ledger.TaskDelete {
		return true, ledger.CountDelete(tx, c.first().Event)
	}
	return true, nil
}

// onTime waits for a slot and reports whether the call may start in it. A call that comes late (a slow commit, a stopped
// process) would run into the next ones: it gives its slot up, and slots are taken further ahead.
func (t *term) onTime(ctx context.Context, slot pace.Slot) bool {
	ok := t.pace.Wait(ctx, slot)
	if ctx.Err() != nil || !t.lease.Valid() {
		return false
	}
	if !t.limited {
		return ok
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ok {
		t.lead0 = min(2*t.lead0, maxLead)
		return false
	}
	t.lead0 = max(firstLead, t.lead0-t.lead0/16)
	return true
}

// run makes one call in its slot and records its outcome. If that fails, the term ends: the next one finds the row
// "unknown". ctx is the term's own: when it ends, calls that have not started are taken back.
func (t *term) run(ctx context.Context, c call) {
	defer t.landed(c)
	if !t.onTime(ctx, c.slot) {
		if err := t.giveBack(c); err != nil {
			t.stop(err)
		}
		return
	}
	answers := t.send(t.calls, c)
	if err := t.record(t.calls, c, answers); err != nil {
		t.stop(err)
	}
	now := time.Now()
	t.mu.Lock()
	t.breaker.note(wholeError(answers), now)
	for i, a := range answers {
		t.heed(c.rows[i], a.err, now)
	}
	t.mu.Unlock()
	for _, a := range answers {
		if a.err != nil && !fault.Is(a.err, fault.Throttled) {
			t.log.Warn("chat provider", "event", c.first().Event, "kind", c.first().Kind, "task", c.first().Task, "err", a.err)
			break // one line a call
		}
	}
}

// heed has a kind of an event rest when its rows meet the same refusal, and go on when one is made. t.mu is held.
func (t *term) heed(r ledger.Row, err error, now time.Time) {
	kind := heldKind{r.Event, r.Kind, r.Task}
	if err == nil {
		delete(t.refused, kind)
		delete(t.held, kind)
		return
	}
	v := judge(err, r.Attempts)
	if v.Aside {
		t.refused[kind]++
	}
	if v.Hold || t.refused[kind] >= inARow {
		t.held[kind] = now.Add(holdFor)
	}
}

// landed makes room for the next call.
func (t *term) landed(c call) {
	t.mu.Lock()
	t.flying--
	t.mu.Unlock()
	t.stir(c.first().Event)
}

// giveBack takes the announcement of a call back that was never sent.
func (t *term) giveBack(c call) error {
	return t.lease.Write(t.calls, t.epoch, func(tx *db.Tx) error {
		if err := ledger.Abandon(tx, t.epoch, c.rows); err != nil {
			return err
		}
		return t.pace.Answered(tx, c.slot, pace.NotSent)
	})
}

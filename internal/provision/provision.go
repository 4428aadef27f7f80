// Package provision makes and removes everything that tickets want at the chat provider, ahead of the show, at the pace
// the provider allows, and exactly once.
//
// What is wanted follows from events and tickets (the views wanted_event and wanted_ticket). What is there stands in the
// ledger, which is also the queue of what to do next (package ledger).
// Most events have an app instance of their own (package rule), which is how they are made side by side and
// removed in one call (plan/retire.go).
//
// Every call is announced in the ledger, together with its slot in the pace, before it is sent, and its outcome is
// recorded afterwards. A process that dies in between leaves a row that says "unknown"; the call is then repeated with
// the same request token and the same ids, which are ours, so a repeat makes nothing twice and Conflict means done.
//
// Any number of processes may run; one leads (package lease). A term of leadership has four goroutines: the renewer
// keeps the lease, the planner carries changes of tickets into the ledger, the dispatcher picks the next work and
// announces calls, the sweep compares the ledger with what the provider really has (package sweep). Each call waits for its
// slot and its answer in a goroutine of its own. Every write of a term carries its epoch.
package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// Config is what a Provisioner needs. DB, Chime and Bus are required.
type Config struct {
	DB     *db.DB
	Chime  *chime.Client
	Bus    *bus.Bus
	Pace   *pace.Pace   // whose slots other callers in this process take too; nil means one of its own, of Preset
	Preset string       // name of the provider's limits, see pace.Presets; "" means none
	Holder string       // name of this process in the lease, unique; "" means one made from host and process id
	Logger *slog.Logger // nil means silence

	// OnPurged is told, after everything of an archived event is gone at the provider, that the event may be called
	// purged. It may be told twice; after an error it is told again.
	OnPurged func(context.Context, id.Event) error
}

// Provisioner is one process's share in making chat resources. Make it with New.
type Provisioner struct {
	db       *db.DB
	chime    *chime.Client // for calls that have a slot
	waiting  *chime.Client // for calls that take one by themselves: to look for something
	bus      *bus.Bus
	pace     *pace.Pace
	limited  bool // the provider has limits: slots are apart
	log      *slog.Logger
	onPurged func(context.Context, id.Event) error
	lease    *lease.Lease
	wake     chan struct{} // asks the dispatcher to look again
	bad      error         // what is wrong with the configuration
}

// New makes a provisioner; Run starts it. An unknown preset is reported by Run.
func New(c Config) *Provisioner {
	p := &Provisioner{db: c.DB, chime: c.Chime, bus: c.Bus, log: c.Logger, onPurged: c.OnPurged, wake: make(chan struct{}, 1)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if c.Holder == "" {
		host, _ := os.Hostname() // only people read it; the random part makes it unique
		c.Holder = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), id.NewToken()[:6])
	}
	p.lease = lease.New(c.DB, "provision", c.Holder)
	if p.pace = c.Pace; p.pace == nil {
		preset, err := pace.Named(c.Preset)
		p.pace, p.bad = pace.New(preset), err
	}
	p.waiting = c.Chime.Paced(p.turn)
	p.limited = slices.ContainsFunc(p.pace.Buckets, func(b pace.Bucket) bool { return b.PerSecond > 0 })
	return p
}

// Run leads whenever it can and stands by otherwise, until ctx ends or the database is closed. Failures of the provider
// are recorded in the ledger and retried; failures of the database end a term, and Run tries for another.
func (p *Provisioner) Run(ctx context.Context) error {
	if p.bad != nil {
		return p.bad
	}
	for ctx.Err() == nil {
		epoch, leads, err := p.lease.Claim(ctx)
		if leads {
			p.log.Info("leading the provisioning", "holder", p.lease.Holder(), "epoch", epoch)
			err = p.lead(ctx, epoch)
			p.log.Info("no longer leading", "epoch", epoch)
		}
		switch {
		case errors.Is(err, db.ErrClosed):
			return err
		case err != nil && ctx.Err() == nil:
			p.log.Warn("provisioning interrupted", "err", err)
		}
		wait(ctx, lease.Poll, nil)
	}
	return nil
}

// turn lets a call that was not announced wait for its slot.
func (p *Provisioner) turn(ctx context.Context, call pace.Call, send func(context.Context) error) error {
	return p.pace.Do(ctx, p.db, call, func(ctx context.Context) error {
		if !p.lease.Valid() { // and nothing is sent, which the pace has to hear
			return fault.Wrap(lease.ErrStale, fault.Unavailable, chime.CodeNotSent, "Another process leads the provisioning.")
		}
		return send(ctx)
	})
}

// Pause stops new calls to the provider on all processes; what is in flight is finished. It lasts until Resume.
func (p *Provisioner) Pause(ctx context.Context) error { return p.setPaused(ctx, true) }

// Resume undoes Pause.
func (p *Provisioner) Resume(ctx context.Context) error { return p.setPaused(ctx, false) }

func (p *Provisioner) setPaused(ctx context.Context, paused bool) error {
	_, err := p.db.Exec(ctx, `INSERT INTO installation (one, id, paused) VALUES (1, $1, $2)
		ON CONFLICT (one) DO UPDATE SET paused = excluded.paused`, id.NewUUID(), paused)
	p.nudge()
	return err
}

// nudge lets the dispatcher look for work now.
func (p *Provisioner) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// wait returns when d has passed, when something arrives on wake (nil: never), or when ctx ends.
func wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

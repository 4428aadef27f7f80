package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// budget lets the other callers of the provider share the provisioner's slots: whatever a process of the installation
// asks of Chime counts in the same buckets.
type budget struct {
	pace *pace.Pace
	db   *db.DB
	next lines // one call at a time takes the next slot
	turn lines // one of those that give way at a time is among them
}

// newBudget makes the budget of a preset.
func newBudget(preset string, d *db.DB) (*budget, error) {
	p, err := pace.Named(preset)
	if err != nil {
		return nil, err
	}
	return &budget{pace: pace.New(p), db: d}, nil
}

// free says that there is nothing to share: calls may start whenever they like, and nothing is written down.
func (b *budget) free() bool {
	return !slices.ContainsFunc(b.pace.Buckets, func(l pace.Bucket) bool { return l.PerSecond > 0 })
}

// urgent is how calls wait that somebody waits for: they take the next slot. The provisioner takes slots a tenth of a
// second ahead at most, so it is a matter of one or two. One call at a time takes one: when moderators want more than there
// is, those who make shows have every second slot and not none.
func (b *budget) urgent() chime.Pacer {
	if b.free() {
		return nil
	}
	return func(ctx context.Context, call chime.Call, send func(context.Context) error) error {
		leave, err := b.next.enter(ctx, b.scarce(call))
		if err != nil {
			return err
		}
		defer leave()
		return b.pace.Do(ctx, b.db, paced(call), func() error {
			leave() // the next one may want a slot while this one waits for its answer
			return send(ctx)
		})
	}
}

// behind is how calls wait that nobody waits for: histories are read, lines removed that nobody sees. They may have all
// slots that nobody else wants, and one in goWay+1 of the others', so that a show at the door is made at four fifths of the
// pace at least, and yesterday's history is still read.
func (b *budget) behind() chime.Pacer {
	urgent := b.urgent()
	if urgent == nil {
		return nil
	}
	return func(ctx context.Context, call chime.Call, send func(context.Context) error) error {
		leave, err := b.turn.enter(ctx, b.scarce(call))
		if err != nil {
			return err
		}
		defer leave()
		if err := b.giveWay(ctx, paced(call)); err != nil {
			return err
		}
		return urgent(ctx, call, func(ctx context.Context) error {
			leave()
			return send(ctx)
		})
	}
}

// goWay is how many slots of others a call lets pass before it takes one.
const goWay = 4

// giveWay returns when a slot is there that nobody has taken, at the latest when goWay slots have passed that somebody had.
func (b *budget) giveWay(ctx context.Context, call pace.Call) error {
	for range goWay {
		s, err := b.pace.Snapshot(ctx, b.db)
		if err != nil {
			return err
		}
		now := b.pace.Now()
		wait := s.Earliest(call, now).Sub(now)
		if wait <= 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// scarce names what a call competes for with others: the account where one limit covers everything, or else its bearer, of
// whom Amazon takes ten calls a second. One that waits for a busy channel is in no other bearer's way.
func (b *budget) scarce(call chime.Call) string {
	for _, l := range b.pace.Buckets {
		if l.Scope == pace.Account && l.PerSecond > 0 && (l.Ops == nil || slices.Contains(l.Ops, call.Op)) {
			return ""
		}
	}
	return string(call.Bearer)
}

// lines are places where one call at a time may stand, by name. The zero value is ready. A name is kept for ever; there are
// as many as there are moderators.
type lines struct {
	mu    sync.Mutex
	names map[string]chan struct{}
}

// enter waits for a place. leave may be called twice.
func (l *lines) enter(ctx context.Context, name string) (leave func(), err error) {
	l.mu.Lock()
	line, ok := l.names[name]
	if !ok {
		if l.names == nil {
			l.names = map[string]chan struct{}{}
		}
		line = make(chan struct{}, 1)
		l.names[name] = line
	}
	l.mu.Unlock()
	select {
	case line <- struct{}{}:
		return sync.OnceFunc(func() { <-line }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// paced is a call as the buckets see it.
func paced(c chime.Call) pace.Call {
	return pace.Call{Op: c.Op, Instance: string(c.Instance), Bearer: string(c.Bearer), Channel: string(c.Channel), User: string(c.User)}
}

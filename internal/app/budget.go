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
	pace           *pace.Pace
	db             *db.DB
	first, through lines // who waits for a slot: urgent calls, and those that give way
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

// How many slots of others a call lets pass before it takes one.
const (
	// urgentWay shares the slots by halves when moderators want all of them: a raid must not stop what is made for the
	// next show. One moderator alone waits a tenth of a second longer.
	urgentWay = 1
	// quietWay leaves four fifths to what is made for a show at the door, and yesterday's history is still read.
	quietWay = 4
)

// urgent is how calls wait that somebody waits for.
func (b *budget) urgent() chime.Pacer { return b.pacer(&b.first, urgentWay) }

// behind is how calls wait that nobody waits for: histories are read, lines removed that nobody sees.
func (b *budget) behind() chime.Pacer { return b.pacer(&b.through, quietWay) }

// pacer lets calls wait, one at a time, until a slot is there that nobody has taken or way slots have passed that somebody
// had; then the next slot is theirs. nil when nothing limits them.
func (b *budget) pacer(l *lines, way int) chime.Pacer {
	if b.free() {
		return nil
	}
	return func(ctx context.Context, call pace.Call, send func(context.Context) error) error {
		leave, err := l.enter(ctx, b.scarce(call))
		if err != nil {
			return err
		}
		defer leave()
		if err := b.giveWay(ctx, call, way); err != nil {
			return err
		}
		return b.pace.Do(ctx, b.db, call, func(ctx context.Context) error {
			leave() // the next one may want a slot while this one waits for its answer
			return send(ctx)
		})
	}
}

// giveWay returns when a slot is there that nobody has taken, at the latest when way slots have passed that somebody had.
func (b *budget) giveWay(ctx context.Context, call pace.Call, way int) error {
	for range way {
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
func (b *budget) scarce(call pace.Call) string {
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

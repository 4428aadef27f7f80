// Package share is the sweep's small part of every bucket of the pace: a fifth while nobody else needs it, next to nothing while
// somebody does.
package share

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/pace"
)

const (
	// idleShare is the sweep's part of every bucket while nobody waits for it: 100,000 accounts and memberships at 10/s are
	// 4,000 calls in 34 minutes, and whoever comes in between finds four fifths free.
	idleShare = 0.2
	// busyShare is its part while the dispatcher uses all the rest.
	busyShare = pace.QuietShare
	// busyFor is how long a bucket counts as in use after it was seen so: between two batches it may look idle.
	busyFor = 10 * time.Second
	// inUse is which part of a bucket's calls in a second says that it is in use.
	inUse = 0.8
	// freeRest is, where the provider has no limits, how long after each call the sweep rests, in times of what the call
	// took: it uses a fifth of the time of one connection.
	freeRest = 4
)

// Pressure is what the sweep gives way to.
type Pressure struct {
	Waited time.Time // when a call last had to wait for its slot
	Away   time.Time // until then the provider does not answer, and is asked by nobody; zero if it does
}

// Share is the sweep's part of the pace. Make it with New. Not safe for concurrent use.
type Share struct {
	db       *db.DB
	pace     *pace.Pace
	limited  bool
	pressure func() Pressure

	last map[gauge]time.Time // when the sweep last called
	full map[gauge]time.Time // when others were last seen to use all of a bucket
	free time.Time           // no call before: where the provider has no limits
}

// New makes the share of a term of leadership. limited says that the provider has limits.
func New(d *db.DB, p *pace.Pace, limited bool, pressure func() Pressure) *Share {
	return &Share{db: d, pace: p, limited: limited, pressure: pressure, last: map[gauge]time.Time{}, full: map[gauge]time.Time{}}
}

// gauge is one bucket of one thing.
type gauge struct{ bucket, key string }

// Wait waits until a call fits into the sweep's share of every bucket that it counts in, and takes it.
func (s *Share) Wait(ctx context.Context, c pace.Call) error {
	for {
		now := time.Now()
		paused, err := db.Value[bool](ctx, s.db, "SELECT paused FROM installation WHERE one = 1")
		if err != nil {
			return err
		}
		gauges, at, err := s.earliest(ctx, c, now)
		if err != nil {
			return err
		}
		if !paused && !at.After(now) {
			for _, g := range gauges {
				s.last[g] = now
			}
			return ctx.Err()
		}
		// What holds it up may end, so it looks again and again.
		Rest(ctx, max(time.Millisecond, min(time.Second, at.Sub(now))))
		if paused {
			Rest(ctx, time.Second)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// earliest says in which buckets a call counts, and when the sweep's share of them lets it start.
func (s *Share) earliest(ctx context.Context, c pace.Call, now time.Time) (gauges []gauge, at time.Time, err error) {
	rates, err := s.pace.Rates(ctx, s.db)
	if err != nil {
		return nil, at, err
	}
	others := s.pressure()
	waits := now.Sub(others.Waited) < busyFor
	if at = others.Away; s.free.After(at) {
		at = s.free
	}
	for _, b := range s.pace.Buckets {
		if b.Ops != nil && !slices.Contains(b.Ops, c.Op) {
			continue
		}
		g := gauge{b.Name, c.Key(b.Scope)}
		gauges = append(gauges, g)
		rate := float64(b.PerSecond)
		for _, r := range rates {
			if r.Bucket == g.bucket && r.Key == g.key {
				rate = r.Rate
				if waits && float64(r.CallsLastSecond) >= inUse*rate {
					s.full[g] = now
				}
			}
		}
		if rate <= 0 || s.last[g].IsZero() {
			continue
		}
		share, keeps := idleShare, max(busyFor, time.Duration(3*float64(time.Second)/rate))
		if !s.full[g].IsZero() && now.Sub(s.full[g]) < keeps {
			share = busyShare
		}
		if next := s.last[g].Add(time.Duration(float64(time.Second) / (share * rate))); next.After(at) {
			at = next
		}
	}
	return gauges, at, nil
}

// Used takes note of how long a call took that has ended.
func (s *Share) Used(took time.Duration) {
	if !s.limited {
		s.free = time.Now().Add(freeRest * took)
	}
}

// Rest returns when d has passed or ctx ends.
func Rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

package sweep

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

// gauge is one bucket of one thing.
type gauge struct{ bucket, key string }

// allowed waits until a call fits into the sweep's share of every bucket that it counts in, and takes it.
func (s *sweeper) allowed(ctx context.Context, c pace.Call) error {
	for {
		now := time.Now()
		paused, err := db.Value[bool](ctx, s.DB, "SELECT paused FROM installation WHERE one = 1")
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
		rest(ctx, max(time.Millisecond, min(time.Second, at.Sub(now))))
		if paused {
			rest(ctx, time.Second)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// earliest says in which buckets a call counts, and when the sweep's share of them lets it start.
func (s *sweeper) earliest(ctx context.Context, c pace.Call, now time.Time) (gauges []gauge, at time.Time, err error) {
	rates, err := s.Pace.Rates(ctx, s.DB)
	if err != nil {
		return nil, at, err
	}
	others := s.Pressure()
	waits := now.Sub(others.Waited) < busyFor
	if at = others.Away; s.free.After(at) {
		at = s.free
	}
	for _, b := range s.Pace.Buckets {
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

// called takes note of a call that has ended.
func (s *sweeper) called(began time.Time, err error) {
	s.calls++
	now := time.Now()
	if !s.Limited {
		s.free = now.Add(freeRest * now.Sub(began))
	}
	s.Answered(err)
}

package crash_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// campaign is what all worlds of a test share.
type campaign struct {
	seed  uint64
	decks map[string]*deck // by kind of database; nil: only the clock kills

	mu     sync.Mutex
	stalls []stall
	took   []time.Duration // takeovers
	late   int             // calls of leaders that woke up too late
	cycles int             // of freezing and waking
	held   int             // times a leader was frozen with a lock in its hand
	paced  []time.Duration // in which one call more than the limit of a second arrived
}

// stall is a time in which this process, and so most likely every other, did not get a processor.
type stall struct{ from, to time.Time }

// newCampaign takes its seed from STAGEDOOR_CRASH_SEED.
func newCampaign(t *testing.T) *campaign {
	t.Helper()
	c := &campaign{seed: envNumber(t, "STAGEDOOR_CRASH_SEED", rand.Uint64()>>1)}
	if canTrace(t) {
		c.decks = map[string]*deck{"sqlite": newDeck("sqlite", c.seed), "postgres": newDeck("postgres", c.seed)}
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go c.watch(done)
	return c
}

// watch looks at the clock a hundred times a second and notes when it could not.
func (c *campaign) watch(done <-chan struct{}) {
	const every, worth = 10 * time.Millisecond, 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := time.Now()
		if now.Sub(last) > worth {
			c.mu.Lock()
			c.stalls = append(c.stalls, stall{last, now})
			c.mu.Unlock()
		}
		last = now
	}
}

// stalled reports whether nobody could look at the clock just before, so that what seems to have happened at some time may
// have happened earlier.
func (c *campaign) stalled(at time.Time) bool {
	const after = 100 * time.Millisecond // everybody wakes up at once
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.stalls, func(s stall) bool { return at.After(s.from) && at.Before(s.to.Add(after)) })
}

// arrived notes the time in which one call more than the limit of a second arrived.
func (c *campaign) arrived(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paced = append(c.paced, d)
}

// sayPace tells how close calls came, by arrival.
func (c *campaign) sayPace(t *testing.T) {
	if len(c.paced) == 0 {
		return
	}
	slices.Sort(c.paced)
	under := 0
	for _, d := range c.paced {
		if d < time.Second {
			under++
		}
	}
	t.Logf("11 calls at 10/s: %d times counted, %d within less than a second, the closest within %v; %d stalls of the machine",
		len(c.paced), under, c.paced[0].Round(time.Millisecond), len(c.stalls))
}

// draw returns a place to die, nil where nothing can be traced.
func (c *campaign) draw(kind string) *point {
	if c.decks == nil {
		return nil
	}
	return c.decks[kind].draw()
}

// worldKinds are the databases and paces in which everything is tried.
var worldKinds = []struct{ kind, pace string }{
	{"sqlite", "case"}, {"postgres", "none"}, {"sqlite", "aws-us-east-1"}, {"postgres", "case"}, {"sqlite", "none"}, {"postgres", "aws-us-east-1"},
}

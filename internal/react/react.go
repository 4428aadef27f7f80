// Package react adds up emoji reactions per event and tick. It keeps nothing but numbers, all of them in memory, and
// never touches the chat: a flood of hearts becomes one small frame per tick.
package react

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
)

// A person may react perSecond times a second, in bursts of up to burst: faster than a thumb, slower than a script.
const (
	perSecond = 5
	burst     = 10
)

// maxPeople bounds the memory: this many people can be within their last two seconds of reacting at once (about 100
// bytes each). More are not counted; a show with so many reactions does not miss them.
const maxPeople = 200_000

// Counter adds up reactions. Safe for concurrent use.
type Counter struct {
	tick   time.Duration
	mu     sync.Mutex
	counts map[id.Event]map[string]int
	busy   map[id.Ticket]time.Time // when the person's allowance is full again; absent means full
}

// New returns a counter that Run flushes every tick.
func New(tick time.Duration) *Counter {
	return &Counter{tick: tick, counts: map[id.Event]map[string]int{}, busy: map[id.Ticket]time.Time{}}
}

// Allowed returns the emoji that are counted, in the order pages show them.
func Allowed() []string { return []string{"❤️", "👏", "🔥", "😂", "🎉", "😮"} }

// canonical is the allowed form of an emoji. The heart is taken without its variation selector too: some keyboards
// leave it out.
func canonical(emoji string) (string, bool) {
	switch emoji {
	case "❤️", "❤":
		return "❤️", true
	case "👏", "🔥", "😂", "🎉", "😮":
		return emoji, true
	}
	return "", false
}

// Add counts one reaction and reports whether it was taken: false for an unknown emoji or a person who is too fast.
func (c *Counter) Add(event id.Event, ticket id.Ticket, emoji string, now time.Time) bool {
	emoji, ok := canonical(emoji)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	full, seen := c.busy[ticket]
	if !seen && len(c.busy) >= maxPeople {
		return false
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(time.Second / perSecond)
	if full.Sub(now) > burst*time.Second/perSecond {
		return false
	}
	c.busy[ticket] = full
	of := c.counts[event]
	if of == nil {
		of = map[string]int{}
		c.counts[event] = of
	}
	of[emoji]++
	return true
}

// Flush returns what was added since the last flush, per event and emoji, and starts anew. Nothing added: nil. People
// whose allowance is full again are forgotten.
func (c *Counter) Flush(now time.Time) map[id.Event]map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ticket, full := range c.busy {
		if !full.After(now) {
			delete(c.busy, ticket)
		}
	}
	if len(c.counts) == 0 {
		return nil
	}
	out := c.counts
	c.counts = map[id.Event]map[string]int{}
	return out
}

// Run flushes every tick until ctx ends and hands each event's counts to send, which must not block: the next tick
// waits for it. The map is send's to keep.
func (c *Counter) Run(ctx context.Context, send func(id.Event, map[string]int)) {
	t := time.NewTicker(c.tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			for event, counts := range c.Flush(now) {
				send(event, counts)
			}
		}
	}
}

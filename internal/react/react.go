// Package react adds up emoji reactions per event and tick. It keeps nothing but numbers and never touches the chat.
package react

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
)

// Counter adds up reactions. Safe for concurrent use.
type Counter struct{ tick time.Duration }

// New returns a counter that Run flushes every tick.
func New(tick time.Duration) *Counter { return &Counter{tick: tick} }

// Add counts one reaction and reports whether it was taken: false for an unknown emoji or a person who is too fast.
func (c *Counter) Add(event id.Event, ticket id.Ticket, emoji string, now time.Time) bool {
	return false
}

// Flush returns what was added since the last flush, per event and emoji, and starts anew. Nothing added: nil.
func (c *Counter) Flush(now time.Time) map[id.Event]map[string]int { return nil }

// Run flushes every tick until ctx ends and hands each event's counts to send, which must not block.
func (c *Counter) Run(ctx context.Context, send func(id.Event, map[string]int)) {}

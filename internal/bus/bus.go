// Package bus carries hints between rooms and, later, between nodes: "something about this event changed, look".
//
// A hint may be lost, doubled or late; the truth is in the database. Publish never blocks: a subscriber whose queue is
// full loses the hint and is expected to look again by itself within a second or two.
package bus

import (
	"sync"

	"github.com/stagedoor/stagedoor/internal/id"
)

// Topic says what a hint is about.
type Topic string

// The topics. Ticket is empty where the hint is about the whole event.
const (
	TicketsChanged Topic = "tickets"  // imported, refunded, staff added
	EventChanged   Topic = "event"    // form saved, state moved
	SeatTaken      Topic = "seat"     // Ticket's seat has a new epoch
	NameChanged    Topic = "nickname" // Ticket has a (new) nickname
	Banned         Topic = "banned"   // Ticket was banned or unbanned
	ChatReady      Topic = "ready"    // Ticket's (or the whole event's) chat resources were made or changed
)

// Hint is one message. It carries no truth, only where to look.
type Hint struct {
	Topic  Topic
	Event  id.Event
	Ticket id.Ticket
}

// Bus is an in-process bus. The zero value is ready to use.
type Bus struct {
	mu   sync.RWMutex
	subs map[*subscriber]struct{}
}

type subscriber struct {
	c      chan Hint
	topics map[Topic]bool
}

// Publish hands a hint to every subscriber of its topic without blocking.
func (b *Bus) Publish(h Hint) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for s := range b.subs {
		if s.topics[h.Topic] {
			select {
			case s.c <- h:
			default: // lost, as the contract allows
			}
		}
	}
}

// Subscribe returns a channel of hints on the given topics and a function that ends the subscription and closes the
// channel. Hints of one publisher arrive in order.
func (b *Bus) Subscribe(topics ...Topic) (<-chan Hint, func()) {
	s := &subscriber{c: make(chan Hint, 256), topics: map[Topic]bool{}}
	for _, t := range topics {
		s.topics[t] = true
	}
	b.mu.Lock()
	if b.subs == nil {
		b.subs = map[*subscriber]struct{}{}
	}
	b.subs[s] = struct{}{}
	b.mu.Unlock()
	return s.c, sync.OnceFunc(func() {
		b.mu.Lock()
		delete(b.subs, s)
		b.mu.Unlock()
		close(s.c)
	})
}

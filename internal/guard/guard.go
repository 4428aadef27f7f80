// Package guard lets one device at a time use a ticket. The newest device takes the seat in one atomic statement and
// gets a higher epoch; a device that lost the seat can take it back by hand.
package guard

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Session is what a device's token means now.
type Session struct {
	Event  id.Event
	Ticket id.Ticket
	Epoch  int64 // of the seat: grows with every change of holder
	Held   bool  // this device holds the seat
}

// Guard keeps devices and seats. Safe for concurrent use, also by several processes on one database.
type Guard struct{ db *db.DB }

// New returns the guard of a migrated platform database.
func New(d *db.DB) *Guard { return &Guard{db: d} }

// Claim registers a new device of a ticket and gives it the seat. The token is for the device's cookie; only its hash
// is stored. Error: Throttled "seat_flapping" with RetryAfter when the seat moved 5 times within a minute.
func (g *Guard) Claim(ctx context.Context, event id.Event, ticket id.Ticket, now time.Time) (token string, s Session, err error) {
	return "", Session{}, nil
}

// Holds says what a token means. Error: Unauthorized "not_admitted" for an unknown token.
func (g *Guard) Holds(ctx context.Context, token string) (Session, error) { return Session{}, nil }

// TakeBack gives the seat to a device that showed the code before. Errors: those of Holds and Claim.
func (g *Guard) TakeBack(ctx context.Context, token string, now time.Time) (Session, error) {
	return Session{}, nil
}

// Leave forgets a device; if it held the seat, the seat is free. An unknown token is no error.
func (g *Guard) Leave(ctx context.Context, token string) error { return nil }

// Evict forgets all devices of a ticket: it was revoked or banned.
func (g *Guard) Evict(ctx context.Context, ticket id.Ticket) error { return nil }

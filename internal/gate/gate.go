// Package gate keeps tickets: it imports box office files, issues codes, and turns a typed code into a ticket.
//
// A code is never stored. The database holds HMAC-SHA-256(pepper, event and code): a blind index that can be looked up
// by whoever has the code and the pepper, and cannot be reversed by whoever has only the database.
package gate

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Ticket is a right to be at one event in one role.
type Ticket struct {
	ID        id.Ticket
	Event     id.Event
	Role      id.Role
	SourceRef string // order and position at the box office; "" for codes we made
	Valid     bool   // false once refunded, cancelled or revoked
}

// Code is a ticket code as it is printed for people: ABCD-EFGH-JKMN-PQRS-T. It is a secret: logs show ***.
type Code string

// Counts says how many tickets an event has. Roles count valid tickets only.
type Counts struct{ Fan, Artist, Moderator, Revoked, Entered int }

// Report says what an import did. Every line of the file is in exactly one of New, Known, Revoked and RefusedCount.
type Report struct {
	Layout       string // "pretix", "eventbrite" or "generic"
	Lines        int    // records of the file without the header
	New          int    // tickets that did not exist
	Known        int    // tickets that existed and stay as they are
	Revoked      int    // tickets that this file takes back
	RefusedCount int    // lines that were refused
	Refused      []Refusal
}

// Refusal is one line of the file that was not taken. A report holds the first 1,000.
type Refusal struct {
	Line    int    // physical line of the file, from 1
	Reason  string // for people
	Excerpt string // beginning of the line, without the code
}

// Gate is the ticket store. Safe for concurrent use.
type Gate struct {
	db     *db.DB
	pepper []byte
}

// New returns the gate. The pepper is a secret of at least 32 bytes that is kept outside the database; with another
// pepper no old code opens anything.
func New(d *db.DB, pepper []byte) *Gate { return &Gate{db: d, pepper: pepper} }

// Import reads a box office file into an event's tickets.
func (g *Gate) Import(ctx context.Context, event id.Event, file io.Reader, now time.Time) (Report, error) {
	return Report{}, nil
}

// IssueCode makes a ticket of our own. The code is returned this once and stored nowhere.
func (g *Gate) IssueCode(ctx context.Context, event id.Event, role id.Role, now time.Time) (Code, id.Ticket, error) {
	return "", "", nil
}

// Redeem turns what a person typed into a ticket. Errors: Invalid "code_malformed" on the field code, NotFound
// "code_unknown", Denied "ticket_revoked" (only for somebody who has the real code).
func (g *Gate) Redeem(ctx context.Context, event id.Event, typed string, now time.Time) (Ticket, error) {
	return Ticket{}, nil
}

// Ticket finds a ticket by its identifier. Error: NotFound "ticket_unknown". Look at Valid.
func (g *Gate) Ticket(ctx context.Context, ticket id.Ticket) (Ticket, error) { return Ticket{}, nil }

// Revoke takes a ticket back; a second time changes nothing. Error: NotFound "ticket_unknown".
func (g *Gate) Revoke(ctx context.Context, ticket id.Ticket, now time.Time) error { return nil }

// Restore makes a revoked ticket valid again. Error: NotFound "ticket_unknown".
func (g *Gate) Restore(ctx context.Context, ticket id.Ticket, now time.Time) error { return nil }

// Counts counts an event's tickets.
func (g *Gate) Counts(ctx context.Context, event id.Event) (Counts, error) { return Counts{}, nil }

// Limiter bounds how often codes can be tried: per client address, and per event by a budget of failures.
type Limiter struct{}

// NewLimiter returns a limiter with nothing used up.
func NewLimiter() *Limiter { return &Limiter{} }

// Allow takes one attempt of a client at an event. Error: Throttled "too_many_attempts" with RetryAfter.
// Call Settle with Redeem's answer afterwards.
func (l *Limiter) Allow(client netip.Addr, event id.Event, now time.Time) error { return nil }

// Settle gives the attempt back unless Redeem's answer says that it was a wrong guess.
func (l *Limiter) Settle(client netip.Addr, event id.Event, redeemed error, now time.Time) {}

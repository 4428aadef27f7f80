// Package gate keeps tickets: it imports box office files, issues codes, and turns a typed code into a ticket.
//
// A code is never stored. The database holds HMAC-SHA-256(pepper, event and code): a blind index that can be looked up
// by whoever has the code and the pepper, and cannot be reversed by whoever has only the database.
//
//	        import, IssueCode              refund line, Revoke
//	(none) ───────────────────► valid ◄───────────────────────► revoked
//	                                          Restore
//
// A revoked ticket stays revoked whatever is imported later: an old file never brings a refunded ticket back, and
// files give the same result in any order. Only a person restores a ticket.
package gate

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
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

// Counts says how many tickets an event has. Roles count valid tickets only; Entered counts tickets whose code was
// shown at least once.
type Counts struct{ Fan, Artist, Moderator, Revoked, Entered int }

// Gate is the ticket store. Safe for concurrent use.
type Gate struct {
	db     *db.DB
	pepper []byte
	batch  int // tickets in one statement of an import: batchSize, less in tests
}

// New returns the gate. The pepper is a secret of at least 32 bytes that is kept outside the database; with another
// pepper no old code opens anything.
func New(d *db.DB, pepper []byte) *Gate { return &Gate{db: d, pepper: pepper, batch: batchSize} }

// Ticket finds a ticket by its identifier. Error: NotFound "ticket_unknown". Look at Valid.
func (g *Gate) Ticket(ctx context.Context, ticket id.Ticket) (Ticket, error) {
	r, err := db.One(ctx, g.db, fields, "SELECT "+columns+" FROM ticket WHERE id = $1", string(ticket))
	if errors.Is(err, sql.ErrNoRows) {
		return Ticket{}, errUnknown()
	}
	return r.Ticket, err
}

func errUnknown() error {
	return fault.New(fault.NotFound, "ticket_unknown", "There is no such ticket.")
}

// Revoke takes a ticket back; a second time changes nothing. Error: NotFound "ticket_unknown".
func (g *Gate) Revoke(ctx context.Context, ticket id.Ticket, now time.Time) error {
	return g.setValid(ctx, ticket, false, now)
}

// Restore makes a revoked ticket valid again. Error: NotFound "ticket_unknown".
func (g *Gate) Restore(ctx context.Context, ticket id.Ticket, now time.Time) error {
	return g.setValid(ctx, ticket, true, now)
}

func (g *Gate) setValid(ctx context.Context, ticket id.Ticket, valid bool, now time.Time) error {
	n, err := g.db.Exec(ctx, "UPDATE ticket SET valid = $1, updated_ms = CASE WHEN valid = $1 THEN updated_ms ELSE $2 END WHERE id = $3",
		valid, now.UnixMilli(), string(ticket))
	if err == nil && n == 0 {
		return errUnknown()
	}
	return err
}

// Counts counts an event's tickets; an unknown event has none.
func (g *Gate) Counts(ctx context.Context, event id.Event) (Counts, error) {
	type group struct {
		role       id.Role
		valid      bool
		n, entered int
	}
	groups, err := db.All(ctx, g.db, func(r *group) []any { return []any{&r.role, &r.valid, &r.n, &r.entered} },
		`SELECT role, valid, count(*), sum(CASE WHEN entered_ms > 0 THEN 1 ELSE 0 END) FROM ticket
		WHERE event_id = $1 GROUP BY role, valid`, string(event))
	var c Counts
	for _, r := range groups {
		c.Entered += r.entered
		switch {
		case !r.valid:
			c.Revoked += r.n
		case r.role == id.Fan:
			c.Fan += r.n
		case r.role == id.Artist:
			c.Artist += r.n
		case r.role == id.Moderator:
			c.Moderator += r.n
		}
	}
	return c, err
}

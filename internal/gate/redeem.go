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

const columns = "id, event_id, role, source_ref, valid, entered_ms"

type row struct {
	Ticket
	enteredMS int64
}

func fields(r *row) []any {
	return []any{&r.ID, &r.Event, &r.Role, &r.SourceRef, &r.Valid, &r.enteredMS}
}

// errGuess is inside every answer that told a person whether a code exists: those count against the limits, also when
// the check character was wrong, because a box office's code may look like one of ours.
var errGuess = errors.New("no ticket has this code")

// Redeem turns what a person typed into a ticket. Case, spaces and dashes do not matter, nor does O for 0 or I and L
// for 1. Every code costs one look-up by its keyed hash, so that a valid, a revoked and an unknown one take the same
// time. Errors: Invalid "code_malformed" on the field code, NotFound "code_unknown", Denied "ticket_revoked", which
// only somebody with the real code can get to see.
func (g *Gate) Redeem(ctx context.Context, event id.Event, typed string, now time.Time) (Ticket, error) {
	code, ok := normalize(typed)
	if !ok {
		return Ticket{}, fault.New(fault.Invalid, "code_malformed", "This does not look like a ticket code. It stands on your ticket.").On("code")
	}
	r, err := db.One(ctx, g.db, fields, "SELECT "+columns+" FROM ticket WHERE event_id = $1 AND code_hash = $2",
		string(event), g.hash(event, code))
	switch {
	case errors.Is(err, sql.ErrNoRows) && mistyped(code):
		return Ticket{}, fault.Wrap(errGuess, fault.Invalid, "code_malformed", "There is a typing mistake in this code. Please compare it with your ticket.").On("code")
	case errors.Is(err, sql.ErrNoRows):
		return Ticket{}, fault.Wrap(errGuess, fault.NotFound, "code_unknown", "We do not know this code. Please compare it with your ticket.").On("code")
	case err != nil:
		return Ticket{}, err
	case !r.Valid:
		return Ticket{}, fault.New(fault.Denied, "ticket_revoked", "This ticket was cancelled or refunded and is no longer valid. Please ask where you bought it.")
	}
	if r.enteredMS == 0 {
		_, err = g.db.Exec(ctx, "UPDATE ticket SET entered_ms = $1 WHERE id = $2 AND entered_ms = 0", now.UnixMilli(), string(r.ID))
	}
	return r.Ticket, err
}

package gate

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Revoked returns the tickets of an event that are no longer valid.
func (g *Gate) Revoked(ctx context.Context, event id.Event) (map[id.Ticket]bool, error) {
	tickets, err := db.All(ctx, g.db, func(t *id.Ticket) []any { return []any{t} },
		"SELECT id FROM ticket WHERE event_id = $1 AND NOT valid", event)
	out := make(map[id.Ticket]bool, len(tickets))
	for _, t := range tickets {
		out[t] = true
	}
	return out, err
}

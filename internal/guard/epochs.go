package guard

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Epochs returns the present epoch of every seat of an event. Whoever watches many devices compares these with the
// epochs it knows, so that a lost hint costs seconds and not the rule.
func (g *Guard) Epochs(ctx context.Context, event id.Event) (map[id.Ticket]int64, error) {
	type seat struct {
		ticket id.Ticket
		epoch  int64
	}
	seats, err := db.All(ctx, g.db, func(s *seat) []any { return []any{&s.ticket, &s.epoch} },
		"SELECT ticket_id, epoch FROM seat WHERE event_id = $1", event)
	out := make(map[id.Ticket]int64, len(seats))
	for _, s := range seats {
		out[s.ticket] = s.epoch
	}
	return out, err
}

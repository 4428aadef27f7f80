package readiness

import (
	"context"
	"time"
)

// Raise raises an alarm as a watcher does.
func Raise(ctx context.Context, b *Board, a Alarm, now time.Time) error {
	return (&watch{Board: b}).raise(ctx, a, now)
}

// The questions that are asked all the time.
const (
	TalliesSQL = talliesSQL
	TicketsSQL = ticketsSQL
	FreshSQL   = freshSQL
	FlyingSQL  = flyingSQL
)

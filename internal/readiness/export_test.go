package readiness

import (
	"context"
	"time"
)

// Raise raises an alarm as a watcher does.
func Raise(ctx context.Context, b *Board, a Alarm, now time.Time) error {
	return (&watch{Board: b}).raise(ctx, a, now)
}

// Look lets a watcher of a board look at these times, each answer of Status being good for so long.
func Look(ctx context.Context, b *Board, good time.Duration, at ...time.Time) error {
	w := &watch{Board: b, wrong: map[alarmKey]time.Time{}}
	for _, now := range at {
		if err := w.look(ctx, now); err != nil {
			return err
		}
		b.mu.Lock()
		b.until = b.asked.Add(good)
		b.mu.Unlock()
	}
	return nil
}

// The questions that are asked all the time.
const (
	TalliesSQL = talliesSQL
	TicketsSQL = ticketsSQL
	FreshSQL   = freshSQL
	FlyingSQL  = flyingSQL

	FailuresSQL = failuresSQL
)

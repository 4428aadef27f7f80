package pace

import (
	"context"
	"time"
)

// Wait waits for a slot and reports whether the call may start now: not when ctx has ended, and not when it is late. (Where
// there are no limits nothing is late, and while nothing is throttled there is nothing to wait for.) It notes when the call
// starts, so that the next ones need not allow for its being late.
func (p *Pace) Wait(ctx context.Context, s Slot) bool {
	if s.free {
		return ctx.Err() == nil
	}
	if wait(ctx, time.Until(s.At)) != nil {
		return false
	}
	if !s.loose && time.Since(s.At) > MaxLate {
		return false
	}
	p.leaves(s, p.micros(p.Now()))
	return true
}

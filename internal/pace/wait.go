package pace

import (
	"context"
	"maps"
	"time"
)

// startKey names a booked call of a row.
type startKey struct {
	bucket, key string
	at          int64
}

// Wait waits for a slot and reports whether the call may start now: not when ctx has ended, and not when it is late. (Where
// there are no limits nothing is late, and while nothing is throttled there is nothing to wait for.) It notes when the call
// starts, so that the next ones need not allow for its being late: without that ten calls would take 1.023 s, with it they take
// 1.015 s.
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
	at := p.micros(p.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.starts) >= maxStarts {
		maps.DeleteFunc(p.starts, func(k startKey, _ int64) bool { return k.at < at-startsKept })
	}
	for _, h := range s.holds {
		p.starts[startKey{h.bucket.Name, h.key, s.us}] = at
	}
	return true
}

const (
	// maxStarts is how many starts are noted before old ones are forgotten.
	maxStarts = 2000
	// startsKept is how long they are of use, in microseconds: whoever was not answered by then started long ago.
	startsKept = 5 * second
)

// learn applies what this process knows of the starts of its own calls.
func (p *Pace) learn(rows []row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		for n, e := range r.calls {
			if e.held != unsure {
				continue
			}
			if start, ok := p.starts[startKey{r.bucket.Name, r.key, e.at}]; ok {
				e.held = start - e.at + guard.Microseconds()
				r.calls = r.calls.with(n, e)
			}
		}
	}
}

package pace

import (
	"github.com/stagedoor/stagedoor/internal/db"
)

// Outcome is how a booked call ended.
type Outcome int

// The outcomes.
const (
	OK        Outcome = iota // the provider answered, whatever it said
	Throttled                // it said: not so fast
	Lost                     // no answer: it may have arrived
	NotSent                  // it never left
)

// Answered tells how a booked call ended: a call that was answered has arrived, and one that was throttled slows its
// buckets down.
func (p *Pace) Answered(tx *db.Tx, s Slot, o Outcome) error {
	return p.change(tx, s.holds, func(rows []row) []row {
		now := p.micros(p.Now())
		out := make([]row, len(rows))
		for i, r := range rows {
			out[i] = r.answered(s.us, now, o)
		}
		return out
	})
}

func (r row) answered(at, now int64, o Outcome) row {
	if i := r.calls.find(at); i >= 0 && (o == OK || o == Throttled) {
		w := append(window(nil), r.calls...)
		w[i].held = max(0, min(w[i].held, now-at))
		r.calls = w
		r.held += (w[i].held - r.held) / 8
	}
	switch o {
	case Throttled:
		r.slow = r.slow.down(r.bucket, at, now)
	case OK:
		r.slow = r.slow.up(r.bucket)
	case Lost, NotSent:
	}
	return r
}

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

// Answered tells how a booked call ended. A call that was answered has arrived, which makes room earlier; one that was
// throttled slows down the bucket that is most likely to have been meant; one that was not sent gives its slot back.
func (p *Pace) Answered(tx *db.Tx, s Slot, o Outcome) error {
	now := p.micros(p.Now())
	p.landed(s, now, o)
	err := p.change(tx, s.holds, func(rows []row) bool {
		p.learn(rows, now)
		answer(rows, s.us, now, o)
		return true
	})
	if err != nil || o != NotSent {
		return err
	}
	_, err = tx.Exec("UPDATE pace_second SET calls = calls - 1 WHERE second = $1 AND booker = $2 AND calls > 0", s.At.Unix(), p.booker)
	return err
}

// answer takes the end of a call into account in all its rows.
func answer(rows []row, at, now int64, o Outcome) {
	for i := range rows {
		rows[i].answered(at, now, o)
		rows[i].used = max(rows[i].used, now)
	}
	if o == Throttled && len(rows) > 0 {
		r := &rows[blame(rows, at)]
		r.slow, r.same = r.slow.throttled(*r, at, now), false
	}
}

// answered takes the end of a call with a slot into account, except for the blame.
func (r *row) answered(at, now int64, o Outcome) {
	i := r.calls.find(at)
	r.same = r.slow == nil && (i < 0 || r.free() && o == OK)
	if i >= 0 && !r.same {
		r.ended(i, o)
	}
	if o == OK {
		r.slow = r.slow.answered(r.bucket, at, now)
	} else if r.slow != nil {
		r.slow = r.slow.wasted()
	}
}

// ended notes in the window how one of its calls ended.
func (r *row) ended(i int, o Outcome) {
	e := r.calls[i]
	switch o {
	case OK, Throttled:
		e.mark = passed
		if o == Throttled {
			e.mark = refused
		}
	case Lost:
		e.mark = lost
	case NotSent:
		r.calls = r.calls.without(i, r.bucket.keep())
		return
	}
	r.calls = r.calls.with(i, e)
}

// blame picks the bucket that a throttled call has run into: among those that are about as full as the fullest the one
// that refused the larger part of its last calls, and then the narrower one.
func blame(rows []row, at int64) int {
	type sign struct{ fill, share float64 }
	signs := make([]sign, len(rows))
	fullest := 0.0
	for i, r := range rows {
		rate := r.bucket.top()
		if r.slow != nil {
			rate = r.slow.rate(r.bucket, at)
		}
		span := max(1, 1/rate)
		calls, refusals := r.calls.since(at, int64(span*second))
		signs[i] = sign{min(1, float64(calls)/(rate*span)), float64(refusals) / float64(max(1, calls))}
		fullest = max(fullest, signs[i].fill)
	}
	best := -1
	for i, s := range signs {
		if s.fill < 0.8*fullest {
			continue
		}
		if best < 0 || s.share > signs[best].share || s.share == signs[best].share && rows[i].bucket.Scope > rows[best].bucket.Scope {
			best = i
		}
	}
	return best
}

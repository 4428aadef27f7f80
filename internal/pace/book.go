package pace

import (
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

const (
	// spare is how many calls are kept beyond those that count, for what their answers tell: as many as wait for answers.
	spare = 16
	// unlimited is how many calls are kept where there is no limit: they tell what passes when that turns out to be untrue.
	unlimited = 80
)

// keep is how many calls of a bucket are kept.
func (b Bucket) keep() int {
	if b.PerSecond == 0 {
		return unlimited
	}
	return b.PerSecond + spare
}

// book takes a slot. bound says that the call had to wait for this row.
func (r *row) book(at, now int64, bound bool) {
	if r.slow != nil && r.slow.over(r.bucket, now) {
		r.slow = nil
	}
	if last := len(r.calls) - 1; last >= 0 {
		waited := max(0, at-r.calls[last].at)
		if r.slow != nil && bound {
			r.slow = r.slow.booked(waited)
		}
		// Who asks again when there is no waiting for late calls any more finds the slot free at once, and has waited all the same.
		gaveUp := r.calls.next(r.bucket.PerSecond, anything) > at
		r.charge(waited, r.slow == nil && (bound || gaveUp))
	}
	r.calls = r.calls.book(unknown(at), r.bucket.keep())
	r.used = max(r.used, now)
}

// slot is the first moment, not before first, at which all rows have room.
func slot(rows []row, first, now int64) int64 {
	for _, r := range rows {
		first = max(first, r.next(now))
	}
	return first
}

// take books a slot that was asked for from first on in all rows.
func take(rows []row, at, first, now int64) {
	for i, r := range rows {
		rows[i].book(at, now, at > first && at == r.next(now))
	}
}

// allowed is how many calls a second may start; 0: nothing limits them.
func (r row) allowed(now int64) float64 {
	if r.slow != nil {
		return r.slow.rate(r.bucket, now)
	}
	return float64(r.bucket.PerSecond)
}

// free reports whether nothing limits the row.
func (r row) free() bool { return r.bucket.PerSecond == 0 && r.slow == nil }

// Book takes the next slot of every bucket that covers the call, not before earliest. If that is later than latest (zero:
// any time will do), nothing is written, ok is false and Slot.At says when.
func (p *Pace) Book(tx *db.Tx, c Call, earliest, latest time.Time) (s Slot, ok bool, err error) {
	s.holds, s.flight = p.holds(c), &flight{op: c.Op}
	err = p.change(tx, s.holds, func(rows []row) bool {
		now, first := p.micros(p.Now()), p.micros(earliest)
		p.learn(rows, now)
		s.us = slot(rows, first, now)
		s.At = p.local(s.us)
		s.free = !slices.ContainsFunc(rows, func(r row) bool { return !r.free() })
		s.loose = !slices.ContainsFunc(rows, func(r row) bool { return r.bucket.PerSecond > 0 })
		if ok = latest.IsZero() || !s.At.After(latest); ok {
			take(rows, s.us, first, now)
		}
		return ok
	})
	if err != nil || !ok {
		return s, false, err
	}
	return s, true, p.count(tx, s.At)
}

const (
	// secondsKept is how long calls per second are remembered.
	secondsKept = 60
	// rowsKept is how long a row outlives its last booking, in seconds; sweepEvery is how often old rows are looked for.
	rowsKept, sweepEvery = 3600, 60
)

// count adds a call to its second, for people, and now and then deletes what is old.
func (p *Pace) count(tx *db.Tx, at time.Time) error {
	sec := at.Unix()
	calls, err := db.Value[int64](tx.Context(), tx, `INSERT INTO pace_second (second, booker, calls) VALUES ($1, $2, 1)
		ON CONFLICT (second, booker) DO UPDATE SET calls = pace_second.calls + 1 RETURNING calls`, sec, p.booker)
	if err != nil || calls > 1 {
		return err
	}
	if _, err = tx.Exec("DELETE FROM pace_second WHERE booker = $1 AND second < $2", p.booker, sec-secondsKept); err != nil {
		return err
	}
	now := p.micros(p.Now())
	if now-p.swept.Load() < sweepEvery*second {
		return nil
	}
	p.swept.Store(now)
	if _, err = tx.Exec("DELETE FROM pace_second WHERE second < $1 OR second > $2", sec-secondsKept, sec+secondsKept); err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM pace WHERE used_us < $1", now-rowsKept*second)
	return err
}

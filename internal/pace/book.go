package pace

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

const (
	second = 1_000_000 // microseconds
	// smooth is the least distance between two slots, in parts of the even one: an urgent call waits for one slot and not
	// for a burst to be over, and who was late catches up at 10 %.
	smooth = 0.9
	// spare is how many calls are kept beyond those that count.
	spare = 4
)

// next is the first moment at which the row has room.
func (r row) next(now int64) int64 {
	at := r.calls.next(r.bucket.PerSecond)
	if r.slow != nil && len(r.calls) > 0 {
		at = max(at, r.calls[len(r.calls)-1].at+r.slow.gap(r.bucket, now))
	}
	return at
}

// book is the row after a slot was taken.
func (r row) book(at, now int64) row {
	r.calls = r.calls.book(at, guard.Microseconds(), r.bucket.PerSecond+spare)
	r.used = max(r.used, now)
	return r
}

// Book takes the next slot of every bucket that covers the call, not before earliest. If that is later than latest (zero:
// any time will do), nothing is written, ok is false and Slot.At says when.
func (p *Pace) Book(tx *db.Tx, c Call, earliest, latest time.Time) (s Slot, ok bool, err error) {
	s.holds = p.holds(c)
	err = p.change(tx, s.holds, func(rows []row) []row {
		now := p.micros(p.Now())
		s.us = p.micros(earliest)
		for _, r := range rows {
			s.us = max(s.us, r.next(now))
		}
		s.At = p.local(s.us)
		if ok = latest.IsZero() || !s.At.After(latest); !ok {
			return nil
		}
		booked := make([]row, len(rows))
		for i, r := range rows {
			booked[i] = r.book(s.us, now)
		}
		return booked
	})
	if err != nil || !ok {
		return s, false, err
	}
	return s, true, count(tx, s.At)
}

// count adds a call to its second, for people, and forgets old ones.
func count(tx *db.Tx, at time.Time) error {
	sec := at.Unix()
	calls, err := db.Value[int64](tx.Context(), tx, `INSERT INTO pace_second (second, calls) VALUES ($1, 1)
		ON CONFLICT (second) DO UPDATE SET calls = pace_second.calls + 1 RETURNING calls`, sec)
	if err != nil || calls > 1 {
		return err
	}
	_, err = tx.Exec("DELETE FROM pace_second WHERE second < $1 OR second > $2", sec-60, sec+60)
	return err
}

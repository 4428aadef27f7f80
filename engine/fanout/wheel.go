package fanout

import (
	"math/rand/v2"
	"time"
)

// spokes is how many ticks ahead a wheel can look. What is due later comes by earlier and is put in again.
const spokes = 64

// wheel has each connection looked after when it has something due, with one timer for all of them.
type wheel struct {
	tick  time.Duration
	at    int64 // ticks that are done
	full  int   // appointments
	slots [spokes][]*Conn
}

// put has c checked in the first tick that begins at due or later. An earlier appointment stands: the check puts c in again.
func (w *wheel) put(c *Conn, due time.Duration) {
	n := int64((due-1)/w.tick) + 1
	n = min(max(n, w.at+1), w.at+spokes-1)
	if c.wake > w.at && c.wake <= n {
		return
	}
	c.wake = n
	w.full++
	w.slots[n%spokes] = append(w.slots[n%spokes], c)
}

// next is when the next tick begins.
func (w *wheel) next() time.Duration { return time.Duration(w.at+1) * w.tick }

// due is when turn has to be called.
func (w *wheel) due() time.Duration {
	if w.full == 0 {
		return never
	}
	return w.next()
}

// turn checks the connections of all ticks that have begun.
func (w *wheel) turn(now time.Duration) {
	for w.next() <= now {
		w.at++
		slot := w.slots[w.at%spokes]
		if len(slot) == 0 {
			continue
		}
		w.slots[w.at%spokes] = nil
		w.full -= len(slot)
		for _, c := range slot {
			if c.wake == w.at && !c.ended { // or it has been put somewhere else since
				c.check(now)
			}
			if !c.ended {
				w.put(c, c.due())
			}
		}
	}
}

// firstPing is somewhere in the second half of the interval, which spreads those who came together.
func firstPing(every time.Duration) time.Duration {
	return every/2 + rand.N(every/2+1) //nolint:gosec // nothing secret about it
}

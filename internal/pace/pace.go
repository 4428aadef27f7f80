// Package pace keeps calls within the provider's limits: buckets as data, and a slot for each call.
//
//	Call ── buckets that cover it ──► a row each: the last calls ──► the first moment at which all have room: the slot
//
// A bucket of ten a second lets an eleventh call start when the first of the last ten has certainly arrived at the
// provider a second ago. That holds in every sliding second, as the provider sees it, for all processes that share the
// database. When the provider throttles more than it documents, the bucket slows down and climbs back (adapt.go).
package pace

import (
	"sync/atomic"
	"time"
)

const (
	// MaxLate is how late a call may start in its slot. A call that is later must not be sent.
	MaxLate = 8 * time.Millisecond
	// guard is how long after its slot a call may arrive, beyond what all calls take: late timers and uneven ways.
	guard = 15 * time.Millisecond
)

// Call is what one request to the provider is about. Resources are ARNs; "" where the operation has none.
type Call struct{ Op, Instance, Bearer, Channel, User string }

func (c Call) key(s Scope) string {
	switch s {
	case Account:
		return ""
	case Instance:
		return c.Instance
	case Bearer:
		return c.Bearer
	case Channel:
		return c.Channel
	case User:
		return c.User
	}
	return ""
}

// Slot is the moment in which a booked call is to be sent: not before At, and at most MaxLate later.
type Slot struct {
	At    time.Time
	us    int64
	holds []hold
}

// hold is one row of a slot.
type hold struct {
	bucket Bucket
	key    string
}

// Pace hands out slots. Any number of them, in any number of processes, may share a database. Safe for concurrent use.
type Pace struct {
	Preset
	start time.Time
	shift atomic.Int64 // microseconds from our clock to the fastest clock seen in the table
}

// New makes a pace that keeps a preset's limits.
func New(p Preset) *Pace { return &Pace{Preset: p, start: time.Now()} }

// Now is the clock of slots: the time at the start of the process, and what has passed since. A wall clock that is set
// does not move it.
func (p *Pace) Now() time.Time { return p.start.Add(time.Since(p.start)) }

// micros is a moment in the table's time, rounded up.
func (p *Pace) micros(t time.Time) int64 {
	return p.start.UnixMicro() + int64((t.Sub(p.start)+time.Microsecond-1)/time.Microsecond) + p.shift.Load()
}

// local is a moment of the table's time by our clock.
func (p *Pace) local(us int64) time.Time {
	return p.start.Add(time.Duration(us-p.start.UnixMicro()-p.shift.Load()) * time.Microsecond)
}

// follow takes note of a moment that has certainly passed: a clock that is behind it runs ahead by the difference.
func (p *Pace) follow(us int64) {
	for {
		shift := p.shift.Load()
		behind := us - p.micros(p.Now())
		if behind <= 0 || p.shift.CompareAndSwap(shift, shift+behind) {
			return
		}
	}
}

// holds lists the rows that a call counts in.
func (p *Pace) holds(c Call) []hold {
	var out []hold
	for _, b := range p.Buckets {
		if b.covers(c.Op) {
			out = append(out, hold{b, c.key(b.Scope)})
		}
	}
	return out
}

// Package pace keeps calls within the provider's limits: buckets as data, and a slot for each call.
//
//	Call ── buckets that cover it ──► a row each: the last calls ──► the first moment at which all have room: the slot
//
// A bucket of ten a second lets an eleventh call start when the first of the last ten has arrived at the provider a second ago. That holds in every sliding second, as the provider sees it, for all processes that share the
// database; their clocks may differ. By when a call has arrived follows from how long it took in all:
//
//	slot ─ at most MaxLate ─► start ─ a connection ─► written ─ usual, and what it took longer in all ─► arrival ──► answer
//
// While the answer is not overdue it is believed to be at most guard longer on its way than others (flight.go).
//
// Where late calls are so many that this would cost more than 1.5 % of a bucket, one of them may be the eleventh (cost.go).
//
// Book takes a slot, Wait waits for it, Watch sees the request leave and the answer come, Answered tells how it ended; Do does
// all. When the provider throttles more than it documents, the bucket slows down and climbs back (adapt.go).
package pace

import (
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
)

const (
	// MaxLate is how late a call may start in its slot. A call that is later must not be sent.
	MaxLate = 8 * time.Millisecond
	// guard is by how much a call's way to the provider is believed to be longer than the quickest one's while nothing says more.
	guard = 15 * time.Millisecond
	// second in microseconds, in which all times of the table are.
	second = 1_000_000
)

// Call is one request as the provider's limits see it. What the operation has not is "".
type Call struct {
	Op       string  // as in Amazon's API reference
	Instance arn.ARN // the app instance in which it happens
	Bearer   arn.ARN // the chat account that acts; the identity operations have none
	Channel  arn.ARN
	User     arn.ARN // the one chat account that it is about
}

// Key is the thing of a scope that the call counts for: it tells the rows of a bucket apart.
func (c Call) Key(s Scope) string {
	switch s {
	case Account:
		return ""
	case Instance:
		return string(c.Instance)
	case Bearer:
		return string(c.Bearer)
	case Channel:
		return string(c.Channel)
	case User:
		return string(c.User)
	}
	return ""
}

// Slot is the moment in which a booked call is to be sent: not before At, and at most MaxLate later.
type Slot struct {
	At    time.Time // by Now's clock
	us    int64     // At in the table's time
	holds []hold
	free  bool // nothing limits the call: it may start at any time
	loose bool // no second is counted: it may be late

	flight *flight // what becomes of the call
}

// hold is one row of a slot.
type hold struct {
	bucket Bucket
	key    string
}

// Pace hands out slots. Any number of them, in any number of processes, may share a database. Safe for concurrent use.
type Pace struct {
	Preset
	every   []Bucket            // those of all operations
	buckets map[string][]Bucket // the others, by operation
	booker  string
	start   time.Time
	shift   atomic.Int64 // microseconds from our clock to the fastest clock seen in the table
	swept   atomic.Int64 // when old rows were last deleted

	mu      sync.Mutex // guards these
	flights map[callKey]*flight
	ways    map[string]*way // by operation
}

// New makes a pace that keeps a preset's limits.
func New(p Preset) *Pace {
	out := &Pace{Preset: p, buckets: map[string][]Bucket{}, booker: rand.Text()[:8], start: time.Now(), flights: map[callKey]*flight{}, ways: map[string]*way{}}
	for _, b := range p.Buckets {
		if b.Ops == nil {
			out.every = append(out.every, b)
		}
		for _, op := range b.Ops {
			out.buckets[op] = append(out.buckets[op], b)
		}
	}
	return out
}

// holds lists the rows that a call counts in, always in the same order. STS is not the chat provider: it has none.
func (p *Pace) holds(c Call) []hold {
	var out []hold
	if strings.HasPrefix(c.Op, "AssumeRole") {
		return nil
	}
	for _, b := range p.every {
		out = append(out, hold{b, c.Key(b.Scope)})
	}
	for _, b := range p.buckets[c.Op] {
		out = append(out, hold{b, c.Key(b.Scope)})
	}
	return out
}

// Now is the clock of slots: the time at the start of the process, and what has passed since. A wall clock that is set
// does not move it.
func (p *Pace) Now() time.Time { return p.start.Add(time.Since(p.start)) }

// The table's time is that of the fastest clock among the processes. Whoever reads a row knows that the moment at which
// it was written has passed; if his clock says otherwise it is behind, and runs ahead by the difference from then on. So
// a clock that was set does not make anybody wait, and two processes mean the same second.

// micros is a moment in the table's time, rounded up.
func (p *Pace) micros(t time.Time) int64 {
	return p.start.UnixMicro() + int64((t.Sub(p.start)+time.Microsecond-1)/time.Microsecond) + p.shift.Load()
}

// local is a moment of the table's time by our clock.
func (p *Pace) local(us int64) time.Time {
	return p.start.Add(time.Duration(us-p.start.UnixMicro()-p.shift.Load()) * time.Microsecond)
}

// follow takes note of a moment that has passed.
func (p *Pace) follow(us int64) {
	for {
		shift := p.shift.Load()
		behind := us - p.micros(p.Now())
		if behind <= 0 || p.shift.CompareAndSwap(shift, shift+behind) {
			return
		}
	}
}

package pace

import (
	"math"
	"time"
)

const (
	// remembered is for how long the cost of late calls counts: later it counts for less and less.
	remembered = 64 * second
	// mostCost is how much that may be: what guard would cost. unusedCost is what is believed of a bucket that nobody has used.
	mostCost   = remembered / second * int64(guard/time.Microsecond)
	unusedCost = mostCost / 2
	// anything may be believed of a call.
	anything = math.MaxInt32
)

// next is the first moment at which the row has room. Calls that may have come late are waited for as long as what that has cost
// lately is less than it may be. Then their ways are believed to be no longer than guard.
func (r row) next(now int64) int64 {
	n := r.bucket.PerSecond
	at := r.calls.next(n, guard.Microseconds())
	if sure := r.calls.next(n, anything); sure > at {
		patience := max(0, mostCost-r.cost)
		at = max(at, min(sure, r.calls[len(r.calls)-1].at+int64(second/n)+patience))
	}
	if r.slow != nil && len(r.calls) > 0 {
		at = max(at, r.calls[len(r.calls)-1].at+r.slow.gap(r.bucket, now))
	}
	return at
}

// charge takes into account what a slot has cost that was free so long after the one before: all that is more than the even distance,
// if the call had to wait for this row.
func (r *row) charge(waited int64, bound bool) {
	r.cost -= r.cost * min(waited, remembered) / remembered
	if n := int64(r.bucket.PerSecond); n > 0 && bound {
		r.cost += min(max(0, waited-second/n), guard.Microseconds()+max(0, mostCost-r.cost))
	}
}

// costShare is by which part of itself a second of calls is longer than a second.
func (r row) costShare() float64 { return float64(r.cost) / remembered }

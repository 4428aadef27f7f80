package pace

import (
	"slices"
	"strconv"
	"strings"
)

// entry is a booked call: its slot, and how long after it the call can have arrived at the latest. Microseconds.
type entry struct{ at, held int64 }

func (e entry) arrived() int64 { return e.at + e.held }

// window is the last calls of a row, by slot.
type window []entry

// next is the first moment at which one of perSecond calls may start: the first of the last perSecond calls has arrived
// a second ago.
func (w window) next(perSecond int) int64 {
	if len(w) == 0 || perSecond == 0 {
		return 0
	}
	first := w[len(w)-1].at + int64(smooth*second/float64(perSecond))
	if len(w) < perSecond {
		return first
	}
	arrivals := make([]int64, len(w))
	for i, e := range w {
		arrivals[i] = e.arrived()
	}
	slices.Sort(arrivals)
	return max(first, arrivals[len(w)-perSecond]+second)
}

// book adds a call and forgets those that do not count any more.
func (w window) book(at, held int64, keep int) window {
	w = append(slices.Clone(w), entry{at, held})
	return w[max(0, len(w)-keep):]
}

// find is the place of the call with a slot, -1 for none.
func (w window) find(at int64) int {
	return slices.IndexFunc(w, func(e entry) bool { return e.at == at })
}

// pack writes a window as text: each call as the distance of its slot from the one before, and how long it is held.
func (w window) pack() string {
	var b strings.Builder
	last := int64(0)
	for _, e := range w {
		b.WriteString(strconv.FormatInt(e.at-last, 36) + "+" + strconv.FormatInt(e.held, 36) + " ")
		last = e.at
	}
	return b.String()
}

// unpack reads what pack wrote. What it cannot read it takes for the end.
func unpack(s string) window {
	var w window
	last := int64(0)
	for f := range strings.FieldsSeq(s) {
		at, held, ok := strings.Cut(f, "+")
		d, err := strconv.ParseInt(at, 36, 64)
		h, err2 := strconv.ParseInt(held, 36, 64)
		if !ok || err != nil || err2 != nil {
			break
		}
		last += d
		w = append(w, entry{last, h})
	}
	return w
}

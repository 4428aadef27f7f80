package pace

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// mark is what is known of a booked call.
type mark byte

const (
	pending mark = '+' // booked, not yet answered
	passed  mark = '.' // answered
	refused mark = '!' // answered: not so fast
	lost    mark = '?' // there will be no answer
)

// marks are all of them.
const marks = "+.!?"

// entry is a booked call: its slot, how long after it the call left at the latest, and by how much longer than usual it may have
// been on its way. Microseconds.
type entry struct {
	at, left, more int64
	mark           mark
}

// unknown is a call of which nothing is known but its slot.
func unknown(at int64) entry {
	return entry{at: at, left: MaxLate.Microseconds(), more: guard.Microseconds(), mark: pending}
}

// arrived is when the call has arrived, had its way been of the usual length, if it was longer by what may be believed at most.
func (e entry) arrived(most int64) int64 { return e.at + e.left + min(e.more, most) }

// window is the last calls of a row, by slot.
type window []entry

// next is the first moment at which one more of perSecond calls may start: all but perSecond-1 have arrived a second ago. Slots are
// never closer than they would be evenly: an urgent call waits for one of them and not for a burst, and those who share a bucket
// keep out of each other's way. A way is believed to be longer than usual by most at most.
func (w window) next(perSecond int, most int64) int64 {
	if len(w) == 0 || perSecond == 0 {
		return 0
	}
	first := w[len(w)-1].at + int64(second/perSecond)
	if len(w) < perSecond {
		return first
	}
	arrivals := make([]int64, len(w))
	for i, e := range w {
		arrivals[i] = e.arrived(most)
	}
	slices.Sort(arrivals)
	return max(first, arrivals[len(w)-perSecond]+second)
}

// book adds a call. Of more than keep it forgets the one that arrived first, which need not be the one that started first.
func (w window) book(e entry, keep int) window {
	w = slices.Clone(w)
	for len(w) >= keep {
		i := w.first()
		w = slices.Delete(w, i, i+1)
	}
	return append(w, e)
}

// first is the place of the call that arrived first.
func (w window) first() int {
	return slices.Index(w, slices.MinFunc(w, func(a, b entry) int { return cmp.Compare(a.arrived(anything), b.arrived(anything)) }))
}

// find is the place of the call with a slot that is not answered yet, -1 for none.
func (w window) find(at int64) int {
	return slices.IndexFunc(w, func(e entry) bool { return e.at == at && e.mark == pending })
}

// with is the window with another entry in a place.
func (w window) with(i int, e entry) window {
	w = slices.Clone(w)
	w[i] = e
	return w
}

// without is the window without a call. When there are as many as are kept, others were forgotten, and it is not known how
// long ago: the first of the rest counts twice instead, as long after its slot as any.
func (w window) without(i, keep int) window {
	rest := slices.Delete(slices.Clone(w), i, i+1)
	if len(w) < keep || len(rest) == 0 {
		return rest
	}
	first := rest.first()
	twin, worst := rest[first], unknown(0)
	twin.left, twin.more, twin.mark = max(twin.left, worst.left), max(twin.more, worst.more), lost
	return slices.Insert(rest, first, twin)
}

// since counts the calls with slots in the given time before and at a slot, and those of them that were refused.
func (w window) since(at, span int64) (calls, refusals int) {
	for _, e := range w {
		if e.at > at-span && e.at <= at {
			calls++
			if e.mark == refused {
				refusals++
			}
		}
	}
	return calls, refusals
}

// passing is how many calls a second were not refused in the last second before a slot, or in the time of the last four
// calls if that is longer, but not of those up to another slot.
func (w window) passing(at, after int64) float64 {
	calls, n, from := 0, 0, at
	for _, e := range slices.Backward(w) {
		if e.at >= at {
			continue
		}
		if e.at <= after || calls >= 4 && e.at < at-second {
			break
		}
		calls++
		from = e.at
		if e.mark != refused && e.mark != lost {
			n++
		}
	}
	if calls < 2 && after > 0 {
		return w.passing(at, 0)
	}
	if n == 0 {
		return 0
	}
	span := at - from
	if calls == len(w)-1 {
		span = max(span, second) // these are the first ever: before them was nothing
	}
	return float64(n) / float64(max(1, span)) * second
}

// pack writes a window as text: for each call how long its slot comes after the one before, its mark, left, and more.
func (w window) pack() string {
	b := make([]byte, 0, 12*len(w)+10)
	last := int64(0)
	for _, e := range w {
		b = strconv.AppendInt(b, e.at-last, 36)
		b = append(b, byte(e.mark))
		b = strconv.AppendInt(b, e.left, 36)
		b = append(b, '~')
		b = strconv.AppendInt(b, e.more, 36)
		b = append(b, ' ')
		last = e.at
	}
	return string(b)
}

// unpack reads what pack wrote. What it cannot read it takes for the end. (The version before wrote no more.)
func unpack(s string) window {
	w := make(window, 0, strings.Count(s, " "))
	last := int64(0)
	for f := range strings.FieldsSeq(s) {
		i := strings.IndexAny(f, marks)
		if i < 0 {
			break
		}
		left, more, _ := strings.Cut(f[i+1:], "~")
		at, err := strconv.ParseInt(f[:i], 36, 64)
		sure, err2 := strconv.ParseInt(left, 36, 64)
		most, err3 := strconv.ParseInt(cmp.Or(more, "0"), 36, 64)
		if err != nil || err2 != nil || err3 != nil {
			break
		}
		last += at
		w = append(w, entry{last, sure, most, mark(f[i])})
	}
	return w
}

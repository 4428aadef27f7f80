package quota

import (
	"cmp"
	"math"
	"time"
)

// never is the moment of a call that was not made.
const never = time.Duration(math.MinInt64)

// size is how many calls a bucket remembers.
func (b Bucket) size() int {
	return cmp.Or(b.Burst, b.Rate)
}

// window is how long a call keeps its place.
func (b Bucket) window() time.Duration {
	return time.Duration(b.size()) * cmp.Or(b.Per, time.Second) / time.Duration(b.Rate)
}

// wait is the whole rule: a call may go once the one that stands Burst calls before it is a window old. It returns how
// long that is from now; 0 means go. Times are on any one clock; nth may be never.
func (b Bucket) wait(now, nth time.Duration) time.Duration {
	if nth == never {
		return 0
	}
	return max(0, nth+b.window()-now)
}

// history is the last calls that passed a bucket under one key, in a ring.
type history struct {
	calls []time.Duration
	next  int // the oldest, and where the next one goes
}

func newHistory(size int) *history {
	h := &history{calls: make([]time.Duration, size)}
	for i := range h.calls {
		h.calls[i] = never
	}
	return h
}

// nth is the call that stands as many calls back as the ring is long.
func (h *history) nth() time.Duration { return h.calls[h.next] }

// add notes a call. Callers read the clock before they get the lock: one that overtook another counts as made together
// with it, so that the ring stays in order.
func (h *history) add(now time.Duration) {
	last := h.calls[(h.next+len(h.calls)-1)%len(h.calls)]
	h.calls[h.next] = max(now, last)
	h.next = (h.next + 1) % len(h.calls)
}

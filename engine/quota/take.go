package quota

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// shards is how many locks the histories are spread over, and generation how many a shard keeps of each generation:
// 131,072 in all, about 30 MB with ten places each. That is more callers than a process answers in the second or two that
// they are kept for. Whoever invents so many names that a shard fills up makes it forget early: to be lenient for a
// moment is better than to grow, or to refuse those who come properly.
const (
	shards     = 64
	generation = 1024
)

// Limiter counts calls against the buckets of some limits. Safe for concurrent use; nil counts nothing.
type Limiter struct {
	limits  Limits
	buckets map[string][]int // by operation
	other   []int            // for an operation that is not in the table: those that count everything
	keep    time.Duration    // the longest window: who rests longer has all places free
	start   time.Time
	seed    maphash.Seed
	shards  [shards]shard
}

// shard keeps two generations of histories. When the young one is old enough it becomes the old one, whose histories are
// forgotten unless they were used meanwhile.
type shard struct {
	mu         sync.Mutex
	young, old map[uint64]*history
	turned     time.Duration
}

// NewLimiter counts from nothing.
func NewLimiter(l Limits) *Limiter {
	out := &Limiter{limits: l, buckets: bucketsOf(l), start: time.Now(), seed: maphash.MakeSeed()}
	for i, b := range l.Buckets {
		out.keep = max(out.keep, b.window())
		if b.Name == all {
			out.other = append(out.other, i)
		}
	}
	return out
}

// cell is one bucket under one key.
type cell struct {
	bucket Bucket
	key    uint64
	shard  *shard
	past   *history // nil: no calls that count
}

// Take lets one call pass all buckets of its operation or none: a refused call uses nothing up. Error: Throttled
// "rate_exceeded" with RetryAfter, around a BucketError.
func (l *Limiter) Take(now time.Time, operation string, k Keys) error {
	if l == nil {
		return nil
	}
	which, known := l.buckets[operation]
	if !known {
		which = l.other
	}
	if len(which) == 0 {
		return nil
	}
	at := now.Sub(l.start)
	cells, locks := l.cells(which, k)
	for _, i := range locks {
		l.shards[i].mu.Lock()
		defer l.shards[i].mu.Unlock()
		l.shards[i].turn(at, l.keep)
	}
	var (
		longest time.Duration
		full    BucketError
	)
	for i, c := range cells {
		if cells[i].past = c.shard.find(c.key); cells[i].past == nil {
			continue
		}
		if w := c.bucket.wait(at, cells[i].past.nth()); w > longest {
			longest, full = w, BucketError(c.bucket.Name)
		}
	}
	if longest > 0 {
		return fault.Wrap(full, fault.Throttled, "rate_exceeded", "Rate exceeded").After(longest)
	}
	for _, c := range cells {
		if c.past == nil {
			c.past = c.shard.make(c.key, c.bucket.size(), at)
		}
		c.past.add(at)
	}
	return nil
}

// cells lists what a call takes from, and the shards to lock in the one order that everybody locks in. A key is a hash
// with a secret seed: two that fall together share an allowance, which nobody can bring about.
func (l *Limiter) cells(which []int, k Keys) ([]cell, []int) {
	cells, locks := make([]cell, len(which)), make([]int, len(which))
	for i, b := range which {
		c := cell{bucket: l.limits.Buckets[b]}
		outer, inner := k.of(c.bucket.Scope)
		c.key = maphash.Comparable(l.seed, struct {
			bucket       int
			outer, inner string
		}{b, outer, inner})
		locks[i] = int(c.key % shards)
		c.shard = &l.shards[locks[i]]
		cells[i] = c
	}
	slices.Sort(locks)
	return cells, slices.Compact(locks)
}

// turn forgets who has rested for a whole window. The lock is held.
func (s *shard) turn(now, keep time.Duration) {
	switch age := now - s.turned; {
	case age < keep && len(s.young) < generation:
		return
	case age >= 2*keep:
		s.old = nil
	default:
		s.old = s.young
	}
	s.young, s.turned = nil, now
}

// find returns the calls under key, nil for none that count. The lock is held.
func (s *shard) find(key uint64) *history {
	if h := s.young[key]; h != nil {
		return h
	}
	h := s.old[key]
	if h != nil {
		delete(s.old, key)
		s.put(key, h)
	}
	return h
}

func (s *shard) make(key uint64, size int, now time.Duration) *history {
	h := newHistory(size)
	s.put(key, h)
	return h
}

func (s *shard) put(key uint64, h *history) {
	if s.young == nil {
		s.young = map[uint64]*history{}
	}
	s.young[key] = h
}

// BucketError names the bucket that refused.
type BucketError string

func (e BucketError) Error() string { return "the bucket " + string(e) + " is full" }

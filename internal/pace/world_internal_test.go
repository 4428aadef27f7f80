package pace

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

// world is a dispatcher with endless work and a provider, in a time of its own: months pass in seconds. It uses the rows as
// Book and Answered do, without a database; the tests with one are in exact_test.go.
type world struct {
	*testing.T
	now      int64 // microseconds
	todo     queue
	rng      *rand.Rand
	pace     *Pace
	rows     map[string]row
	work     []Call                       // of each there is no end
	provider func(c Call, now int64) bool // whether it lets a call pass
	way      int64                        // to the provider, and the same back
	most     int                          // calls that may wait for their answers
	flying   int
	calls    []sent // by arrival
}

// sent is one call as the provider saw it.
type sent struct {
	Call
	at      int64
	refused bool
}

const bigBang = int64(1_800_000_000) * second

// newWorld has work of one kind for an account at a preset's pace.
func newWorld(t *testing.T, seed uint64, p Preset, way time.Duration, limits ...limiter) *world {
	w := &world{T: t, now: bigBang, rng: rand.New(rand.NewPCG(seed, seed)), pace: New(p), rows: map[string]row{},
		work: []Call{{Op: "CreateAppInstanceUser"}}, provider: provider(limits).take, way: way.Microseconds(), most: 16}
	w.after(0, w.dispatch)
	return w
}

// after has f happen.
func (w *world) after(d int64, f func()) { heap.Push(&w.todo, happening{w.now + d, len(w.calls), f}) }

// run lets time pass.
func (w *world) run(d time.Duration) {
	for end := w.now + d.Microseconds(); ; {
		if len(w.todo) == 0 || w.todo[0].at > end {
			w.now = end
			return
		}
		h, ok := heap.Pop(&w.todo).(happening)
		if !ok {
			w.Fatal("something else happened")
		}
		w.now = h.at
		h.f()
	}
}

// load returns the rows of a call.
func (w *world) load(c Call) []row {
	var out []row
	for _, h := range w.pace.holds(c) {
		r, ok := w.rows[h.bucket.Name+h.key]
		if !ok {
			r = columns{}.row(h)
		}
		out = append(out, r)
	}
	w.pace.learn(out, w.now)
	return out
}

func (w *world) store(rows []row) {
	for _, r := range rows {
		w.rows[r.bucket.Name+r.key] = r
	}
}

// dispatch starts the call that may go first and looks for the next one.
func (w *world) dispatch() {
	const lead, ahead, look = 10_000, 100_000, 50_000
	first := w.now + lead
	var best Call
	at := int64(1 << 62)
	for i := range w.work {
		c := w.work[(i+len(w.calls))%len(w.work)]
		if s := slot(w.load(c), first, w.now); s < at {
			best, at = c, s
		}
	}
	if w.flying >= w.most || at > w.now+ahead {
		w.after(look, w.dispatch)
		return
	}
	rows := w.load(best)
	take(rows, at, first, w.now)
	w.store(rows)
	w.flying++
	w.after(at-w.now+w.late(), func() {
		s := Slot{us: at, flight: &flight{op: best.Op}, holds: w.pace.holds(best)}
		w.pace.leaves(s, w.now)
		w.after(w.way+w.rng.Int64N(guard.Microseconds()), func() { w.arrive(best, s) })
		w.dispatch()
	})
}

// late is how late a timer is: mostly by less than a millisecond.
func (w *world) late() int64 {
	if w.rng.IntN(20) == 0 {
		return w.rng.Int64N(MaxLate.Microseconds())
	}
	return w.rng.Int64N(1000)
}

// arrive has the provider answer.
func (w *world) arrive(c Call, s Slot) {
	o := OK
	if !w.provider(c, w.now) {
		o = Throttled
	}
	w.calls = append(w.calls, sent{c, w.now, o == Throttled})
	w.after(w.way, func() {
		w.flying--
		w.pace.landed(s, w.now, o)
		rows := w.load(c)
		answer(rows, s.us, w.now, o)
		w.store(rows)
	})
}

// count adds up the calls that arrived between two moments after the big bang.
func (w *world) count(from, to time.Duration) (passed, refused int) {
	for _, c := range w.calls {
		if c.at < bigBang+from.Microseconds() || c.at >= bigBang+to.Microseconds() {
			continue
		}
		if c.refused {
			refused++
		} else {
			passed++
		}
	}
	return passed, refused
}

// limiter is a limit of the provider: so many calls in any sliding second, refused ones not counted.
type limiter struct {
	key func(Call) (key string, counts bool) // nil: all calls together
	max func(at time.Duration) int           // after the big bang
	ok  map[string][]int64                   // calls that passed
}

// always is a limit that stays.
func always(n int) func(time.Duration) int { return func(time.Duration) int { return n } }

// provider is all its limits.
type provider []limiter

func (p provider) take(c Call, now int64) bool {
	for pass := range 2 { // a call counts where all have room, or nowhere
		for _, l := range p {
			key, counts := "", true
			if l.key != nil {
				key, counts = l.key(c)
			}
			if !counts {
				continue
			}
			if pass == 1 {
				l.ok[key] = append(l.ok[key], now)
				continue
			}
			n := 0
			for i := len(l.ok[key]) - 1; i >= 0 && l.ok[key][i] > now-1_000_000; i-- {
				n++
			}
			if n >= l.max(time.Duration(now-bigBang)*time.Microsecond) {
				return false
			}
		}
	}
	return true
}

func limit(max func(time.Duration) int, key func(Call) (string, bool)) limiter {
	return limiter{key: key, max: max, ok: map[string][]int64{}}
}

// happening is something that happens at a moment; what was planned first happens first.
type happening struct {
	at    int64
	order int
	f     func()
}

type queue []happening

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any) {
	if h, ok := x.(happening); ok {
		*q = append(*q, h)
	}
}
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// Package forecast says when each show will be ready, from what is left to do and how fast the provider may be called.
// It is arithmetic: no clock, no database.
//
// The provisioner serves the show with the earliest doors first, and lets a later one have what an earlier one cannot
// use because a limit of its own (its app instance's, its channel's) holds it back. So does the forecast, with calls
// poured like water instead of made one by one: every show flows as fast as the narrowest of its limits lets it, in the
// order of doors, until one has run dry or another begins; then all is shared out anew. What is lost by pouring is less
// than a second's worth of calls for each show (forecast_test.go compares it with a scheduler that makes each call).
package forecast

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Limit is one budget of calls: a bucket of the provider's limits for one thing of its scope.
type Limit struct {
	Bucket string // the bucket's name
	Of     string // the app instance, channel or bearer it is for; "" for the whole account
}

// Load is how many calls something still needs from each limit. A call that several limits count stands under each.
type Load map[Limit]float64

// Add adds n calls under a limit.
func (l Load) Add(k Limit, n float64) {
	if n > 0 {
		l[k] += n
	}
}

// Rates are calls a second. A limit that is missing holds nothing back; one of 0 lets nothing through.
type Rates map[Limit]float64

// Work is what one show still needs.
type Work struct {
	Needs Load
	From  time.Duration // its tickets come only then
}

// Never is when something is ready that nothing can make.
const Never = time.Duration(math.MaxInt64)

// Ready is one show's answer.
type Ready struct {
	In    time.Duration // from now; 0 if nothing is left, Never if a limit lets nothing through
	Bound Limit         // what holds it back in the end; zero if nothing is left or nothing limits it
}

// clearShare is the part of each limit that goes to the removal of past shows while there is something to make.
const clearShare = 0.05

// Run says when each of the shows, given in the order of doors, is ready. past is what the removal of past shows needs:
// while something is to be made, it gets clearShare of a limit and what nobody else can use.
func Run(shows []Work, past []Load, rates Rates) []Ready {
	p := newPool(rates)
	for _, w := range shows {
		p.add(w.Needs, w.From.Seconds())
	}
	p.makers = len(p.flows)
	for _, l := range past {
		p.add(l, 0)
	}
	for now := 0.0; ; {
		p.share(now)
		step := p.step(now)
		if math.IsInf(step, 1) {
			break
		}
		p.pour(now, step)
		now += step
	}
	out := make([]Ready, p.makers)
	for i, f := range p.flows[:p.makers] {
		out[i] = Ready{In: seconds(f.ended), Bound: p.name(f.bound)}
	}
	return out
}

func seconds(s float64) time.Duration {
	if s >= Never.Seconds() {
		return Never
	}
	return time.Duration(s * float64(time.Second))
}

// pool is the limits by number and what flows through them.
type pool struct {
	number map[Limit]int
	names  []Limit
	rates  []float64
	room   []float64 // left of each rate while it is shared out
	flows  []flow
	makers int // the first flows are shows, the others removals
}

// flow is one show's or one removal's way to its end.
type flow struct {
	needs []need
	from  float64 // seconds
	left  float64 // part of the needs, from 1 to 0
	speed float64 // parts a second, as last shared out
	bound int     // limit that set the speed; -1: none
	ended float64 // seconds
}

type need struct {
	limit int
	calls float64
}

func newPool(rates Rates) *pool {
	p := &pool{number: make(map[Limit]int, len(rates))}
	p.names = slices.SortedFunc(maps.Keys(rates), func(a, b Limit) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Of, b.Of))
	})
	for i, k := range p.names {
		p.number[k] = i
		p.rates = append(p.rates, max(rates[k], 0))
	}
	p.room = make([]float64, len(p.rates))
	return p
}

func (p *pool) name(limit int) Limit {
	if limit < 0 {
		return Limit{}
	}
	return p.names[limit]
}

func (p *pool) add(l Load, from float64) {
	f := flow{from: from, bound: -1}
	for k, calls := range l {
		if calls <= 0 {
			continue
		}
		f.ended = from // if nothing limits it
		if i, ok := p.number[k]; ok {
			f.needs = append(f.needs, need{i, calls})
		}
	}
	if len(f.needs) > 0 {
		slices.SortFunc(f.needs, func(a, b need) int { return a.limit - b.limit }) // of two equally narrow limits always the same is named
		f.left, f.ended = 1, math.Inf(1)
	}
	p.flows = append(p.flows, f)
}

// share gives every flow its speed from now on: first the removals their part, as far as they can use it, then the shows
// what they can use, then the removals what is left.
func (p *pool) share(now float64) {
	past := p.flows[p.makers:]
	for i, r := range p.rates {
		p.room[i] = r * clearShare
	}
	for i := range past {
		past[i].speed = 0
		p.feed(&past[i], now)
	}
	for i, r := range p.rates {
		p.room[i] += r * (1 - clearShare)
	}
	for i := range p.flows[:p.makers] {
		p.flows[i].speed = 0
		p.feed(&p.flows[i], now)
	}
	for i := range past {
		p.feed(&past[i], now)
	}
}

// feed gives one flow as much more as the narrowest of its limits has left.
func (p *pool) feed(f *flow, now float64) {
	if f.left <= 0 || f.from > now {
		return
	}
	more := math.Inf(1)
	for _, n := range f.needs {
		if s := p.room[n.limit] / n.calls; s < more {
			more, f.bound = s, n.limit
		}
	}
	f.speed += more
	for _, n := range f.needs {
		if p.room[n.limit] -= more * n.calls; p.room[n.limit] < dregs*p.rates[n.limit] {
			p.room[n.limit] = 0
		}
	}
}

// step is how long nothing changes: until a flow ends or begins. It is infinite when nothing moves any more.
func (p *pool) step(now float64) float64 {
	step := math.Inf(1)
	for _, f := range p.flows {
		switch {
		case f.left <= 0:
		case f.from > now:
			step = min(step, f.from-now)
		case f.speed > 0:
			step = min(step, f.left/f.speed)
		}
	}
	return step
}

// dregs are what rounding leaves of a flow or of a limit.
const dregs = 1e-9

func (p *pool) pour(now, step float64) {
	for i := range p.flows {
		f := &p.flows[i]
		if f.left <= 0 || f.speed == 0 {
			continue
		}
		if f.left -= f.speed * step; f.left <= dregs {
			f.left, f.ended = 0, now+step
		}
	}
}

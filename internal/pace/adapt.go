package pace

import "math"

// slow is the state of a bucket whose calls are throttled though they keep the documented limit; nil is the documented
// rate. It works like the congestion control of TCP (CUBIC, RFC 9438), in calls a second instead of bytes on their way:
//
//	rate │                                                 ╱ the documented limit
//	     │──╮ throttled                                  ╱
//	     │  │    ╭───────────── just under ceiling ───╮╱ carefully beyond: throttled again, or on to the limit
//	     │  │ ╭──╯
//	     │  ╰─╯ 0.9 × ceiling, what really passed
//	     └──────────────────────────────────────────────────► time
//
// When nothing passes at all, single calls ask, ever more rarely. After the first that passes the rate doubles with each.
type slow struct {
	Ceiling float64 `json:"ceiling"`        // calls a second that passed when it was lowered last
	Since   int64   `json:"since"`          // when that was: calls that started before do not lower it again
	Start   int64   `json:"start"`          // where the curve begins
	First   int64   `json:"first"`          // slot of the first of the calls that were throttled with none answered in between, or 0
	Last    int64   `json:"last"`           // slot of the last that was throttled
	Asked   int     `json:"asked"`          // how many single calls have asked in vain whether anything passes
	Ramp    float64 `json:"ramp,omitempty"` // the rate while it doubles, else 0

	// What really passed while the bucket was what calls waited for, for forecasts. Older calls count less.
	Calls float64 `json:"calls"`
	Time  float64 `json:"time"` // seconds
}

const (
	steepest  = 0.25     // of the ceiling: how far one refusal lowers it. What passed says little where there were few calls
	slowestOf = 1.0 / 32 // of the documented limit: the lowest ceiling, at most one call a second. Below, single calls ask
	lower     = 0.90     // of the ceiling: where a lowered rate begins
	under     = 0.99     // of the ceiling: where it stays
	regain    = 4.0      // seconds until it is there
	stay      = 16.0     // seconds until it goes beyond
	climb     = 16.0     // seconds from there to the documented limit
	firstRamp = 0.25     // of the ceiling: the rate after the first call that passes again
	patience  = 90_000   // microseconds in which all calls are throttled before it is asked whether anything passes
	maxPause  = 30.0     // seconds between single calls that ask whether anything passes
	freeRate  = 1000     // calls a second from which an unlimited bucket is not slow any more
	memory    = 60.0     // seconds after which a call counts a third for forecasts
	cycle     = 20.0     // seconds of measuring that make a forecast
	typical   = 0.97     // of the ceiling: what passes while there is nothing measured
)

// top is the rate at which a bucket is not slow any more.
func (b Bucket) top() float64 {
	if b.PerSecond == 0 {
		return freeRate
	}
	return float64(b.PerSecond)
}

// slowest is the lowest ceiling: whatever passes, a bucket is back within half a minute.
func (b Bucket) slowest() float64 { return max(1/maxPause, min(1, slowestOf*b.top())) }

// rate is how many calls a second may start now.
func (s *slow) rate(b Bucket, now int64) float64 {
	if s.asking() {
		return 1 / s.pause()
	}
	if s.Ramp > 0 {
		return s.Ramp
	}
	t := float64(now-s.Start) / second
	switch {
	case t < regain:
		return s.Ceiling * (under - (under-lower)*math.Pow(1-max(0, t)/regain, 3))
	case t < stay:
		return s.Ceiling * under
	}
	return s.Ceiling * under * math.Pow(b.top()/(s.Ceiling*under), min(1, (t-stay)/climb))
}

// asking reports whether only single calls may go, to see whether anything passes.
func (s *slow) asking() bool { return s.First > 0 && s.Last-s.First >= patience }

// pause is the time between such calls, in seconds.
func (s *slow) pause() float64 { return min(float64(1+s.Asked), maxPause) }

func (s *slow) gap(b Bucket, now int64) int64 { return int64(second / s.rate(b, now)) }

// over reports whether the documented rate is reached again.
func (s *slow) over(b Bucket, now int64) bool {
	return !s.asking() && s.Ramp == 0 && s.rate(b, now) >= b.top()
}

// throttled is the state after the call with a slot was throttled.
func (s *slow) throttled(r row, at, now int64) *slow {
	if s == nil {
		next := &slow{Since: now, Start: now, First: at, Last: at, Ceiling: r.bucket.top()}
		if passes := r.calls.passing(at, 0); passes > 0 {
			next.Ceiling = max(min(next.Ceiling, passes), steepest*float64(r.bucket.PerSecond), r.bucket.slowest())
		} else {
			next.First = at - patience
		}
		return next
	}
	next := *s
	next.Last = max(s.Last, at)
	if s.First == 0 {
		next.First = at
	}
	switch {
	case at <= s.Since: // it was on its way when the rate was lowered
		return &next
	case s.asking():
		if at-s.Last > int64(s.pause()*second/2) { // and not booked before
			next.Asked++
		}
	case s.First == 0:
		next.Ceiling = max(min(r.calls.passing(at, s.Since), s.rate(r.bucket, at)), s.Ceiling*steepest, r.bucket.slowest())
	}
	next.Since, next.Start, next.Ramp = now, now, 0
	if next.Ceiling > 1.33*s.Ceiling || next.Ceiling < 0.75*s.Ceiling {
		next.Calls, next.Time = 0, 0 // another time, another measure
	}
	return &next
}

// answered is the state after the call with a slot was answered.
func (s *slow) answered(b Bucket, at, now int64) *slow {
	if s == nil || at <= s.Last {
		return s
	}
	next := *s
	switch {
	case s.asking():
		next.Ramp = max(firstRamp*s.Ceiling, min(lower*s.Ceiling, 1))
	case s.Ramp > 0 && at > s.Since:
		next.Ramp = 2 * s.Ramp
	}
	next.First, next.Asked = 0, 0
	if next.Ramp >= lower*s.Ceiling {
		next.Ramp, next.Start = 0, now
	}
	if next.over(b, now) {
		return nil
	}
	return &next
}

// booked is the state after a call was booked that had to wait for this bucket since the last one.
func (s *slow) booked(waited int64) *slow {
	next := *s
	t := float64(waited) / second
	fade := math.Exp(-t / memory)
	next.Calls, next.Time = next.Calls*fade+1, next.Time*fade+t
	return &next
}

// wasted takes a booked call back out of what passed.
func (s *slow) wasted() *slow {
	next := *s
	next.Calls = max(0, next.Calls-1)
	return &next
}

// forecast is how many calls a second will pass from now on.
func (s *slow) forecast(b Bucket, now int64) float64 {
	rate := s.rate(b, now)
	if rate > 1.15*s.Ceiling {
		return rate // on its way to the limit
	}
	if !s.asking() {
		rate = typical * s.Ceiling
	}
	unmeasured := max(0, cycle-s.Time)
	return (s.Calls + rate*unmeasured) / (s.Time + unmeasured)
}

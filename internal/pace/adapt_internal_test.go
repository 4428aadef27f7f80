package pace

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
)

func preset(t testing.TB, name string) Preset {
	t.Helper()
	p, err := Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const bigRate = 1 << 30

// forecast is what people are told about a bucket now.
func (w *world) forecast(bucket string) float64 {
	return w.rows[bucket].rate(w.now).Rate
}

// A provider that lets through half of what it documents is used to nine tenths of that at least, and says no to one call
// in twenty at most. What is forecast is what passes: after a minute, and any time later.
func TestAProviderThatAllowsHalfIsUsedAndNotPestered(t *testing.T) {
	for seed, way := range map[uint64]time.Duration{1: time.Millisecond, 2: 20 * time.Millisecond, 3: 60 * time.Millisecond, 4: 150 * time.Millisecond} {
		w := newWorld(t, seed, preset(t, "case"), way, limit(always(5), nil))
		w.run(15 * time.Second)
		if early := w.forecast("all"); early < 4.5 || early > 5.1 {
			t.Errorf("way %v, forecast after 15 seconds: %.3f/s", way, early)
		}
		w.run(45 * time.Second)
		passed, refused := w.count(0, time.Minute)
		if passed < 60*5*85/100 || refused*100 > 8*passed {
			t.Errorf("way %v, first minute: %d passed, %d refused", way, passed, refused)
		}
		for minute := time.Minute; minute < 30*time.Minute; minute += 5 * time.Minute {
			forecast := w.forecast("all")
			w.run(5 * time.Minute)
			passed, refused := w.count(minute, minute+5*time.Minute)
			if passed < 300*5*90/100 || refused*20 > passed {
				t.Errorf("way %v, five minutes after %v: %d passed, %d refused", way, minute, passed, refused)
			}
			if real := float64(passed) / 300; math.Abs(forecast/real-1) > 0.02 {
				t.Errorf("way %v, after %v: forecast %.3f/s, %.3f/s came", way, minute, forecast, real)
			}
		}
	}
}

// storm is a provider that allows what a function says from the first to the last minute of it, and everything before and
// after.
func storm(last time.Duration, max func(at time.Duration) int) func(time.Duration) int {
	return func(at time.Duration) int {
		if at < time.Minute || at >= last {
			return bigRate
		}
		return max(at)
	}
}

func flapping(low int) func(time.Duration) int {
	return func(at time.Duration) int {
		if at/(10*time.Second)%2 == 0 {
			return low
		}
		return bigRate
	}
}

// Whatever the provider does, it gets at most a tenth more calls than it lets through, and soon after it is itself again it
// gets all it documents. A provider that lets nothing through for a minute is asked about a dozen times.
func TestStormsAreNotAnsweredWithCalls(t *testing.T) {
	for name, s := range map[string]struct {
		last    time.Duration
		max     func(time.Duration) int
		silence int // refused calls that are allowed beyond a tenth of what passes
	}{
		"two a second":             {2 * time.Minute, always(2), 0},
		"nothing":                  {2 * time.Minute, always(0), 16},
		"flapping to none":         {4 * time.Minute, flapping(0), 0},
		"flapping to two":          {4 * time.Minute, flapping(2), 0},
		"flapping to half":         {4 * time.Minute, flapping(5), 0},
		"nothing for half an hour": {31 * time.Minute, always(0), 100},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				w := newWorld(t, seed, preset(t, "case"), time.Duration(seed)*7*time.Millisecond, limit(storm(s.last, s.max), nil))
				w.run(s.last + 2*time.Minute)
				if passed, refused := w.count(time.Minute, s.last); refused*10 > passed+10*s.silence {
					t.Errorf("%d passed, %d refused", passed, refused)
				}
				if passed, refused := w.count(s.last+40*time.Second, s.last+2*time.Minute); passed*100 < 80*10*96 || refused > 0 {
					t.Errorf("40 s after it: %d passed in 80 s, %d refused", passed, refused)
				}
			})
		}
	}
}

// While a provider comes and goes, the forecast is the average.
func TestTheForecastOfAStormIsItsAverage(t *testing.T) {
	for _, low := range []int{0, 2, 5} {
		w := newWorld(t, 1, preset(t, "case"), 20*time.Millisecond, limit(storm(time.Hour, flapping(low)), nil))
		w.run(3 * time.Minute)
		mean := 0.0
		for range 100 {
			w.run(3 * time.Second)
			mean += w.forecast("all") / 100
		}
		passed, _ := w.count(3*time.Minute, 8*time.Minute)
		if real := float64(passed) / 300; math.Abs(mean/real-1) > 0.1 {
			t.Errorf("flapping to %d: forecast %.2f/s, %.2f/s came", low, mean, real)
		}
	}
}

// Providers that refuse by other rules than a sliding second: each is used to nine tenths, and refuses one call in twenty at
// most. "none" knows no limit until it is told.
func TestOtherWaysToRefuse(t *testing.T) {
	for name, way := range map[string]func(most float64) func(Call, int64) bool{
		"the clock's second": func(most float64) func(Call, int64) bool {
			n, sec := 0.0, int64(0)
			return func(_ Call, now int64) bool {
				if now/second != sec {
					n, sec = 0, now/second
				}
				n++
				return n <= most
			}
		},
		"tokens": func(most float64) func(Call, int64) bool {
			tokens, last := 2*most, bigBang
			return func(_ Call, now int64) bool {
				tokens, last = min(2*most, tokens+float64(now-last)/second*most), now
				if tokens < 1 {
					return false
				}
				tokens--
				return true
			}
		},
	} {
		for limits, most := range map[string]float64{"none": 40, "case": 5} {
			t.Run(name+" "+limits, func(t *testing.T) {
				w := newWorld(t, 1, preset(t, limits), 20*time.Millisecond)
				w.provider, w.most = way(most), 64
				w.run(5 * time.Minute)
				passed, refused := w.count(time.Minute, 5*time.Minute)
				if float64(passed) < 0.9*240*most || refused*20 > passed {
					t.Errorf("%d passed, %d refused", passed, refused)
				}
			})
		}
	}
}

// Which of a call's buckets has a provider meant when it refuses? Five app instances make users; each may do ten a second,
// all together fifty. Whatever of that the provider has cut, the others are hardly touched.
func TestOnlyTheBucketThatIsMeantSlowsDown(t *testing.T) {
	users := func(c Call) (string, bool) { return "", c.User != "" }
	perInstance := func(c Call) (string, bool) { return string(c.Instance), c.User != "" }
	ofFirst := func(c Call) (string, bool) { return "", c.Instance == "0" }
	for name, s := range map[string]struct {
		limits       []limiter
		first, other float64 // calls a second that the first instance and each other one may do
	}{
		"nothing is cut": {[]limiter{limit(always(10), perInstance), limit(always(50), users)}, 10, 10},
		"the account":    {[]limiter{limit(always(10), perInstance), limit(always(40), users)}, 8, 8},
		"one instance":   {[]limiter{limit(always(5), ofFirst), limit(always(50), users)}, 5, 10},
		"everything":     {[]limiter{limit(always(5), perInstance), limit(always(25), users)}, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, preset(t, "aws-us-east-1"), 20*time.Millisecond, s.limits...)
			w.work, w.most = nil, 64
			for i := range 5 {
				w.work = append(w.work, Call{Op: "CreateAppInstanceUser", Instance: arn.ARN(strconv.Itoa(i)), User: "u"})
			}
			w.run(3 * time.Minute)
			rates := map[arn.ARN]float64{}
			for _, c := range w.calls {
				if !c.refused && c.at >= bigBang+60*second {
					rates[c.Instance] += 1. / 120
				}
			}
			for i, rate := range rates {
				if want := s.other; i != "0" && rate < 0.88*want || i == "0" && rate < 0.9*s.first {
					t.Errorf("instance %s: %.2f/s", i, rate)
				}
			}
			total, refused := w.count(time.Minute, 3*time.Minute)
			if refused*50 > total || name == "nothing is cut" && (float64(total) < 0.98*50*120 || refused > 0) {
				t.Errorf("%d passed, %d refused", total, refused)
			}
		})
	}
}

// Twenty channels get their moderators from one admin who may do only half of what he should: he is slowed down, and not
// the channels, of which each does little.
func TestABearerIsSlowedDownAndNotHisChannels(t *testing.T) {
	w := newWorld(t, 1, preset(t, "aws-us-east-1"), 20*time.Millisecond, limit(always(5), nil))
	w.work = nil
	for i := range 20 {
		w.work = append(w.work, Call{Op: "CreateChannelModerator", Channel: arn.ARN(strconv.Itoa(i)), Bearer: "admin"})
	}
	w.run(3 * time.Minute)
	for _, r := range w.rows {
		if r.slow != nil && r.bucket.Name != "bearer" {
			t.Errorf("%s %s is slowed down", r.bucket.Name, r.key)
		}
	}
	if passed, refused := w.count(time.Minute, 3*time.Minute); passed < 120*5*9/10 || refused*20 > passed {
		t.Errorf("%d passed, %d refused", passed, refused)
	}
}

// A bucket that was asked four times in half an hour and refused once was believed to pass two calls in a quarter of an hour: what
// passed there was all that was asked for. The next call waited for eight minutes.
func TestOneRefusalOfARareCallCostsSeconds(t *testing.T) {
	batch := Bucket{Name: "batch", Scope: Channel, Ops: []string{"BatchCreateChannelMembership"}, PerSecond: 1}
	for _, b := range []Bucket{batch, {Name: "all", PerSecond: 10}, {Name: "identity", PerSecond: 50}} {
		r, now := row{hold: hold{bucket: b}}, bigBang
		for range 4 {
			now += 600 * second
			r.book(now, now, false)
			r.ended(len(r.calls)-1, OK)
		}
		worst := int64(0)
		for n := range 12 { // every call is refused, one after the other
			at := max(now+second, r.next(now))
			worst = max(worst, at-now)
			if n == 1 && at-now > 5*second {
				t.Errorf("%s: %.1f s after one refusal", b.Name, float64(at-now)/second)
			}
			r.book(at, at, false)
			now = at
			answered := []row{r}
			answer(answered, at, now, Throttled)
			answered[0].slow.First = 0 // as if others were answered in between: no single calls that ask
			r = answered[0]
		}
		if worst > 40*second {
			t.Errorf("%s: %.1f s between two calls at the worst", b.Name, float64(worst)/second)
		}
		if r.slow.rate(b, now+40*second) < b.top() {
			t.Errorf("%s: 40 s after the last refusal %.3f/s", b.Name, r.slow.rate(b, now+40*second))
		}
	}
}

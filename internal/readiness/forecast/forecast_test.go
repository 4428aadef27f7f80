package forecast_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/readiness/forecast"
)

const account = "account"

func one(n float64) forecast.Load { return forecast.Load{{Bucket: account}: n} }

func near(t *testing.T, what string, got, want, most time.Duration) {
	t.Helper()
	if (got - want).Abs() > most {
		t.Errorf("%s: in %v, want %v (give or take %v)", what, got, want, most)
	}
}

func TestTheEarlierShowIsServedFirst(t *testing.T) {
	got := forecast.Run([]forecast.Work{{Needs: one(300)}, {Needs: one(600)}, {}}, nil, forecast.Rates{{Bucket: account}: 10})
	near(t, "first", got[0].In, 30*time.Second, time.Millisecond)
	near(t, "second", got[1].In, 90*time.Second, time.Millisecond)
	if got[2] != (forecast.Ready{}) || got[1].Bound.Bucket != account {
		t.Errorf("%+v", got)
	}
}

// Twenty shows in app instances of their own are made side by side until the account's limit is reached.
func TestShowsWithLimitsOfTheirOwnRunSideBySide(t *testing.T) {
	rates := forecast.Rates{{Bucket: account}: 50}
	var shows []forecast.Work
	for i := range 20 {
		users := forecast.Limit{Bucket: "users", Of: fmt.Sprint(i)}
		rates[users] = 10
		shows = append(shows, forecast.Work{Needs: forecast.Load{{Bucket: account}: 1000, users: 1000}})
	}
	for i, r := range forecast.Run(shows, nil, rates) {
		near(t, fmt.Sprint("show ", i), r.In, time.Duration(1+i/5)*100*time.Second, time.Millisecond)
	}
}

func TestTheNarrowestLimitIsNamed(t *testing.T) {
	batch, users := forecast.Limit{Bucket: "batch", Of: "channel"}, forecast.Limit{Bucket: "users", Of: "app"}
	got := forecast.Run([]forecast.Work{{Needs: forecast.Load{batch: 100, users: 100, {Bucket: "free"}: 1e9}}}, nil, forecast.Rates{batch: 1, users: 10})
	near(t, "ready", got[0].In, 100*time.Second, time.Millisecond)
	if got[0].Bound != batch {
		t.Errorf("held back by %+v", got[0].Bound)
	}
}

func TestPastShowsGoWithATwentiethWhileSomethingIsMade(t *testing.T) {
	got := forecast.Run([]forecast.Work{{Needs: one(950)}}, []forecast.Load{one(20), one(80)}, forecast.Rates{{Bucket: account}: 10})
	near(t, "ready", got[0].In, 100*time.Second, time.Millisecond)
	got = forecast.Run([]forecast.Work{{Needs: one(950)}}, []forecast.Load{one(5)}, forecast.Rates{{Bucket: account}: 10})
	near(t, "the past is gone after 10 s", got[0].In, 95*time.Second+500*time.Millisecond, time.Millisecond)
}

func TestTicketsThatComeLaterWaitForNobodyBehindThem(t *testing.T) {
	got := forecast.Run([]forecast.Work{{Needs: one(100), From: 20 * time.Second}, {Needs: one(500)}}, nil, forecast.Rates{{Bucket: account}: 10})
	near(t, "the earlier show, imported later", got[0].In, 30*time.Second, time.Millisecond)
	near(t, "the later show makes room", got[1].In, 60*time.Second, time.Millisecond)
}

func TestWhatNothingLetsThroughIsNeverReady(t *testing.T) {
	got := forecast.Run([]forecast.Work{{Needs: one(1)}, {Needs: forecast.Load{{Bucket: "other"}: 5}, From: time.Minute}}, nil,
		forecast.Rates{{Bucket: account}: 0})
	if got[0].In != forecast.Never || got[1].In != time.Minute {
		t.Errorf("%+v", got)
	}
}

// scheduler makes every call by itself: a limit of n a second lets a call start when the n-th last was a second ago. Of
// the calls that may start it takes the earliest show's; a show's accounts come before the memberships that need them.
type scheduler struct {
	rates  map[forecast.Limit]int
	starts map[forecast.Limit][]time.Duration
	shows  []*showRun
	past   []*showRun             // their users are to be deleted
	shares map[forecast.Limit]int // calls of past shows that somebody else could have made
}

// showRun is a show as the scheduler sees it: accounts one by one, memberships a hundred a call.
type showRun struct {
	users, joins     int // left
	joined           int // accounts that a membership was asked for
	made             int // accounts made
	userKeys, joinBy []forecast.Limit
	from, done       time.Duration
}

func (s *scheduler) free(keys []forecast.Limit, now time.Duration) bool {
	for _, k := range keys {
		at := s.starts[k]
		if n := s.rates[k]; len(at) >= n && at[len(at)-n] > now-time.Second {
			return false
		}
	}
	return true
}

func (s *scheduler) start(keys []forecast.Limit, now time.Duration) {
	for _, k := range keys {
		s.starts[k] = append(s.starts[k], now)
	}
}

// call starts one call of the show, if it may.
func (s *scheduler) call(r *showRun, now time.Duration) bool {
	if r.from > now {
		return false
	}
	full := r.made-r.joined >= 100 || r.users == 0 && r.made > r.joined
	if r.joins > 0 && (full || r.made == 0 && r.users == 0) && s.free(r.joinBy, now) {
		s.start(r.joinBy, now)
		r.joins, r.joined = r.joins-1, min(r.made, r.joined+100)
		r.done = now
		return true
	}
	if r.users > 0 && s.free(r.userKeys, now) {
		s.start(r.userKeys, now)
		r.users, r.made, r.done = r.users-1, r.made+1, now
		return true
	}
	return false
}

// due reports whether past shows have had less than a twentieth of what each limit of a call has let through.
func (s *scheduler) due(keys []forecast.Limit, now time.Duration) bool {
	for _, k := range keys {
		if float64(20*s.shares[k]) > now.Seconds()*float64(s.rates[k]) {
			return false
		}
	}
	return true
}

// one starts the most urgent call that may start now.
func (s *scheduler) one(now time.Duration) bool {
	for _, always := range []bool{false, true} {
		for _, r := range s.past {
			if (always || s.due(r.userKeys, now)) && s.call(r, now) {
				for _, k := range r.userKeys {
					if !always {
						s.shares[k]++
					}
				}
				return true
			}
		}
		for _, r := range s.shows {
			if !always && s.call(r, now) {
				return true
			}
		}
	}
	return false
}

func (s *scheduler) run() {
	const tick = 20 * time.Millisecond
	left := func() bool {
		for _, r := range s.shows {
			if r.users+r.joins > 0 {
				return true
			}
		}
		return false
	}
	for now := time.Duration(0); left(); now += tick {
		for s.one(now) {
		}
	}
}

func TestTheForecastIsWithinTwoPercentOfASchedulerThatMakesEveryCall(t *testing.T) {
	cases := 60
	if os.Getenv("STAGEDOOR_READY_AT") != "" { // make ready-at
		cases = 2000
	}
	answers, wrong := 0, 0
	for seed := range cases {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		s, work, past, rates := draw(random)
		s.run()
		for i, got := range forecast.Run(work, past, rates) {
			want := s.shows[i].done
			// Two windows of a second: calls may start at once at the beginning, and the last of them starts when its window lets it.
			if answers++; (got.In - want).Abs() > max(want/50, 3*time.Second) {
				wrong++
				t.Logf("seed %d: show %d of %d ready in %v, the scheduler says %v", seed, i, len(work), got.In, want)
			}
		}
	}
	// Where two limits of a few calls a second beat against each other, a later show takes what an earlier one needs a
	// moment later; water does not.
	if wrong > answers/200 {
		t.Errorf("%d of %d answers are off by more than two percent", wrong, answers)
	}
}

// draw makes a random evening: one to eight shows in app instances of their own or in the shared one, half made or not
// begun, with buckets that cover the account, instance, bearer and channel.
func draw(random *rand.Rand) (*scheduler, []forecast.Work, []forecast.Load, forecast.Rates) {
	s := &scheduler{rates: map[forecast.Limit]int{}, starts: map[forecast.Limit][]time.Duration{}, shares: map[forecast.Limit]int{}}
	rates := forecast.Rates{}
	limit := func(bucket, of string, most int) forecast.Limit {
		k := forecast.Limit{Bucket: bucket, Of: of}
		if s.rates[k] == 0 {
			s.rates[k] = most
			rates[k] = float64(most)
		}
		return k
	}
	all := 5 + random.IntN(60)
	perInstance, perBearer := 2+random.IntN(15), 2+random.IntN(15)
	keys := func(place string, i int) (users, joins []forecast.Limit) {
		shared := limit(account, "", all)
		return []forecast.Limit{shared, limit("users", place, perInstance)},
			[]forecast.Limit{limit("bearer", place, perBearer), limit("batch", fmt.Sprint(i), 1)}
	}
	one := func(i int) (*showRun, forecast.Load) {
		place := ""
		if random.IntN(3) > 0 {
			place = fmt.Sprint("own ", i)
		}
		n := 20 + random.IntN(1500)
		r := &showRun{users: n, joins: (n + 99) / 100}
		if random.IntN(4) == 0 { // only memberships are left
			r.users, r.made = 0, n
		}
		r.userKeys, r.joinBy = keys(place, i)
		l := forecast.Load{}
		for _, k := range r.userKeys {
			l.Add(k, float64(r.users))
		}
		for _, k := range r.joinBy {
			l.Add(k, float64(r.joins))
		}
		return r, l
	}
	var work []forecast.Work
	for i := range 1 + random.IntN(8) {
		r, l := one(i)
		if random.IntN(4) == 0 {
			r.from = time.Duration(random.IntN(200)) * time.Second
		}
		s.shows = append(s.shows, r)
		work = append(work, forecast.Work{Needs: l, From: r.from})
	}
	var past []forecast.Load
	for i := range random.IntN(3) {
		r, _ := one(-1 - i)
		r.users, r.made, r.joins = 20+random.IntN(400), 0, 0
		l := forecast.Load{}
		for _, k := range r.userKeys {
			l.Add(k, float64(r.users))
		}
		s.past, past = append(s.past, r), append(past, l)
	}
	return s, work, past, rates
}

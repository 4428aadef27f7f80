package pace_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// book takes a slot or fails the test.
func book(t testing.TB, d *db.DB, p *pace.Pace, c pace.Call, latest time.Time) (s pace.Slot, ok bool) {
	t.Helper()
	err := d.Write(context.Background(), func(tx *db.Tx) (err error) {
		s, ok, err = p.Book(tx, c, p.Now(), latest)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, ok
}

func answered(t testing.TB, d *db.DB, p *pace.Pace, s pace.Slot, o pace.Outcome) {
	t.Helper()
	if err := d.Write(context.Background(), func(tx *db.Tx) error { return p.Answered(tx, s, o) }); err != nil {
		t.Fatal(err)
	}
}

// rate is what Rates says of a bucket.
func rate(t testing.TB, d *db.DB, p *pace.Pace, bucket, key string) pace.Rate {
	t.Helper()
	rates, err := p.Rates(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rates, func(r pace.Rate) bool { return r.Bucket == bucket && r.Key == key })
	if i < 0 {
		t.Fatalf("no %s %q among %v", bucket, key, rates)
	}
	return rates[i]
}

var create = pace.Call{Op: "CreateChannel", Instance: "i", Bearer: "b"}

func TestASlotThatIsTooLateIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		now := p.Now()
		first, ok := book(t, d, p, create, now)
		if !ok || !first.At.Equal(now) {
			t.Fatalf("the first call starts at once: %v %v", ok, first.At.Sub(now))
		}
		for range 3 {
			s, ok := book(t, d, p, create, now.Add(50*time.Millisecond))
			if gap := s.At.Sub(now); ok || gap != 100*time.Millisecond {
				t.Errorf("taken: %v, %v later", ok, gap)
			}
		}
		if s, ok := book(t, d, p, create, now.Add(time.Second)); !ok || s.At.Sub(now) != 100*time.Millisecond {
			t.Errorf("taken: %v, %v later", ok, s.At.Sub(now))
		}
	})
}

func TestACallThatWasNotSentGivesItsSlotBack(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		now := p.Now()
		for range 30 {
			s, _ := book(t, d, p, create, time.Time{})
			if late := s.At.Sub(now); late >= 100*time.Millisecond {
				t.Fatalf("%v later", late)
			}
			answered(t, d, p, s, pace.NotSent)
		}
	})
}

func TestWaitLetsNobodyBeLate(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		for late, want := range map[time.Duration]bool{-50 * time.Millisecond: true, 0: true, pace.MaxLate: true, pace.MaxLate + 1: false, time.Minute: false} {
			var s pace.Slot
			if err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
				s, _, err = p.Book(tx, create, p.Now().Add(100*time.Millisecond), time.Time{})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Until(s.At) + late)
			if got := p.Wait(t.Context(), s); got != want {
				t.Errorf("%v late: %v", late, got)
			}
			if time.Now().Before(s.At) {
				t.Errorf("%v early", time.Until(s.At))
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if s, _ := book(t, d, p, create, time.Time{}); p.Wait(ctx, s) || time.Since(began) > 0 {
			t.Error("waited for a call that nobody wants")
		}
	})
}

func TestWithoutLimitsNothingWaits(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, ""))
		now := p.Now()
		for range 100 {
			s, ok := book(t, d, p, create, now)
			<-time.After(time.Second) // it may be late
			if !ok || !p.Wait(t.Context(), s) {
				t.Fatalf("%v %v", ok, s)
			}
			now = p.Now()
			answered(t, d, p, s, pace.OK)
		}
		if r := rate(t, d, p, "all", ""); r.Rate != 0 || r.Throttled || r.Limit != 0 {
			t.Errorf("%+v", r)
		}
		for range 2 {
			s, _ := book(t, d, p, create, time.Time{})
			answered(t, d, p, s, pace.Throttled)
		}
		if s, _ := book(t, d, p, create, time.Time{}); !p.Wait(t.Context(), s) || time.Since(now) < 500*time.Millisecond {
			t.Errorf("throttled, and started %v later", time.Since(now))
		}
		p = pace.New(preset(t, "case"))
		for range 100 {
			if s, ok := book(t, d, p, pace.Call{Op: "AssumeRole"}, p.Now()); !ok || !p.Wait(t.Context(), s) {
				t.Error("STS is not the chat provider")
			}
		}
	})
}

// A bucket that was slowed down is so for all processes and after a restart.
func TestSlownessIsInTheTable(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		if r := rate(t, d, p, "all", ""); r.Throttled || math.Abs(r.Rate-9.93) > 0.01 || r.Limit != 10 {
			t.Errorf("unused: %+v", r)
		}
		for i := range 20 {
			s, _ := book(t, d, p, create, time.Time{})
			p.Wait(t.Context(), s)
			answered(t, d, p, s, pace.Outcome(min(1, i%4))) // three of four are throttled
		}
		r := rate(t, d, pace.New(preset(t, "case")), "all", "")
		if !r.Throttled || r.Rate > 5 || r.CallsLastSecond == 0 {
			t.Errorf("throttled: %+v", r)
		}
		for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
			s, _ := book(t, d, p, create, time.Time{})
			p.Wait(t.Context(), s)
			answered(t, d, p, s, pace.OK)
		}
		if r := rate(t, d, p, "all", ""); r.Throttled {
			t.Errorf("40 s later: %+v", r)
		}
	})
}

// What is forecast for a bucket that is not throttled depends on how even the ways of calls are, and is what they take.
func TestTheForecastKnowsTheGuard(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for uneven, want := range map[time.Duration]float64{0: 10 / 1.003, 60 * time.Millisecond: 10 / 1.015} {
			p := pace.New(preset(t, "case"))
			var began time.Time
			for i := range 1800 {
				if i == 1200 {
					began = time.Now()
				}
				s, _ := book(t, d, p, create, time.Time{})
				p.Wait(t.Context(), s)
				<-time.After(20*time.Millisecond + time.Duration(i%7)*uneven/7)
				answered(t, d, p, s, pace.OK)
			}
			real := 600 / time.Since(began).Seconds()
			if r := rate(t, d, p, "all", ""); math.Abs(r.Rate-want) > 0.02 || math.Abs(real-want) > 0.02 {
				t.Errorf("%v: %.3f forecast, %.3f came, want %.3f", uneven, r.Rate, real, want)
			}
		}
	})
}

func TestASnapshotSaysWhatBookWouldSay(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "aws-us-east-1"))
		calls := []pace.Call{{Op: "CreateAppInstanceUser", Instance: "i"}, create, {Op: "CreateChannelBan", Bearer: "b", Channel: "c"},
			{Op: "BatchCreateChannelMembership", Bearer: "b2", Channel: "c"}, {Op: "BatchCreateChannelMembership", Bearer: "b", Channel: "c2"}}
		for i := range 40 {
			book(t, d, p, calls[i%3], time.Time{})
		}
		snap, err := p.Snapshot(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		now := p.Now()
		for i := range 20 {
			c := calls[i%len(calls)]
			want := snap.Earliest(c, now)
			snap.Take(c, want)
			if s, _ := book(t, d, p, c, time.Time{}); !s.At.Equal(want) {
				t.Errorf("%d %s: %v from now, the snapshot said %v", i, c.Op, s.At.Sub(now), want.Sub(now))
			}
		}
	})
}

// Two processes book at the same time, each through its own connections, and no slot is lost or given twice.
func TestProcessesThatBookAtOnce(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		other := again(t, d)
		var mu sync.Mutex
		var slots []time.Time
		var wg sync.WaitGroup
		began := time.Now() // so that it does not matter how long all this takes
		for _, d := range []*db.DB{d, other} {
			p := pace.New(preset(t, "case"))
			for range 4 {
				wg.Go(func() {
					for range 25 {
						err := d.Write(context.Background(), func(tx *db.Tx) error {
							s, _, err := p.Book(tx, create, began, time.Time{})
							tx.AfterCommit(func() {
								mu.Lock()
								defer mu.Unlock()
								slots = append(slots, s.At)
							})
							return err
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		slices.SortFunc(slots, time.Time.Compare)
		for i := 1; i < len(slots); i++ {
			if gap := slots[i].Sub(slots[i-1]); gap < 80*time.Millisecond { // two clocks of one machine differ by microseconds
				t.Errorf("two calls %v apart", gap)
			}
			if i >= 10 && slots[i].Sub(slots[i-10]) < time.Second {
				t.Errorf("eleven calls in %v", slots[i].Sub(slots[i-10]))
			}
		}
		if last := slots[len(slots)-1].Sub(began); len(slots) != 200 || last > 21*time.Second {
			t.Errorf("%d calls take %v", len(slots), last)
		}
	})
}

// again opens a test's database a second time, as another process would.
func again(t *testing.T, d *db.DB) *db.DB {
	t.Helper()
	query := "SELECT current_setting('search_path')"
	if d.Dialect() == db.SQLite {
		query = "SELECT file FROM pragma_database_list WHERE name = 'main'"
	}
	where, err := db.Value[string](t.Context(), d, query)
	if err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + where
	if d.Dialect() == db.PostgreSQL {
		url = postgres(t) + where
	}
	other, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

func TestCallsPerSecondAreCountedAndOldThingsForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p, other := pace.New(preset(t, "aws-us-east-1")), pace.New(preset(t, "aws-us-east-1"))
		now := p.Now().Unix()
		for range 8 {
			book(t, d, p, create, time.Time{})
			book(t, d, other, pace.Call{Op: "ListAppInstances"}, time.Time{})
		}
		count := func(query string, args ...any) int64 {
			n, err := db.Value[int64](t.Context(), d, query, args...)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := count("SELECT COALESCE(sum(calls), 0) FROM pace_second WHERE second >= $1 AND second < $2", now, now+2); n != 16 {
			t.Errorf("%d calls counted", n)
		}
		if n := count("SELECT count(*) FROM pace"); n != 4 {
			t.Errorf("%d rows", n)
		}
		<-time.After(2 * time.Hour)
		book(t, d, p, pace.Call{Op: "CreateAppInstanceAdmin"}, time.Time{})
		if rows, seconds := count("SELECT count(*) FROM pace"), count("SELECT count(*) FROM pace_second"); rows != 1 || seconds != 1 {
			t.Errorf("two hours later: %d rows, %d seconds", rows, seconds)
		}
	})
}

func TestPresets(t *testing.T) {
	for _, p := range pace.Presets() {
		got, err := pace.Named(p.Name)
		if err != nil || got.Name != p.Name || p.Bearers < 1 || p.Limit == "" {
			t.Errorf("%+v, %v", got, err)
		}
		rates := map[pace.Scope]int{}
		for _, b := range p.Buckets {
			if slices.Contains(b.Ops, "CreateChannelMembership") {
				rates[b.Scope] = b.PerSecond
			}
		}
		if bearer, member := rates[pace.Bearer], rates[pace.Channel]; bearer > 0 && p.Bearers != (member+bearer-1)/bearer {
			t.Errorf("%s: %d bearers, one may do %d/s and a channel takes %d/s", p.Name, p.Bearers, bearer, member)
		}
	}
	if p, err := pace.Named(""); err != nil || p.Name != "none" {
		t.Errorf("%v %v", p, err)
	}
	if _, err := pace.Named("fast"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "aws-eu-central-1") {
		t.Errorf("%v", err)
	}
	if s := fmt.Sprint(pace.Account, pace.Instance, pace.Bearer, pace.Channel, pace.User); s != "account instance bearer channel user" {
		t.Error(s)
	}
}

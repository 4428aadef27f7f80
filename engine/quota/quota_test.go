package quota_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func preset(t testing.TB, name string) quota.Limits {
	t.Helper()
	l, err := quota.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bucket is the name of the bucket that refused, "" for none.
func bucket(err error) string {
	var full quota.BucketError
	if errors.As(err, &full) {
		return string(full)
	}
	return ""
}

// one limits everything by one bucket.
func one(rate, burst int) *quota.Limiter {
	return quota.NewLimiter(quota.Limits{Buckets: []quota.Bucket{{Name: "all", Rate: rate, Burst: burst}}})
}

func TestPresetsAreKnownByNameAndTheErrorNamesThem(t *testing.T) {
	if l := preset(t, ""); l.Name != "none" || l.Buckets != nil || l.Resources != nil {
		t.Errorf("the default is %+v", l)
	}
	_, err := quota.Preset("aws")
	for _, name := range []string{"none", "case", "aws-us-east-1", "aws-eu-central-1"} {
		preset(t, name)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func TestEveryBucketOfAPresetIsUsedAndEveryNameInTheTableIsABucketSomewhere(t *testing.T) {
	used, known := map[string]bool{}, map[string]bool{}
	for _, names := range quota.Operations() {
		for _, n := range strings.Fields(names) {
			used[n] = true
		}
	}
	for _, name := range []string{"case", "aws-us-east-1", "aws-eu-central-1"} {
		twice := map[string]bool{}
		for _, b := range preset(t, name).Buckets {
			if !used[b.Name] || twice[b.Name] || b.Rate <= 0 {
				t.Errorf("%s: bucket %+v is unused, doubled or without a rate", name, b)
			}
			known[b.Name], twice[b.Name] = true, true
		}
	}
	for n := range used {
		if !known[n] {
			t.Errorf("the table names %q, which no preset has", n)
		}
	}
}

// The published numbers, by hand from Amazon's page: a slip in the tables shows here.
func TestTheRatesAreAmazons(t *testing.T) {
	keys := quota.Keys{Account: "1", AppInstance: "a", Bearer: "b", User: "u", Channel: "c"}
	for _, c := range []struct {
		operation string
		us, eu    int
	}{
		{"SendChannelMessage", 10, 5}, // the bearer's, below the channel's 30 and 10
		{"DescribeChannelBan", 10, 5}, {"ListChannels", 10, 5}, {"BatchCreateChannelMembership", 1, 1}, {"Connect", 1, 1},
		{"ChannelFlowCallback", 30, 10}, {"CreateAppInstance", 5, 5}, {"CreateAppInstanceUser", 10, 10},
		{"DescribeAppInstance", 20, 20}, {"DescribeAppInstanceUser", 20, 20}, {"ListAppInstances", 10, 10},
		{"ListAppInstanceUsers", 10, 10}, {"CreateAppInstanceAdmin", 50, 50}, {"AssumeRole", 600, 600},
		{"GetMessagingSessionEndpoint", 10_000, 10_000}, // no limit
	} {
		for region, want := range map[string]int{"aws-us-east-1": c.us, "aws-eu-central-1": c.eu} {
			l, now, got := quota.NewLimiter(preset(t, region)), time.Now(), 0
			for got < 10_000 && l.Take(now, c.operation, keys) == nil {
				got++
			}
			if got != want {
				t.Errorf("%s %s: %d in a moment, want %d", region, c.operation, got, want)
			}
		}
	}
	for _, c := range []struct {
		operation string
		bearers   int
		us, eu    int
	}{
		{"SendChannelMessage", 100, 30, 10}, {"RedactChannelMessage", 100, 30, 10}, {"CreateChannelBan", 100, 15, 10},
		{"ListChannelBans", 100, 15, 15}, {"ListChannelMessages", 100, 30, 30}, {"DescribeChannel", 100, 20, 20},
		{"CreateChannel", 100, 15, 15}, {"UpdateChannelReadMarker", 100, 1000, 500},
	} {
		for region, want := range map[string]int{"aws-us-east-1": c.us, "aws-eu-central-1": c.eu} {
			l, now, got := quota.NewLimiter(preset(t, region)), time.Now(), 0
			for i := range c.bearers * 20 {
				k := keys
				k.Bearer = fmt.Sprint(i % c.bearers)
				if l.Take(now, c.operation, k) == nil {
					got++
				}
			}
			if got != want {
				t.Errorf("%s %s by %d users: %d in a moment, want %d", region, c.operation, c.bearers, got, want)
			}
		}
	}
}

func TestTheCaseIsTenOfAnythingInAnySecond(t *testing.T) {
	l, now := quota.NewLimiter(preset(t, "case")), time.Now()
	for i, op := range []string{"Connect", "AssumeRole", "SendChannelMessage", "CreateAppInstance", "GetMessagingSessionEndpoint",
		"CreateAppInstanceUser", "TagResource", "SearchChannels", "GetCallerIdentity", "an operation of tomorrow"} {
		if err := l.Take(now.Add(time.Duration(i)*10*time.Millisecond), op, quota.Keys{Account: "1", Bearer: op}); err != nil {
			t.Fatal(op, err)
		}
	}
	err := l.Take(now.Add(999*time.Millisecond), "ListChannels", quota.Keys{Account: "1"})
	if f := fault.As(err); !fault.Is(err, fault.Throttled) || f.Public != "Rate exceeded" || f.RetryAfter != time.Millisecond || bucket(err) != "all" {
		t.Errorf("the eleventh: %#v", f)
	}
	if err := l.Take(now.Add(999*time.Millisecond), "ListChannels", quota.Keys{Account: "2"}); err != nil {
		t.Error("another account:", err)
	}
	if err := l.Take(now.Add(time.Second), "ListChannels", quota.Keys{Account: "1"}); err != nil {
		t.Error("a second later:", err)
	}
}

// However callers knock: no window of Burst/Rate seconds ever holds more than Burst calls, wherever it begins; and nobody
// is refused who keeps to that.
func TestNoWindowEverHoldsMoreThanItsBurst(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.IntRange(1, 50).Draw(rt, "rate")
		burst := rapid.SampledFrom([]int{0, 1, rate, 2 * rate, 7}).Draw(rt, "burst")
		l, now := one(rate, burst), time.Now()
		if burst == 0 {
			burst = rate
		}
		window := time.Duration(burst) * time.Second / time.Duration(rate)
		gap := rapid.SampledFrom([]time.Duration{time.Millisecond, window / 20, window / time.Duration(burst), window}).Draw(rt, "gap")
		var passed []time.Time
		for range rapid.IntRange(1, 300).Draw(rt, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(gap)).Draw(rt, "after")))
			recent := 0
			for i := len(passed) - 1; i >= 0 && now.Sub(passed[i]) < window; i-- {
				recent++
			}
			err := l.Take(now, "ListChannels", quota.Keys{Account: "1"})
			if (err == nil) != (recent < burst) {
				rt.Fatalf("rate %d, burst %d, %d in the last %v: %v", rate, burst, recent, window, err)
			}
			if err == nil {
				passed = append(passed, now)
			} else if after := fault.As(err).RetryAfter; after != passed[len(passed)-burst].Add(window).Sub(now) {
				rt.Fatalf("told to come back after %v", after)
			}
		}
	})
}

// Many buckets, callers and operations at once, against the plainest model: a list of everything that passed. A refused
// call changes nothing, so the model notes only those that passed.
func TestACallTakesFromAllItsBucketsOrFromNone(t *testing.T) {
	limits := preset(t, "aws-eu-central-1")
	table := quota.Operations()
	operations := []string{"SendChannelMessage", "RedactChannelMessage", "CreateChannelBan", "ListChannelBans", "BatchCreateChannelMembership",
		"DescribeChannel", "ListChannelMembershipsForAppInstanceUser", "Connect"}
	rapid.Check(t, func(rt *rapid.T) {
		type past struct {
			at  time.Time
			key string
		}
		var passed []past
		l, now := quota.NewLimiter(limits), time.Now()
		for range rapid.IntRange(1, 200).Draw(rt, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "ms")) * time.Millisecond)
			op := rapid.SampledFrom(operations).Draw(rt, "operation")
			who, channel := rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "who"), rapid.SampledFrom([]string{"c1", "c2"}).Draw(rt, "channel")
			var want []string
			var keys []string
			for _, b := range limits.Buckets {
				if !slices.Contains(strings.Fields(table[op]), b.Name) {
					continue
				}
				key := b.Name + " " + map[quota.Scope]string{quota.Bearer: who, quota.User: who, quota.Channel: channel, quota.SubChannel: channel}[b.Scope]
				keys = append(keys, key)
				n := 0
				for _, p := range passed {
					if p.key == key && now.Sub(p.at) < time.Second {
						n++
					}
				}
				if n >= b.Rate {
					want = append(want, b.Name)
				}
			}
			err := l.Take(now, op, quota.Keys{Account: "1", AppInstance: "a", Bearer: who, User: who, Channel: channel})
			if got := bucket(err); (err == nil) != (len(want) == 0) || err != nil && !slices.Contains(want, got) {
				rt.Fatalf("%s by %s in %s: refused by %q, full are %q", op, who, channel, got, want)
			}
			if err == nil {
				for _, k := range keys {
					passed = append(passed, past{now, k})
				}
			}
		}
	})
}

func TestManyAtOnceGetExactlyTheBurst(t *testing.T) {
	l, now := quota.NewLimiter(preset(t, "aws-us-east-1")), time.Now()
	var passed atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 100 {
				k := quota.Keys{Account: "1", AppInstance: "a", Bearer: fmt.Sprint(i, j), Channel: "c"}
				if l.Take(now, "SendChannelMessage", k) == nil {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 30 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestResources(t *testing.T) {
	us := preset(t, "aws-us-east-1")
	if err := us.Check(quota.MembershipsPerChannel, 9900, 100); err != nil {
		t.Error(err)
	}
	err := us.Check(quota.MembershipsPerChannel, 9901, 100)
	if !fault.HasCode(err, "resource_limit") || fault.As(err).Public != "The quota of 10000 memberships per channel is used up." {
		t.Error(err)
	}
	if err := us.Check(quota.Users, 1<<40, 0); err != nil {
		t.Error("nothing added:", err)
	}
	if err := preset(t, "none").Check(quota.Users, 1<<40, 1); err != nil {
		t.Error(err)
	}
	if us.Max(quota.Connections) != 10 || us.Max(quota.SubChannels) != 100 || preset(t, "aws-eu-central-1").Max(quota.SubChannels) != 0 {
		t.Error("other quotas than Amazon's")
	}
}

func BenchmarkTake(b *testing.B) {
	l, now := quota.NewLimiter(preset(b, "aws-us-east-1")), time.Now()
	b.ReportAllocs()
	for i := range b.N {
		at := now.Add(time.Duration(i) * 50 * time.Millisecond)
		if err := l.Take(at, "SendChannelMessage", quota.Keys{Account: "1", AppInstance: "a", Bearer: "b", Channel: "c"}); err != nil && i > 1 {
			continue
		}
	}
}

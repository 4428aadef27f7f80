package quota

import (
	"strconv"
	"testing"
	"time"
)

func (l *Limiter) kept() int {
	n := 0
	for i := range l.shards {
		n += len(l.shards[i].young) + len(l.shards[i].old)
	}
	return n
}

func TestNamesWithoutEndDoNotFillTheMemory(t *testing.T) {
	us, err := Preset("aws-us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	l, now := NewLimiter(us), time.Now()
	for i := range 300_000 {
		if err := l.Take(now, "UpdateChannelReadMarker", Keys{Bearer: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.kept(); n > 2*shards*generation {
		t.Errorf("%d histories are kept", n)
	}
	for i := range 10_000 {
		_ = l.Take(now.Add(time.Hour), "UpdateChannelReadMarker", Keys{Bearer: strconv.Itoa(i)})
	}
	if n := l.kept(); n > 10_000 {
		t.Errorf("%d histories are kept an hour later", n)
	}
}

func TestARefusedCallLeavesNothingBehind(t *testing.T) {
	eu, err := Preset("aws-eu-central-1")
	if err != nil {
		t.Fatal(err)
	}
	l, now := NewLimiter(eu), time.Now()
	for i := range 10 {
		if err := l.Take(now, "SendChannelMessage", Keys{Bearer: strconv.Itoa(i), Channel: "c"}); err != nil {
			t.Fatal(err)
		}
	}
	before := l.kept()
	for i := range 1000 {
		if l.Take(now, "SendChannelMessage", Keys{Bearer: "new" + strconv.Itoa(i), Channel: "c"}) == nil {
			t.Fatal("the channel lets more through")
		}
	}
	if got := l.kept(); got != before {
		t.Errorf("%d histories more", got-before)
	}
}

// Who is remembered only in the old generation has not got a second helping.
func TestNobodyIsForgottenWithinTheWindow(t *testing.T) {
	l := NewLimiter(Limits{Buckets: []Bucket{{Name: all, Rate: 1}}})
	now, ok := l.start, time.Time{}
	for range 10_000 {
		now = now.Add(7 * time.Millisecond)
		if l.Take(now, "Connect", Keys{Account: "1"}) != nil {
			continue
		}
		if !ok.IsZero() && now.Sub(ok) < time.Second {
			t.Fatalf("a second call after %v", now.Sub(ok))
		}
		ok = now
	}
}

// Two callers read the clock, and the later one gets the lock first.
func TestACallThatWasOvertakenCountsAsMadeTogether(t *testing.T) {
	h := newHistory(2)
	h.add(5 * time.Second)
	h.add(3 * time.Second)
	h.add(6 * time.Second)
	if h.nth() != 5*time.Second {
		t.Errorf("the older of two calls was at %v", h.nth())
	}
}

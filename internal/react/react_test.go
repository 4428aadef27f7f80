package react_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/react"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestReactionsAreAddedUpPerEventAndEmoji(t *testing.T) {
	c := react.New(time.Second)
	for i := range 30 {
		c.Add("ev1", id.Ticket(fmt.Sprint("tk", i)), "❤️", noon)
	}
	c.Add("ev1", "tkx", "🔥", noon)
	c.Add("ev2", "tkx", "🔥", noon)
	want := map[id.Event]map[string]int{"ev1": {"❤️": 30, "🔥": 1}, "ev2": {"🔥": 1}}
	if diff := cmp.Diff(want, c.Flush(noon)); diff != "" {
		t.Error(diff)
	}
	if again := c.Flush(noon); again != nil {
		t.Errorf("flushed twice: %v", again)
	}
}

func TestOnlyAllowedEmojiCount(t *testing.T) {
	c := react.New(time.Second)
	for i, e := range react.Allowed() {
		if !c.Add("ev", id.Ticket(fmt.Sprint(i)), e, noon) {
			t.Errorf("%s was refused", e)
		}
	}
	for _, e := range []string{"", "x", "💩", "❤️❤️", "<b>", "👏🏽"} {
		if c.Add("ev", "tk", e, noon) {
			t.Errorf("%q was counted", e)
		}
	}
	c.Flush(noon)
	c.Add("ev", "bare", "❤", noon)
	if got := c.Flush(noon)["ev"]["❤️"]; got != 1 {
		t.Errorf("a heart without variation selector counted %d", got)
	}
}

func TestAPersonHasABurstOfTenAndFiveASecond(t *testing.T) {
	c := react.New(time.Second)
	add := func(now time.Time, tries int) (taken int) {
		for range tries {
			if c.Add("ev", "tk", "👏", now) {
				taken++
			}
		}
		return taken
	}
	if got := add(noon, 100); got != 10 {
		t.Errorf("burst of %d, want 10", got)
	}
	if got := add(noon.Add(time.Second), 100); got != 5 {
		t.Errorf("%d after a second, want 5", got)
	}
	c.Flush(noon.Add(time.Second)) // must not forget who is still limited
	if got := add(noon.Add(time.Second), 100); got != 0 {
		t.Errorf("%d right after a flush, want 0", got)
	}
	if got := add(noon.Add(time.Hour), 100); got != 10 {
		t.Errorf("burst of %d after an hour, want 10", got)
	}
	if !c.Add("ev", "other", "👏", noon) {
		t.Error("another person was limited too")
	}
}

func TestRunSendsOneCountPerTickAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := react.New(300 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		total, frames := 0, 0
		var wg sync.WaitGroup
		wg.Go(func() {
			c.Run(ctx, func(_ id.Event, counts map[string]int) { frames++; total += counts["🎉"] })
		})
		taken := 0
		for i := range 1000 { // ten seconds of 100 reactions a second by 100 people
			if c.Add("ev", id.Ticket(fmt.Sprint(i%100)), "🎉", time.Now()) {
				taken++
			}
			<-time.After(10 * time.Millisecond)
		}
		<-time.After(time.Second)
		cancel()
		wg.Wait()
		if taken != 1000 || total != taken {
			t.Errorf("taken %d, sent %d, want 1000", taken, total)
		}
		if frames > 34 {
			t.Errorf("%d frames in ten seconds at 300 ms", frames)
		}
	})
}

func TestAddingFromManySidesCountsExactly(t *testing.T) {
	c := react.New(time.Second)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 20 {
				c.Add("ev", id.Ticket(fmt.Sprint(i)), "😂", noon)
			}
		})
	}
	wg.Wait()
	if got := c.Flush(noon)["ev"]["😂"]; got != 500 {
		t.Errorf("%d, want 500: ten of each person", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := react.New(time.Second)
	now := noon
	for i := range b.N {
		if i%1000 == 0 {
			now = now.Add(time.Second)
			c.Flush(now)
		}
		c.Add("ev", id.Ticket(fmt.Sprint("tk", i%1000)), "🔥", now)
	}
}

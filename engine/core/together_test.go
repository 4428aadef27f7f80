package core_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// reader answers numbers with their doubles, one read at a time taking some time, and remembers what was read together.
type reader struct {
	mu    sync.Mutex
	takes time.Duration
	fails error
	reads [][]int
}

func (r *reader) read(ctx context.Context, _ string, asked []int) ([]int, error) {
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, slices.Clone(asked))
	var out []int
	for _, n := range asked {
		out = append(out, 2*n)
	}
	return out, r.fails
}

func TestWhoAsksDuringAReadIsAnsweredByTheNextAndGetsHisOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Millisecond}
		together := core.NewTogether(r.read)
		var asking sync.WaitGroup
		ask := func(n int) {
			asking.Go(func() {
				if got, err := together.Ask(t.Context(), "place", n); err != nil || got != 2*n {
					t.Errorf("%d: %d, %v", n, got, err)
				}
			})
			synctest.Wait()
		}
		ask(0)
		for n := range 299 {
			ask(n + 1)
		}
		asking.Wait()
		var sizes []int
		for _, one := range r.reads {
			sizes = append(sizes, len(one))
		}
		if !slices.Equal(sizes, []int{1, 32, 64, 128, 75}) {
			t.Errorf("read together: %v", sizes)
		}
	})
}

// Questions that have nothing in common make a read long: those who wait are told group by group.
func TestSlowReadsAreAskedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Second}
		together := core.NewTogether(r.read)
		var asking sync.WaitGroup
		for n := range 15 {
			asking.Go(func() { _, _ = together.Ask(t.Context(), "place", n) })
			synctest.Wait()
		}
		asking.Wait()
		var sizes []int
		for _, one := range r.reads {
			sizes = append(sizes, len(one))
		}
		if !slices.Equal(sizes, []int{1, 8, 4, 2}) {
			t.Errorf("read together: %v", sizes)
		}
	})
}

func TestAPanicIsTheErrorOfThoseWhoAsked(t *testing.T) {
	together := core.NewTogether(func(_ context.Context, _ string, asked []int) ([]int, error) { return make([]int, 1/asked[0]), nil })
	if _, err := together.Ask(t.Context(), "place", 0); fault.As(err).Kind != fault.Internal {
		t.Errorf("got %v", err)
	}
	if _, err := together.Ask(t.Context(), "place", 1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAQuestionAloneDoesNotWaitAndThoseOfACrowdShareReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Millisecond}
		together := core.NewTogether(r.read)
		for range 10 {
			began := time.Now()
			if _, err := together.Ask(t.Context(), "place", 1); err != nil || time.Since(began) != r.takes {
				t.Errorf("waited %v, %v", time.Since(began), err)
			}
		}
		r.reads = nil
		var asking sync.WaitGroup
		for n := range 3000 { // a thousand a second
			asking.Go(func() {
				began := time.Now()
				if got, err := together.Ask(t.Context(), "place", n); err != nil || got != 2*n || time.Since(began) > 60*time.Millisecond {
					t.Errorf("%d: %d after %v, %v", n, got, time.Since(began), err)
				}
			})
			if n%5 == 0 {
				<-time.After(5 * time.Millisecond)
			}
		}
		asking.Wait()
		if n := len(r.reads); n > 3000/2 {
			t.Errorf("%d reads in three seconds", n)
		}
	})
}

// A few who ask again as soon as they have an answer were once answered together, asked together, and waited longer each time.
func TestAFewWhoAskAgainAndAgainDoNotWaitInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: 300 * time.Microsecond}
		together := core.NewTogether(r.read)
		began := time.Now()
		var asking sync.WaitGroup
		for range 5 {
			asking.Go(func() {
				for n := range 100 {
					if _, err := together.Ask(t.Context(), "place", n); err != nil {
						t.Error(err)
					}
					<-time.After(500 * time.Microsecond)
				}
			})
		}
		asking.Wait()
		if each := time.Since(began) / 100; each > 3*time.Millisecond {
			t.Errorf("%v each", each)
		}
	})
}

// In a storm on one processor whoever asked first was read for alone, and so was the next: nobody got to gather.
func TestWhoIsReadyToAskIsReadWithTheFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	gathered := 0
	const storms = 20 // in some of them the scheduler has the read go first
	for range storms {
		r := &reader{}
		together := core.NewTogether(r.read)
		var asking sync.WaitGroup
		for n := range 16 {
			asking.Go(func() {
				if got, err := together.Ask(t.Context(), "place", n); err != nil || got != 2*n {
					t.Errorf("%d: %d, %v", n, got, err)
				}
			})
		}
		asking.Wait()
		if len(r.reads[0]) > 1 {
			gathered++
		}
	}
	if gathered < storms/2 {
		t.Errorf("in %d of %d storms the first was read alone", storms-gathered, storms)
	}
}

func TestKeysDoNotWaitForEachOtherAndAnErrorIsEverybodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Second, fails: errors.New("the disk")}
		together := core.NewTogether(r.read)
		began := time.Now()
		var asking sync.WaitGroup
		for _, key := range []string{"a", "b", "c"} {
			asking.Go(func() {
				if _, err := together.Ask(t.Context(), key, 1); !errors.Is(err, r.fails) {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if time.Since(began) != time.Second {
			t.Errorf("took %v", time.Since(began))
		}
	})
}

// A question carries things of its caller's, such as the mark of a prefetch, that nobody may use once the caller has left.
func TestWhoLeavesBeforeTheReadIsNotReadAndWhoLeavesDuringItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Second}
		together := core.NewTogether(r.read)
		leave := func(n int, after time.Duration) (int, time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			got, err := together.Ask(ctx, "place", n)
			return got, time.Since(began), err
		}
		var asking sync.WaitGroup
		asking.Go(func() { // reads at once, and the others must not depend on how long he waits
			if got, took, err := leave(1, 100*time.Millisecond); got != 2 || err != nil || took != time.Second {
				t.Errorf("the first: %d, %v after %v", got, err, took)
			}
		})
		synctest.Wait()
		asking.Go(func() {
			if _, took, err := leave(2, 500*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || took != 500*time.Millisecond {
				t.Errorf("the second: %v after %v", err, took)
			}
		})
		synctest.Wait()
		asking.Go(func() {
			if got, _, err := leave(3, time.Minute); got != 6 || err != nil {
				t.Errorf("the third: %d, %v", got, err)
			}
		})
		asking.Wait()
		if len(r.reads) != 2 || !slices.Equal(r.reads[1], []int{3}) {
			t.Errorf("read: %v", r.reads)
		}
	})
}

func TestAReadThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		together := core.NewTogether((&reader{takes: time.Hour}).read)
		if _, err := together.Ask(t.Context(), "place", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

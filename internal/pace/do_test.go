package pace_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
)

func TestDoSendsInTimeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		var mu sync.Mutex
		var starts []time.Time
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				err := p.Do(ctx, d, create, func(context.Context) error {
					mu.Lock()
					defer mu.Unlock()
					starts = append(starts, time.Now())
					return nil
				})
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		// The database is slow now and then: slots are missed, and nothing is sent in them.
		for range 5 {
			<-time.After(300 * time.Millisecond)
			_ = d.Write(t.Context(), func(*db.Tx) error { <-time.After(120 * time.Millisecond); return nil })
		}
		<-time.After(time.Second)
		mu.Lock()
		n := len(starts)
		mu.Unlock()
		if n < 10 || n > 40 {
			t.Errorf("%d calls in 3.1 seconds", n)
		}
		cancel()
		wg.Wait()
		for i := 10; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-10]); gap < time.Second {
				t.Errorf("eleven calls in %v", gap)
			}
		}
		if len(starts) > n+1 {
			t.Errorf("%d calls were sent after the end", len(starts)-n)
		}
	})
}

func TestDoReadsTheOutcomeFromTheError(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		for _, err := range []error{nil, errors.New("no"), fault.New(fault.NotFound, "", "no"), fault.New(fault.Unavailable, "", "gone")} {
			if got := p.Do(t.Context(), d, create, func(context.Context) error { return err }); got != err { //nolint:errorlint // the very same
				t.Errorf("%v became %v", err, got)
			}
			if r := rate(t, d, p, "all", ""); r.Throttled {
				t.Errorf("%v slows down", err)
			}
		}
		slow := fault.New(fault.Throttled, "", "slow")
		if err := p.Do(t.Context(), d, create, func(context.Context) error { return slow }); !errors.Is(err, slow) {
			t.Errorf("%v", err)
		}
		if r := rate(t, d, p, "all", ""); !r.Throttled {
			t.Error("a throttled call does not slow down")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.Do(t.Context(), d, create, func(context.Context) error { t.Error("sent without a slot"); return nil }); !errors.Is(err, db.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// Nobody is stuck in a queue of slots that were given while a bucket was slow.
func TestDoDoesNotQueueBehindASlowTime(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/test.db"
	migrate(t, url)
	synctest.Test(t, func(t *testing.T) {
		d := open(t, url)
		p := pace.New(preset(t, "case"))
		var away atomic.Bool
		away.Store(true)
		f := func(context.Context) error {
			if away.Load() {
				return fault.New(fault.Throttled, "", "slow")
			}
			return nil
		}
		for range 8 {
			_ = p.Do(t.Context(), d, create, f)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for p.Do(t.Context(), d, create, f) != nil {
				}
			})
		}
		<-time.After(time.Minute)
		away.Store(false)
		began := time.Now()
		wg.Wait()
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("all through %v after the provider was back", d)
		}
	})
}

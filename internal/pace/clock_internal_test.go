package pace

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// Processes whose clocks are seconds or an hour apart soon mean the same moment, and neither waits for the other's future.
func TestClocksThatDiffer(t *testing.T) {
	for _, apart := range []time.Duration{-5 * time.Second, 300 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			d := dbtest.SQLite(t, schema.Platform())
			both := []*Pace{New(preset(t, "case")), New(preset(t, "case"))}
			both[1].shift.Store(apart.Microseconds())
			write := func(f func(tx *db.Tx) error) {
				if err := d.Write(t.Context(), f); err != nil {
					t.Error(err)
				}
			}
			rng := rand.New(rand.NewPCG(1, 1))
			var slots []time.Time
			var wg sync.WaitGroup
			for range 200 {
				p := both[rng.IntN(2)]
				var s Slot
				write(func(tx *db.Tx) (err error) {
					s, _, err = p.Book(tx, Call{Op: "CreateChannel"}, p.Now(), time.Time{})
					return err
				})
				if !p.Wait(t.Context(), s) {
					t.Fatal("a slot that is over when it is given")
				}
				slots = append(slots, time.Now())
				answer := time.Duration(rng.IntN(90)) * time.Millisecond
				wg.Go(func() {
					<-time.After(answer)
					write(func(tx *db.Tx) error { return p.Answered(tx, s, OK) })
				})
			}
			wg.Wait()
			// While a shift of his clock is news to somebody his calls seem to be overdue: a place or two, for a second.
			for i := 11; i < len(slots); i++ {
				if gap := slots[i].Sub(slots[i-10]); i >= 100 && gap < 999*time.Millisecond || gap > 1200*time.Millisecond {
					t.Errorf("%v apart: calls %d to %d in %v", apart, i-10, i, gap)
				}
			}
		})
	}
}

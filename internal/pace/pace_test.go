package pace_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/schema"
)

func TestSlotsKeepTheLimit(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		preset, err := pace.Named("case")
		if err != nil {
			t.Fatal(err)
		}
		p := pace.New(preset)
		var slots []time.Time
		for range 40 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				s, ok, err := p.Book(tx, pace.Call{Op: "CreateChannel"}, p.Now(), time.Time{})
				if !ok {
					t.Error("not booked")
				}
				slots = append(slots, s.At)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := 10; i < len(slots); i++ {
			if gap := slots[i].Sub(slots[i-10]); gap < time.Second {
				t.Errorf("eleven calls in %v", gap)
			}
		}
	})
}

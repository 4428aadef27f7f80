package db_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// What was announced before the mark is in the view, and nothing else is: neither a write of the same group that is
// announced later, nor one that commits while the view is being read.
func TestAViewHoldsWhatWasAnnouncedBeforeItsMarkAndNothingElse(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		var announced int64 // written on the goroutine that commits only
		var stop atomic.Bool
		var writers, views sync.WaitGroup
		for w := range 8 {
			writers.Go(func() {
				for n := 0; !stop.Load(); n++ {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						tx.AfterCommit(func() { announced++ })
						_, err := tx.Exec("INSERT INTO t (a, n) VALUES ($1, $2)", fmt.Sprint(w), n)
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 4 {
			views.Go(func() {
				for range 25 {
					var want int64
					err := d.View(t.Context(), func() { want = announced }, func(q db.Querier) error {
						for range 2 {
							if err := d.Write(t.Context(), func(*db.Tx) error { return nil }); err != nil { // a commit goes by
								return err
							}
							got, err := db.Value[int64](t.Context(), q, "SELECT count(*) FROM t")
							if err != nil {
								return err
							}
							if got != want {
								t.Errorf("%d rows in the view, %d announced before its mark", got, want)
							}
						}
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		views.Wait()
		stop.Store(true)
		writers.Wait()
	})
}

func TestAViewThatDoesNotComeAboutIsNotMarked(t *testing.T) {
	d := dbtest.SQLite(t, schema)
	ctx, cancel := context.WithCancel(t.Context())
	entered, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- d.Write(t.Context(), func(*db.Tx) error { close(entered); <-leave; return nil })
	}()
	<-entered
	viewed := make(chan error, 1)
	var seen []string
	go func() {
		viewed <- d.View(ctx, func() { seen = append(seen, "mark") }, func(db.Querier) error { seen = append(seen, "read"); return nil })
	}()
	cancel()
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := <-viewed; err == nil && !slices.Equal(seen, []string{"mark", "read"}) || err != nil && seen != nil {
		t.Errorf("%v, after %v", err, seen)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.View(t.Context(), func() { t.Error("marked a closed database") }, nil); err == nil {
		t.Error("a closed database gave a view")
	}
}

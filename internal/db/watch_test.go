package db_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// What was read stands until a write begins that touches it, and what is read under way does not stand at all. On PostgreSQL,
// where others write too, nothing does.
func TestWhatWasReadStandsUntilItIsWritten(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		alone := d.Dialect() == db.SQLite
		w := d.Watch(func(query string) bool { return strings.HasPrefix(query, "INSERT INTO t ") })
		other := d.Watch(func(query string) bool { return strings.HasPrefix(query, "DELETE") })
		quiet := other.Now()
		for _, each := range []struct {
			query  string
			fails  error
			stands bool
		}{
			{query: "INSERT INTO t (a, n) VALUES ('a', 1)"},
			{query: "UPDATE t SET n = 2", stands: true},
			{query: "INSERT INTO t (a, n) VALUES ('b', 1)", fails: errors.New("regretted")},
			{query: "INSERT INTO t (a, n) VALUES ('c', 1) RETURNING n"},
		} {
			then := w.Now()
			if w.Stands(then) != alone {
				t.Errorf("before %s: stands %v", each.query, w.Stands(then))
			}
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				if w.Stands(then) != alone {
					t.Errorf("%s has not begun: stands %v", each.query, w.Stands(then))
				}
				var err error
				if strings.HasSuffix(each.query, "RETURNING n") {
					_, err = db.All(tx.Context(), tx, func(n *int) []any { return []any{n} }, each.query)
				} else {
					_, err = tx.Exec(each.query)
				}
				under := w.Now()
				if w.Stands(then) != (each.stands && alone) || w.Stands(under) != (each.stands && alone) {
					t.Errorf("during %s: stands %v, %v", each.query, w.Stands(then), w.Stands(under))
				}
				if w.Holds(then) != alone || w.Holds(under) != alone {
					t.Errorf("during %s: holds %v, %v", each.query, w.Holds(then), w.Holds(under))
				}
				tx.AfterCommit(func() {
					if w.Stands(then) != (each.stands && alone) || w.Stands(under) != (each.stands && alone) || w.Stands(w.Now()) != alone {
						t.Errorf("when %s is told: stands %v, %v, %v", each.query, w.Stands(then), w.Stands(under), w.Stands(w.Now()))
					}
					if w.Holds(then) != (each.stands && alone) || w.Holds(under) != (each.stands && alone) || w.Holds(w.Now()) != alone {
						t.Errorf("when %s is told: holds %v, %v, %v", each.query, w.Holds(then), w.Holds(under), w.Holds(w.Now()))
					}
				})
				return errors.Join(err, each.fails)
			})
			if !errors.Is(err, each.fails) {
				t.Error(err)
			}
			if w.Stands(then) != (each.stands && alone) || w.Stands(w.Now()) != alone {
				t.Errorf("after %s: stands %v, %v", each.query, w.Stands(then), w.Stands(w.Now()))
			}
		}
		if other.Stands(quiet) != alone {
			t.Error("nobody deleted anything")
		}
	})
}

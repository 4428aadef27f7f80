package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

var schema = fstest.MapFS{"00001_t.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t (a TEXT, n BIGINT, yes BOOLEAN, PRIMARY KEY (a, n)) /* WITHOUT ROWID */;\n")}}

func TestWritesOfManyGoroutinesAreAllThereAndFailuresUndoOnlyThemselves(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					if _, err := tx.Exec("INSERT INTO t (a, n, yes) VALUES ($1, $2, $3)", fmt.Sprint(i), i, i%2 == 0); err != nil {
						return err
					}
					if i%10 == 0 {
						return boom
					}
					return nil
				})
				if want := i%10 == 0; errors.Is(err, boom) != want || (err != nil && !want) {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		n, err := db.Value[int64](t.Context(), d, "SELECT count(*) FROM t")
		if err != nil || n != 180 {
			t.Fatalf("%d rows, %v; want 180", n, err)
		}
		yes, err := db.Value[bool](t.Context(), d, "SELECT yes FROM t WHERE a = $1", "2")
		if err != nil || !yes {
			t.Fatalf("boolean: %v %v", yes, err)
		}
	})
}

// Whoever has just been answered comes again for the next commit. On one processor the writer began it before with the first
// that came.
func TestThoseWhoAreAnsweredTogetherWriteTogetherAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const writers, each = 16, 50
	d := open(t, filepath.Join(t.TempDir(), "test.db"))
	var transactions []*db.Tx // by the writer's goroutine alone
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := d.Write(t.Context(), func(tx *db.Tx) error {
					if n := len(transactions); n == 0 || transactions[n-1] != tx {
						transactions = append(transactions, tx)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(transactions); n > 2*each {
		t.Errorf("%d writes in %d transactions, want about %d", writers*each, n, each)
	} else {
		t.Log(n, "transactions")
	}
}

// Without the lock PostgreSQL lets both processes read the same number, and one increment of two is lost.
func TestWritesThatLockANameSeeEachOtherAcrossProcesses(t *testing.T) {
	const each = 200
	check := func(t *testing.T, url string) {
		one, two := process(t, url), process(t, url)
		if _, err := one.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('a', 0)"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, d := range []*db.DB{one, two} {
			wg.Go(func() {
				for range each {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						if err := tx.Lock("a"); err != nil {
							return err
						}
						n, err := db.Value[int64](tx.Context(), tx, "SELECT n FROM t WHERE a = 'a'")
						if err != nil {
							return err
						}
						_, err = tx.Exec("UPDATE t SET n = $1 WHERE a = 'a'", n+1)
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n, err := db.Value[int64](t.Context(), one, "SELECT n FROM t"); err != nil || n != 2*each {
			t.Errorf("%d after %d increments, %v", n, 2*each, err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { check(t, "sqlite:"+t.TempDir()+"/t.db") })
	t.Run("postgres", func(t *testing.T) { check(t, dbtest.PostgresURL(t)) })
}

// process opens a database, with the table t in it, as a process of its own would.
func process(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAStatementThatFailsDoesNotPoisonItsGroup(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		bad, good := make([]error, 50), make([]error, 50)
		for i := range 50 {
			wg.Go(func() { _, good[i] = d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ($1, 1)", fmt.Sprint("g", i)) })
			wg.Go(func() { _, bad[i] = d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('same', 1)") })
		}
		wg.Wait()
		dups := 0
		for i := range 50 {
			if good[i] != nil {
				t.Errorf("good write: %v", good[i])
			}
			if db.IsDuplicate(bad[i]) {
				dups++
			} else if bad[i] != nil {
				t.Errorf("not a duplicate: %v", bad[i])
			}
		}
		if dups != 49 {
			t.Errorf("%d duplicates, want 49", dups)
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	newer := fstest.MapFS{"00001_t.sql": schema["00001_t.sql"], "00002_u.sql": {Data: []byte("-- +goose Up\nCREATE TABLE u (a TEXT);\n")}}
	dbtest.Each(t, newer, func(t *testing.T, d *db.DB) {
		if err := d.Migrate(context.Background(), schema); err == nil {
			t.Fatal("a database with a newer schema was accepted")
		}
	})
}

// A standby that was started together with the leader stood by five seconds later: it waited for the lock of migrations.
func TestANodeThatHasNothingToMigrateWaitsForNobody(t *testing.T) {
	url := dbtest.PostgresURL(t)
	d := process(t, url)
	other, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock($1)", db.MigrationLock(t, d)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Migrate(ctx, schema); err != nil {
		t.Fatal(err)
	}
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	d := dbtest.SQLite(t, schema)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(t.Context(), "DELETE FROM t"); !errors.Is(err, db.ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

func TestAfterCommitRunsOnceInCommitOrderAndNeverForAnUndoneWrite(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		var next int64    // the order of the transactions, written by the writer alone
		var order []int64 // the order of the hooks
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				ran := false
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					if i%20 == 19 { // breaks the whole group: its writes run a second time
						_, err := tx.Exec("ROLLBACK")
						return err
					}
					next++
					n := next
					tx.AfterCommit(func() { order = append(order, n); ran = true })
					if i%10 == 0 {
						return errors.New("undone")
					}
					return nil
				})
				if (err == nil) != ran {
					t.Errorf("write %d: error %v, hook ran: %v when Write returned", i, err, ran)
				}
			})
		}
		wg.Wait()
		for i := 1; i < len(order); i++ {
			if order[i] <= order[i-1] {
				t.Fatalf("hooks ran out of commit order: %v", order)
			}
		}
		if len(order) < 100 {
			t.Errorf("%d hooks ran, want most of 200", len(order))
		}
	})
}

func TestStatementsAreKeptAndStillSeeAChangedSchemaAndRollBackWithTheirWrite(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		const insert, count = "INSERT INTO t (a, n) VALUES ($1, $2)", "SELECT count(*) FROM t"
		for i := range 3 {
			if _, err := d.Exec(t.Context(), insert, "x", i); err != nil {
				t.Fatal(err)
			}
			boom := errors.New("boom")
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Exec(insert, "undone", i); err != nil {
					return err
				}
				if n, err := db.Value[int](tx.Context(), tx, count); err != nil || n != i+2 {
					t.Errorf("inside: %d rows, %v; want %d", n, err, i+2)
				}
				return boom
			})
			if !errors.Is(err, boom) {
				t.Fatal(err)
			}
			if _, err := d.Exec(t.Context(), fmt.Sprintf("ALTER TABLE t ADD COLUMN extra%d TEXT", i)); err != nil {
				t.Fatal(err)
			}
			if n, err := db.Value[int](t.Context(), d, count); err != nil || n != i+1 {
				t.Fatalf("%d rows, %v; want %d", n, err, i+1)
			}
		}
	})
}

// Two nodes that change the same rows in opposite order deadlock, and PostgreSQL ends one of the transactions. Found by
// two engines on one database: callers got the deadlock as their answer although nothing was wrong with what they wrote.
func TestAWriteThatLostADeadlockToAnotherNodeIsRepeated(t *testing.T) {
	url := dbtest.PostgresURL(t)
	var nodes [2]*db.DB
	for i := range nodes {
		var err error
		if nodes[i], err = db.Open(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nodes[i].Close() })
		if err := nodes[i].Migrate(t.Context(), schema); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nodes[0].Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('x', 0), ('y', 0)"); err != nil {
		t.Fatal(err)
	}
	var both, done sync.WaitGroup
	both.Add(2)
	for i, order := range [][2]string{{"x", "y"}, {"y", "x"}} {
		done.Go(func() {
			meet := sync.OnceFunc(func() { both.Done(); both.Wait() }) // the first time each holds a row the other wants
			err := nodes[i].Write(t.Context(), func(tx *db.Tx) error {
				for _, row := range order {
					if _, err := tx.Exec("UPDATE t SET n = n + 1 WHERE a = $1", row); err != nil {
						return err
					}
					meet()
				}
				return nil
			})
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		})
	}
	done.Wait()
	n, err := db.Value[int64](t.Context(), nodes[0], "SELECT min(n) + max(n) FROM t")
	if err != nil || n != 4 {
		t.Fatalf("%d, %v; want both rows changed twice", n, err)
	}
}

func TestBeforeCommitBelongsToItsWrite(t *testing.T) {
	dbtest.Each(t, schema, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		write := func(name string, own, hook error) (committed bool, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error {
				tx.BeforeCommit(func() error {
					tx.AfterCommit(func() { committed = true })
					if _, err := tx.Exec("INSERT INTO t (a, n) VALUES ($1, 2)", name); err != nil {
						return err
					}
					return hook
				})
				if _, err := tx.Exec("INSERT INTO t (a, n) VALUES ($1, 1)", name); err != nil {
					return err
				}
				return own
			})
			return committed, err
		}
		if ok, err := write("both", nil, nil); !ok || err != nil {
			t.Errorf("both: %v %v", ok, err)
		}
		if ok, err := write("own", boom, nil); ok || !errors.Is(err, boom) {
			t.Errorf("own: %v %v", ok, err)
		}
		if ok, err := write("hook", nil, boom); ok || !errors.Is(err, boom) {
			t.Errorf("hook: %v %v", ok, err)
		}
		n, err := db.Value[int](t.Context(), d, "SELECT count(*) FROM t")
		if err != nil || n != 2 {
			t.Errorf("%d rows, %v; want 2", n, err)
		}
	})
}

package lease_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// each runs f on both databases in virtual time.
func each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	for name, open := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/test.db" },
		"postgres": func(t *testing.T) string { return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url := open(t)
			synctest.Test(t, func(t *testing.T) {
				d, err := db.Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = d.Close() }()
				if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
					t.Fatal(err)
				}
				f(t, d)
			})
		})
	}
}

// claim is one look of a process, which may take the lease.
func claim(t *testing.T, l *lease.Lease) (epoch int64, ok bool) {
	t.Helper()
	epoch, ok, err := l.Claim(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return epoch, ok
}

// stands lets a process look every Poll until it leads, and says how long that took.
func stands(t *testing.T, l *lease.Lease) (epoch int64, after time.Duration) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Minute {
		if epoch, ok := claim(t, l); ok {
			return epoch, time.Since(began)
		}
		pass(lease.Poll)
	}
	t.Fatal("nobody took it over")
	return 0, 0
}

func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// write writes a row under an epoch.
func write(l *lease.Lease, epoch int64, id string) error {
	return l.Write(context.Background(), epoch, func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO organizer (id, name, created_ms) VALUES ($1, $1, 1)", id)
		return err
	})
}

func written(t *testing.T, d *db.DB, id string) bool {
	t.Helper()
	n, err := db.Value[int](context.Background(), d, "SELECT count(*) FROM organizer WHERE id = $1", id)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestWhoRenewsIsNotTakenOver(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		a, b := lease.New(d, "work", "a"), lease.New(d, "work", "b")
		epoch, ok := claim(t, a)
		if _, taken := claim(t, b); !ok || taken || epoch != 1 {
			t.Fatalf("a leads %v with epoch %d, b %v", ok, epoch, taken)
		}
		ctx, cancel := context.WithCancel(t.Context())
		kept := make(chan error, 1)
		go func() { kept <- a.Keep(ctx, epoch) }()
		for range 60 {
			if _, taken := claim(t, b); taken {
				t.Fatal("taken over")
			}
			pass(lease.Poll)
		}
		if !a.Valid() || b.Valid() {
			t.Errorf("a valid %v, b %v", a.Valid(), b.Valid())
		}
		if _, other := claim(t, lease.New(d, "other work", "b")); !other {
			t.Error("another lease is not free")
		}
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
	})
}

func TestAHolderThatStoppedIsTakenOverAndWritesNothingWhenItWakes(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		a, b := lease.New(d, "work", "a"), lease.New(d, "work", "b")
		old, _ := claim(t, a)
		if err := write(a, old, "before"); err != nil || !written(t, d, "before") {
			t.Fatal(err)
		}
		epoch, after := stands(t, b) // a says nothing any more
		if epoch != old+1 || after < lease.TTL || after > lease.TTL+2*lease.Poll {
			t.Errorf("epoch %d after %v, want %d within %v", epoch, after, old+1, lease.TTL+2*lease.Poll)
		}
		if a.Valid() {
			t.Error("who was silent for so long still believes that it leads")
		}
		if err := write(a, old, "late"); !errors.Is(err, lease.ErrStale) || written(t, d, "late") {
			t.Errorf("a late write: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := a.Keep(ctx, old); !errors.Is(err, lease.ErrStale) {
			t.Errorf("keeping it: %v", err)
		}
		if err := a.Release(t.Context(), old); err != nil {
			t.Error(err)
		}
		if err := write(b, epoch, "in time"); err != nil || !written(t, d, "in time") {
			t.Errorf("the new holder, after the old one released what it had not: %v", err)
		}
	})
}

// What is written after the look at the lease is not kept either when it fails.
func TestAWriteThatFailsProvesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		a := lease.New(d, "work", "a")
		epoch, _ := claim(t, a)
		pass(lease.TTL / 2)
		no := errors.New("no")
		if err := a.Write(t.Context(), epoch, func(*db.Tx) error { return no }); !errors.Is(err, no) {
			t.Error(err)
		}
		pass(lease.TTL / 2)
		if a.Valid() {
			t.Error("a write that failed renewed the lease")
		}
	})
}

func TestALeaseThatIsReleasedIsFreeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		a, b := lease.New(d, "work", "a"), lease.New(d, "work", "b")
		old, _ := claim(t, a)
		_, _ = claim(t, b)
		if err := a.Release(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if epoch, after := stands(t, b); epoch != old+1 || after != 0 {
			t.Errorf("epoch %d after %v", epoch, after)
		}
		if err := write(a, old, "released"); !errors.Is(err, lease.ErrStale) {
			t.Errorf("a write after the release: %v", err)
		}
	})
}

// A process that starts again under its name need not wait for itself; what it did before has ended.
func TestAHolderThatComesBackLeadsWithANewEpoch(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		old, _ := claim(t, lease.New(d, "work", "a"))
		again := lease.New(d, "work", "a")
		epoch, after := stands(t, again)
		if epoch != old+1 || after != 0 {
			t.Errorf("epoch %d after %v", epoch, after)
		}
		if err := write(again, old, "of before"); !errors.Is(err, lease.ErrStale) {
			t.Errorf("with the old epoch: %v", err)
		}
	})
}

package chimetest

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// Each runs f on a new show in both kinds of database, inside a synctest bubble: waiting costs no time, and a hung
// provider is given up after exactly as long as the code says.
func Each(t *testing.T, f func(t *testing.T, s *Show)) {
	t.Run("sqlite", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, NewShow(t, dbtest.SQLite(t, schema.Platform()))) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := dbtest.PostgresURL(t)
		// Outside the bubble: waiting for the lock against other migrations of this server must take real time.
		migrate(t, url)
		synctest.Test(t, func(t *testing.T) {
			d, err := db.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			f(t, NewShow(t, d))
		})
	})
}

func migrate(t *testing.T, url string) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Migrate(t.Context(), schema.Platform()), d.Close()); err != nil {
		t.Fatal(err)
	}
}

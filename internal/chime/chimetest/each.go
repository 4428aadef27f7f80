package chimetest

import (
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
		synctest.Test(t, func(t *testing.T) {
			d, err := db.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
				t.Fatal(err)
			}
			f(t, NewShow(t, d))
		})
	})
}

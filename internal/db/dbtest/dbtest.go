// Package dbtest runs a test once on SQLite and once on PostgreSQL.
package dbtest

import (
	"context"
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// PostgresEnv names the environment variable with the URL of a PostgreSQL server for tests. scripts/test.sh starts one
// and sets it. Without it the PostgreSQL half of each test is skipped, unless CI is set: then it fails.
const PostgresEnv = "STAGEDOOR_TEST_POSTGRES"

// Each runs f on an empty, migrated database of both kinds, as subtests "sqlite" and "postgres".
func Each(t *testing.T, files fs.FS, f func(t *testing.T, d *db.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t, files)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t, files)) })
}

// SQLite returns an empty, migrated SQLite database that ends with the test.
func SQLite(t testing.TB, files fs.FS) *db.DB {
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), files)
}

// Postgres returns an empty, migrated schema of PostgreSQL that ends with the test, or skips the test.
func Postgres(t testing.TB, files fs.FS) *db.DB { return open(t, PostgresURL(t), files) }

// PostgresURL returns the URL of an empty PostgreSQL schema of the test's own, or skips the test.
func PostgresURL(t testing.TB) string {
	base := os.Getenv(PostgresEnv)
	if base == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: run the tests with make test", PostgresEnv)
		}
		t.Skipf("%s is not set", PostgresEnv)
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "t" + id.NewToken()
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		_ = admin.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, u string, files fs.FS) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(context.Background(), files); err != nil {
		t.Fatal(err)
	}
	return d
}

// Plan is how the database goes about a statement with these values, a step on each line. SQLite does not look at them.
func Plan(t testing.TB, d *db.DB, query string, args ...any) string {
	t.Helper()
	explain, unused := "EXPLAIN ", []any{}
	if d.Dialect() == db.SQLite {
		explain, unused = "EXPLAIN QUERY PLAN ", []any{new(int64), new(int64), new(int64)} // the tree that the steps make
	}
	steps, err := db.All(t.Context(), d, func(step *string) []any { return append(unused[:len(unused):len(unused)], step) }, explain+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n") + "\n"
}

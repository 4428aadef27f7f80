package schema_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

func TestMigrationsRunOnBothDatabases(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
			t.Fatalf("second run: %v", err)
		}
	})
}

package schema_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestMigrationsRunOnBothDatabases(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		if err := d.Migrate(t.Context(), schema.Engine()); err != nil {
			t.Fatalf("second run: %v", err)
		}
	})
}

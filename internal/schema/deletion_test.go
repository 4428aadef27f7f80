package schema_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// until returns the platform's migrations up to and with the one of that name.
func until(t *testing.T, last string) fs.FS {
	out := fstest.MapFS{}
	entries, err := fs.ReadDir(schema.Platform(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := fs.ReadFile(schema.Platform(), e.Name())
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = &fstest.MapFile{Data: text}
		if e.Name() == last {
			return out
		}
	}
	t.Fatalf("there is no migration %s", last)
	return nil
}

// TestAnOlderDeletionReportIsKept. Reports had a column for what remained. The provisioner counted its ledger for it after it
// had forgotten the show, so it was 0 whatever had happened; a report that is there says the same.
func TestAnOlderDeletionReportIsKept(t *testing.T) {
	dbtest.Each(t, until(t, "00009_inventory.sql"), func(t *testing.T, d *db.DB) {
		for _, text := range []string{
			`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
				VALUES ('e', 'e', 'E', 'A', '', 'UTC', 1, 1, '/', TRUE, 'purged', 1, 1)`,
			`INSERT INTO deletion_report (event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships, moderators, remains,
				messages, sha256) VALUES ('e', 1, 2, 3, 4, 1, 1, 7, 6, 1, 0, 9, 'sum')`,
		} {
			if _, err := d.Exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
			t.Fatal(err)
		}
		accounts, err := db.Value[int](t.Context(), d, "SELECT accounts FROM deleted_chat WHERE event_id = 'e'")
		if err != nil || accounts != 7 {
			t.Errorf("%d accounts, %v", accounts, err)
		}
		if _, err := db.Value[int](t.Context(), d, "SELECT remains FROM deletion_report WHERE event_id = 'e'"); err == nil {
			t.Error("the report still says what remains")
		}
	})
}

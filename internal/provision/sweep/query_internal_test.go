package sweep

import (
	"maps"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// A sweep asks page by page: what it asks is answered by the key of a few rows, and not by all of a show.
func TestASweepNeverReadsAWholeEvent(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		e, _ := ledgertest.Show(t, d, 4000, time.Now())
		ledgertest.Fill(t, d, e, true)
		if _, err := d.Exec(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		questions := map[string][]any{insideSQL: {e, "user", "", ledger.Chunk}, placesSQL: nil, unreadySQL: {e}}
		if d.Dialect() == db.SQLite { // PostgreSQL reads all of the little that there is of history and tickets
			maps.Copy(questions, map[string][]any{standingSQL: make([]any, 3), walkSQL: make([]any, 4), instancesSQL: nil,
				adminsSQL: make([]any, 2), ownersSQL: make([]any, 1), whereSQL: make([]any, 1)})
		}
		ledgertest.NeverReadAWholeShow(t, d, questions)
	})
}

package sweep

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// A sweep asks page by page: what it asks is answered by the key of a few rows, and not by all of a show.
func TestASweepNeverReadsAWholeEvent(t *testing.T) {
	ledgertest.NeverReadAWholeShow(t, dbtest.SQLite(t, schema.Platform()), map[string][]any{
		standingSQL: make([]any, 3), walkSQL: make([]any, 4), instancesSQL: nil, placesSQL: nil,
		adminsSQL: make([]any, 2), ownersSQL: make([]any, 1), whereSQL: make([]any, 1),
	})
}

package sweep

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// A sweep asks page by page: what it asks is answered by the key of a few rows, and not by all of a show.
func TestASweepNeverReadsAWholeEvent(t *testing.T) {
	ledgertest.NeverReadAWholeShow(t, dbtest.SQLite(t, schema.Platform()), map[string]int{
		standingSQL: 3, walkSQL: 4, instancesSQL: 0, placesSQL: 0,
		adminsSQL: 2, ownersSQL: 1, whereSQL: 1,
	})
}

package plan

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// SQLite once read all memberships of an open show each second to follow its bans: it took the primary key although there
// was an index.
func TestAPlanNeverReadsAWholeEvent(t *testing.T) {
	ledgertest.NeverReadAWholeShow(t, dbtest.SQLite(t, schema.Platform()), map[string][]any{
		bansSQL: make([]any, 1), flickerSQL: make([]any, 1), ledger.Drift: make([]any, 1),
		showSQL: nil, unplacedSQL: make([]any, 1), wantedSQL: make([]any, 3),
	})
}

package plan

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// SQLite once read all memberships of an open show each second to follow its bans: it took the primary key although there
// was an index.
func TestAPlanNeverReadsAWholeEvent(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	for name, query := range map[string]struct {
		text string
		args int
	}{
		"bans": {bansSQL, 1}, "flicker": {flickerSQL, 1}, "drift": {ledger.Drift, 1},
		"shows": {showSQL, 0}, "unplaced": {unplacedSQL, 1}, "wanted": {wantedSQL, 3},
	} {
		if plan := dbtest.Plan(t, d, query.text, query.args); provisiontest.ReadsAWholeShow(plan) {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

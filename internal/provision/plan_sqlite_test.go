package provision

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// SQLite once read all 80,000 rows of two events for each next call (20 ms): it took the primary
// key although there was an index.
func TestWhatIsAskedAllTheTimeNeverReadsAWholeEvent(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	for name, query := range map[string]struct {
		text string
		args int
	}{
		"todo": {ledger.TodoSQL, 4}, "waiting": {ledger.WaitingSQL, 1}, "channel": {channelSQL, 1}, "flying": {flyingSQL, 2}, "due": {dueSQL, 2},
	} {
		if plan := dbtest.Plan(t, d, query.text, query.args); provisiontest.ReadsAWholeShow(plan) {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

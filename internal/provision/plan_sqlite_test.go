package provision

import (
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
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
		type step struct {
			id, parent, unused int64
			detail             string
		}
		args := []any{"{}", "{}", "{}", 1, 1, "{}"}
		plan, err := db.All(t.Context(), d, func(s *step) []any { return []any{&s.id, &s.parent, &s.unused, &s.detail} },
			"EXPLAIN QUERY PLAN "+query.text, args[:query.args]...)
		if err != nil || len(plan) == 0 {
			t.Fatal(name, plan, err)
		}
		for _, s := range plan {
			if strings.HasSuffix(s.detail, "PRIMARY KEY (event_id=?)") || strings.HasPrefix(s.detail, "SCAN r") || strings.HasPrefix(s.detail, "SCAN ticket") {
				t.Errorf("%s: %s", name, s.detail)
			}
		}
	}
}

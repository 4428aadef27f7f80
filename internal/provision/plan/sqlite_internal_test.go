package plan

import (
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
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

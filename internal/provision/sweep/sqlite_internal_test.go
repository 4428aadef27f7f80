package sweep

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// A sweep asks page by page: what it asks is answered by the key of a few rows, and not by all of a show.
func TestASweepNeverReadsAWholeEvent(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	for name, query := range map[string]struct {
		text string
		args int
	}{
		"standing": {standingSQL, 3}, "walk": {walkSQL, 4}, "instances": {instancesSQL, 0}, "places": {placesSQL, 0},
		"admins": {adminsSQL, 2}, "owners": {ownersSQL, 1}, "where": {whereSQL, 1},
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

package readiness_test

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// What is counted each second reads indexes that hold all it needs, never the rows of a million tickets.
func TestCountingReadsIndexesOnly(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	for name, want := range map[string]struct {
		query      string
		parameters int
		index      string
	}{
		"tallies":  {readiness.TalliesSQL, 0, "COVERING INDEX resource_tally"},
		"tickets":  {readiness.TicketsSQL, 0, "COVERING INDEX ticket_tally"},
		"fresh":    {readiness.FreshSQL, 1, "INDEX ticket_by_change (updated_ms>?)"},
		"failures": {readiness.FailuresSQL, 1, "INDEX resource_failing"},
		"flying":   {readiness.FlyingSQL, 0, "INDEX resource_busy"},
	} {
		if plan := dbtest.Plan(t, d, want.query, make([]any, want.parameters)...); !strings.Contains(plan, want.index) {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

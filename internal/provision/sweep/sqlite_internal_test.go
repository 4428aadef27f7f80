package sweep

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
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
		if plan := dbtest.Plan(t, d, query.text, query.args); provisiontest.ReadsAWholeShow(plan) {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

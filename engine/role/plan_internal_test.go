package role

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// Lines that were written together looked their senders up by walking through every user of the app instance, and took
// the list apart anew for each: 64 lines took 0.8 s where there were 100,000 users, and the writer with them.
func TestSendersAreLookedUpByNameHoweverManyUsersThereAre(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	if plan := dbtest.Plan(t, d, allInChannelSQL, make([]any, 3)...); !strings.Contains(plan, "SEARCH u USING PRIMARY KEY (app=? AND id=?)") {
		t.Error(plan)
	}
}

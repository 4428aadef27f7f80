package member

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// A batch of 100 members walked through every user of the app instance, and took the list apart anew for each: 3 s of
// the one writer where there were 100,000 users.
func TestABatchLooksItsMembersUpByNameHoweverManyUsersThereAre(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	for text, parameters := range map[string]int{candidatesSQL: 3, insertMembershipsSQL: 7, placesSQL: 2} {
		if plan := dbtest.Plan(t, d, text, make([]any, parameters)...); !strings.Contains(plan, "SEARCH u USING PRIMARY KEY (app=? AND id=?)") {
			t.Error(plan)
		}
	}
}

package identity

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestRetentionLooksForTheOldMessagesOfOneChannelAfterTheOther(t *testing.T) {
	plan := dbtest.Plan(t, dbtest.SQLite(t, schema.Engine()), retainedSQL, make([]any, 4)...)
	if !strings.Contains(plan, "SEARCH m USING PRIMARY KEY (channel=? AND created_ms<?)") || !strings.Contains(plan, "(no>? AND no<?)") {
		t.Error(plan)
	}
}

func TestUsersAreLookedUpByNameHoweverManyThereAre(t *testing.T) {
	plan := dbtest.Plan(t, dbtest.SQLite(t, schema.Engine()), usersInSQL, make([]any, 2)...)
	if !strings.Contains(plan, "SEARCH u USING PRIMARY KEY (app=? AND id=?)") {
		t.Error(plan)
	}
}

package channel

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestAPrefetchBeginsWithThoseWhoAsk(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	if plan := dbtest.Plan(t, d, urgentSQL, make([]any, 3)...); !strings.Contains(plan, "SEARCH m USING INDEX channel_membership_by_member (member=?)") {
		t.Error(plan)
	}
	if plan := dbtest.Plan(t, d, placesSQL, make([]any, 1)...); !strings.Contains(plan, "SEARCH p USING INDEX sqlite_autoindex_channel_1 (no=?)") {
		t.Error(plan)
	}
}

package plan

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// SQLite once read all memberships of an open show each second to follow its bans: it took the primary key although there
// was an index. PostgreSQL would read a million rows for the first five hundred that match, in no order, where it believes that
// most do: hence the orders of the questions.
func TestAPlanNeverReadsAWholeEvent(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		for i, then := range []string{"UPDATE resource SET want = FALSE, error = 'x', attempts = 1, busy = TRUE", "ANALYZE"} {
			e, _ := ledgertest.Show(t, d, 2000, time.Now().Add(time.Duration(i)*time.Hour))
			ledgertest.Fill(t, d, e, true)
			if _, err := d.Exec(t.Context(), then); err != nil {
				t.Fatal(err)
			}
		}
		questions := map[string]int{
			bansSQL + " LIMIT $2": 2, flickerSQL + " LIMIT $2": 2, showSQL: 0, unplacedSQL: 1, largeSQL: 2, blockedSQL: 3, farSQL: 1,
			wantedSQL: 3, insideSQL: 3, leftSQL: 3, flyingSQL: 2, peopleSQL: 2, lastSQL: 1,
		}
		if d.Dialect() == db.SQLite {
			questions[ledger.Drift] = 1 // PostgreSQL joins five hundred of so few tickets by reading them all, and is right
		}
		ledgertest.NeverReadAWholeShow(t, d, questions)
	})
}

package plan

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// SQLite once read all memberships of an open show each second to follow its bans: it took the primary key although there
// was an index. PostgreSQL would read a million rows for the first five hundred that match, in no order, where it believes that
// most do: hence the orders of the questions.
func TestAPlanNeverReadsAWholeEvent(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		var e id.Event
		for i, then := range []string{"UPDATE resource SET want = FALSE, error = 'x', attempts = 1, busy = TRUE", "ANALYZE"} {
			e, _ = ledgertest.Show(t, d, 2000, time.Now().Add(time.Duration(i)*time.Hour))
			ledgertest.Fill(t, d, e, true)
			if _, err := d.Exec(t.Context(), then); err != nil {
				t.Fatal(err)
			}
		}
		questions := map[string][]any{
			bansSQL + " LIMIT $2": {e, ledger.Chunk}, flickerSQL + " LIMIT $2": {e, ledger.Chunk}, showSQL: nil, unplacedSQL: {rule.Large + 1},
			largeSQL: {e, rule.Large + 1}, blockedSQL: {e, "", ledger.Chunk}, farSQL: {time.Now().UnixMilli()}, wantedSQL: {e, "", ledger.Chunk},
			insideSQL: {e, ledger.Chunk, "membership"}, leftSQL: {e, ledger.Chunk, "user"}, flyingSQL: {e, ledger.Chunk}, peopleSQL: {e, ledger.Chunk},
			lastSQL: {e},
		}
		if d.Dialect() == db.SQLite {
			questions[ledger.Drift] = []any{nil} // PostgreSQL joins five hundred of so few tickets by reading them all, and is right
		}
		ledgertest.NeverReadAWholeShow(t, d, questions)
	})
}

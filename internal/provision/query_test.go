package provision

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// Both databases once read a whole show for each next call. SQLite took the primary key although there was an index. PostgreSQL
// expected, of a show that was imported after it had counted the rows last, a single row, for which any index will do; and of
// one that it had counted while most rows waited, to meet one that waits soon, wherever it begins.
func TestWhatIsAskedAllTheTimeNeverReadsAWholeEvent(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		if d.Dialect() == db.SQLite {
			neverReadAWholeShow(t, d, "e") // it looks at the indexes, and never at what there is
			return
		}
		for i, then := range []string{"ANALYZE", "UPDATE resource SET state = 'made', name = want_name, work = ''", "UPDATE resource SET busy = TRUE", "ANALYZE"} {
			e, _ := ledgertest.Show(t, d, 2000, time.Now().Add(time.Duration(i)*time.Hour))
			ledgertest.Fill(t, d, e, false)
			if i > 0 { // a database that never counted does so within a minute
				neverReadAWholeShow(t, d, e)
			}
			if _, err := d.Exec(t.Context(), then); err != nil {
				t.Fatal(err)
			}
			neverReadAWholeShow(t, d, e)
		}
	})
}

func neverReadAWholeShow(t *testing.T, d *db.DB, e id.Event) {
	t.Helper()
	ledgertest.NeverReadAWholeShow(t, d, map[string][]any{
		ledger.TodoSQL: {e, ledger.TaskCreate, 1, 1}, ledger.WaitingSQL: {e, 1}, channelSQL: {e}, flyingSQL: {e, 1}, ledger.BaseSQL: {e},
	})
}

package ledgertest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// NeverReadAWholeShow fails the test for questions, with their arguments, that the database would answer by reading all rows of a
// show, or more, although there are indexes. SQLite plans by rule; PostgreSQL reads all of a small table, and must have some
// thousand rows.
func NeverReadAWholeShow(t *testing.T, d *db.DB, questions map[string][]any) {
	t.Helper()
	for q, args := range questions {
		if plan := dbtest.Plan(t, d, q, args...); readsAWholeShow(plan) {
			t.Errorf("%s\n%s", q, plan)
		}
	}
}

// wholeShow: PostgreSQL reads all of a table, or all of a show by the first column of some index.
var wholeShow = regexp.MustCompile(`Seq Scan on (resource|ticket)|Index Cond: \(event_id = [^()]*\)\n`)

func readsAWholeShow(plan string) bool {
	for step := range strings.Lines(plan) {
		if strings.HasSuffix(step, "PRIMARY KEY (event_id=?)\n") || strings.HasPrefix(step, "SCAN r") || strings.HasPrefix(step, "SCAN ticket") {
			return true
		}
	}
	return wholeShow.MatchString(plan)
}

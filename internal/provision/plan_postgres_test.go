package provision

import (
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// PostgreSQL once read the whole ledger for each next call (10 ms with 80,000 rows) to see whether a show had anything to do: it had
// counted the rows when most of them waited, and expected to meet one soon.
func TestPostgreSQLDoesNotReadTheLedgerToFindNothing(t *testing.T) {
	term, _ := benchTerm(t, "postgres")
	e, _ := fill(t, term.db, 2000, time.Now().Add(time.Hour))
	fillLedger(t, term.db, e, false)
	for _, q := range []string{"ANALYZE resource", "UPDATE resource SET state = 'made', name = want_name, work = ''"} {
		if _, err := term.db.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for name, q := range map[string]struct {
		text string
		args []any
	}{
		"waiting": {ledger.WaitingSQL, []any{e}},
		"todo":    {ledger.TodoSQL, []any{e, ledger.TaskCreate, 1, 1}},
		"channel": {channelSQL, []any{e}},
		"flying":  {flyingSQL, []any{e, 1}},
		"due":     {dueSQL, []any{e, 1}},
	} {
		plan, err := db.All(t.Context(), term.db, func(s *string) []any { return []any{s} }, "EXPLAIN "+q.text, q.args...)
		if text := strings.Join(plan, "\n"); err != nil || strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Index") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if has, err := ledger.WaitingFor(t.Context(), term.db, e); err != nil || has != (ledger.Waiting{}) {
		t.Errorf("%+v, %v", has, err)
	}
}

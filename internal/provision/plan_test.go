package provision

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
)

// The planner once followed an import of 100,000 tickets to its end, 40 s, before it looked at anything else.
func TestAnImportIsPlannedInChunksAndALateTicketOfAnEarlierShowGoesBetweenThem(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			term, p := benchTerm(t, kind)
			planned := func(of any) int {
				n, err := db.Value[int](t.Context(), term.db, "SELECT count(*) FROM resource WHERE event_id = $1 AND kind = 'user'", of)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			sold := func(at time.Time) {
				term.exec(t, "UPDATE ticket SET updated_ms = $1 WHERE updated_ms = 1", at.UnixMilli())
			}
			look := func() {
				if err := p.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			step := func() {
				if more, err := p.Step(t.Context()); err != nil || !more {
					t.Fatal(more, err)
				}
			}
			later, _ := ledgertest.Show(t, term.db, 3_000, time.Now().Add(48*time.Hour))
			sold(time.Now())
			look()
			if n := planned(later); n != 0 {
				t.Fatalf("a look planned %d tickets, want it to note them only", n)
			}
			step()
			if n := planned(later); n != ledger.Chunk {
				t.Fatalf("a step planned %d tickets, want %d", n, ledger.Chunk)
			}
			earlier, _ := ledgertest.Show(t, term.db, 1, time.Now().Add(time.Hour))
			sold(time.Now().Add(time.Second)) // what fill writes is older than what the planner looks for
			look()
			step()
			if n, behind := planned(earlier), planned(later); n != 1 || behind != ledger.Chunk {
				t.Fatalf("the late ticket is planned: %d, of the import %d, want it next", n, behind)
			}
			for more := true; more; {
				var err error
				if more, err = p.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := planned(later); n != 3_000 {
				t.Fatalf("%d of 3,000 tickets are planned in the end", n)
			}
		})
	}
}

// A delete that was refused because nobody known had asked was taken for done: the channel stayed for ever.
func TestOnlyWhoIsKnownCanFindNothing(t *testing.T) {
	for code, done := range map[string]bool{chime.CodeForbidden: true, chime.CodeNotFound: false, chime.CodeUnknown: false, chime.CodeNoAccess: false} {
		if err := gone(fault.New(fault.Denied, code, "no")); (err == nil) != done {
			t.Errorf("%s: %v", code, err)
		}
	}
}

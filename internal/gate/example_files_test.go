package gate_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
)

func example(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Both files come from examples/generate.go; a box office's habits are listed there.
func TestTheExampleFilesAreRead(t *testing.T) {
	const unpaid = "Not paid yet (pending). Import the file again when it is."
	want := map[string]gate.Report{
		"pretix-attendees.csv": {Layout: "pretix", Lines: 372, New: 351, Known: 8, Revoked: 9, RefusedCount: 4, Refused: []gate.Refusal{
			{Line: 167, Reason: unpaid, Excerpt: "nachtlicht,FCGEZ,1,pending,renee.koehler@mail.example,,2026-…"},
			{Line: 168, Reason: unpaid, Excerpt: "nachtlicht,FCGEZ,2,pending,renee.koehler@mail.example,,2026-…"},
			{Line: 169, Reason: unpaid, Excerpt: "nachtlicht,FCGEZ,3,pending,renee.koehler@mail.example,,2026-…"},
			{Line: 260, Reason: "The line cannot be read: a quoted field is not closed.", Excerpt: `nachtlicht,BKCEP,7,paid,"unfinished`},
		}},
		"eventbrite-attendees.csv": {Layout: "eventbrite", Lines: 72, New: 64, Known: 2, Revoked: 3, RefusedCount: 3, Refused: []gate.Refusal{
			{Line: 33, Reason: "The line is incomplete: it has 4 columns, and the code is in column 10.", Excerpt: `11600158779,2026-10-09,Cut,O"ff`},
			{Line: 57, Reason: "Not paid yet (Unpaid). Import the file again when it is.", Excerpt: "11600295407,2026-10-17 02:59:30+00:00,Ayşe,Ångström,ayse.ang…"},
			{Line: 58, Reason: "Not paid yet (Unpaid). Import the file again when it is.", Excerpt: "11600295407,2026-10-17 02:59:30+00:00,Frieda,Seidel,frieda.s…"},
		}},
	}
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		for name, report := range want {
			got := importFile(t, g, event, example(t, name))
			if len(got.RevokedIDs) != got.Revoked {
				t.Errorf("%s: %d tickets revoked, %d named", name, got.Revoked, len(got.RevokedIDs))
			}
			got.RevokedIDs = nil
			if diff := cmp.Diff(report, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			again := importFile(t, g, event, example(t, name))
			if again.New != 0 || again.Revoked != 0 || again.Known+again.RefusedCount != report.Lines {
				t.Errorf("%s for the second time: %+v", name, again)
			}
		}
		// One code of each file, as it stands there, opens; the blanks are the reader's.
		for typed, ref := range map[string]string{"skh4 4kfz 4f3j 9r2b jnkp uv4b nbyg u8j7": "H7BPC-1", "1160000225921400000087001": "11600002259-21400000087"} {
			if tk := redeem(t, g, event, typed); tk.SourceRef != ref || tk.Role != id.Fan {
				t.Errorf("%s opened %+v, want %s", typed, tk, ref)
			}
		}
	})
}

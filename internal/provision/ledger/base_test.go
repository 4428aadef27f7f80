package ledger_test

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// The request token of the shared app instance once changed with the show that happened to ask for it.
func TestTheSharedAppInstanceHasOneTokenWhoeverAsks(t *testing.T) {
	r := ledger.Row{Kind: ledger.KindInstance, Generation: 1}
	if a, b := r.Token(ledger.Base{Installation: "i"}), r.Token(ledger.Base{Installation: "i", Round: 2}); a != b {
		t.Errorf("%q and %q", a, b)
	}
	own := ledger.Row{Event: "ev1", Kind: ledger.KindInstance, Generation: 1}
	if a, b := own.Token(ledger.Base{Place: "ev1"}), own.Token(ledger.Base{Place: "ev1", Round: 1}); a == b {
		t.Errorf("two app instances of a show have the same token %q", a)
	}
}

// An admin that the questions do not know would be made, and never act nor be missed.
func TestTheQuestionsKnowAllAdmins(t *testing.T) {
	var names []string
	for _, n := range ledger.AdminSubjects(1, rule.MaxAdmins) {
		names = append(names, "'"+string(n)+"'")
	}
	if want := "(" + strings.Join(names, ", ") + ")"; rule.AllAdmins != want {
		t.Errorf("%s, want %s", rule.AllAdmins, want)
	}
}

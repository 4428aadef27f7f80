package main

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

// "0 of 2 places compared" stood there for half a minute, and nobody knew what was waited for.
func TestWhoWaitsForAComparisonSeesWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	since := time.Now()
	account := inventory.PlaceSweep{Place: "account"}
	show := inventory.PlaceSweep{Place: "ev1", Name: "A show with a name \x1b[31m that is rather long"}
	place := func(p inventory.PlaceSweep, s inventory.Sweep) inventory.PlaceSweep { p.Sweep = s; return p }
	busy := readiness.Status{Events: []readiness.Event{{ToMake: 3}}}
	for _, c := range []struct {
		places []inventory.PlaceSweep
		status readiness.Status
		want   string
	}{
		{[]inventory.PlaceSweep{place(account, inventory.Sweep{Due: true}), place(show, inventory.Sweep{Due: true})}, busy,
			"0 of 2 places compared, 12 s; not begun yet (a new leader waits 15 s); what shows need comes first"},
		{[]inventory.PlaceSweep{place(account, inventory.Sweep{Due: true, Heard: true, Since: &since}), place(show, inventory.Sweep{Due: true})}, readiness.Status{},
			"0 of 2 places compared, 12 s; now List of app instances"},
		{[]inventory.PlaceSweep{account, place(show, inventory.Sweep{Due: true, Heard: true})}, busy,
			"1 of 2 places compared, 12 s; A show with a name ·[31m th… waits for its administrator; what shows need comes first"},
		{[]inventory.PlaceSweep{place(account, inventory.Sweep{Since: &since}), place(show, inventory.Sweep{Due: true, Heard: true, Error: "no"})}, readiness.Status{},
			"1 of 2 places compared, 12 s; 1 could not be; now List of app instances"},
	} {
		if got := progress(c.places, c.status, 12*time.Second); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	for _, c := range []struct {
		sweep inventory.Sweep
		want  string
	}{
		{inventory.Sweep{There: 2, Ledger: 2, Calls: 1}, "✓ List of app instances        2, as in the ledger (1 call)"},
		{inventory.Sweep{There: 2, Ledger: 2, Calls: 1, Due: true, Error: "No rights."}, "✗ List of app instances        not compared: No rights."},
		{inventory.Sweep{There: 2, Ledger: 2, Calls: 1, Due: true}, "✗ List of app instances        not compared: its turn has not come"},
	} {
		if got := found(place(account, c.sweep)); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	if got, want := found(place(show, inventory.Sweep{There: 2, Ledger: 2, Calls: 1})), "✓ A show with a name ·[31m th… 2, as in the ledger (1 call)"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

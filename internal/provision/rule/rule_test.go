package rule_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

func TestWhereAShowGoes(t *testing.T) {
	now := time.Now()
	soon, far := now.Add(time.Hour), now.Add(rule.LastCall+time.Minute)
	for _, c := range []struct {
		what          string
		doors         time.Time
		tickets, used int
		want          rule.Place
	}{
		{"the first", far, 1, 1, rule.Own},
		{"the last of plenty", soon, 1, 69, rule.Own},
		{"a small show that may grow", far, rule.Large, 70, rule.Wait},
		{"a small show whose doors are near", soon, rule.Large, 70, rule.Shared},
		{"a large show, when they are scarce", far, rule.Large + 1, 99, rule.Own},
		{"a large show, when none is left", far, rule.Large + 1, 100, rule.Shared},
		{"a small one, when none is left", far, 1, 100, rule.Shared},
	} {
		if got := rule.PlaceOf(c.doors, now, c.tickets, c.used, rule.Instances(0)); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestHowManyAdminsAct(t *testing.T) {
	for _, c := range []struct {
		place                  rule.Place
		tickets, bearers, want int
	}{
		{rule.Shared, 5, 1, 1}, {rule.Own, 5000, 1, 1}, {rule.Own, 5000, 0, 1},
		{rule.Shared, 5, 2, 4}, {rule.Shared, 5, 9, 4},
		{rule.Own, rule.Large, 2, 1}, {rule.Own, rule.Large + 1, 2, 2}, {rule.Own, rule.Large + 1, 9, 4},
	} {
		if got := rule.Admins(c.place, c.tickets, c.bearers); got != c.want {
			t.Errorf("place %v, %d tickets, %d bearers: %d admins, want %d", c.place, c.tickets, c.bearers, got, c.want)
		}
	}
}

func TestHowManyJoinInOneCall(t *testing.T) {
	now := time.Now()
	if rule.FullBatch != chime.MaxBatch {
		t.Errorf("a batch of %d; the provider takes %d", rule.FullBatch, chime.MaxBatch)
	}
	if early, late := rule.Batch(now.Add(11*time.Minute), now), rule.Batch(now.Add(10*time.Minute), now); early != rule.FullBatch || late >= early {
		t.Errorf("%d before, %d at the door", early, late)
	}
}

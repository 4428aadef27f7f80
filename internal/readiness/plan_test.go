package readiness_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// monday is 12:00 in Berlin.
var monday = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

func (h *house) ask(preset string, in readiness.PlanInput, now time.Time) readiness.Plan {
	h.Helper()
	p, err := h.board(preset).Plan(context.Background(), in, now)
	if err != nil {
		h.Fatal(err)
	}
	return p
}

// says expects each text in one of the sentences.
func says(t testing.TB, sentences []string, texts ...string) {
	t.Helper()
	all := strings.Join(sentences, "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%q is not said:\n%s", text, all)
		}
	}
}

func TestAPlanSaysByWhenToImport(t *testing.T) {
	each(t, func(h *house, _ time.Time) {
		h.leads(monday)
		p := h.ask("case", readiness.PlanInput{Tickets: 42_000, Doors: monday.Add(32 * time.Hour), Zone: "Europe/Berlin"}, monday)
		// 42,000 accounts, 420 batches, a channel, an app instance, its admin and its role: 42,424 calls at 9.8 a second.
		if p.Choices[0].Calls != 42_424 || p.Place != readiness.Own || p.Tickets != 42_000 || len(p.Choices) != 2 {
			h.Errorf("%+v", p)
		}
		near(h, "takes", time.Duration(p.Seconds*float64(time.Second)), 72*time.Minute)
		near(h, "ready", p.ReadyAt.Sub(monday), 72*time.Minute)
		if p.ImportBy == nil {
			h.Fatalf("%+v", p)
		}
		if before := monday.Add(32 * time.Hour).Sub(*p.ImportBy); before < 72*time.Minute || before > 76*time.Minute {
			h.Errorf("import %v before doors", before)
		}
		says(h, p.Sentences, "42,000 tickets take 42,424 calls: 1 h 11 min (all at 10/s).", "Import by Tuesday 18:4", "(Europe/Berlin): doors are Tuesday 20:00.",
			"In an app instance of its own: 3 calls more to make it, 1 call to clean up.", "In the shared app instance: 42,001 calls, 1 h 1")
		says(h, p.Warnings, "42,000 tickets and the provisioner need 42,001 memberships in one channel; Amazon's default quota is 10,000: ask for a raise of \"ChannelMemberships per Channel\" to 42,001 before Tuesday 18:4")
	})
}

func TestWhenImportByHasPassedThePlanSaysHowLateItGets(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	p := h.ask("case", readiness.PlanInput{Tickets: 42_000, Doors: monday.Add(time.Hour), Zone: "Europe/Berlin"}, monday)
	if p.ImportBy != nil || *p.SlackSeconds > 0 {
		t.Errorf("%+v", p)
	}
	says(t, p.Sentences, "Imported now they are ready at Monday 13:1", "after doors (Europe/Berlin). Doors at Monday 13:", "No provisioner is running")
}

// The imports of earlier shows come first, those of later ones wait.
func TestThePlanStandsBehindShowsWithEarlierDoors(t *testing.T) {
	each(t, func(h *house, _ time.Time) {
		h.leads(monday)
		doors := monday.Add(10 * time.Hour)
		for i, n := range []int{600, 900} { // one before, one after
			h.sell(h.show(fmt.Sprint("show ", i), doors.Add(time.Duration(2*i-1)*time.Hour)), id.Fan, n, monday)
		}
		ask := func(doors time.Time) readiness.Plan {
			return h.ask("case", readiness.PlanInput{Tickets: 2_000, Doors: doors}, monday)
		}
		p := ask(doors)
		near(h, "alone", time.Duration(p.Seconds)*time.Second, 206*time.Second)
		near(h, "behind 600", p.ReadyAt.Sub(monday), 268*time.Second)
		says(h, p.Sentences, "Shows with earlier doors come first and take")
		near(h, "behind all", ask(doors.Add(9*time.Hour)).ReadyAt.Sub(monday), 361*time.Second)
		near(h, "before all", ask(doors.Add(-9*time.Hour)).ReadyAt.Sub(monday), 206*time.Second)
		if by := ask(doors).ImportBy; by == nil || doors.Sub(*by) > 7*time.Minute { // by then the earlier one is long made
			h.Errorf("import by %v for doors at %v", by, doors)
		}
	})
}

func TestAPlanOfAnExistingShowCountsWhatItHas(t *testing.T) {
	each(t, func(h *house, _ time.Time) {
		h.leads(monday)
		e := h.show("Winter Songs", monday.Add(26*time.Hour))
		h.base(e, "")
		h.plan(e, h.sell(e, id.Fan, 400, monday), 100)
		p := h.ask("case", readiness.PlanInput{Event: e}, monday)
		if p.Tickets != 300 || p.Choices[0].Calls != 303 || p.ImportBy != nil || p.Place != readiness.Shared || len(p.Choices) != 1 || p.Zone != "Europe/Berlin" {
			h.Errorf("as it is: %+v", p)
		}
		says(h, p.Sentences, "What is missing for 300 tickets takes 303 calls", "All is ready at", "before doors (Europe/Berlin)", "It is in the shared app instance: 401 calls, 40 s, to clean up")
		p = h.ask("case", readiness.PlanInput{Event: e, Tickets: 1_000, Place: readiness.Own}, monday) // its place is chosen
		if p.Tickets != 1_300 || p.Choices[0].Calls != 1_313 || p.ImportBy == nil || p.Place != readiness.Shared {
			h.Errorf("with a thousand more: %+v", p)
		}
	})
}

// A show that is made has no time at which it will be ready, and so no slack: a script that reads one would think it late.
func TestAPlanOfAShowThatIsMadeHasNothingToSayOfTime(t *testing.T) {
	each(t, func(h *house, _ time.Time) {
		h.leads(monday)
		e := h.show("Winter Songs", monday.Add(-time.Hour))
		if p := h.ask("case", readiness.PlanInput{Event: e}, monday); p.ReadyAt != nil || p.Choices[0].Calls != 0 {
			h.Errorf("without tickets: %+v", p)
		} else {
			says(h, p.Sentences, "Nothing is to be made: the show has no tickets.")
		}
		h.base(e, e)
		h.plan(e, h.sell(e, id.Fan, 20, monday.Add(-time.Hour)), 20)
		p := h.ask("case", readiness.PlanInput{Event: e}, monday)
		if p.ReadyAt != nil || p.SlackSeconds != nil || p.ImportBy != nil || p.Choices[0].Calls != 0 {
			h.Errorf("%+v", p)
		}
		says(h, p.Sentences, "Everything is made.", "It is in an app instance of its own: 1 call to clean up.")
		if all := strings.Join(p.Sentences, " "); strings.Contains(all, "more to make it") {
			h.Errorf("it has its place: %s", all)
		}
	})
}

// What was measured while a limit held calls back is the limit's speed, not the provider's.
func TestAPlanWithoutLimitsIsNotAsSlowAsTheLimitThatRuns(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	takes := func() time.Duration {
		p := h.ask("none", readiness.PlanInput{Tickets: 10_000, Doors: monday.Add(time.Hour)}, monday)
		return time.Duration(p.Seconds) * time.Second
	}
	for back := range 10 {
		h.exec("INSERT INTO pace_second (second, booker, calls) VALUES ($1, 'somebody', 20)", monday.Unix()-int64(back)-1)
	}
	near(t, "as measured", takes(), 505*time.Second)
	h.exec("INSERT INTO pace (bucket, scope_key, version, used_us, calls, cost_us, slowed) VALUES ('all', '', 1, $1, '', 0, '')", monday.Add(-time.Second).UnixMicro())
	near(t, "while a limit holds calls back", takes(), 51*time.Second)
}

// Where app instances become scarce, small shows share one, as the provisioner would decide.
func TestAPlanChoosesAPlaceAsTheProvisionerDoes(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	doors := monday.Add(24 * time.Hour)
	place := func(tickets int) string {
		return h.ask("aws-us-east-1", readiness.PlanInput{Tickets: tickets, Doors: doors}, monday).Place
	}
	for i := range 68 {
		e := h.show(fmt.Sprint(i), doors)
		h.place(e, e)
	}
	if got := place(10); got != readiness.Own {
		t.Errorf("while there are plenty: %s", got)
	}
	h.exec("INSERT INTO stranger (arn, kind, name, place, first_ms, seen_ms) VALUES ('a', 'instance', 'somebody''s', 'account', 1, 1)")
	if got := place(10); got != readiness.Shared {
		t.Errorf("when somebody else has one too: %s", got)
	}
	h.exec("DELETE FROM stranger")
	h.place(h.show("shared", doors), "") // the shared one counts whether it is there or not
	last := h.show("the last of plenty", doors)
	h.place(last, last)
	if few, many := place(1000), place(1001); few != readiness.Shared || many != readiness.Own {
		t.Errorf("when they are scarce: %s for a small show, %s for a large one", few, many)
	}
	for i := range 30 {
		e := h.show(fmt.Sprint("more ", i), doors)
		h.place(e, e)
	}
	if got := place(100_000); got != readiness.Shared {
		t.Errorf("when all are used: %s", got)
	}
	p := h.ask("aws-us-east-1", readiness.PlanInput{Tickets: 5_000, Doors: doors, Place: readiness.Own}, monday)
	says(t, p.Warnings, "101 app instances are needed; Amazon's default quota is 100")
	says(t, p.Sentences, "In an app instance of its own: 5 calls more") // two bearers for a large show
}

func TestUnderOtherLimitsThePlanIsAnother(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	for pace, want := range map[string]time.Duration{"": 1030 * time.Second, "case": 1030 * time.Second, "25": 412 * time.Second, "50/s": 206 * time.Second,
		"aws-us-east-1": 1015 * time.Second, "none": 51 * time.Second} {
		p := h.ask("case", readiness.PlanInput{Tickets: 10_000, Doors: monday.Add(time.Hour), Pace: pace}, monday)
		near(t, "at "+pace, time.Duration(p.Seconds)*time.Second, want)
	}
}

func TestQuestionsThatCannotBeAreRefusedByTheirField(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	doors := monday.Add(time.Hour)
	for _, far := range []int{2, 1900, 2400, 9999} { // whoever subtracts them from today gets no more than 292 years
		_, err := h.board("case").Plan(context.Background(), readiness.PlanInput{Tickets: 1, Doors: time.Date(far, 1, 1, 0, 0, 0, 0, time.UTC)}, monday)
		if f := fault.As(err); err == nil || f.Field != "doors" {
			t.Errorf("doors in the year %d: %v", far, err)
		}
	}
	for field, in := range map[string]readiness.PlanInput{
		"tickets": {Doors: doors}, "doors": {Tickets: 1}, "zone": {Tickets: 1, Doors: doors, Zone: "Moon/Crater"}, "place": {Tickets: 1, Doors: doors, Place: "there"},
		"pace": {Tickets: 1, Doors: doors, Pace: "fast"}, "event": {Event: "nowhere"},
	} {
		_, err := h.board("case").Plan(context.Background(), in, monday)
		if f := fault.As(err); err == nil || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestDoorsAreReadInTheirZone(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	e := h.show("Winter Songs", monday)
	for _, c := range []struct {
		text, zone string
		event      id.Event
		want       string
	}{
		{"2026-12-01T20:00", "Europe/Berlin", "", "2026-12-01T19:00:00Z"},
		{"2026-12-01T20:00", "", e, "2026-12-01T19:00:00Z"},
		{"2026-12-01T20:00", "", "", "2026-12-01T20:00:00Z"},
		{"2026-12-01T20:00:00-05:00", "Europe/Berlin", "", "2026-12-02T01:00:00Z"},
		{"tomorrow", "UTC", "", ""},
		{"2026-12-01T20:00", "Moon/Crater", "", ""},
		{"2026-12-01T20:00", "Local", "", ""},
		{"2026-12-01T20:00", "", "nowhere", ""},
	} {
		got, err := h.board("case").DoorsOf(context.Background(), c.event, c.text, c.zone)
		if (err == nil) != (c.want != "") || err == nil && got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%q in %q: %v %v, want %s", c.text, c.zone, got, err, c.want)
		}
		if f := fault.As(err); err != nil && (f.Kind == fault.Internal || f.Field == "") {
			t.Errorf("%q in %q: %v names no field", c.text, c.zone, err)
		}
	}
}

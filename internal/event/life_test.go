package event_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

func state(t *testing.T, s *event.Store, e id.Event) event.State {
	t.Helper()
	got, err := s.Get(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func TestTheClockOpensDoorsAndStartsShows(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		e := create(t, s, form(), noon)
		for _, c := range []struct {
			at      time.Time
			changed int
			want    event.State
		}{
			{e.DoorsAt.Add(-time.Millisecond), 0, event.Scheduled}, {e.DoorsAt, 1, event.Open}, {e.DoorsAt, 0, event.Open},
			{e.StartsAt.Add(-time.Millisecond), 0, event.Open}, {e.StartsAt, 1, event.Live}, {e.StartsAt.Add(48 * time.Hour), 0, event.Live},
		} {
			changed, err := s.Advance(t.Context(), c.at)
			if err != nil || len(changed) != c.changed {
				t.Errorf("%v: changed %v %v, want %d", c.at, changed, err, c.changed)
			}
			if got := state(t, s, e.ID); got != c.want {
				t.Errorf("%v: %s, want %s", c.at, got, c.want)
			}
		}
		late := create(t, s, form(), e.StartsAt.Add(-time.Second)) // after a night without a running server
		if changed, err := s.Advance(t.Context(), e.StartsAt.Add(time.Hour)); err != nil || len(changed) != 1 || changed[0] != late.ID {
			t.Errorf("straight to live: %v %v", changed, err)
		}
	})
}

func TestAShowThatIsCreatedLateIsOpenOrLiveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		if e := create(t, s, form(), noon.Add(6*time.Hour+45*time.Minute)); e.State != event.Open {
			t.Errorf("after doors: %s", e.State)
		}
		if e := create(t, s, form(), noon.Add(7*time.Hour+30*time.Minute)); e.State != event.Live || e.StartedAt.IsZero() {
			t.Errorf("after the start: %+v", e)
		}
	})
}

func TestReopeningUndoesAnEndUntilTheArchiveIsMade(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, d *db.DB) {
		e := create(t, s, form(), noon)
		ctx := t.Context()
		step := func(what string, f func(context.Context, id.Event, time.Time) (event.Event, error), at time.Time, want event.State) event.Event {
			t.Helper()
			got, err := f(ctx, e.ID, at)
			if err != nil || got.State != want {
				t.Fatalf("%s: %s %v, want %s", what, got.State, err, want)
			}
			return got
		}
		step("end unseen", s.End, noon, event.Ended)
		step("reopen before doors", s.Reopen, noon, event.Scheduled)
		step("start early", s.Start, noon.Add(time.Hour), event.Live)
		ended := step("end", s.End, noon.Add(2*time.Hour), event.Ended)
		if !ended.EndedAt.Equal(noon.Add(2*time.Hour)) || !ended.StartedAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("times: %+v", ended)
		}
		step("reopen a show that ran", s.Reopen, noon.Add(3*time.Hour), event.Live)
		export(t, d, ended, 3, true)
		ended = step("end", s.End, noon.Add(4*time.Hour), event.Ended)
		// A keeper that fell asleep after it had sealed the first end wakes up: what was said since would never be exported.
		if err := s.MarkArchived(ctx, e.ID, noon.Add(5*time.Hour)); !fault.HasCode(err, "not_sealed") {
			t.Errorf("archived with the archive of an earlier end: %v", err)
		}
		export(t, d, ended, 3, true)
		if err := s.MarkPurged(ctx, e.ID, noon); !fault.HasCode(err, "event_state") {
			t.Errorf("purged before archived: %v", err)
		}
		if err := s.MarkArchived(ctx, e.ID, noon.Add(5*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for what, f := range map[string]func(context.Context, id.Event, time.Time) (event.Event, error){"reopen": s.Reopen, "start": s.Start, "end": s.End} {
			if _, err := f(ctx, e.ID, noon); !fault.HasCode(err, "event_state") || !fault.Is(err, fault.Conflict) {
				t.Errorf("%s an archived show: %v", what, err)
			}
		}
		if err := s.MarkPurged(ctx, e.ID, noon.Add(6*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(ctx, "evnone", noon); !fault.HasCode(err, "event_unknown") {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestAChangedFormMovesTheShow(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		e := create(t, s, form(), noon)
		in := form()
		in.Name, in.Chat, in.StartsAt, in.DoorsAt = "Renamed", false, "2026-11-22T13:30", "2026-11-22T12:00" // doors 11:00 UTC
		got, err := s.Update(t.Context(), e.ID, in, noon)
		if err != nil || got.Slug != e.Slug || got.Name != "Renamed" || got.Chat || got.State != event.Open {
			t.Fatalf("%+v %v", got, err)
		}
		again, err := s.Get(t.Context(), e.ID)
		if err != nil || again != got {
			t.Errorf("stored %+v %v, answered %+v", again, err, got)
		}
		in.StartsAt, in.DoorsAt, in.Slug = "2026-11-23T20:00", "2026-11-23T19:00", "new-address"
		if got, err = s.Update(t.Context(), e.ID, in, noon); err != nil || got.State != event.Scheduled || got.Slug != "new-address" {
			t.Fatalf("moved later: %+v %v", got, err)
		}
		other := create(t, s, form(), noon)
		in.Slug = other.Slug
		if _, err := s.Update(t.Context(), e.ID, in, noon); !fault.HasCode(err, "slug_taken") || fault.As(err).Field != "slug" {
			t.Errorf("taken slug: %v", err)
		}
		in.Slug, in.StartsAt, in.DoorsAt = "", "2026-11-20T20:00", "2026-11-20T20:00"
		if _, err := s.Update(t.Context(), e.ID, in, noon); fault.As(err).Field != "startsAt" {
			t.Errorf("moved into the past: %v", err)
		}
		if _, err := s.Update(t.Context(), "evnone", form(), noon); !fault.HasCode(err, "event_unknown") {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestALiveShowKeepsItsTimesAndAnEndedOneEverything(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		e := create(t, s, form(), noon)
		if _, err := s.Start(t.Context(), e.ID, noon); err != nil {
			t.Fatal(err)
		}
		in := form()
		in.Description = "Now with an encore."
		if got, err := s.Update(t.Context(), e.ID, in, noon.Add(30*time.Hour)); err != nil || got.State != event.Live || got.Description != in.Description {
			t.Errorf("live: %+v %v", got, err)
		}
		in.StartsAt = "2026-11-22T21:00"
		if _, err := s.Update(t.Context(), e.ID, in, noon); !fault.HasCode(err, "event_running") {
			t.Errorf("new time: %v", err)
		}
		in = form()
		in.Slug = "other"
		if _, err := s.Update(t.Context(), e.ID, in, noon); !fault.HasCode(err, "event_running") {
			t.Errorf("new slug: %v", err)
		}
		if _, err := s.End(t.Context(), e.ID, noon); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), e.ID, form(), noon); !fault.HasCode(err, "event_over") {
			t.Errorf("ended: %v", err)
		}
	})
}

func TestOfTwoOppositeWishesAtOnceEachStepHappensOnce(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		e := create(t, s, form(), noon)
		var started atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := s.Start(t.Context(), e.ID, noon); err == nil {
					started.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if started.Load() != 1 {
			t.Errorf("started %d times", started.Load())
		}
	})
}

// TestNoSequenceOfActsLeavesTheDrawnPicture walks at random and compares each step with the arrows of the package doc.
func TestNoSequenceOfActsLeavesTheDrawnPicture(t *testing.T) {
	arrows := map[event.State][]event.State{
		event.Scheduled: {event.Open, event.Live, event.Ended, event.Cancelled}, event.Open: {event.Scheduled, event.Live, event.Ended, event.Cancelled},
		event.Live: {event.Ended}, event.Ended: {event.Scheduled, event.Open, event.Live, event.Archived}, event.Archived: {event.Purged}, event.Purged: nil,
		event.Cancelled: {event.Scheduled, event.Open, event.Live},
	}
	d := dbtest.SQLite(t, schema.Platform())
	s := event.New(d)
	rapid.Check(t, func(rt *rapid.T) {
		e := create(t, s, form(), noon)
		now, was := noon, e.State
		acts := map[string]func(){
			"start":  func() { _, _ = s.Start(t.Context(), e.ID, now) },
			"end":    func() { _, _ = s.End(t.Context(), e.ID, now) },
			"reopen": func() { _, _ = s.Reopen(t.Context(), e.ID, now) },
			"cancel": func() { _, _ = s.Cancel(t.Context(), e.ID, now) },
			"back":   func() { _, _ = s.Uncancel(t.Context(), e.ID, now) },
			"archive": func() {
				if now, err := s.Get(t.Context(), e.ID); err == nil && !now.EndedAt.IsZero() {
					export(t, d, now, 0, true)
				}
				_ = s.MarkArchived(t.Context(), e.ID, now)
			},
			"purge": func() { _ = s.MarkPurged(t.Context(), e.ID, now) },
			"clock": func() { now = now.Add(3 * time.Hour); _, _ = s.Advance(t.Context(), now) },
			"later": func() {
				in := form()
				in.StartsAt, in.DoorsAt = "2026-11-25T20:00", "2026-11-25T19:30"
				_, _ = s.Update(t.Context(), e.ID, in, now)
			},
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			act := rapid.SampledFrom([]string{"start", "end", "reopen", "cancel", "back", "archive", "purge", "clock", "later"}).Draw(rt, "act")
			acts[act]()
			is := state(t, s, e.ID)
			ok := is == was
			for _, to := range arrows[was] {
				ok = ok || is == to
			}
			if !ok {
				rt.Fatalf("%s turned %s into %s", act, was, is)
			}
			was = is
		}
	})
}

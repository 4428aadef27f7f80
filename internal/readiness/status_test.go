package readiness_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

func each(t *testing.T, f func(h *house, now time.Time)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		f(&house{t, d}, time.Now().Truncate(time.Millisecond))
	})
}

// A show was called ready while its import waited for the planner: everything in the ledger was made.
func TestAShowIsNotReadyWhileItsTicketsAreNotPlanned(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		e, _ := h.evening(now, now.Add(-time.Hour), 3, 3)
		if s := h.event("case", e, now); s.State != readiness.StateReady || s.Unplanned != 0 || s.Made != 10 || s.Wanted != 10 {
			h.Errorf("all is made: %+v", s)
		}
		h.sell(e, id.Fan, 2, now.Add(-2*time.Hour)) // whenever it was
		h.sell(e, id.Moderator, 1, now)
		if s := h.event("case", e, now); s.State != readiness.StateMaking || s.Unplanned != 3 || s.ToMake != 7 || s.Wanted != 17 {
			h.Errorf("three more are sold: %+v", s)
		}
	})
}

func TestARefundDoesNotHideASale(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		e, old := h.evening(now, now.Add(-time.Hour), 3, 3)
		h.refund(old[0], now)
		h.sell(e, id.Fan, 1, now)
		if s := h.event("case", e, now); s.State != readiness.StateMaking || s.Unplanned != 1 {
			h.Errorf("one refunded, one sold: %+v", s)
		}
		h.exec("UPDATE lease SET renewed_ms = $1", now.Add(-3*24*time.Hour).UnixMilli()) // nobody has planned anything for days
		h.exec("UPDATE ticket SET updated_ms = $1 WHERE updated_ms = $2", now.Add(-2*24*time.Hour).UnixMilli(), now.UnixMilli())
		if s := h.event("case", e, now); s.State != readiness.StateMaking || s.Unplanned != 1 {
			h.Errorf("two days ago: %+v", s)
		}
	})
}

func TestCallsLeftStandBesideTheBucketThatCountsThem(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		e, _ := h.evening(now, now, 310, 10)
		s := h.event("aws-us-east-1", e, now)
		got := map[string]int{}
		for _, c := range s.CallsLeft {
			got[c.Bucket] = c.Calls
		}
		if want := map[string]int{"user-writes": 300, "identity": 300, "batch": 3, "bearer": 3}; fmt.Sprint(got) != fmt.Sprint(want) {
			h.Errorf("calls left %v, want %v", got, want)
		}
		if first := s.CallsLeft[0]; first.Bucket != "user-writes" || s.Bound != "user-writes" || first.PerSecond < 9.8 || first.PerSecond > 10 {
			h.Errorf("the scarcest is %+v, bound by %q", first, s.Bound)
		}
		near(h, "ready in", s.ReadyAt.Sub(now), 30*time.Second)
		near(h, "slack", time.Duration(*s.SlackSeconds)*time.Second, time.Hour-30*time.Second)
		if s := h.event("case", e, now); len(s.CallsLeft) != 1 || s.CallsLeft[0].Calls != 303 || s.CallsLeft[0].Bucket != "all" {
			h.Errorf("in one bucket: %+v", s.CallsLeft)
		}
		if s := h.event("none", e, now); s.CallsLeft[0].Calls != 303 || s.ReadyAt == nil || s.ReadyAt.Sub(now) > 10*time.Second {
			h.Errorf("without limits: %+v", s)
		}
	})
}

func TestShowsInAppInstancesOfTheirOwnAreMadeSideBySide(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		ready := func(shared bool) (at []time.Duration) {
			for i := range 2 {
				e := h.show(fmt.Sprint("show ", i), now.Add(time.Duration(i+1)*time.Hour))
				h.base(e, placeOf(e, !shared))
				h.plan(e, h.sell(e, id.Fan, 200, now), 0)
			}
			for _, s := range h.status("aws-us-east-1", now).Events {
				at = append(at, s.ReadyAt.Sub(now))
				if s.Place == nil || s.Place.Own == shared || s.Place.InstanceARN == "" {
					h.Errorf("place %+v", s.Place)
				}
			}
			h.exec("UPDATE event SET state = 'purged'")
			return at
		}
		at := ready(false)
		near(h, "first of its own", at[0], 20*time.Second)
		near(h, "second of its own", at[1], 20*time.Second)
		at = ready(true)
		near(h, "first in the shared one", at[0], 20*time.Second)
		near(h, "second in the shared one", at[1], 40*time.Second)
	})
}

func TestRemovalCostsWhatThePlaceSaves(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		for _, own := range []bool{true, false} {
			e := h.show("Over", now.Add(-time.Hour))
			h.base(e, placeOf(e, own))
			h.plan(e, h.sell(e, id.Fan, 50, now.Add(-time.Hour)), 50)
			h.exec("UPDATE event SET state = 'archived' WHERE id = $1", e)
			h.exec("UPDATE resource SET want = FALSE WHERE event_id = $1", e)
			s := h.event("case", e, now)
			want := 51 // the channel and the accounts
			if own {
				want = 1
			}
			if s.State != readiness.StateDeleting || len(s.CallsLeft) != 1 || s.CallsLeft[0].Calls != want {
				h.Errorf("own %v: %s with %+v, want %d calls", own, s.State, s.CallsLeft, want)
			}
			h.exec("DELETE FROM resource WHERE event_id = $1", e)
			if s := h.event("case", e, now); s.State != readiness.StateGone {
				h.Errorf("own %v: %s", own, s.State)
			}
		}
	})
}

func TestWhoLeadsAndWhetherAPauseIsDrained(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.evening(now, now, 250, 0)
		if s := h.status("case", now); s.Leader != nil || s.Paused || s.Events[0].ReadyAt != nil {
			h.Errorf("nobody leads: %+v", s)
		}
		h.leads(now.Add(-3 * time.Second))
		if s := h.status("case", now); s.Leader == nil || s.Leader.AgeSeconds != 3 || s.Leader.Epoch != 3 || s.Events[0].ReadyAt == nil {
			h.Errorf("somebody leads: %+v", s)
		}
		h.exec("UPDATE resource SET busy = TRUE WHERE kind = 'membership'")
		h.exec("UPDATE resource SET busy = TRUE WHERE kind = 'channel'")
		h.paused(true)
		if s := h.status("case", now); s.InFlight != 4 || !s.Paused || s.Drained || s.Events[0].ReadyAt != nil {
			h.Errorf("pausing: %+v", s)
		}
		h.exec("UPDATE resource SET busy = FALSE")
		if s := h.status("case", now); s.InFlight != 0 || !s.Drained {
			h.Errorf("paused: %+v", s)
		}
		h.paused(false)
		if s := h.status("case", now.Add(10*time.Second)); s.Leader != nil || s.Drained {
			h.Errorf("long not heard of: %+v", s)
		}
	})
}

func TestWhatIsSetAsideIsShownAndNotWaitedFor(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now)
		h.evening(now, now, 2, 1)
		h.exec("UPDATE resource SET failed = TRUE, attempts = 3, error = 'no', next_try_ms = $1 WHERE kind = 'user' AND state = 'absent'", now.Add(time.Minute).UnixMilli())
		h.exec("UPDATE resource SET failed = TRUE WHERE kind = 'membership' AND state = 'absent'")
		s := h.status("case", now)
		if e := s.Events[0]; e.State != readiness.StateFailing || e.Failed != 2 || e.ToMake != 2 || e.ReadyAt != nil || len(e.CallsLeft) != 0 {
			h.Errorf("%+v", e)
		}
		if len(s.Failures) != 1 || s.Failures[0].Error != "no" || !s.Failures[0].NextTryAt.Equal(now.Add(time.Minute)) {
			h.Errorf("%+v", s.Failures)
		}
	})
}

func TestShowsThatDoNotFitIntoTheProvidersQuotasAreWarnedOf(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	now := time.Now()
	e := h.show("Stadium", now.Add(time.Hour))
	h.exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
		SELECT 't' || i, $1, 't' || i, 'fan', '', TRUE, 1, 1 FROM n`, e)
	if w := h.event("none", e, now).Warnings; len(w) != 0 {
		t.Errorf("our own engine: %v", w)
	}
	w := h.event("aws-us-east-1", e, now).Warnings
	if len(w) != 1 || !strings.Contains(w[0], "10,000 tickets and the provisioner need 10,001 memberships in one channel; Amazon's default quota is 10,000: ask for a raise of") {
		t.Errorf("%q", w)
	}
	// What the provider holds already above its default shows that the quota was raised.
	h.exec(`INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed, generation, attempts,
		next_try_ms, error, epoch, made_ms) SELECT event_id, id, 'membership', 'fan', 5, TRUE, '', 'made', '', '', '', FALSE, FALSE, 1, 0, 0, '', 1, 1 FROM ticket`)
	if w := h.event("aws-us-east-1", e, now).Warnings; len(w) != 0 {
		t.Errorf("the quota was raised: %v", w)
	}
}

func TestAnAnswerIsKeptForASecondAndNotAcrossAPause(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	now, ctx := time.Now(), context.Background()
	b := h.board("case")
	h.paused(false)
	paused := func(after time.Duration) bool {
		s, err := b.Status(ctx, now.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return s.Paused
	}
	if paused(0) {
		t.Fatal("paused at first")
	}
	h.paused(true)
	if paused(900 * time.Millisecond) {
		t.Error("asked again within the second")
	}
	if !paused(time.Minute) {
		t.Error("not asked again after a minute")
	}
	h.paused(false)
	b.Forget()
	if paused(time.Minute) {
		t.Error("remembered what it was to forget")
	}
}

func TestAnUnknownPresetIsSaid(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	if _, err := h.board("fast").Status(context.Background(), time.Now()); err == nil || !strings.Contains(err.Error(), "aws-us-east-1") {
		t.Errorf("%v", err)
	}
	if _, err := h.board("fast").Plan(context.Background(), readiness.PlanInput{}, time.Now()); err == nil {
		t.Error("a plan with an unknown preset")
	}
}

// A batch is what a call of ours takes.
func TestBatchesAreAsLargeAsTheProvidersClientMakesThem(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		e := h.show("Winter Songs", now.Add(time.Hour))
		h.base(e, e)
		h.sell(e, id.Fan, chime.MaxBatch+1, now)
		for _, c := range h.event("aws-us-east-1", e, now).CallsLeft {
			if c.Bucket == "batch" && c.Calls != 2 {
				h.Errorf("%d batches", c.Calls)
			}
		}
	})
}

// Where app instances are scarce, the provisioner lets small shows wait for their place until a day before doors.
func TestAShowThatWaitsForItsPlaceIsNotReadyBefore(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	now := time.Now()
	h.leads(now)
	for i := range 71 {
		e := h.show(fmt.Sprint(i), now)
		h.place(e, e)
	}
	e := h.show("small", now.Add(72*time.Hour))
	h.sell(e, id.Fan, 98, now)
	s := h.event("aws-us-east-1", e, now)
	near(t, "ready", s.ReadyAt.Sub(now), 48*time.Hour+10*time.Second)
	if s.Place != nil {
		t.Errorf("it is placed: %+v", s.Place)
	}
}

package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/moderate"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

func newTestBudget(t *testing.T, preset string, d *db.DB) *budget {
	t.Helper()
	b, err := newBudget(preset, d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// others is the provisioner with more to make than it will get done: an event with four hundred tickets, at a provider of
// its own, which writes its calls down.
func others(t *testing.T, d *db.DB) *provisiontest.Provider {
	t.Helper()
	p := provisiontest.New()
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
			VALUES ('evnext', 'next', 'The Next Show', 'Artist', '', 'UTC', $1, $1, '', $2, 'scheduled', 0, 0)`, time.Now().Add(time.Hour).UnixMilli(), true)
		for i := 0; i < 400 && err == nil; i++ {
			_, err = tx.Exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
				VALUES ($1, 'evnext', $1, $2, '', $3, 0, 0)`, fmt.Sprint("tknext", i), id.Fan, true)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c := chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "AKID", SecretAccessKey: "secret", HTTP: p.Wire(nil)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- provision.New(provision.Config{DB: d, Chime: c, Bus: &bus.Bus{}, Preset: "case"}).Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-time.After(10 * time.Second)
	if p.Count() < 50 {
		t.Fatalf("%d calls in ten seconds", p.Count())
	}
	return p
}

// arrivals are when calls arrived since began, without those to STS. None of them in a second may be the eleventh.
func arrivals(t *testing.T, began time.Time, s *chimetest.Show, theirs []provisiontest.Call) (all []time.Time) {
	t.Helper()
	for _, c := range s.Calls() {
		if c.Op != "AssumeRole" {
			all = append(all, c.At)
		}
	}
	for _, c := range theirs {
		all = append(all, c.At)
	}
	slices.SortFunc(all, time.Time.Compare)
	for i := 10; i < len(all); i++ {
		if d := all[i].Sub(all[i-10]); d < time.Second {
			t.Errorf("eleven calls in %v", d)
		}
	}
	return slices.DeleteFunc(all, func(at time.Time) bool { return at.Before(began) })
}

func since(began time.Time, calls []provisiontest.Call) int {
	return len(slices.DeleteFunc(calls, func(c provisiontest.Call) bool { return c.At.Before(began) }))
}

// evening is a show that has ended, with spam by three people who are banned, at a desk that shares the budget.
type evening struct {
	*chimetest.Show
	desk *moderate.Desk
	mod  chimetest.Person
	fans []chimetest.Person
}

const linesEach, redactions = 10, 6

func newEvening(t *testing.T, s *chimetest.Show, b *budget) *evening {
	t.Helper()
	e := &evening{Show: s, mod: s.Enter(t, id.Moderator, "Mo")}
	for i := range 3 {
		e.fans = append(e.fans, s.Enter(t, id.Fan, fmt.Sprint("Troll ", i)))
		for range linesEach {
			s.Say(s.Channel, e.fans[i].User, chimetest.Line("spam"))
		}
	}
	s.Exec(t, "UPDATE event SET state = 'ended', ended_ms = $1", time.Now().UnixMilli())
	e.desk = moderate.New(moderate.Config{DB: s.DB, Chime: s.Client().Paced(b.urgent()), Behind: b.behind(), Bus: &bus.Bus{}})
	return e
}

// run lets desk and archive work until everything is done and exported, while a moderator removes a line now and then.
func (e *evening) run(ctx context.Context, t *testing.T, b *budget) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	exported := make(chan struct{})
	done := sync.OnceFunc(func() { close(exported) })
	keeper, err := archive.New(archive.Config{DB: e.DB, Chime: e.Client().Paced(b.behind()), Dir: t.TempDir(),
		OnArchived: func(context.Context, id.Event) error { done(); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keeper.Close() }()
	var wg sync.WaitGroup
	wg.Go(func() { _ = e.desk.Run(ctx) })
	for _, f := range e.fans {
		if a, err := e.desk.Ban(ctx, e.Event, e.mod.Ticket, f.UserID, "", time.Now()); err != nil || !e.Banned(e.Channel, f.User) {
			t.Fatalf("the moderator waited in vain: %+v, %v", a, err)
		}
	}
	longest := time.Duration(0)
	for i := range redactions {
		line := e.Say(e.Channel, e.mod.User, chimetest.Line(fmt.Sprint("oops ", i)))
		began := time.Now()
		if a, err := e.desk.Redact(ctx, e.Event, e.mod.Ticket, line, "", began); err != nil || !a.Done {
			t.Errorf("after %v: %+v, %v", time.Since(began), a, err)
		}
		longest = max(longest, time.Since(began))
		<-time.After(time.Second)
	}
	t.Logf("the moderator waited %v at most", longest)
	wg.Go(func() { _ = keeper.Run(ctx) })
	for left := 1; left > 0; {
		<-time.After(time.Second)
		if left, err = db.Value[int](ctx, e.DB, "SELECT count(*) FROM moderator_act WHERE done_ms = 0"); err != nil {
			t.Fatal(err)
		}
	}
	<-exported
	stop()
	wg.Wait()
}

// The oracle is the provider: nobody may ask more of it than the limit in any sliding second, all together. A moderator is
// done in the 2 s that the desk waits, those who make shows keep four fifths, and the history is read all the same.
func TestEverybodyTogetherKeepsTheOneBudget(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "case", s.DB)
		e := newEvening(t, s, b)
		provider := others(t, s.DB)
		began := time.Now()
		e.run(t.Context(), t, b)
		calls := provider.Calls()
		all, theirs, seconds := arrivals(t, began, s, calls), since(began, calls), time.Since(began).Seconds()
		t.Logf("%d calls in %.0f s, %d of them for shows to come", len(all), seconds, theirs)
		if rate := float64(len(all)) / seconds; rate < 9.5 {
			t.Errorf("only %.2f calls a second were made", rate)
		}
		if share := float64(theirs) / float64(len(all)); share < 0.6 { // without giving way it is 0.45
			t.Errorf("the others had %.0f %%", 100*share)
		}
		if n := s.Count("RedactChannelMessage"); n != 3*linesEach+redactions {
			t.Errorf("%d removals of %d lines", n, 3*linesEach+redactions)
		}
	})
}

// A raid: moderators want all that there is. All of it was theirs while it lasted, because eight calls were always in line
// ahead of the provisioner, which takes no slot that far away.
func TestUrgentCallsLeaveTheOthersEverySecondSlot(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "case", s.DB)
		provider := others(t, s.DB)
		began := time.Now()
		c := s.Client().Paced(b.urgent())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 12 {
					if _, err := c.SessionEndpoint(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		calls := provider.Calls()
		all, theirs := arrivals(t, began, s, calls), since(began, calls)
		if theirs < 60 || theirs > 140 {
			t.Errorf("%d calls of others beside 96 urgent ones", theirs)
		}
		if rate := float64(len(all)) / time.Since(began).Seconds(); rate < 9.5 {
			t.Errorf("only %.2f calls a second were made", rate)
		}
	})
}

// With Amazon's limits a batch waits for its channel's one a second. Nobody else waits for it.
func TestOneScarceThingKeepsNobodyElseWaiting(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "aws-us-east-1", s.DB)
		mod := s.Enter(t, id.Moderator, "Mo")
		line := s.Say(s.Channel, mod.User, chimetest.Line("oops"))
		c := s.Client().Paced(b.urgent())
		began := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := c.BatchCreateMembership(t.Context(), s.Admin, s.Channel, []arn.ARN{mod.User}); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(time.Second)
		if err := c.RedactMessage(t.Context(), mod.User, s.Channel, line); err != nil || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wg.Wait()
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("ten batches in %v", took)
		}
	})
}

// What gives way has all slots when nobody else wants one.
func TestWhatGivesWayHasTheWholePaceToItself(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "case", s.DB)
		c := s.Client().Paced(b.behind())
		began := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if _, err := c.SessionEndpoint(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 11*time.Second || len(arrivals(t, began, s, nil)) != 100 {
			t.Errorf("100 calls in %v", took)
		}
	})
}

func TestWithoutALimitNothingWaitsAndNothingIsWrittenDown(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "none", s.DB)
		e := newEvening(t, s, b)
		e.run(t.Context(), t, b)
		n, err := db.Value[int](t.Context(), s.DB, "SELECT (SELECT count(*) FROM pace) + (SELECT count(*) FROM pace_second)")
		if b.urgent() != nil || b.behind() != nil || n != 0 || err != nil {
			t.Errorf("%d rows of the pace, %v", n, err)
		}
	})
}

// A moderator whose node stops, or who hangs up, leaves the queue at once; so does an export.
func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "case", s.DB)
		for name, p := range map[string]chime.Pacer{"urgent": b.urgent(), "behind": b.behind()} {
			c := s.Client().Paced(p)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 30 {
				wg.Go(func() { _, _ = c.SessionEndpoint(ctx) })
			}
			<-time.After(time.Second)
			began := time.Now()
			cancel()
			wg.Wait()
			if time.Since(began) != 0 {
				t.Errorf("%s: left after %v", name, time.Since(began))
			}
			<-time.After(10 * time.Second)
			if _, err := c.SessionEndpoint(t.Context()); err != nil {
				t.Errorf("%s: the next one: %v", name, err)
			}
		}
	})
}

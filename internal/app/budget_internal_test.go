package app

import (
	"context"
	"errors"
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
	"github.com/stagedoor/stagedoor/internal/pace"
)

func newTestBudget(t *testing.T, preset string, d *db.DB) *budget {
	t.Helper()
	b, err := newBudget(preset, d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// others makes calls as the provisioner does, without end: whenever there is a slot at most ahead from now, it is taken.
// It returns how many there were.
func others(ctx context.Context, t *testing.T, b *budget, c *chime.Client) (calls int) {
	const ahead = 100 * time.Millisecond
	p := b.pace
	for ctx.Err() == nil {
		var s pace.Slot
		var ok bool
		err := b.db.Write(ctx, func(tx *db.Tx) (err error) {
			now := p.Now()
			s, ok, err = p.Book(tx, pace.Call{Op: "GetMessagingSessionEndpoint"}, now.Add(10*time.Millisecond), now.Add(ahead))
			return err
		})
		until := s.At
		if !ok {
			until = s.At.Add(-ahead)
		}
		if err == nil {
			select {
			case <-time.After(time.Until(until)):
			case <-ctx.Done():
				return calls
			}
		}
		if err == nil && ok {
			_, err = c.SessionEndpoint(ctx)
			err = errors.Join(err, b.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return p.Answered(tx, s, pace.OK) }))
			calls++
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return calls
		}
	}
	return calls
}

// counted are the calls that arrived, without those to STS.
func counted(s *chimetest.Show) []chimetest.Call {
	return slices.DeleteFunc(s.Calls(), func(c chimetest.Call) bool { return c.Op == "AssumeRole" })
}

func mostInASecond(calls []chimetest.Call) int {
	most, from := 0, 0
	for i, c := range calls {
		for c.At.Sub(calls[from].At) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// evening is a show that has ended, with spam by three people who are banned, at a desk that shares the budget.
type evening struct {
	*chimetest.Show
	desk *moderate.Desk
	mod  chimetest.Person
	fans []chimetest.Person
}

const linesEach = 40

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
	for i := range 10 {
		line := e.Say(e.Channel, e.mod.User, chimetest.Line(fmt.Sprint("oops ", i)))
		began := time.Now()
		if a, err := e.desk.Redact(ctx, e.Event, e.mod.Ticket, line, "", began); err != nil || !a.Done {
			t.Errorf("after %v: %+v, %v", time.Since(began), a, err)
		}
		<-time.After(time.Second)
	}
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
		ctx, stop := context.WithCancel(t.Context())
		began, made := time.Now(), make(chan int)
		go func() { made <- others(ctx, t, b, s.Client()) }()
		e.run(ctx, t, b)
		stop()
		all, theirs, seconds := counted(s), <-made, time.Since(began).Seconds()
		if n := mostInASecond(all); n > 10 {
			t.Errorf("%d calls in a second", n)
		}
		t.Logf("%d calls in %.0f s, %d of them for shows to come", len(all), seconds, theirs)
		if rate := float64(len(all)) / seconds; rate < 9.5 {
			t.Errorf("only %.2f calls a second were made", rate)
		}
		if share := float64(theirs) / float64(len(all)); share < 0.7 {
			t.Errorf("the others had %.0f %%", 100*share)
		}
		if n := s.Count("RedactChannelMessage"); n != 3*linesEach+10 {
			t.Errorf("%d removals of %d lines", n, 3*linesEach+10)
		}
	})
}

// A raid: moderators want all that there is. All of it was theirs while it lasted, because eight calls were always in line
// ahead of the provisioner, which takes no slot that far away.
func TestUrgentCallsLeaveTheOthersEverySecondSlot(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		b := newTestBudget(t, "case", s.DB)
		ctx, stop := context.WithCancel(t.Context())
		made := make(chan int)
		go func() { made <- others(ctx, t, b, s.Client()) }()
		c := s.Client().Paced(b.urgent())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 25 {
					began := time.Now()
					if _, err := c.SessionEndpoint(ctx); err != nil || time.Since(began) > 2*time.Second {
						t.Errorf("%v after %v", err, time.Since(began))
					}
				}
			})
		}
		wg.Wait()
		stop()
		if theirs, n := <-made, mostInASecond(counted(s)); theirs < 150 || n > 10 {
			t.Errorf("%d calls of others beside 200 urgent ones, %d in a second", theirs, n)
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
		if took := time.Since(began); took > 11*time.Second || mostInASecond(counted(s)) > 10 {
			t.Errorf("100 calls in %v, %d in a second", took, mostInASecond(counted(s)))
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

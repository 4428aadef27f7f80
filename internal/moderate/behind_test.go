package moderate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/moderate"
)

// oneAMinute is a queue in which everything that may wait waits long: three times as long as a claim lasts.
func oneAMinute(ctx context.Context, _ chime.Call, send func(context.Context) error) error {
	select {
	case <-time.After(time.Minute):
		return send(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Twenty people are banned who wrote three lines each, and eight workers share the acts of a node. All of them were busy
// with lines that nobody saw any more while a line that everybody saw waited to be removed.
func TestLinesOfHiddenPeopleKeepNoOtherActWaiting(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		r.behind = oneAMinute
		r.restart(t)
		for i := range 20 {
			p := s.Enter(t, id.Fan, fmt.Sprint("Troll ", i))
			for range 3 {
				r.Say(r.Channel, p.User, chimetest.Line("spam"))
			}
			began := time.Now()
			if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, p.UserID, "", time.Now()); err != nil {
				t.Fatal(err)
			}
			if !r.Banned(r.Channel, p.User) || len(r.shown(p.User)) != 0 || time.Since(began) > time.Second {
				t.Fatalf("person %d: banned %v, shown %q after %v", i, r.Banned(r.Channel, p.User), r.shown(p.User), time.Since(began))
			}
		}
		began := time.Now()
		line := r.Say(r.Channel, r.fan.User, chimetest.Line("buy gold"))
		a, err := r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, line, "", time.Now())
		if err != nil || !a.Done || time.Since(began) > time.Second {
			t.Errorf("%+v, %v after %v", a, err, time.Since(began))
		}
		r.settle(t)
		if n := r.Count("RedactChannelMessage"); n != 61 {
			t.Errorf("%d removals of 61 lines", n)
		}
	})
}

// While a worker waits for its turn the act stays its own, and no other node does the same again.
func TestAnActThatWaitsForItsTurnStaysWithItsWorker(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		r.behind = oneAMinute
		r.restart(t)
		for range 3 {
			r.Say(r.Channel, r.fan.User, chimetest.Line("spam"))
		}
		if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now()); err != nil {
			t.Fatal(err)
		}
		first := r.stop
		r.desk = moderate.New(moderate.Config{DB: s.DB, Chime: s.Client(), Bus: r.bus})
		r.start(t)
		r.settle(t)
		if bans, lines := r.Count("CreateChannelBan"), r.Count("RedactChannelMessage"); bans != 1 || lines != 3 {
			t.Errorf("banned %d times, %d removals of 3 lines", bans, lines)
		}
		first()
		r.isBanned(t)
	})
}

// A worker that slept past its claim finds its act with another one, and leaves it there.
func TestAWorkerThatSleptPastItsClaimLeavesTheActToTheOther(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		given := errors.New("still waiting")
		r.behind = func(ctx context.Context, _ chime.Call, _ func(context.Context) error) error {
			<-ctx.Done()
			given = context.Cause(ctx)
			return ctx.Err()
		}
		r.restart(t)
		if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now()); err != nil {
			t.Fatal(err)
		}
		theirs := time.Now().Add(time.Hour).UnixMilli()
		s.Exec(t, "UPDATE moderator_act SET due_ms = $1", theirs)
		<-time.After(time.Minute)
		synctest.Wait()
		if given.Error() != "another worker has taken this act" {
			t.Errorf("the worker: %v", given)
		}
		s.Exec(t, "UPDATE moderator_act SET reason = 'untouched' WHERE due_ms = $1 AND tries = 0 AND done_ms = 0", theirs)
		if l, err := r.desk.List(t.Context(), r.Event); err != nil || len(l.Acts) != 1 || l.Acts[0].Reason != "untouched" {
			t.Errorf("the act: %+v, %v", l, err)
		}
	})
}

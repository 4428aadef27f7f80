package provision_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// A leader that was stopped may have sent calls that arrive after the next leader's deletes.
func TestWhatIsOursAndUnwantedIsRemovedByOneSweep(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e := s.event(time.Now().Add(time.Hour))
		fans, mods := s.tickets(e, id.Fan, 60), s.tickets(e, id.Moderator, 1)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 61 })
		s.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), fans[0])
		s.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), mods[0])
		s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
		s.until(time.Minute, "refunded", func() bool { return len(s.provider.Users()) == 60 })

		in, late := s.where(e), s.client(s.provider.Wire(nil))
		admin, channel := in.User("stagedoor-admin"), in.Channel(string(e))
		unknown := in.User(id.ChatUser(id.Fan, id.NewTicket()))
		for _, u := range []arn.ARN{in.User(id.ChatUser(id.Fan, fans[0])), in.User(id.ChatUser(id.Moderator, mods[0])), unknown} {
			if _, err := late.CreateUser(ctx, in, u.ID(), "late", "late-"+u.ID()); err != nil {
				t.Fatal(err)
			}
			if _, err := late.BatchCreateMembership(ctx, admin, channel, []arn.ARN{u}); err != nil {
				t.Fatal(err)
			}
			if err := late.CreateModerator(ctx, admin, channel, u); err != nil {
				t.Fatal(err)
			}
		}
		pass(20 * time.Second)
		s.sweep(p)
		s.until(time.Minute, "they are gone", func() bool {
			m, o := s.provider.Members(string(e))
			return len(s.provider.Users()) == 60 && len(m) == 59 && len(o) == 0
		})
		if s.told("found") < 2 {
			t.Error("nothing of it is in the history")
		}
		s.quiet(p)
	}, "sqlite", "postgres")
}

// What others have in the account is shown, counted against its app instances, and left alone.
func TestStrangersAreReportedAndNeverTouched(t *testing.T) {
	inPlaces(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		in := string(s.where(e))
		theirs := []string{
			s.provider.Stranger("", "", "", "somebody's"), s.provider.Stranger("", "", "", "stagedoor-of-another-installation"),
			s.provider.Stranger(in, "user", "jane", "Jane"), s.provider.Stranger(in, "user", "f-jane", "Jane"),
			s.provider.Stranger(in, "user", "stagedoor-admin-of-theirs", "Jane"),
			s.provider.Stranger(in, "channel", "lobby", "Lobby"), s.provider.Stranger(in, "channel", string(id.NewEvent()), "?"),
		}
		seen := func() []string {
			all, err := db.All(context.Background(), s.db, func(a *string) []any { return []any{a} }, "SELECT arn FROM seen_stranger ORDER BY arn")
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		w := s.sweep(p)
		slices.Sort(theirs)
		if got := seen(); !slices.Equal(got, theirs) || w.strangers != len(theirs) || w.removed != 0 {
			t.Errorf("%v, want %v, %+v", got, theirs, w)
		}
		s.quiet(p)
		s.provider.Forget(theirs[0])
		s.sweep(p)
		if got := seen(); !slices.Equal(got, theirs[1:]) {
			t.Errorf("%v after %s has gone", got, theirs[0])
		}
		if harmed := s.provider.Harmed(); len(harmed) > 0 {
			t.Errorf("harmed %v", harmed)
		}
	}, "sqlite", "postgres")
}

// Other people's app instances use the account's quota up.
func TestStrangersAppInstancesMakeOursScarce(t *testing.T) {
	virtual(t, func(s *stage) {
		for i := range 98 {
			s.provider.Stranger("", "", "", fmt.Sprint("theirs ", i))
		}
		first := s.event(time.Now().Add(time.Hour))
		s.tickets(first, id.Fan, 3)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(first) == 3 })
		s.sweep(p)
		second := s.event(time.Now().Add(time.Hour))
		s.tickets(second, id.Fan, 3)
		s.until(time.Minute, "ready", func() bool { return s.readyCount(second) == 3 })
		place, err := db.Value[string](context.Background(), s.db, "SELECT place FROM placement WHERE event_id = $1", second)
		if err != nil || place != "" {
			t.Errorf("placed in %q %v", place, err)
		}
	})
}

// What a show left behind after all of it was gone: only what the archive of a sealed show has is deleted.
func TestLeftoversOfShowsAreRemovedOnlyBehindTheSeal(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e, over, ended := s.event(time.Now().Add(time.Hour)), s.event(time.Now().Add(-time.Hour)), s.event(time.Now().Add(-time.Hour))
		s.tickets(e, id.Fan, 3)
		ghost := s.tickets(over, id.Fan, 1)[0]
		s.exec("UPDATE event SET state = 'purged' WHERE id = $1", over)
		s.exec("UPDATE event SET state = 'ended' WHERE id = $1", ended)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		installation, err := db.Value[string](ctx, s.db, "SELECT id FROM installation")
		if err != nil {
			t.Fatal(err)
		}
		in, late := s.where(e), s.client(s.provider.Wire(nil))
		admin := in.User("stagedoor-admin")
		must := func(_ arn.ARN, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(late.CreateChannel(ctx, admin, in, string(over), "over", "1"))
		must(late.CreateChannel(ctx, admin, in, string(ended), "ended", "2"))
		must(late.CreateUser(ctx, in, id.ChatUser(id.Fan, ghost), "ghost", "3"))
		made := func(of id.Event) arn.ARN {
			a, err := late.CreateAppInstance(ctx, "stagedoor-"+installation+"-"+string(of), "late-"+string(of))
			must(a, err)
			return a
		}
		must(late.CreateUser(ctx, made(over), "stagedoor-admin", "Stagedoor", "5"))
		made(ended)         // empty
		made(e)             // empty, and not where the show is
		made(id.NewEvent()) // empty
		full := made(id.NewEvent())
		must(late.CreateUser(ctx, full, "stagedoor-admin", "Stagedoor", "4")) // of a newer copy of the database?
		pass(20 * time.Second)
		s.sweep(p)
		s.until(time.Minute, "leftovers are gone", func() bool {
			return s.provider.Instances() == 2 && s.provider.Channels() == 2 && len(s.provider.Users()) == 4
		})
		left := map[arn.ARN]bool{}
		for _, i := range s.provider.Everything() {
			left[arn.ARN(i.ARN)] = true
			for c := range i.Channels {
				left[arn.ARN(i.ARN).Channel(c)] = true
			}
		}
		if !left[full] || !left[in] || !left[in.Channel(string(ended))] || !left[in.Channel(string(e))] {
			t.Errorf("left are %v", left)
		}
		if n, err := db.Value[int](ctx, s.db, "SELECT count(*) FROM seen_stranger WHERE arn IN ($1, $2)", full, in.Channel(string(ended))); err != nil || n != 2 {
			t.Errorf("%d reported %v", n, err)
		}
	}, "sqlite")
}

// A show was cancelled when nothing but its app instance was made: without an administrator, who will never come, its place
// once rested for ever, and a late account stayed (simulation, seed 926).
func TestAPlaceWithoutAnAdministratorIsSweptToo(t *testing.T) {
	virtual(t, func(s *stage) {
		s.provider.Trouble = func(c provisiontest.Call) provisiontest.Fault {
			if c.Op == "CreateAppInstanceUser" && c.Who != "late" {
				return provisiontest.Fault{Status: 503, Code: "ServiceUnavailable"}
			}
			return provisiontest.Fault{}
		}
		e := s.event(time.Now().Add(time.Hour))
		fan := s.tickets(e, id.Fan, 1)[0]
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "the app instance is made", func() bool { return s.provider.Instances() == 1 })
		s.exec("UPDATE event SET state = 'cancelled' WHERE id = $1", e)
		s.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1", time.Now().UnixMilli())
		s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
		pass(10 * time.Second)
		in := arn.ARN(s.provider.Everything()[0].ARN)
		if _, err := s.client(s.provider.WireOf("late", nil)).CreateUser(context.Background(), in, id.ChatUser(id.Fan, fan), "late", "1"); err != nil {
			t.Fatal(err)
		}
		s.sweep(p)
		s.until(time.Minute, "the late account is gone", func() bool { return len(s.provider.Users()) == 0 })
	})
}

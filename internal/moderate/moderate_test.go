package moderate_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/moderate"
)

func TestARemovedLineIsGoneAndItsContentIsInTheTrail(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		line := chimetest.Line("buy gold")
		bad, good := r.Say(r.Channel, r.fan.User, line), r.Say(r.Channel, r.fan.User, chimetest.Line("hello"))
		a, err := r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, bad, " spam ", time.Now())
		if err != nil || !a.Done || a.Kind != moderate.KindRedact || a.Text != line || a.Nickname != "Änne" || a.UserID != r.fan.UserID ||
			a.Reason != "spam" || a.MessageID != bad {
			t.Fatalf("%+v, %v", a, err)
		}
		again, err := r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, bad, "", time.Now())
		if err != nil || again != a {
			t.Errorf("repeated: %+v, %v", again, err)
		}
		if got := r.shown(r.fan.User); len(got) != 1 || r.Count("RedactChannelMessage") != 1 {
			t.Errorf("left: %q after %d removals; %s should stay", got, r.Count("RedactChannelMessage"), good)
		}
		for _, c := range r.Calls() {
			if c.Op == "RedactChannelMessage" && (!c.Own || c.Bearer != r.mod.User) {
				t.Errorf("removed as %s, own role %v", c.Bearer, c.Own)
			}
		}
		l, err := r.desk.List(t.Context(), r.Event)
		if err != nil || len(l.Acts) != 1 || l.Acts[0] != a || len(l.Bans) != 0 {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

func TestABanRefusesHidesAndRemovesEverything(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		hints, end := r.bus.Subscribe(bus.Banned)
		defer end()
		other := s.Enter(t, id.Fan, "Bo")
		for i := range 130 { // three pages of history
			r.Say(r.Channel, r.fan.User, chimetest.Line(fmt.Sprint("spam ", i)))
			r.Say(r.Channel, other.User, chimetest.Line("fine"))
		}
		a, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "spam", time.Now())
		if err != nil || a.Kind != moderate.KindBan || a.Nickname != "Änne" || a.UserID != r.fan.UserID {
			t.Fatalf("%+v, %v", a, err)
		}
		if h := <-hints; h.Ticket != r.fan.Ticket || h.Event != r.Event {
			t.Errorf("hint %+v", h)
		}
		if reason, banned, err := r.desk.Banned(t.Context(), r.fan.Ticket); err != nil || !banned || reason != "spam" {
			t.Errorf("%q %v %v", reason, banned, err)
		}
		r.settle(t)
		if !r.Banned(r.Channel, r.fan.User) || r.Member(r.Channel, r.fan.User) {
			t.Error("the provider still lets the person in")
		}
		if mine, theirs := r.shown(r.fan.User), r.shown(other.User); len(mine) != 0 || len(theirs) != 130 {
			t.Errorf("%d lines left of the banned, %d of the other", len(mine), len(theirs))
		}
		kept, err := db.Value[int](t.Context(), s.DB, "SELECT count(DISTINCT original) FROM moderator_act WHERE part_of = $1 AND sender = 'Änne' AND done_ms > 0", a.ID)
		if err != nil || kept != 130 {
			t.Errorf("%d originals in the trail, %v", kept, err)
		}
		l, err := r.desk.List(t.Context(), r.Event)
		if err != nil || len(l.Acts) != 1 || !l.Acts[0].Done || len(l.Bans) != 1 || l.Bans[0].UserID != r.fan.UserID || l.Bans[0].Reason != "spam" {
			t.Errorf("%+v, %v", l, err)
		}
		again, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "spam", time.Now())
		if err != nil || again.ID != a.ID || r.Count("CreateChannelBan") != 1 {
			t.Errorf("repeated: %+v, %v", again, err)
		}
	})
}

func TestOnlyFansCanBeBannedAndOnlyByModeratorsOfTheShow(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		artist := s.Enter(t, id.Artist, "Star")
		now := time.Now()
		check := func(what string, err error, kind fault.Kind, code string) {
			t.Helper()
			if !fault.Is(err, kind) || !fault.HasCode(err, code) {
				t.Errorf("%s: %v", what, err)
			}
		}
		ban := func(by id.Ticket, whom string) error {
			_, err := r.desk.Ban(t.Context(), r.Event, by, whom, "", now)
			return err
		}
		check("artist", ban(r.mod.Ticket, artist.UserID), fault.Denied, "cannot_be_banned")
		check("moderator", ban(r.mod.Ticket, r.mod.UserID), fault.Denied, "cannot_be_banned")
		check("artist in disguise", ban(r.mod.Ticket, id.ChatUser(id.Fan, artist.Ticket)), fault.Denied, "cannot_be_banned")
		check("unknown", ban(r.mod.Ticket, "f-nobody"), fault.NotFound, "person_unknown")
		check("foreign", ban(r.mod.Ticket, "admin"), fault.NotFound, "person_unknown")
		check("by a fan", ban(r.fan.Ticket, r.fan.UserID), fault.Denied, "not_moderator")
		_, err := r.desk.Redact(t.Context(), r.Event, r.fan.Ticket, "abc", "", now)
		check("redact by a fan", err, fault.Denied, "not_moderator")
		_, err = r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, "no id!", "", now)
		check("no id", err, fault.Invalid, "message_invalid")
		_, err = r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, "abc", "", now)
		check("unknown message", err, fault.NotFound, "message_unknown")
		_, err = r.desk.Unban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, now)
		check("unban of nobody", err, fault.NotFound, "not_banned")
		if l, err := r.desk.List(t.Context(), r.Event); err != nil || len(l.Acts)+len(l.Bans) != 0 {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

func TestAnUndoneBanLetsThePersonBackIn(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		now := time.Now() // the same for all: their order must not depend on the clock
		for range 3 {
			if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", now); err != nil {
				t.Fatal(err)
			}
			a, err := r.desk.Unban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, now)
			if err != nil || a.Kind != moderate.KindUnban || a.UserID != r.fan.UserID {
				t.Fatalf("%+v, %v", a, err)
			}
		}
		if _, banned, err := r.desk.Banned(t.Context(), r.fan.Ticket); banned || err != nil {
			t.Errorf("still banned: %v", err)
		}
		r.settle(t)
		if r.Banned(r.Channel, r.fan.User) || !r.Member(r.Channel, r.fan.User) {
			t.Error("the provider keeps the person out")
		}
		// A ban that the provisioner has seen takes the account out of what is ready; undoing it must not rely on that.
		if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", now); err != nil {
			t.Fatal(err)
		}
		s.Exec(t, "DELETE FROM chat_ready WHERE ticket_id = $1", r.fan.Ticket)
		if _, err := r.desk.Unban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, now); err != nil {
			t.Fatal(err)
		}
		r.settle(t)
		if !r.Member(r.Channel, r.fan.User) {
			t.Error("no member after the second ban was undone")
		}
		if again, err := r.desk.Unban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, now); err != nil || !again.Done {
			t.Errorf("repeated: %+v, %v", again, err)
		}
	})
}

func TestWhileTheProviderIsAwayThePlatformRefusesAndTheRestFollows(t *testing.T) {
	for name, trouble := range map[string]chimetest.Trouble{"hung": {Hang: true}, "failing": {Status: 500}, "throttling": {Status: 429}} {
		t.Run(name, func(t *testing.T) {
			chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
				r := open(t, s)
				spam := r.Say(r.Channel, r.fan.User, chimetest.Line("spam"))
				r.Say(r.Channel, r.fan.User, chimetest.Line("more spam"))
				s.Trouble(func(chimetest.Call) chimetest.Trouble { return trouble })
				began := time.Now()
				red, err := r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, spam, "", began)
				if err != nil || red.Done {
					t.Fatalf("%+v, %v", red, err)
				}
				a, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", began)
				if err != nil || a.Done {
					t.Fatalf("%+v, %v", a, err)
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("the moderator waited %v for two acts", took)
				}
				if _, banned, err := r.desk.Banned(t.Context(), r.fan.Ticket); !banned || err != nil {
					t.Errorf("not refused: %v", err)
				}
				<-time.After(5 * time.Minute)
				s.Trouble(nil)
				back := time.Now()
				r.settle(t)
				if took := time.Since(back); took > time.Minute {
					t.Errorf("done only %v after the provider came back", took)
				}
				r.isBanned(t)
			})
		})
	}
}

// Killed at each call to the provider – before it was made, or after it worked but before the answer – a new process
// ends in the same state.
func TestABanThatIsKilledAtAnyCallEndsTheSame(t *testing.T) {
	for _, lose := range []bool{false, true} {
		for at := 1; at <= 7; at++ { // AssumeRole, CreateChannelBan, SendChannelMessage, ListChannelMessages, 3 x Redact
			t.Run(fmt.Sprint("call ", at, " lost ", lose), func(t *testing.T) {
				chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
					r := open(t, s)
					for i := range 3 {
						r.Say(r.Channel, r.fan.User, chimetest.Line(fmt.Sprint("spam ", i)))
					}
					calls, killed := 0, make(chan struct{}, 1)
					s.Trouble(func(chimetest.Call) chimetest.Trouble {
						if calls++; calls == at {
							killed <- struct{}{}
						}
						return chimetest.Trouble{Hang: calls > at || calls == at && !lose, Lose: calls == at}
					})
					if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now()); err != nil {
						t.Fatal(err)
					}
					<-killed
					r.stop()
					s.Trouble(nil)
					r.restart(t)
					r.settle(t)
					r.isBanned(t)
				})
			})
		}
	}
}

// A worker that dies without a word (power, kill -9) leaves its claim; another one goes on when it has run out.
func TestADeadWorkersActsAreTakenOver(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		r.Say(r.Channel, r.fan.User, chimetest.Line("spam"))
		r.stop()
		if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now()); err != nil {
			t.Fatal(err)
		}
		s.Exec(t, "UPDATE moderator_act SET due_ms = $1", time.Now().Add(20*time.Second).UnixMilli())
		r.restart(t)
		<-time.After(19 * time.Second)
		synctest.Wait()
		if r.Banned(r.Channel, r.fan.User) {
			t.Error("the claim of another worker was ignored")
		}
		r.settle(t)
		r.isBanned(t)
	})
}

func TestTwoNodesDoEachActOnce(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		r.stop() // both nodes shall find the same heap of acts when they start
		var wg sync.WaitGroup
		for i := range 40 {
			line := r.Say(r.Channel, r.fan.User, chimetest.Line(fmt.Sprint("spam ", i)))
			wg.Go(func() {
				if _, err := r.desk.Redact(t.Context(), r.Event, r.mod.Ticket, line, "", time.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for range 2 {
			r.desk = moderate.New(moderate.Config{DB: s.DB, Chime: s.Client(), Bus: r.bus})
			r.start(t)
		}
		r.settle(t)
		if n := r.Count("RedactChannelMessage"); n != 40 {
			t.Errorf("%d removals of 40 lines", n)
		}
	})
}

// The provider fails a ban for a minute; the unban that came after it must not overtake it, or the person would stay
// banned at the provider for ever.
func TestAnUnbanNeverOvertakesItsBan(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		s.Trouble(func(c chimetest.Call) chimetest.Trouble {
			if c.Op == "CreateChannelBan" {
				return chimetest.Trouble{Status: 500}
			}
			return chimetest.Trouble{}
		})
		if _, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.desk.Unban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, time.Now()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		s.Trouble(nil)
		r.settle(t)
		if r.Banned(r.Channel, r.fan.User) || !r.Member(r.Channel, r.fan.User) {
			t.Error("the person stays banned")
		}
	})
}

func TestWithoutAChatABanIsDoneAtOnceAndOneBeforeTheModeratorsAccountWaits(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		r := open(t, s)
		s.Exec(t, "UPDATE chat_ready SET ticket_id = 'x' || ticket_id WHERE ticket_id = $1", r.mod.Ticket)
		a, err := r.desk.Ban(t.Context(), r.Event, r.mod.Ticket, r.fan.UserID, "", time.Now())
		if err != nil || a.Done {
			t.Fatalf("%+v, %v", a, err)
		}
		s.Exec(t, "UPDATE event SET chat = $1", false)
		r.settle(t)
		if len(r.Calls()) != 0 {
			t.Errorf("calls without a chat: %+v", r.Calls())
		}
	})
}

package provision_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// looks are the times of the calls that only look.
func (s *stage) looks(since int) (at []time.Time) {
	for _, c := range s.provider.Calls()[since:] {
		if c.Looks() {
			at = append(at, c.At)
		}
	}
	return at
}

// mostWithin is the largest number of moments in any window.
func mostWithin(at []time.Time, window time.Duration) (most int) {
	from := 0
	for i := range at {
		for at[i].Sub(at[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// Accounts are listed by fifty: 100,000 are 2,000 calls, and as many for memberships.
func TestASweepTakesAFifthOfAnIdlePaceAndOneCallForFifty(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(24 * time.Hour))
		s.tickets(e, id.Fan, 160)
		p, _ := s.run(s.config("case"))
		s.until(5*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 160 && s.readyCount(e) == 160 })
		pass(20 * time.Second)
		before := len(s.provider.Calls())
		s.sweep(p)
		pass(21 * time.Minute)
		looks, last := s.looks(before), s.report()[e]
		if most := mostWithin(looks, 10*time.Second); most > 21 {
			t.Errorf("%d of 100 calls in ten seconds", most)
		}
		// Accounts, the admin among them, memberships; admins, two kinds of channels, moderators.
		if most := 4 + 4 + 4; last.calls > most || last.users != 161 {
			t.Errorf("%d calls for 160 accounts and memberships, %d are enough; %+v", last.calls, most, last)
		}
		if n := len(looks); n < 2*last.calls || n > 4*last.calls {
			t.Errorf("%d calls in twenty minutes", n)
		}
	})
}

// Whoever waits for a chat account waits two thousandths longer.
func TestASweepBesideABacklogCostsNextToNothingAndGoesOn(t *testing.T) {
	virtual(t, func(s *stage) {
		s.provider.Latency = 100 * time.Millisecond
		old, e := s.event(time.Now().Add(24*time.Hour)), s.event(time.Now().Add(time.Hour))
		s.tickets(old, id.Fan, 120)
		p, _ := s.run(s.config("case"))
		s.until(5*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 120 && s.readyCount(old) == 120 })
		pass(20 * time.Second)
		if err := p.Sweep(context.Background()); err != nil { // 11 calls, in 6 s if nobody came
			t.Fatal(err)
		}
		pass(2 * time.Second)
		before, began := len(s.provider.Calls()), time.Now()
		s.tickets(e, id.Fan, 620)
		s.until(5*time.Minute, "620 tickets are ready", func() bool { return len(s.provider.Calls()) > before+620 && s.readyCount(e) == 620 })
		const minimum = 620 + 7 + 1 + 3
		looks := s.looks(before)
		if took := time.Since(began); took > 2*time.Second+time.Duration(minimum)*time.Second/10*102/100 {
			t.Errorf("took %v, with %d calls of the sweep", took, len(looks))
		}
		if n := len(looks); n < 1 || n > 4 || looks[n-1].Sub(began) < 20*time.Second {
			t.Errorf("%d calls of the sweep in 62 s beside a backlog", n)
		}
		if most := provisiontest.MostInAnySecond(s.provider.Calls()); most > 10 {
			t.Errorf("%d calls in a sliding second", most)
		}
	})
}

// A page whose token the provider has forgotten: the pass begins anew and misses nothing.
func TestASweepBeginsAnewWhenItsPageIsRefused(t *testing.T) {
	virtual(t, func(s *stage) {
		var begins atomic.Bool
		pages := 0 // of accounts, since it begins
		s.provider.Trouble = func(c provisiontest.Call) provisiontest.Fault {
			switch {
			case c.Op == "ListAppInstanceUsers" && begins.Load():
				if pages++; pages == 3 || pages == 5 { // the third page, and then the second one
					return provisiontest.Fault{Status: 400, Code: "BadRequest"}
				}
			case c.Looks() && c.N%5 == 0:
				return provisiontest.Fault{Status: 503, Code: "ServiceUnavailable"}
			case c.Looks() && c.N%7 == 0:
				return provisiontest.Fault{Status: 429, Code: "Throttled"}
			}
			return provisiontest.Fault{}
		}
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 170)
		p, _ := s.run(s.config("none"))
		s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 170 })
		pass(time.Minute) // the term's first sweep is over
		begins.Store(true)
		s.provider.Forget(string(s.where(e).User(id.ChatUser(id.Fan, fans[169]))))
		s.sweep(p)
		s.until(time.Minute, "made anew", func() bool { return s.readyCount(e) == 170 && len(s.provider.Users()) == 171 })
		if n := s.told("vanished"); n != 1 {
			t.Errorf("%d vanished", n)
		}
	})
}

// What a leader did that was stopped and let go is looked for soon, not only after ten minutes.
func TestANewLeaderSweepsSoon(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 60)
		_, stop := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 60 })
		pass(20 * time.Second)
		stop()
		s.provider.Forget(string(s.where(e).User(id.ChatUser(id.Fan, fans[3]))))
		s.run(s.config("none"))
		s.until(40*time.Second, "found out and mended", func() bool { return s.told("vanished") == 1 && len(s.provider.Users()) == 61 })
	})
}

// slowly lets answers of some operations take seven seconds, and returns what tells that the last call was one of them, and
// waits: its answer says what was there when it arrived.
func (s *stage) slowly(ops ...string) (underWay func(op string) bool) {
	s.provider.Trouble = func(c provisiontest.Call) provisiontest.Fault {
		if slices.Contains(ops, c.Op) {
			return provisiontest.Fault{Slow: 7 * time.Second}
		}
		return provisiontest.Fault{}
	}
	return func(op string) bool {
		calls := s.provider.Calls()
		last := calls[len(calls)-1]
		return last.Op == op && time.Since(last.At) < 2*time.Second
	}
}

// While a show is on its way out nothing of it is judged: here its people are listed just before.
func TestALeavingShowIsLeftAlone(t *testing.T) {
	inPlaces(t, func(s *stage) {
		underWay := s.slowly("ListChannelMemberships", "DeleteAppInstance", "DeleteAppInstanceUser")
		e, other := s.event(time.Now().Add(-time.Hour)), s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 40)
		s.tickets(other, id.Fan, 3)
		p, _ := s.run(s.config("none"))
		s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 40 && s.readyCount(other) == 3 })
		pass(2 * time.Minute)
		if err := p.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		s.until(10*time.Minute, "its people are listed", func() bool {
			calls := s.provider.Calls()
			return underWay("ListChannelMemberships") && strings.HasSuffix(calls[len(calls)-1].Channel, string(e))
		})
		s.exec("UPDATE event SET state = 'archived' WHERE id = $1", e)
		s.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e})
		judged := 0 // the show takes its history along
		s.until(2*time.Minute, "purged", func() bool {
			judged = max(judged, s.told("vanished")+s.told("found"))
			return len(s.gone()) == 1
		})
		s.quiet(p)
		if judged > 0 {
			t.Errorf("%d things of the show were judged", judged)
		}
		if n := len(s.provider.Users()); n > 4 { // the admin's id is the same everywhere
			t.Errorf("%d users are left", n)
		}
	}, "sqlite")
}

// A ticket is refunded while the list that still shows its account is on its way.
func TestWhatIsDeletedWhileItIsListedIsNotFound(t *testing.T) {
	inPlaces(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 5)
		ops := []string{"ListAppInstanceUsers", "ListChannelMemberships"}
		underWay := s.slowly(ops...)
		s.run(s.config("none"))
		for i, op := range ops {
			s.until(15*time.Minute, "ready, and listed", func() bool { return s.readyCount(e) == 5-i && underWay(op) })
			s.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), fans[i])
			s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
			pass(20 * time.Second)
		}
		if n := s.told("vanished") + s.told("found"); n > 0 || len(s.provider.Users()) != 4 {
			t.Errorf("%d things were judged, %d users are left", n, len(s.provider.Users()))
		}
	}, "sqlite")
}

// A ledger that is an older copy: what is there and wanted is known again, and nothing is taken away. The show has ended, so
// the planner adopts nobody any more.
func TestWhatTheLedgerHasForgottenAndATicketWantsStays(t *testing.T) {
	inPlaces(t, func(s *stage) {
		e := s.event(time.Now().Add(-time.Hour))
		fans, mods := s.tickets(e, id.Fan, 70), s.tickets(e, id.Moderator, 1)
		_, stop := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 71 })
		stop()
		s.exec("UPDATE event SET state = 'ended' WHERE id = $1", e)
		s.exec("DELETE FROM resource WHERE event_id = $1 AND subject IN ($2, $3)", e, fans[0], mods[0])
		acts := len(provisiontest.Acts(s.provider.Calls()))
		p, _ := s.run(s.config("none"))
		s.sweep(p)
		pass(20 * time.Second)
		s.quiet(p)
		if calls := provisiontest.Acts(s.provider.Calls())[acts:]; len(calls) > 0 || s.readyCount(e) != 71 {
			t.Errorf("%d are ready; %+v", s.readyCount(e), calls)
		}
	}, "sqlite", "postgres")
}

package provision_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// places are the two kinds of places that a show can have.
var places = []string{"own", "shared"}

// inPlaces runs f in virtual time for a show in each kind of place; databases are those to run it on.
func inPlaces(t *testing.T, f func(s *stage), databases ...string) {
	for _, place := range places {
		for _, kind := range databases {
			t.Run(place+" "+kind, func(t *testing.T) {
				t.Parallel()
				url := "sqlite:" + filepath.Join(t.TempDir(), "sweep.db")
				if kind == "postgres" {
					url = dbtest.PostgresURL(t)
				}
				migrate(t, url) // in real time: it waits for a lock of the server
				synctest.Test(t, func(t *testing.T) {
					d, err := db.Open(t.Context(), url)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = d.Close() })
					s := newStage(t, d)
					if place == "shared" {
						s.scarce()
					}
					f(s)
				})
			})
		}
	}
}

func migrate(t *testing.T, url string) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Migrate(t.Context(), schema.Platform()), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// swept is what people see of the last pass over a place.
type swept struct {
	place                                                  id.Event
	began, finished                                        int64
	calls, instances, users, channels, members, moderators int
	lInstances, lUsers, lChannels, lMembers, lModerators   int
	moving, vanished, found, removed, renamed, strangers   int
	differs, due                                           bool
	trouble                                                string
}

func (s *stage) report() map[id.Event]swept {
	s.Helper()
	all, err := db.All(context.Background(), s.db, func(w *swept) []any {
		return []any{&w.place, &w.began, &w.finished, &w.calls, &w.instances, &w.users, &w.channels, &w.members, &w.moderators,
			&w.lInstances, &w.lUsers, &w.lChannels, &w.lMembers, &w.lModerators, &w.moving, &w.differs, &w.vanished, &w.found, &w.removed,
			&w.renamed, &w.strangers, &w.trouble, &w.due}
	}, `SELECT place, began_ms, finished_ms, calls, instances, users, channels, members, moderators, ledger_instances, ledger_users,
		ledger_channels, ledger_members, ledger_moderators, moving, differs, vanished, found, removed, renamed, strangers, error, due FROM swept_place`)
	if err != nil {
		s.Fatal(err)
	}
	out := map[id.Event]swept{}
	for _, w := range all {
		out[w.place] = w
	}
	return out
}

// sweep asks for a sweep of everything, waits until it is over, and adds up what it did.
func (s *stage) sweep(p *provision.Provisioner) (sum swept) {
	s.Helper()
	asked := time.Now().UnixMilli()
	if err := p.Sweep(context.Background()); err != nil {
		s.Fatal(err)
	}
	s.until(10*time.Minute, "everything is swept", func() bool {
		report := s.report()
		for _, w := range report {
			if w.due || w.began < asked {
				return false
			}
		}
		return len(report) > 0
	})
	for _, w := range s.report() {
		sum.vanished += w.vanished
		sum.found += w.found
		sum.removed += w.removed
		sum.renamed += w.renamed
		sum.strangers += w.strangers
		sum.differs = sum.differs || w.differs
	}
	return sum
}

// quiet sweeps, and wants that nothing is to be done and all counts are the provider's.
func (s *stage) quiet(p *provision.Provisioner) {
	s.Helper()
	pass(20 * time.Second)
	acts := len(provisiontest.Acts(s.provider.Calls()))
	if w := s.sweep(p); w.vanished+w.found+w.removed+w.renamed > 0 || w.differs {
		s.Errorf("a sweep of what is right: %+v", w)
	}
	if n := len(provisiontest.Acts(s.provider.Calls())); n != acts {
		s.Errorf("%d calls that change something", n-acts)
	}
	var users, members, moderators, channels, instances, lUsers, lMembers, lModerators, lChannels, lInstances int
	for _, w := range s.report() {
		users, lUsers = users+w.users, lUsers+w.lUsers
		members, lMembers = members+w.members, lMembers+w.lMembers
		moderators, lModerators = moderators+w.moderators, lModerators+w.lModerators
		channels, lChannels = channels+w.channels, lChannels+w.lChannels
		instances, lInstances = instances+w.instances, lInstances+w.lInstances
		if w.moving != 0 || w.trouble != "" {
			s.Errorf("%+v", w)
		}
	}
	var want [5]int
	for _, in := range s.provider.Everything() {
		if in.Stranger {
			continue
		}
		want[0]++
		for u := range in.Users {
			if u == "stagedoor-admin" || len(u) == len("f-")+len(id.NewTicket()) {
				want[1]++
			}
		}
		for c := range in.Channels {
			if m, o := s.provider.Members(c); len(m) > 0 {
				want[2]++
				want[3] += len(m)
				want[4] += len(o)
			}
		}
	}
	if got := [5]int{instances, users, channels, members, moderators}; got != want {
		s.Errorf("the sweep counts %v, the provider has %v", got, want)
	}
	if got := [5]int{lInstances, lUsers, lChannels, lMembers, lModerators}; got != want {
		s.Errorf("the ledger counts %v, the provider has %v", got, want)
	}
}

// told counts the happenings of a kind in the history of resources.
func (s *stage) told(what string) int {
	s.Helper()
	n, err := db.Value[int](context.Background(), s.db, "SELECT count(*) FROM resource_history WHERE what = $1", what)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// where is the app instance that an event's channel is in.
func (s *stage) where(e id.Event) arn.ARN {
	s.Helper()
	for _, in := range s.provider.Everything() {
		if _, ok := in.Channels[string(e)]; ok {
			return arn.ARN(in.ARN)
		}
	}
	s.Fatal("no channel")
	return ""
}

func TestWhatVanishedIsBackAfterOneSweep(t *testing.T) {
	for kind, forget := range map[string]func(s *stage, in arn.ARN, e id.Event, fan, mod string) bool{
		"account": func(s *stage, in arn.ARN, _ id.Event, fan, _ string) bool {
			return s.provider.Forget(string(in.User(fan)))
		},
		"membership": func(s *stage, in arn.ARN, e id.Event, fan, _ string) bool {
			return s.provider.Forget(string(in.Channel(string(e))), string(in.User(fan)))
		},
		"moderator": func(s *stage, in arn.ARN, e id.Event, _, mod string) bool {
			return s.provider.Forget(string(in.Channel(string(e))), string(in.User(mod)))
		},
		"channel": func(s *stage, in arn.ARN, e id.Event, _, _ string) bool {
			return s.provider.Forget(string(in.Channel(string(e))))
		},
		"admin": func(s *stage, in arn.ARN, _ id.Event, _, _ string) bool {
			return s.provider.Forget(string(in.User("stagedoor-admin")))
		},
		"instance": func(s *stage, in arn.ARN, _ id.Event, _, _ string) bool { return s.provider.Forget(string(in)) },
	} {
		t.Run(kind, func(t *testing.T) {
			databases := []string{"sqlite"}
			if kind == "account" || kind == "instance" {
				databases = append(databases, "postgres")
			}
			inPlaces(t, func(s *stage) {
				e := s.event(time.Now().Add(time.Hour))
				fans, mods := s.tickets(e, id.Fan, 55), s.tickets(e, id.Moderator, 2) // two pages
				want := map[id.Event]map[id.Role][]id.Ticket{e: {id.Fan: fans, id.Moderator: mods}}
				p, _ := s.run(s.config("case"))
				s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 57 })
				s.quiet(p)
				if !forget(s, s.where(e), e, id.ChatUser(id.Fan, fans[7]), id.ChatUser(id.Moderator, mods[0])) {
					t.Fatal("nothing to forget")
				}
				if w := s.sweep(p); w.vanished == 0 || s.told("vanished") == 0 {
					t.Errorf("%+v", w)
				}
				s.until(time.Minute, "it is made anew", func() bool { return s.readyCount(e) == 57 })
				if kind == "instance" { // the same id twice is another thing in another app instance
					if n := len(s.provider.Everything()); n != 1 {
						t.Errorf("%d app instances", n)
					}
				}
				s.quiet(p)
				holds, mod := s.provider.Members(string(e))
				if len(holds) != 57 || len(mod) != 2 || len(s.provider.Users()) != 58 {
					t.Errorf("%d members, %d moderators, %d users of %v", len(holds), len(mod), len(s.provider.Users()), want)
				}
			}, databases...)
		})
	}
}

// A leader that was stopped may have sent calls that arrive after the next leader's deletes.
func TestWhatIsOursAndUnwantedIsRemovedByOneSweep(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e := s.event(time.Now().Add(time.Hour))
		fans, mods := s.tickets(e, id.Fan, 60), s.tickets(e, id.Moderator, 1)
		p, _ := s.run(s.config("case"))
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

// Somebody who is a member and a moderator and should be only an account.
func TestAMembershipAndARoleThatNobodyWantsGo(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e := s.event(time.Now().Add(-time.Minute))
		fans := s.tickets(e, id.Fan, 3)
		s.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', $3)", fans[0], e, time.Now().UnixMilli())
		p, _ := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 2 && len(s.provider.Users()) == 4 })
		in, late := s.where(e), s.client(s.provider.Wire(nil))
		for _, f := range fans[:2] { // the one may not be a member, the other no moderator
			u := in.User(id.ChatUser(id.Fan, f))
			if _, err := late.BatchCreateMembership(ctx, in.User("stagedoor-admin"), in.Channel(string(e)), []arn.ARN{u}); err != nil {
				t.Fatal(err)
			}
			if err := late.CreateModerator(ctx, in.User("stagedoor-admin"), in.Channel(string(e)), u); err != nil {
				t.Fatal(err)
			}
		}
		pass(20 * time.Second)
		s.sweep(p)
		s.until(time.Minute, "they are gone", func() bool {
			m, o := s.provider.Members(string(e))
			return len(m) == 2 && len(o) == 0
		})
		s.quiet(p)
	}, "sqlite")
}

// Bans are moderation's. Who is banned is no member, and that is not mended.
func TestASweepLiftsNoBan(t *testing.T) {
	inPlaces(t, func(s *stage) {
		e := s.event(time.Now().Add(-time.Minute))
		fans := s.tickets(e, id.Fan, 4)
		p, _ := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 4 })
		pass(20 * time.Second)
		for _, f := range fans[:2] {
			s.provider.Ban(string(e), id.ChatUser(id.Fan, f), true) // the second by hand: we know of no ban
		}
		s.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', $3)", fans[0], e, time.Now().UnixMilli())
		s.sweep(p)
		pass(time.Minute)
		s.sweep(p)
		for _, in := range s.provider.Everything() {
			if c, ok := in.Channels[string(e)]; ok && (len(c.Bans) != 2 || len(c.Members) != 3) {
				t.Errorf("%+v", c)
			}
		}
		for _, c := range s.provider.Calls() {
			if strings.Contains(c.Op, "Ban") {
				t.Errorf("%+v", c)
			}
		}
	}, "sqlite")
}

func TestNamesAreMendedButNotForEver(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 3)
		p, _ := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		pass(20 * time.Second)
		in, hand, u := s.where(e), s.client(s.provider.Wire(nil)), id.ChatUser(id.Fan, fans[0])
		was := s.provider.Users()[u]
		for n := range 2 {
			if err := hand.RenameUser(ctx, in.User(u), "by hand"); err != nil {
				t.Fatal(err)
			}
			if err := hand.RenameChannel(ctx, in.User("stagedoor-admin"), in.Channel(string(e)), "by hand"); err != nil {
				t.Fatal(err)
			}
			pass(20 * time.Second)
			w := s.sweep(p)
			pass(5 * time.Second)
			name, channel := s.provider.Users()[u], s.provider.Everything()[0].Channels[string(e)].Name
			switch {
			case n == 0 && (name != was || channel != "A show" || w.renamed != 2):
				t.Errorf("%q, %q, %+v", name, channel, w)
			case n == 1 && (name != "by hand" || w.renamed != 0): // the provider insists
				t.Errorf("%q, %+v", name, w)
			}
		}
	}, "sqlite")
}

// What others have in the account is shown, counted against its app instances, and left alone.
func TestStrangersAreReportedAndNeverTouched(t *testing.T) {
	inPlaces(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		p, _ := s.run(s.config("case"))
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
		p, _ := s.run(s.config("case"))
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
		p, _ := s.run(s.config("case"))
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
		made(over)
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
		s.tickets(e, id.Fan, 400)
		p, _ := s.run(s.config("case"))
		s.until(5*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 400 && s.readyCount(e) == 400 })
		pass(20 * time.Second)
		before := len(s.provider.Calls())
		s.sweep(p)
		pass(31 * time.Minute)
		looks, last := s.looks(before), s.report()[e]
		if most := mostWithin(looks, 10*time.Second); most > 21 {
			t.Errorf("%d of 100 calls in ten seconds", most)
		}
		// Accounts, the admin among them, memberships; admins, two kinds of channels, moderators.
		if most := 9 + 9 + 4; last.calls > most || last.users != 401 {
			t.Errorf("%d calls for 400 accounts and memberships, %d are enough; %+v", last.calls, most, last)
		}
		if n := len(looks); n < 3*last.calls || n > 5*last.calls {
			t.Errorf("%d calls in half an hour", n)
		}
	})
}

// Whoever waits for a chat account waits two thousandths longer.
func TestASweepBesideABacklogCostsNextToNothingAndGoesOn(t *testing.T) {
	virtual(t, func(s *stage) {
		s.provider.Latency = 100 * time.Millisecond
		old, e := s.event(time.Now().Add(24*time.Hour)), s.event(time.Now().Add(time.Hour))
		s.tickets(old, id.Fan, 400)
		p, _ := s.run(s.config("case"))
		s.until(5*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 400 && s.readyCount(old) == 400 })
		pass(20 * time.Second)
		if err := p.Sweep(context.Background()); err != nil { // 21 calls, in 11 s if nobody came
			t.Fatal(err)
		}
		pass(5 * time.Second)
		before, began := len(s.provider.Calls()), time.Now()
		s.tickets(e, id.Fan, 1000)
		s.until(5*time.Minute, "1,000 tickets are ready", func() bool { return len(s.provider.Calls()) > before+1000 && s.readyCount(e) == 1000 })
		const minimum = 1000 + 10 + 1 + 3
		looks := s.looks(before)
		if took := time.Since(began); took > 2*time.Second+time.Duration(minimum)*time.Second/10*102/100 {
			t.Errorf("took %v, with %d calls of the sweep", took, len(looks))
		}
		if n := len(looks); n < 2 || n > 5 {
			t.Errorf("%d calls of the sweep in 100 s beside a backlog", n)
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
		fans := s.tickets(e, id.Fan, 300)
		p, _ := s.run(s.config("case"))
		s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 300 })
		pass(5 * time.Minute) // the term's first sweep is over
		begins.Store(true)
		s.provider.Forget(string(s.where(e).User(id.ChatUser(id.Fan, fans[299]))))
		s.sweep(p)
		s.until(time.Minute, "made anew", func() bool { return s.readyCount(e) == 300 && len(s.provider.Users()) == 301 })
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
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 60 })
		pass(20 * time.Second)
		stop()
		s.provider.Forget(string(s.where(e).User(id.ChatUser(id.Fan, fans[3]))))
		s.run(s.config("case"))
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
		s.run(s.config("case"))
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
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 71 })
		stop()
		s.exec("UPDATE event SET state = 'ended' WHERE id = $1", e)
		s.exec("DELETE FROM resource WHERE event_id = $1 AND subject IN ($2, $3)", e, fans[0], mods[0])
		acts := len(provisiontest.Acts(s.provider.Calls()))
		p, _ := s.run(s.config("case"))
		s.sweep(p)
		pass(20 * time.Second)
		s.quiet(p)
		if calls := provisiontest.Acts(s.provider.Calls())[acts:]; len(calls) > 0 || s.readyCount(e) != 71 {
			t.Errorf("%d are ready; %+v", s.readyCount(e), calls)
		}
	}, "sqlite", "postgres")
}

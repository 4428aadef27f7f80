package provision_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
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
	for began, all := time.Now(), false; !all; {
		if time.Since(began) > 10*time.Minute {
			s.Fatalf("not everything is swept: %+v", s.report())
		}
		pass(time.Second)
		report := s.report()
		all = len(report) > 0
		for _, w := range report {
			all = all && !w.due && w.began >= asked
		}
	}
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
	inChannel := func(s *stage, in arn.ARN, e id.Event, who string) bool {
		return s.provider.Forget(string(in.Channel(string(e))), string(in.User(who)))
	}
	for kind, forget := range map[string]func(s *stage, in arn.ARN, e id.Event, people []string) bool{
		"account, membership and role": func(s *stage, in arn.ARN, e id.Event, people []string) bool {
			return s.provider.Forget(string(in.User(people[0]))) && inChannel(s, in, e, people[1]) && inChannel(s, in, e, people[2])
		},
		"channel": func(s *stage, in arn.ARN, e id.Event, _ []string) bool {
			return s.provider.Forget(string(in.Channel(string(e))))
		},
		"admin": func(s *stage, in arn.ARN, _ id.Event, _ []string) bool {
			return s.provider.Forget(string(in.User("stagedoor-admin")))
		},
		"app instance": func(s *stage, in arn.ARN, _ id.Event, _ []string) bool { return s.provider.Forget(string(in)) },
	} {
		t.Run(kind, func(t *testing.T) {
			databases := []string{"sqlite"}
			if kind == "app instance" {
				databases = append(databases, "postgres")
			}
			inPlaces(t, func(s *stage) {
				e := s.event(time.Now().Add(time.Hour))
				fans, mods := s.tickets(e, id.Fan, 55), s.tickets(e, id.Moderator, 2) // two pages
				p, _ := s.run(s.config("none"))
				s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 57 })
				pass(20 * time.Second)
				if !forget(s, s.where(e), e, []string{id.ChatUser(id.Fan, fans[0]), id.ChatUser(id.Fan, fans[54]), id.ChatUser(id.Moderator, mods[0])}) {
					t.Fatal("nothing to forget")
				}
				if w := s.sweep(p); w.vanished == 0 || s.told("vanished") == 0 {
					t.Errorf("%+v", w)
				}
				s.until(time.Minute, "it is made anew", func() bool { return s.readyCount(e) == 57 })
				s.quiet(p)
				members, moderators := s.provider.Members(string(e))
				if len(members) != 57 || len(moderators) != 2 || len(s.provider.Users()) != 58 || s.provider.Instances() != 1 {
					t.Errorf("%d members, %d moderators, %d users, %d app instances", len(members), len(moderators), len(s.provider.Users()), s.provider.Instances())
				}
			}, databases...)
		})
	}
}

// An app instance vanished with a round number of accounts: when the last chunk of them was full, the sweep took nothing else that
// had been inside for lost. People were told that their chat was ready who had an account again, and no membership.
func TestAVanishedAppInstanceTakesEverybodyAlong(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, ledger.Chunk-1)
		s.tickets(e, id.Moderator, 1)
		p, _ := s.run(s.config("none"))
		s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == ledger.Chunk })
		pass(20 * time.Second)
		s.provider.Forget(string(s.where(e)))
		if err := p.Sweep(context.Background()); err != nil {
			s.Fatal(err)
		}
		s.until(time.Minute, "found out", func() bool { return s.told("vanished") == 1 })
		s.until(time.Minute, "ready again", func() bool {
			members, _ := s.provider.Members(string(e))
			ready := s.readyCount(e)
			if ready > len(members) {
				s.Fatalf("%d are said to be ready, and %d are members", ready, len(members))
			}
			return ready == ledger.Chunk
		})
	})
}

// Somebody who is a member and a moderator and should be only an account.
func TestAMembershipAndARoleThatNobodyWantsGo(t *testing.T) {
	inPlaces(t, func(s *stage) {
		ctx := context.Background()
		e := s.event(time.Now().Add(-time.Minute))
		fans := s.tickets(e, id.Fan, 3)
		s.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', $3)", fans[0], e, time.Now().UnixMilli())
		p, _ := s.run(s.config("none"))
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
		p, _ := s.run(s.config("none"))
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
		p, _ := s.run(s.config("none"))
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

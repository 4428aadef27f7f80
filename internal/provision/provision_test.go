package provision_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// stage is a database with events and tickets, a provider, and provisioners between them.
type stage struct {
	*testing.T
	db       *db.DB
	provider *provisiontest.Provider
	bus      *bus.Bus
	mu       sync.Mutex
	purged   []id.Event // guarded by mu
}

func newStage(t *testing.T, d *db.DB) *stage {
	return &stage{T: t, db: d, provider: provisiontest.New(), bus: &bus.Bus{}}
}

func (s *stage) client(w *provisiontest.Wire) *chime.Client {
	return chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE000000", SecretAccessKey: "secret", HTTP: w})
}

func (s *stage) config(preset string) provision.Config {
	return provision.Config{DB: s.db, Chime: s.client(s.provider.Wire(nil)), Bus: s.bus, Preset: preset, Logger: slog.New(slog.NewTextHandler(s.Output(), nil)),
		OnPurged: func(ctx context.Context, e id.Event) error {
			_, err := s.db.Exec(ctx, "UPDATE event SET state = 'purged' WHERE id = $1", e)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.purged = append(s.purged, e)
			return err
		}}
}

// gone returns the events that were reported purged.
func (s *stage) gone() []id.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.purged)
}

// run starts a provisioner; the returned function stops it cleanly.
func (s *stage) run(c provision.Config) (p *provision.Provisioner, stop func()) {
	p = provision.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			s.Errorf("provisioner: %v", err)
		}
	}
	s.Cleanup(stop)
	return p, stop
}

// board shows what people see; a new one remembers nothing.
func (s *stage) board() *readiness.Board {
	return readiness.New(readiness.Config{DB: s.db, Preset: "case"})
}

func (s *stage) exec(query string, args ...any) {
	s.Helper()
	if _, err := s.db.Exec(context.Background(), query, args...); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) event(doors time.Time) id.Event {
	s.Helper()
	e, now := id.NewEvent(), time.Now().UnixMilli()
	s.exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, 'A show', 'An artist', '', 'UTC', $3, $3, '', TRUE, 'scheduled', $4, $4)`, e, string(e), doors.UnixMilli(), now)
	return e
}

// tickets imports n tickets as the gate does: in one write, one timestamp, one hint.
func (s *stage) tickets(e id.Event, role id.Role, n int) []id.Ticket {
	s.Helper()
	out, now := make([]id.Ticket, n), time.Now().UnixMilli()
	err := s.db.Write(context.Background(), func(tx *db.Tx) error {
		for i := range out {
			out[i] = id.NewTicket()
			if _, err := tx.Exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
				VALUES ($1, $2, $3, $4, '', TRUE, $5, $5)`, out[i], e, string(out[i]), role, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
	return out
}

func (s *stage) name(e id.Event, t id.Ticket, name string) {
	s.Helper()
	s.exec(`INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) VALUES ($1, $2, $3, $3, $3, $4)
		ON CONFLICT (ticket_id) DO UPDATE SET name = excluded.name, compare_key = excluded.name, skeleton = excluded.name, updated_ms = excluded.updated_ms`,
		t, e, name, time.Now().UnixMilli())
	s.bus.Publish(bus.Hint{Topic: bus.NameChanged, Event: e, Ticket: t})
}

// ready asks the view that the chat pass asks.
func (s *stage) ready(e id.Event, t id.Ticket) (name string, ok bool) {
	s.Helper()
	names, err := db.All(context.Background(), s.db, func(n *string) []any { return []any{n} },
		"SELECT made_name FROM chat_ready WHERE event_id = $1 AND ticket_id = $2", e, t)
	if err != nil {
		s.Fatal(err)
	}
	if len(names) == 0 {
		return "", false
	}
	return names[0], true
}

func (s *stage) readyCount(e id.Event) int {
	s.Helper()
	n, err := db.Value[int](context.Background(), s.db, "SELECT count(*) FROM chat_ready WHERE event_id = $1", e)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// until looks every 100 ms whether ok, for at most d, and returns how long it took.
func (s *stage) until(d time.Duration, what string, ok func() bool) time.Duration {
	s.Helper()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > d {
			s.Fatalf("after %v still not: %s", d, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// holdsExactly compares the provider's books with the tickets.
func (s *stage) holdsExactly(want map[id.Event]map[id.Role][]id.Ticket) {
	s.Helper()
	users := []string{"stagedoor-admin"}
	for e, roles := range want {
		var members, moderators []string
		for role, tickets := range roles {
			for _, t := range tickets {
				members = append(members, id.ChatUser(role, t))
				if role == id.Moderator {
					moderators = append(moderators, id.ChatUser(role, t))
				}
			}
		}
		users = append(users, members...)
		slices.Sort(members)
		slices.Sort(moderators)
		gotMembers, gotModerators := s.provider.Members(string(e))
		if !slices.Equal(gotMembers, members) || !slices.Equal(gotModerators, moderators) {
			s.Errorf("channel of %s has %d members and %d moderators, want %d and %d", e, len(gotMembers), len(gotModerators), len(members), len(moderators))
		}
	}
	slices.Sort(users)
	var got []string
	for u := range s.provider.Users() {
		got = append(got, u)
	}
	slices.Sort(got)
	if !slices.Equal(got, users) {
		s.Errorf("%d users at the provider, want %d", len(got), len(users))
	}
	if n := s.provider.Instances(); n != len(want) {
		s.Errorf("%d app instances", n)
	}
	if n := s.provider.Channels(); n != len(want) {
		s.Errorf("%d channels, want %d", n, len(want))
	}
	if twice := s.provider.Twice(); len(twice) > 0 {
		s.Errorf("made twice: %v", twice)
	}
}

// virtual runs f in virtual time on SQLite, beside other tests: the bubbles do not see each other.
func virtual(t *testing.T, f func(s *stage)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(newStage(t, dbtest.SQLite(t, schema.Platform()))) })
}

func TestTwoThousandTicketsNeverExceedTheLimitAndUseIt(t *testing.T) {
	virtual(t, func(s *stage) {
		s.provider.Latency = 350 * time.Millisecond // several calls are under way at once
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 1997)
		mods := s.tickets(e, id.Moderator, 2)
		artist := s.tickets(e, id.Artist, 1)
		began := time.Now()
		s.run(s.config("case"))
		s.until(5*time.Minute, "2,000 tickets are ready", func() bool { return len(s.provider.Calls()) > 2000 && s.readyCount(e) == 2000 })

		calls := s.provider.Calls()
		// While there is backlog: the first calls wait for each other's answers, the last batch for the last accounts.
		backlog := calls[8 : len(calls)-2]
		took := backlog[len(backlog)-1].At.Sub(backlog[0].At)
		if most := provisiontest.MostInAnySecond(calls); most > 10 {
			s.Errorf("%d calls in a sliding second", most)
		}
		rate := float64(len(backlog)-1) / took.Seconds()
		if rate < 9.8 {
			s.Errorf("%.3f calls/s, want at least 98 %% of 10", rate)
		}
		// The first ten calls wait for each other's answers: 350 ms each.
		// 2,000 accounts, 20 batches of fans, one of staff, two moderator roles, channel, app instance, admin, its role.
		const minimum = 2000 + 20 + 1 + 2 + 1 + 3
		if whole := time.Since(began); whole > 5*time.Second+time.Duration(minimum)*time.Second/10*102/100 {
			s.Errorf("took %v for %d calls, %d are enough", whole, len(calls), minimum)
		}
		s.Logf("%d calls in %v: %.3f/s, at most %d in a second; arithmetic minimum %d calls", len(calls), took, rate, provisiontest.MostInAnySecond(calls), minimum)
		s.holdsExactly(map[id.Event]map[id.Role][]id.Ticket{e: {id.Fan: fans, id.Moderator: mods, id.Artist: artist}})
	})
}

func TestALateTicketOvertakesABiggerLaterShow(t *testing.T) {
	virtual(t, func(s *stage) {
		tonight, nextWeek := s.event(time.Now().Add(10*time.Minute)), s.event(time.Now().Add(7*24*time.Hour))
		s.tickets(tonight, id.Fan, 5)
		s.tickets(nextWeek, id.Fan, 1500)
		s.run(s.config("case"))
		s.until(time.Minute, "tonight is ready", func() bool { return s.readyCount(tonight) == 5 })
		s.until(time.Minute, "next week has begun", func() bool { return len(s.provider.Calls()) > 100 })
		for range 5 {
			late := s.tickets(tonight, id.Fan, 1)[0]
			if d := s.until(10*time.Second, "the late ticket is ready", func() bool { _, ok := s.ready(tonight, late); return ok }); d > 2*time.Second {
				s.Errorf("a late ticket took %v", d)
			}
		}
	})
}

func TestARenameAtAnOpenShowOvertakesEverything(t *testing.T) {
	virtual(t, func(s *stage) {
		open := s.event(time.Now().Add(-time.Minute))
		fan := s.tickets(open, id.Fan, 1)[0]
		s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { _, ok := s.ready(open, fan); return ok })
		if name := s.provider.Users()[id.ChatUser(id.Fan, fan)]; name != "Guest "+string(fan[len(fan)-4:]) {
			s.Errorf("the account is called %q before a nickname is picked", name)
		}
		s.tickets(open, id.Fan, 500)
		s.until(time.Minute, "a backlog is worked on", func() bool { return len(s.provider.Calls()) > 50 })
		s.name(open, fan, "Zoë 🔥")
		d := s.until(10*time.Second, "renamed", func() bool { name, _ := s.ready(open, fan); return name == "Zoë 🔥" })
		if name := s.provider.Users()[id.ChatUser(id.Fan, fan)]; d > time.Second || name != "Zoë 🔥" {
			s.Errorf("renamed to %q after %v", name, d)
		}
	})
}

// One call in twenty is kept for upkeep: two seconds at ten calls a second, however long calls are on their way.
func TestARenameAtAReadyShowDoesNotWaitForABacklogBeforeIt(t *testing.T) {
	for _, latency := range []time.Duration{0, 40 * time.Millisecond, 120 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			virtual(t, func(s *stage) {
				ready := s.event(time.Now().Add(48 * time.Hour))
				fans := s.tickets(ready, id.Fan, 5)
				s.provider.Latency = latency
				s.run(s.config("case"))
				s.until(time.Minute, "ready", func() bool { return s.readyCount(ready) == len(fans) })
				before := s.event(time.Now().Add(24 * time.Hour))
				s.tickets(before, id.Fan, 1500)
				s.until(time.Minute, "a backlog is worked on", func() bool { return len(s.provider.Calls()) > 60 })
				for i, fan := range fans {
					name := fmt.Sprint("Zoë ", i)
					s.name(ready, fan, name)
					d := s.until(time.Minute, "renamed", func() bool { got, _ := s.ready(ready, fan); return got == name })
					if d > 2500*time.Millisecond {
						s.Errorf("name %d took %v", i, d)
					}
				}
			})
		})
	}
}

func TestRefundBanUnbanAndReturnedTicketAreFollowed(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(-time.Minute))
		fans, mod := s.tickets(e, id.Fan, 4), s.tickets(e, id.Moderator, 1)
		s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 5 })

		valid := func(v bool) {
			s.exec("UPDATE ticket SET valid = $1, updated_ms = $2 WHERE id IN ($3, $4)", v, time.Now().UnixMilli(), fans[0], mod[0])
			s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
		}
		valid(false)
		s.until(5*time.Second, "refunded are gone", func() bool { return len(s.provider.Users()) == 4 })
		s.holdsExactly(map[id.Event]map[id.Role][]id.Ticket{e: {id.Fan: fans[1:]}})

		s.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', $3)", fans[1], e, time.Now().UnixMilli())
		s.provider.Ban(string(e), id.ChatUser(id.Fan, fans[1]), true) // the moderator's own call; no hint: it was lost
		s.until(5*time.Second, "banned is not ready", func() bool {
			_, ok := s.ready(e, fans[1])
			acts := provisiontest.Acts(s.provider.Calls())
			return !ok && acts[len(acts)-1].Op == "DeleteChannelMembership"
		})

		s.exec("DELETE FROM ban")
		s.bus.Publish(bus.Hint{Topic: bus.Banned, Event: e, Ticket: fans[1]})
		s.until(time.Second, "the join is refused while the ban stands", func() bool {
			calls := provisiontest.Acts(s.provider.Calls())
			return calls[len(calls)-1].Op == "BatchCreateChannelMembership"
		})
		s.provider.Ban(string(e), id.ChatUser(id.Fan, fans[1]), false) // only now
		s.until(10*time.Second, "unbanned is back", func() bool { _, ok := s.ready(e, fans[1]); return ok })

		valid(true)
		s.until(5*time.Second, "all are back", func() bool { return s.readyCount(e) == 5 })
		_, moderators := s.provider.Members(string(e))
		if len(moderators) != 1 || len(s.provider.Users()) != 6 {
			s.Errorf("moderators %v, %d users", moderators, len(s.provider.Users()))
		}
	})
}

// A ban and its end between two terms: the provider took the membership away, and the ledger never heard of either.
func TestABanThatCameAndWentWhileNobodyLedIsRepaired(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(-time.Minute))
		fan := s.tickets(e, id.Fan, 3)[0]
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		stop()
		s.exec(`INSERT INTO moderator_act (id, event_id, by_ticket, kind, user_id, message_id, part_of, original, sender, sent_ms, reason, created_ms)
			VALUES ('act1', $1, '', 'ban', $2, '', '', '', '', 0, '', $3)`, e, id.ChatUser(id.Fan, fan), time.Now().UnixMilli())
		s.provider.Ban(string(e), id.ChatUser(id.Fan, fan), true)
		s.provider.Ban(string(e), id.ChatUser(id.Fan, fan), false)
		s.run(s.config("case"))
		s.until(20*time.Second, "a member again", func() bool { members, _ := s.provider.Members(string(e)); return len(members) == 3 })
	})
}

// An account vanished, and before that was known its membership was asked for again, refused, and set aside for ten minutes.
func TestWhoIsMadeAnewIsNotKeptWaitingByOldRefusals(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		fan := s.tickets(e, id.Fan, 3)[0]
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		stop()
		s.provider.Forget(string(s.where(e).User(id.ChatUser(id.Fan, fan))))
		s.exec("UPDATE resource SET state = 'absent', arn = '', work = 'create' WHERE subject = $1 AND kind = 'user'", fan)
		s.exec("UPDATE resource SET state = 'absent', work = 'blocked', failed = TRUE, attempts = 5, error = 'refused', next_try_ms = $1 WHERE subject = $2 AND kind = 'membership'",
			time.Now().Add(10*time.Minute).UnixMilli(), fan)
		s.run(s.config("case"))
		s.until(30*time.Second, "ready again", func() bool { return s.readyCount(e) == 3 })
	})
}

// An admin's account was made, its answer lost, and it vanished before it had its role: that was refused again and again, the
// show had no chat, and without an admin the sweep could not find out why.
func TestAnAdminWhoVanishedBeforeHavingTheRoleIsMadeAgain(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		stop()
		s.provider.Forget(string(s.where(e).User("stagedoor-admin")))
		s.exec("UPDATE resource SET state = 'absent', work = 'create' WHERE kind = 'admin'")
		s.tickets(e, id.Fan, 1)
		began := len(s.provider.Calls())
		s.run(s.config("case"))
		s.until(30*time.Second, "the admin acts again", func() bool {
			all := s.provider.Everything()
			return len(all) == 1 && slices.Equal(all[0].Admins, []string{"stagedoor-admin"}) && s.readyCount(e) == 4
		})
		if twice := s.provider.Twice(); len(twice) > 1 || len(s.provider.Calls())-began > 8 {
			s.Errorf("made twice %v; calls %v", twice, s.provider.Calls()[began:])
		}
	})
}

// scarce makes app instances scarce: shows that are placed from now on share one.
func (s *stage) scarce() {
	for i := range 99 {
		s.exec("INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $1, 1, 0, FALSE)", fmt.Sprint("other", i))
	}
}

// Rows of further admins belong to no show: they stayed in the ledger for ever, and one admin did all the work. Then they
// were made, and the next term read an admin's role before the account that has it: some calls came from nobody.
func TestTheSharedAppInstanceGetsItsFurtherAdmins(t *testing.T) {
	virtual(t, func(s *stage) {
		s.scarce()
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		_, stop := s.run(s.config("aws-us-east-1"))
		s.until(time.Minute, "four admins", func() bool {
			all := s.provider.Everything()
			return len(all) == 1 && len(all[0].Admins) == 4 && s.readyCount(e) == 3
		})
		stop()
		s.tickets(e, id.Moderator, 12)
		s.run(s.config("aws-us-east-1"))
		s.until(time.Minute, "moderators", func() bool { return s.readyCount(e) == 15 })
		bearers := map[string]bool{}
		for _, c := range s.provider.Calls() {
			if c.Op == "CreateChannelModerator" {
				bearers[c.Bearer] = true
			}
			if c.Status == http.StatusUnauthorized {
				s.Errorf("%s of nobody", c.Op)
			}
		}
		if len(bearers) < 2 {
			s.Errorf("bearers %v", bearers)
		}
	})
}

// A show in an app instance of its own goes with one call; in the shared one its channel goes, then each account.
func TestNothingIsDeletedBeforeTheArchiveAndEverythingAfter(t *testing.T) {
	for place, want := range map[string][]string{
		"own":    {"DeleteAppInstance", "DeleteAppInstance", "DeleteAppInstance"},
		"shared": append([]string{"DeleteChannel", "DeleteChannel", "DeleteChannel"}, slices.Repeat([]string{"DeleteAppInstanceUser"}, 151)...),
	} {
		t.Run(place, func(t *testing.T) {
			virtual(t, func(s *stage) {
				if place == "shared" {
					s.scarce()
				}
				deletes := 0
				s.provider.Fault = func(_ int, op string) provisiontest.Fault {
					if op == want[0] {
						if deletes++; deletes < 3 {
							return provisiontest.Fault{Status: 500, Code: "ServiceFailure"}
						}
					}
					return provisiontest.Fault{}
				}
				s.retires(want)
			})
		})
	}
}

// retires ends and archives a show beside another one, and wants these calls for it.
func (s *stage) retires(want []string) {
	e, other := s.event(time.Now().Add(-time.Hour)), s.event(time.Now().Add(time.Hour))
	s.tickets(e, id.Fan, 150)
	s.tickets(e, id.Moderator, 1)
	stays := s.tickets(other, id.Fan, 3)
	s.run(s.config("case"))
	s.until(2*time.Minute, "ready", func() bool {
		return len(s.provider.Calls()) > 154 && s.readyCount(e) == 151 && s.readyCount(other) == 3
	})
	instances := s.provider.Instances()
	for _, end := range []string{"UPDATE event SET state = 'ended' WHERE id = $1", "UPDATE event SET chat = FALSE WHERE id = $1"} {
		s.exec(end, e)
		calls := len(provisiontest.Acts(s.provider.Calls()))
		wait := time.NewTimer(time.Minute)
		<-wait.C
		if n := len(provisiontest.Acts(s.provider.Calls())); n != calls {
			s.Errorf("%d calls after %q", n-calls, end)
		}
	}
	s.exec("UPDATE event SET state = 'archived' WHERE id = $1", e)
	s.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e})
	calls := len(s.provider.Calls())
	s.until(time.Minute, "purged", func() bool { return len(s.gone()) > 0 })
	var ops []string
	for _, c := range provisiontest.Acts(s.provider.Calls()[calls:]) {
		ops = append(ops, c.Op)
	}
	if !slices.Equal(ops, want) {
		s.Errorf("%d deletes, first %v; want %d, %v", len(ops), ops[:min(len(ops), 4)], len(want), want[:3])
	}
	if gone := s.gone(); len(gone) != 1 || gone[0] != e {
		s.Errorf("purged %v", gone)
	}
	report, err := db.One(context.Background(), s.db, func(r *struct{ calls, accounts, memberships, moderators int }) []any {
		return []any{&r.calls, &r.accounts, &r.memberships, &r.moderators}
	}, "SELECT calls, accounts, memberships, moderators FROM deleted_chat WHERE event_id = $1", e)
	if err != nil || report.calls != len(want) || report.accounts < 151 || report.memberships != 151 || report.moderators != 1 {
		s.Errorf("the report says %+v, %v", report, err)
	}
	if want[0] == "DeleteAppInstance" && s.provider.Instances() != instances-1 {
		s.Errorf("%d app instances are left of %d", s.provider.Instances(), instances)
	}
	s.holdsExactly(map[id.Event]map[id.Role][]id.Ticket{other: {id.Fan: stays}})
	status, err := s.board().Status(context.Background(), time.Now().Add(2*time.Second))
	if err != nil || len(status.Events) != 1 || status.Events[0].State != readiness.StateReady {
		s.Errorf("%+v %v", status, err)
	}
	s.until(5*time.Second, "the ledger has forgotten the event", func() bool {
		n, err := db.Value[int](context.Background(), s.db, "SELECT count(*) FROM resource WHERE event_id = $1", e)
		return err == nil && n == 0
	})
}

func TestMisbehavingProviderCostsTimeButNothingElse(t *testing.T) {
	virtual(t, func(s *stage) {
		s.provider.Fault = func(n int, op string) provisiontest.Fault {
			switch {
			case n%17 == 0:
				return provisiontest.Fault{Status: 500, Code: "ServiceFailure"}
			case n%19 == 0:
				return provisiontest.Fault{Lost: true} // done, but the answer never comes
			case n%23 == 0:
				return provisiontest.Fault{Status: 429, Code: "Throttled"}
			case n%29 == 0:
				return provisiontest.Fault{Refuse: true}
			}
			return provisiontest.Fault{}
		}
		s.provider.Member = func(n int, member string) string {
			return []string{"", "", "", "Throttled", "", "ServiceFailure", "Conflict"}[(n+len(member)+int(member[len(member)-1]))%7]
		}
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 150)
		s.run(s.config("case"))
		s.until(10*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 150 && s.readyCount(e) == 150 })
		if most := provisiontest.MostInAnySecond(s.provider.Calls()); most > 10 {
			s.Errorf("%d calls in a sliding second", most)
		}
		// Members that the double pretends to hold already ("Conflict") are not in its books.
		if n := len(s.provider.Users()); n != len(fans)+1 || s.provider.Instances() != 1 || len(s.provider.Twice()) > 0 {
			s.Errorf("%d users, %d instances, twice %v", n, s.provider.Instances(), s.provider.Twice())
		}
		s.Logf("%d calls for 150 tickets", len(s.provider.Calls()))
	})
}

func TestThrottlingSlowsDownAndClimbsBack(t *testing.T) {
	virtual(t, func(s *stage) {
		began, slow := time.Now(), 0
		limit := func(at time.Time) int { // 4/s for forty seconds
			if at.Sub(began) > 20*time.Second && at.Sub(began) < time.Minute {
				return 4
			}
			return 10
		}
		var recent []time.Time
		s.provider.Fault = func(_ int, _ string) provisiontest.Fault {
			now := time.Now()
			for len(recent) > 0 && now.Sub(recent[0]) >= time.Second {
				recent = recent[1:]
			}
			if len(recent) >= limit(now) {
				slow++
				return provisiontest.Fault{Status: 429, Code: "Throttled"}
			}
			recent = append(recent, now)
			return provisiontest.Fault{}
		}
		e := s.event(time.Now().Add(24 * time.Hour))
		s.tickets(e, id.Fan, 1000)
		s.run(s.config("case"))
		timer := time.NewTimer(100 * time.Second)
		<-timer.C
		in := func(from, to int) (n int) {
			for _, c := range s.provider.Calls() {
				if at := c.At.Sub(began).Seconds(); at >= float64(from) && at < float64(to) && c.Status < 300 {
					n++
				}
			}
			return n
		}
		if n := in(20, 60); n < 40*4*6/10 {
			s.Errorf("only %d useful calls in forty seconds of 4/s", n)
		}
		if n := in(90, 100); n < 96 {
			s.Errorf("%d calls in ten seconds half a minute after the throttling ended", n)
		}
		if slow > 40 {
			s.Errorf("%d throttled calls in the slow time", slow)
		}
		s.Logf("%d useful calls in the slow time, %d throttled, %d in ten seconds later", in(20, 60), slow, in(90, 100))
	})
}

// refuseMember has the provider take a user in a batch for a bad request.
func (s *stage) refuseMember(user string) {
	s.provider.Member = func(_ int, member string) string {
		if filepath.Base(member) == user {
			return "BadRequest"
		}
		return ""
	}
}

func TestPermanentFailuresAreSetAsideAndShown(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 50)
		s.refuseMember(id.ChatUser(id.Fan, fans[7]))
		s.run(s.config("case"))
		s.until(time.Minute, "the others are ready, the bad one was tried", func() bool {
			status, err := s.board().Status(context.Background(), time.Now())
			return err == nil && len(status.Failures) == 1 && s.readyCount(e) == 49
		})
		calls := len(provisiontest.Acts(s.provider.Calls()))
		timer := time.NewTimer(time.Minute)
		<-timer.C
		if acts := provisiontest.Acts(s.provider.Calls()); len(acts) != calls {
			s.Errorf("%d hot retries: %+v", len(acts)-calls, acts[calls:])
		}
		status, err := s.board().Status(context.Background(), time.Now())
		if err != nil {
			s.Fatal(err)
		}
		if f := status.Failures; len(f) != 1 || f[0].Subject != string(fans[7]) || f[0].Error == "" || f[0].NextTryAt == nil {
			s.Errorf("failures %+v", f)
		}
		if ev := status.Events[0]; ev.State != readiness.StateFailing || ev.Failed != 1 || ev.Made != 103 || ev.Wanted != 104 {
			s.Errorf("%+v", ev)
		}
	})
}

// A show whose accounts are all refused takes next to nothing of what others could use, and less as time goes on.
func TestManyThatAreRefusedAreNotTriedHot(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(48 * time.Hour))
		s.tickets(e, id.Fan, 400)
		refused := s.refuse("CreateAppInstanceUser", 400, "BadRequest", 0)
		s.run(s.config("case"))
		s.until(time.Minute, "the channel is made", func() bool { return s.provider.Channels() == 1 })
		refused.Store(true)
		pass := func(d time.Duration) (calls int) {
			before := len(provisiontest.Acts(s.provider.Calls()))
			timer := time.NewTimer(d)
			<-timer.C
			return len(provisiontest.Acts(s.provider.Calls())) - before
		}
		pass(time.Minute)
		if n := pass(15 * time.Minute); n > 150 {
			s.Errorf("%d calls in a quarter of an hour", n)
		}
		refused.Store(false)
		if d := s.until(2*ledger.AsideMost, "ready", func() bool { return s.readyCount(e) == 400 }); d > ledger.AsideMost+time.Minute {
			s.Errorf("ready %v after the end of it", d)
		}
	})
}

// One bad row among good ones rests longer each time.
func TestWhatIsRefusedForAReasonOfItsOwnIsTriedLessAndLess(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(48 * time.Hour))
		fans := s.tickets(e, id.Fan, 20)
		s.refuseMember(id.ChatUser(id.Fan, fans[7]))
		s.run(s.config("case"))
		s.until(time.Minute, "the others are ready", func() bool { return s.readyCount(e) == 19 })
		tries := func() (n int) {
			for _, c := range s.provider.Calls() {
				if c.Op == "BatchCreateChannelMembership" {
					n++
				}
			}
			return n
		}
		before := tries()
		timer := time.NewTimer(75 * time.Minute) // after 10, 20 and 40 minutes
		<-timer.C
		if n := tries() - before; n != 3 {
			s.Errorf("%d more tries in 75 minutes", n)
		}
	})
}

// Retry does not wait for the pause that a full quota makes for all rows of a kind.
func TestARetryIsTriedAtOnceAlsoWhereAQuotaWasFull(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(48 * time.Hour))
		s.tickets(e, id.Fan, 40)
		full := s.refuse("CreateAppInstanceUser", 400, "ResourceLimitExceeded", 0)
		p, _ := s.run(s.config("case"))
		s.until(time.Minute, "the channel is made", func() bool { return s.provider.Channels() == 1 })
		full.Store(true)
		timer := time.NewTimer(35 * time.Second)
		<-timer.C
		full.Store(false)
		if s.readyCount(e) == 40 {
			s.Fatal("nothing was refused")
		}
		if n, err := p.Retry(context.Background(), provision.RetryInput{Event: e}); err != nil || n == 0 {
			s.Fatal(n, err)
		}
		if d := s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 40 }); d > 8*time.Second {
			s.Errorf("took %v", d)
		}
	})
}

func TestPauseStopsCallsUntilResume(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 100)
		p, _ := s.run(s.config("case"))
		s.until(time.Minute, "begun", func() bool { return len(s.provider.Calls()) > 20 })
		if err := p.Pause(context.Background()); err != nil {
			s.Fatal(err)
		}
		timer := time.NewTimer(time.Second)
		<-timer.C
		calls := len(s.provider.Calls())
		timer.Reset(30 * time.Second)
		<-timer.C
		if n := len(s.provider.Calls()); n != calls {
			s.Errorf("%d calls while paused", n-calls)
		}
		if err := p.Resume(context.Background()); err != nil {
			s.Fatal(err)
		}
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 100 })
	})
}

func TestReadyAtIsRightWithinTwoPercent(t *testing.T) {
	virtual(t, func(s *stage) {
		first, second := s.event(time.Now().Add(time.Hour)), s.event(time.Now().Add(2*time.Hour))
		s.tickets(first, id.Fan, 300)
		s.tickets(second, id.Fan, 600)
		s.run(s.config("case"))
		began := time.Now()
		s.until(time.Minute, "planned and begun", func() bool { return len(s.provider.Calls()) > 30 })
		status, err := s.board().Status(context.Background(), time.Now())
		if err != nil || status.Leader == nil || status.Limit != "10/s" {
			s.Fatalf("%+v %v", status, err)
		}
		estimate := [2]time.Time{*status.Events[0].ReadyAt, *status.Events[1].ReadyAt}
		for i, e := range []id.Event{first, second} {
			s.until(3*time.Minute, fmt.Sprint("ready ", i), func() bool { return s.readyCount(e) == 300*(i+1) })
			whole := time.Since(began)
			if off := time.Until(estimate[i]).Abs(); off > whole/50+200*time.Millisecond {
				s.Errorf("event %d: estimate off by %v of %v", i, off, whole)
			}
		}
	})
}

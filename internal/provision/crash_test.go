package provision_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// mortal is a provisioner with a database handle and a wire of its own. kill takes both away at once: from then on
// nothing it does reaches the disk or the provider, as after kill -9.
type mortal struct {
	db     *db.DB
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	dead   bool
	onCall func(op string, after bool) bool // asked while alive, one call at a time; true kills
}

func (s *stage) birth(url, preset, holder string, onCall func(op string, after bool) bool) *mortal {
	d, err := db.Open(context.Background(), url)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &mortal{db: d, cancel: cancel, done: make(chan struct{}), onCall: onCall}
	p := provision.New(provision.Config{DB: d, Chime: s.client(s.provider.Wire(m.cut)), Bus: &bus.Bus{}, Preset: preset, Holder: holder,
		Logger: slog.New(slog.DiscardHandler)})
	go func() {
		defer close(m.done)
		if err := p.Run(ctx); err != nil && !errors.Is(err, db.ErrClosed) {
			s.Errorf("%s: %v", holder, err)
		}
	}()
	return m
}

func (m *mortal) cut(op string, after bool) bool {
	m.mu.Lock()
	dead := m.dead
	dies := !dead && m.onCall != nil && m.onCall(op, after)
	m.mu.Unlock()
	if dies {
		m.kill()
	}
	return dead || dies
}

func (m *mortal) kill() {
	m.mu.Lock()
	first := !m.dead
	m.dead = true
	m.mu.Unlock()
	if first {
		_ = m.db.Close() // a commit under way is finished, as a commit under way at kill -9 may be
		m.cancel()
	}
}

// crashSeeds is how many random lives TestKilledAnywhereLeavesNoDuplicateAndNoOrphan plays on each database; one has 24
// kills. A change of the ledger deserves more than the one that CI plays (CONTRIBUTING.md).
func crashSeeds(t *testing.T) uint64 {
	text := os.Getenv("STAGEDOOR_CRASH_SEEDS")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		t.Fatalf("STAGEDOOR_CRASH_SEEDS=%q is no number of seeds", text)
	}
	return n
}

func TestKilledAnywhereLeavesNoDuplicateAndNoOrphan(t *testing.T) {
	for seed := range crashSeeds(t) {
		for kind, url := range map[string]func(t *testing.T) string{
			"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "crash.db") },
			"postgres": func(t *testing.T) string { return dbtest.PostgresURL(t) },
		} {
			t.Run(fmt.Sprintf("%s seed %d", kind, seed), func(t *testing.T) {
				u := url(t)
				synctest.Test(t, func(t *testing.T) { killAnywhere(t, u, seed) })
			})
		}
	}
}

func killAnywhere(t *testing.T, url string, seed uint64) {
	const kills = 24
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, d)
	s.provider.Latency, s.provider.ForgetsTokens = 250*time.Millisecond, true
	rnd := rand.New(rand.NewPCG(seed, 7))
	e, gone := s.event(time.Now().Add(time.Hour)), s.event(time.Now().Add(-time.Hour))
	fans, mods := s.tickets(e, id.Fan, 130), s.tickets(e, id.Moderator, 2)
	s.tickets(gone, id.Fan, 20)
	for i := range kills {
		if i == kills/2 {
			s.exec("UPDATE event SET state = 'archived' WHERE id = $1", gone) // the deletes are killed too
		}
		s.liveAndDie(url, fmt.Sprint("mortal ", i), i == 0, rnd)
	}
	last := s.birth(url, "case", "immortal", nil)
	began := time.Now()
	s.until(3*time.Minute, "everything is settled", func() bool {
		return s.provider.Channels() == 1 && len(s.provider.Users()) == 133 && s.readyCount(e) == 132
	})
	s.until(time.Minute, "the ledger has forgotten the archived event", func() bool {
		n, err := db.Value[int](context.Background(), d, "SELECT count(*) FROM resource WHERE event_id = $1", gone)
		return err == nil && n == 0
	})
	last.kill()
	<-last.done
	s.holdsExactly(map[id.Event]map[id.Role][]id.Ticket{e: {id.Fan: fans, id.Moderator: mods}})
	if most := provisiontest.MostInAnySecond(s.provider.Calls()); most > 10 {
		s.Errorf("%d calls in a sliding second", most)
	}
	t.Logf("%d kills, %d calls, settled %v after the last", kills, len(s.provider.Calls()), time.Since(began))
}

// liveAndDie runs a provisioner until it is killed at a random place: around one of its first calls, or by the clock.
func (s *stage) liveAndDie(url, holder string, first bool, rnd *rand.Rand) {
	at, calls := 1+rnd.IntN(12), 0
	after, byClock := rnd.IntN(2) == 0, rnd.IntN(4) == 0
	if first {
		at, after, byClock = 1, true, false // the app instance is made and nobody has read its ARN
	}
	m := s.birth(url, "case", holder, func(_ string, a bool) bool {
		if a == after {
			calls++
		}
		return !byClock && calls >= at && a == after
	})
	life := 30 * time.Second
	if byClock { // anywhere: in the middle of planning, between two writes
		life = leaseWait + time.Duration(rnd.IntN(2_000_000))*time.Microsecond
	}
	timer := time.NewTimer(life)
	defer timer.Stop()
	select {
	case <-m.done:
	case <-timer.C:
		m.kill()
		<-m.done
	}
}

// leaseWait is how long a successor of a killed leader stands by.
const leaseWait = 6 * time.Second

func TestTwoProvisionersOneActsAndTheOtherTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "two.db")
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(t.Context(), schema.Platform()); err != nil {
			t.Fatal(err)
		}
		s := newStage(t, d)
		e := s.event(time.Now().Add(time.Hour))
		fans := s.tickets(e, id.Fan, 400)
		var mu sync.Mutex
		last := map[string]time.Time{}
		seen := func(who string) func(string, bool) bool {
			return func(string, bool) bool {
				mu.Lock()
				defer mu.Unlock()
				last[who] = time.Now()
				return false
			}
		}
		a, b := s.birth(url, "case", "a", seen("a")), s.birth(url, "case", "b", seen("b"))
		s.until(time.Minute, "begun", func() bool { return len(s.provider.Calls()) > 100 })
		mu.Lock()
		if len(last) != 1 {
			t.Errorf("both acted: %v", last)
		}
		leader, standby := a, b
		if _, ok := last["b"]; ok {
			leader, standby = b, a
		}
		mu.Unlock()
		killed := time.Now()
		leader.kill()
		<-leader.done
		s.until(20*time.Second, "the standby acts", func() bool { mu.Lock(); defer mu.Unlock(); return len(last) == 2 })
		if took := time.Since(killed); took > 8*time.Second {
			t.Errorf("takeover took %v", took)
		} else {
			t.Logf("takeover after %v", took)
		}
		s.until(2*time.Minute, "ready", func() bool { return len(s.provider.Calls()) > 400 && s.readyCount(e) == 400 })
		standby.kill()
		<-standby.done
		s.holdsExactly(map[id.Event]map[id.Role][]id.Ticket{e: {id.Fan: fans}})
		if most := provisiontest.MostInAnySecond(s.provider.Calls()); most > 10 {
			t.Errorf("%d calls in a sliding second", most)
		}
	})
}

// A leader that was paused longer than its lease must commit nothing when it comes back, whatever it was doing. The pause
// is played by another holder that takes the lease behind its back.
func TestAStaleEpochCommitsNothing(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 200)
		stolen := make(chan struct{})
		n := 0
		c := s.config("case")
		c.Chime = s.client(s.provider.Wire(func(_ string, after bool) bool {
			if n++; n == 60 {
				s.exec("UPDATE lease SET holder = 'somebody else', epoch = epoch + 1, beat = 0")
				close(stolen)
			}
			return false
		}))
		s.run(c)
		<-stolen
		epoch := func() (n int64) {
			n, err := db.Value[int64](context.Background(), s.db, "SELECT epoch FROM lease")
			if err != nil {
				s.Fatal(err)
			}
			return n
		}
		taken := epoch()
		calls := len(s.provider.Calls())
		ledger := func() string {
			rows, err := db.All(context.Background(), s.db, func(t *string) []any { return []any{t} },
				"SELECT subject || kind || state || work || attempts || busy || epoch FROM resource ORDER BY event_id, subject, kind")
			if err != nil {
				s.Fatal(err)
			}
			return fmt.Sprint(rows)
		}
		before := ledger()
		timer := time.NewTimer(5 * time.Second) // before a new claim could succeed
		<-timer.C
		if ledger() != before {
			s.Error("a stale leader wrote into the ledger")
		}
		if late := len(s.provider.Calls()) - calls; late > 1 {
			s.Errorf("a stale leader made %d calls", late)
		}
		// The thief never renews: the provisioner takes the lease back with a higher epoch and finishes.
		s.until(2*time.Minute, "ready", func() bool { return s.readyCount(e) == 200 })
		if got := epoch(); got <= taken {
			s.Errorf("epoch %d after %d", got, taken)
		}
	})
}

func TestCleanShutdownHandsOverAtOnce(t *testing.T) {
	virtual(t, func(s *stage) {
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 100)
		s.provider.Latency = 20 * time.Millisecond
		_, stop := s.run(s.config("case"))
		s.until(time.Minute, "begun", func() bool { return len(s.provider.Calls()) > 30 })
		stop()
		busy, err := db.Value[int](context.Background(), s.db, "SELECT count(*) FROM resource WHERE busy")
		if err != nil || busy > 1 {
			s.Errorf("%d calls without a recorded answer, %v", busy, err)
		}
		calls := len(s.provider.Calls())
		s.exec("DELETE FROM pace") // the successor's clock is so far ahead that the booked slots say nothing to it
		s.run(s.config("case"))
		if d := s.until(5*time.Second, "the next one acts", func() bool { return len(s.provider.Calls()) > calls }); d > 2*time.Second {
			s.Errorf("handed over after %v", d)
		}
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 100 })
		if most := provisiontest.MostInAnySecond(s.provider.Calls()); most > 10 {
			s.Errorf("%d calls in a sliding second", most)
		}
	})
}

// The same story in real time on both databases, at no pace, so that SQL differences show.
func TestTheWholeStoryOnBothDatabases(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		s := newStage(t, d)
		e, over := s.event(time.Now().Add(-time.Minute)), s.event(time.Now().Add(-time.Hour))
		fans, mods, artist := s.tickets(e, id.Fan, 150), s.tickets(e, id.Moderator, 1), s.tickets(e, id.Artist, 1)
		s.tickets(over, id.Fan, 20)
		ready, done := s.bus.Subscribe(bus.ChatReady)
		defer done()
		_, stop := s.run(s.config("none"))
		s.until(30*time.Second, "ready", func() bool { return s.readyCount(e) == 152 && s.readyCount(over) == 20 })
		select {
		case <-ready:
		default:
			t.Error("nobody was told")
		}
		s.name(e, fans[0], "Ærøskøbing ❤️")
		s.until(5*time.Second, "renamed", func() bool { name, _ := s.ready(e, fans[0]); return name == "Ærøskøbing ❤️" })
		s.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), fans[1])
		s.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', 1)", fans[2], e)
		s.exec("UPDATE event SET state = 'archived' WHERE id = $1", over)
		s.until(15*time.Second, "refunded, banned and archived are gone", func() bool {
			members, _ := s.provider.Members(string(e))
			return len(members) == 150 && s.provider.Channels() == 1 && len(s.provider.Users()) == 1+151
		})
		var channel struct{ arn, admin, state string }
		rows, err := db.All(t.Context(), d, func(c *struct{ arn, admin, state string }) []any { return []any{&c.arn, &c.admin, &c.state} },
			"SELECT channel_arn, admin_arn, state FROM chat_channel WHERE event_id = $1", e)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%v %v", rows, err)
		}
		if channel = rows[0]; channel.state != "ready" || channel.arn == "" || channel.admin == "" {
			t.Errorf("channel %+v", channel)
		}
		s.until(5*time.Second, "purged", func() bool {
			state, err := db.Value[string](t.Context(), d, "SELECT state FROM event WHERE id = $1", over)
			return err == nil && state == "purged"
		})
		status, err := s.board().Status(t.Context(), time.Now().Add(5*time.Second))
		if err != nil || len(status.Events) != 1 || status.Events[0].State != readiness.StateReady || status.Leader == nil {
			t.Errorf("%+v %v", status, err)
		}
		if _, moderators := s.provider.Members(string(e)); len(moderators) != len(mods) || len(artist) != 1 {
			t.Errorf("moderators %v", moderators)
		}
		stop()
		calls := len(s.provider.Calls())
		_, stop = s.run(s.config("none")) // a restart finds everything as it is
		s.until(10*time.Second, "the ledger is compared", func() bool {
			holder, err := db.Value[int64](t.Context(), d, "SELECT epoch FROM lease WHERE holder <> ''")
			return err == nil && holder > 1
		})
		stop()
		if n := len(s.provider.Calls()); n != calls {
			t.Errorf("%d calls after a restart with nothing to do", n-calls)
		}
	})
}

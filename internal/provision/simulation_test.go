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
	"strings"
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
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// The simulation. A seed makes a world: shows and tickets, a provider with its limits and its weather, provisioners that
// are killed, and what organizers and people do meanwhile. It is played in virtual time on a real database, through the real
// SDK, against the double; at the end the double's books must equal what a small model of the commands wants.
//
// From the seed alone follow the world, the commands and their times, what the provider does to a call (it depends on what
// is asked and how often, not on when), and at which call a provisioner dies. Not from the seed: the jitter of the
// provisioner's pauses, ids it draws, and the order in which the runtime lets goroutines go on at one moment of virtual
// time. A failing seed therefore usually fails again, and if not, within a few repeats: STAGEDOOR_SIM_REPEAT.

// simNumber reads a number from the environment.
func simNumber(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// TestSimulation plays STAGEDOOR_SIM_RUNS seeds on SQLite, from STAGEDOOR_SIM_FIRST on. STAGEDOOR_SIM_SEED plays one, as often as
// STAGEDOOR_SIM_REPEAT says.
func TestSimulation(t *testing.T) {
	first, runs, repeats := simNumber(t, "STAGEDOOR_SIM_FIRST", 1), simNumber(t, "STAGEDOOR_SIM_RUNS", 15), uint64(1)
	if os.Getenv("STAGEDOOR_SIM_SEED") != "" {
		first, runs, repeats = simNumber(t, "STAGEDOOR_SIM_SEED", 0), 1, simNumber(t, "STAGEDOOR_SIM_REPEAT", 1)
	}
	const block = 1000 // subtests at a time: each waits for its turn with a stack of its own
	for from := uint64(0); from < runs && !t.Failed(); from += block {
		t.Run(fmt.Sprint("from ", first+from), func(t *testing.T) {
			for seed := first + from; seed < first+min(runs, from+block); seed++ {
				for range repeats {
					t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
						t.Parallel()
						simulate(t, seed, simDatabase(t, false))
					})
				}
			}
		})
	}
}

// TestSimulationOnPostgres plays a few seeds there: what differs is the SQL, not the story.
func TestSimulationOnPostgres(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			url := dbtest.PostgresURL(t)
			d, err := db.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(d.Migrate(t.Context(), schema.Platform()), d.Close()); err != nil {
				t.Fatal(err)
			}
			simulate(t, seed, url)
		})
	}
}

// migrated is an empty SQLite database with the platform's schema; each run begins with a copy.
var migrated = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "stagedoor-sim-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "empty.db")
	d, err := db.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	err = d.Migrate(context.Background(), schema.Platform())
	for _, statement := range strings.SplitAfterN(unsealedSQL, ";", 2) {
		if err == nil {
			_, err = d.Exec(context.Background(), statement)
		}
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	if text, err := os.ReadFile(path + "-wal"); err == nil && len(text) > 0 {
		return nil, errors.New("the log was not folded into the database")
	}
	return os.ReadFile(path)
})

// simDatabase is the URL of a migrated SQLite database, in memory where the system has a place for that: no run is about
// what a disk keeps. Such a place may be small.
func simDatabase(t *testing.T, large bool) string {
	empty, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "stagedoor-sim-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(memory) })
		if !large {
			dir = memory
		}
	}
	path := filepath.Join(dir, "sim.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// sim is one run.
type sim struct {
	*testing.T
	world
	url      string
	db       *db.DB // of the organizers and people
	bus      *bus.Bus
	provider *provisiontest.Provider
	began    time.Time
	journal  strings.Builder // what was done, for people who look at a failing seed
	log      *slog.Logger

	lastShow   *simShow // what the last command was about
	lastTicket *simTicket
	crew       sync.WaitGroup // of the places

	mu     sync.Mutex // guards these
	shows  []*simShow
	wrong  []string // what a call did that it must not
	acts   int      // calls that do not only read
	places [2]*process
	ending bool
	deaths int
}

func simulate(t *testing.T, seed uint64, url string) {
	s := &sim{T: t, world: newWorld(seed), url: url, bus: &bus.Bus{}, provider: provisiontest.New(), log: slog.New(slog.DiscardHandler)}
	if os.Getenv("STAGEDOOR_SIM_SEED") != "" {
		s.log = slog.New(slog.NewTextHandler(&s.journal, nil))
	}
	defer func() {
		if t.Failed() {
			t.Logf("seed %d: %s\n%s\nreplay: STAGEDOOR_SIM_SEED=%d STAGEDOOR_SIM_REPEAT=20 go test -run TestSimulation$ ./internal/provision",
				seed, s.world, s.journal.String(), seed)
		}
	}()
	synctest.Test(t, func(inside *testing.T) {
		s.T = inside
		s.play()
	})
}

// play lets the world happen, then lets it settle, and compares.
func (s *sim) play() {
	d, err := db.Open(context.Background(), s.url)
	if err != nil {
		s.Fatal(err)
	}
	s.db, s.began = d, time.Now()
	s.prepareProvider()
	for i := range s.standbys + 1 {
		s.crew.Go(func() { s.staff(i) })
	}
	for _, step := range s.steps {
		s.waitUntil(step.at)
		s.openDoors()
		step.do(s)
	}
	s.settle()
	s.closeDown()
	s.judge()
	if err := d.Close(); err != nil {
		s.Error(err)
	}
}

func (s *sim) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.journal, "%8.3f %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *sim) waitUntil(at time.Duration) {
	t := time.NewTimer(time.Until(s.began.Add(at)))
	defer t.Stop()
	<-t.C
}

func (s *sim) prepareProvider() {
	p := s.provider
	p.Latency, p.Limits, p.ForgetsTokens = s.latency, s.limits(), s.forgetsTokens
	if s.way+s.detour > 0 {
		var mu sync.Mutex
		rnd := rand.New(rand.NewPCG(s.seed, 9))
		p.Way = func(string) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return s.way + time.Duration(rnd.Int64N(int64(s.detour)+1))
		}
	}
	plan := s.weather.plan
	for _, sp := range s.weather.storms {
		plan.Storms = append(plan.Storms, provisiontest.Spell{From: s.began.Add(sp[0]), To: s.began.Add(sp[1])})
	}
	for _, sp := range s.weather.outages {
		plan.Outages = append(plan.Outages, provisiontest.Spell{From: s.began.Add(sp[0]), To: s.began.Add(sp[1])})
	}
	p.Play(plan)
	p.OnCall = s.witness
	p.Stranger("", "", "", "somebody else's")
}

// process is a provisioner with a database handle and a wire of its own. When it dies, nothing it does reaches the disk or
// the provider any more, as after kill -9.
type process struct {
	db     *db.DB
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex // guards these
	dead  bool
	calls int
	fatal fate
}

// fate is when a process dies: around one of its calls, counted from when the fate was sealed.
type fate struct {
	call  int // 0: not
	after bool
}

// staff keeps one place at work: whoever dies there is replaced after a while.
func (s *sim) staff(place int) {
	rnd := rand.New(rand.NewPCG(s.seed, uint64(100+place)))
	for n := 0; ; n++ {
		p := s.hire(place, n)
		if p == nil {
			return
		}
		<-p.done
		pause := time.NewTimer(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		<-pause.C
	}
}

func (s *sim) hire(place, n int) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return nil
	}
	d, err := db.Open(context.Background(), s.url)
	if err != nil {
		s.Error(err)
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{db: d, cancel: cancel, done: make(chan struct{})}
	name := fmt.Sprintf("place %d, number %d", place, n)
	hints := s.bus
	if s.deaf {
		hints = &bus.Bus{} // hints go astray; the truth is in the database
	}
	w := provision.New(provision.Config{DB: d, Chime: simClient(s.provider.WireOf(name, p.cut)), Bus: hints, Preset: s.preset, Holder: name, Logger: s.log,
		OnPurged: func(ctx context.Context, e id.Event) error {
			_, err := d.Exec(ctx, "UPDATE event SET state = 'purged' WHERE id = $1 AND state = 'archived'", e)
			return err
		}})
	s.places[place] = p
	go func() {
		defer close(p.done)
		if err := w.Run(ctx); err != nil && !errors.Is(err, db.ErrClosed) {
			s.Errorf("%s: %v", name, err)
		}
		if p.die() {
			_ = d.Close() // a clean end
		}
	}()
	return p
}

func simClient(wire *provisiontest.Wire) *chime.Client {
	return chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE000000", SecretAccessKey: "secret", HTTP: wire})
}

// cut says whether the process is dead when it calls, and lets it die there if that is its fate.
func (p *process) cut(_ string, after bool) bool {
	p.mu.Lock()
	if p.fatal.call > 0 && after == p.fatal.after {
		p.calls++
	}
	dies := !p.dead && p.fatal.call > 0 && p.calls >= p.fatal.call && after == p.fatal.after
	dead := p.dead
	p.mu.Unlock()
	if dies {
		p.kill()
	}
	return dead || dies
}

// die reports whether the process lived until now.
func (p *process) die() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	lived := !p.dead
	p.dead = true
	return lived
}

func (p *process) kill() {
	if p.die() {
		_ = p.db.Close() // a commit under way is finished, as a commit under way at kill -9 may be
		p.cancel()
	}
}

// closeDown ends all processes.
func (s *sim) closeDown() {
	s.mu.Lock()
	s.ending = true
	working := s.places
	s.mu.Unlock()
	for _, p := range working {
		if p != nil {
			p.cancel()
			<-p.done
		}
	}
	s.crew.Wait()
}

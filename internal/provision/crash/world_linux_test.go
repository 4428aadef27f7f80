package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// world is a database with shows, a provider, and the provisioners between them, which die.
type world struct {
	*testing.T
	campaign  *campaign
	kind      string // sqlite, postgres
	pace      string
	crowded   bool // other shows have used up the app instances: all of this world's share one
	rnd       *rand.Rand
	folder    string
	url       string
	db        *db.DB
	raw       *sql.DB // for locks, and to look at everything
	provider  *provisiontest.Provider
	shows     map[id.Event]*show
	births    int
	processes []*process
	killed    map[cause]int
	forgiven  map[int]bool // calls of a process that woke up too late, by number
	history   []string     // what was done to it
}

// newWorld makes a world with two shows. The seed decides what people do, what the provider refuses and who dies when; how the
// processes' goroutines take turns it does not.
func newWorld(t *testing.T, c *campaign, kind, pace string, seed uint64) *world {
	t.Helper()
	w := &world{T: t, campaign: c, kind: kind, pace: pace, rnd: rand.New(rand.NewPCG(c.seed, seed)), folder: t.TempDir(),
		provider: provisiontest.New(), shows: map[id.Event]*show{}, killed: map[cause]int{}, forgiven: map[int]bool{}}
	w.provider.Latency = 10 * time.Millisecond
	if pace != "none" {
		w.provider.Latency = 60 * time.Millisecond
	}
	if w.rnd.IntN(2) == 0 {
		weather := provisiontest.Plan{Seed: c.seed + seed, Fail: 0.02, FailDone: 0.03, Refuse: 0.02, Slow: 0.1, SlowBy: 300 * time.Millisecond, Patience: 3}
		if pace == "none" { // with limits it takes minutes to climb back
			weather.Throttle, weather.Member = 0.02, 0.02
		}
		w.provider.Play(weather)
	}
	w.provider.TokenLife = time.Second // shorter than a life: an app instance must be found by its name
	w.provider.Stranger("", "", "", "somebody else's")
	w.open()
	t.Cleanup(func() {
		if t.Failed() {
			w.explain()
		}
	})
	w.exec(`INSERT INTO installation (one, id, paused) VALUES (1, $1, FALSE)`, id.NewUUID())
	if w.crowded = w.rnd.IntN(2) == 0; w.crowded {
		for range 100 {
			e := id.NewEvent()
			w.exec("INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $1, 1, 0, FALSE)", e)
		}
	}
	w.newShow()
	w.newShow()
	return w
}

// open makes the database, with triggers that note every commit of an epoch that does not lead.
func (w *world) open() {
	w.Helper()
	var err error
	if w.kind == "postgres" {
		w.url = dbtest.PostgresURL(w)
		w.raw, err = sql.Open("pgx", w.url)
	} else {
		file := filepath.Join(w.folder, "stagedoor.db")
		w.url = "sqlite:" + file
		w.raw, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(50)&_txlock=immediate")
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = w.raw.Close() })
	if w.db, err = db.Open(context.Background(), w.url); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = w.db.Close() })
	if err := w.db.Migrate(context.Background(), schema.Platform()); err != nil {
		w.Fatal(err)
	}
	for _, statement := range auditSQL[w.kind] {
		w.exec(statement)
	}
}

// auditSQL notes in tables of the test's own each ledger row that was written by an epoch older than the one that leads, or
// whose epoch went back, a lease whose epoch did, and what the sweep had to put right.
var auditSQL = map[string][]string{
	"sqlite": {
		"CREATE TABLE crash_audit (what TEXT NOT NULL)",
		`CREATE TRIGGER crash_update AFTER UPDATE OF epoch ON resource
			WHEN NEW.epoch < OLD.epoch OR (NEW.epoch <> OLD.epoch AND NEW.epoch <> (SELECT epoch FROM lease WHERE name = 'provision'))
			BEGIN INSERT INTO crash_audit VALUES ('update ' || NEW.event_id || ' ' || NEW.subject || ' ' || NEW.kind || ': epoch ' || OLD.epoch || ' to ' || NEW.epoch); END`,
		`CREATE TRIGGER crash_insert AFTER INSERT ON resource WHEN NEW.epoch <> (SELECT epoch FROM lease WHERE name = 'provision')
			BEGIN INSERT INTO crash_audit VALUES ('insert ' || NEW.event_id || ' ' || NEW.subject || ' ' || NEW.kind || ': epoch ' || NEW.epoch); END`,
		`CREATE TRIGGER crash_lease AFTER UPDATE ON lease WHEN NEW.epoch < OLD.epoch OR NEW.epoch > OLD.epoch + 1
			BEGIN INSERT INTO crash_audit VALUES ('lease ' || OLD.epoch || ' to ' || NEW.epoch); END`,
		"CREATE TABLE crash_swept (what TEXT NOT NULL)",
		`CREATE TRIGGER crash_swept AFTER INSERT ON resource_history WHEN ` + sweptSQL + `
			BEGIN INSERT INTO crash_swept VALUES (NEW.event_id || ' ' || NEW.subject || ' ' || NEW.kind || ' ' || NEW.what || ': ' || NEW.detail); END`,
	},
	"postgres": {
		"CREATE TABLE crash_audit (what TEXT NOT NULL)",
		`CREATE FUNCTION crash_resource() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF TG_OP = 'UPDATE' AND NEW.epoch = OLD.epoch THEN RETURN NULL; END IF;
			IF NEW.epoch <> (SELECT epoch FROM lease WHERE name = 'provision') OR (TG_OP = 'UPDATE' AND NEW.epoch < OLD.epoch) THEN
				INSERT INTO crash_audit VALUES (TG_OP || ' ' || NEW.event_id || ' ' || NEW.subject || ' ' || NEW.kind || ': epoch to ' || NEW.epoch);
			END IF; RETURN NULL; END $$`,
		"CREATE TRIGGER crash_resource AFTER INSERT OR UPDATE ON resource FOR EACH ROW EXECUTE FUNCTION crash_resource()",
		`CREATE FUNCTION crash_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.epoch < OLD.epoch OR NEW.epoch > OLD.epoch + 1 THEN
				INSERT INTO crash_audit VALUES ('lease ' || OLD.epoch || ' to ' || NEW.epoch);
			END IF; RETURN NULL; END $$`,
		"CREATE TRIGGER crash_lease AFTER UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION crash_lease()",
		"CREATE TABLE crash_swept (what TEXT NOT NULL)",
		`CREATE FUNCTION crash_swept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO crash_swept VALUES (NEW.event_id || ' ' || NEW.subject || ' ' || NEW.kind || ' ' || NEW.what || ': ' || NEW.detail);
			RETURN NULL; END $$`,
		"CREATE TRIGGER crash_swept AFTER INSERT ON resource_history FOR EACH ROW WHEN (" + sweptSQL + ") EXECUTE FUNCTION crash_swept()",
	},
}

// sweptSQL is true of what the sweep had to put right: nothing, because the provider of these tests loses nothing and nobody
// else touches what is ours. Without it the sweep would remove an orphan before it is seen.
const sweptSQL = "NEW.what IN ('found', 'vanished') OR NEW.detail LIKE 'nobody wanted it%'"

func (w *world) exec(query string, args ...any) {
	w.Helper()
	if _, err := w.db.Exec(context.Background(), query, args...); err != nil {
		w.Fatal(err)
	}
}

// note writes down what was done, for people who look at a failure.
func (w *world) note(format string, args ...any) {
	w.history = append(w.history, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// poll waits until something is so.
func (w *world) poll(d time.Duration, what string, ok func() bool) {
	w.Helper()
	if !w.reached(d, ok) {
		w.Fatalf("after %v still not: %s", d, what)
	}
}

func (w *world) reached(d time.Duration, ok func() bool) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-over.C:
			return ok()
		case <-tick.C:
		}
	}
	return true
}

// rest lets time pass, up to most of it.
func (w *world) rest(most time.Duration) {
	<-time.After(time.Duration(w.rnd.Int64N(int64(most))))
}

// freeLease lets the next provisioner lead at once. The holder is dead: only the six seconds after which its successor would
// take over by itself are left out, which worlds of two wait for.
func (w *world) freeLease() {
	w.Helper()
	w.exec("UPDATE lease SET holder = ''")
}

// explain prints what is needed to look at a failure.
func (w *world) explain() {
	w.Logf("again with: STAGEDOOR_CRASH_SEED=%d go test -run '^%s$' ./internal/provision/crash", w.campaign.seed, w.Name())
	w.Logf("what was done:\n%s", strings.Join(w.history, "\n"))
	left := w.everything()
	for _, table := range []string{"resource", "placement", "lease", "pace", "crash_audit", "crash_swept"} {
		w.Logf("%s:\n%s", table, left[table])
	}
	for _, in := range w.provider.Everything() {
		w.Logf("at the provider: %+v", in)
	}
	calls := w.provider.Calls()
	for _, c := range calls[max(0, len(calls)-500):] {
		w.Logf("call %d of %s at %s: %s for %s %s %s again %d: %d %s %s", c.N, c.Who, c.At.Format("15:04:05.000"), c.Op, short(c.Bearer), short(c.Channel), short(c.User), c.Again, c.Status, c.Code, c.Effect)
	}
	for _, p := range w.processes[max(0, len(w.processes)-4):] {
		w.Logf("%s, pid %d, %v:\n%s", p.name, p.cmd.Process.Pid, p.point, p.words())
	}
}

// short is an ARN without its beginning, which is the same everywhere.
func short(arn string) string {
	return strings.TrimPrefix(arn, "arn:aws:chime:us-east-1:000000000000:app-instance/")
}

// everything returns all rows of all tables, sorted, as text.
func (w *world) everything() map[string]string {
	w.Helper()
	names := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if w.kind == "postgres" {
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
	}
	out := map[string]string{}
	for _, table := range w.rows(names) {
		out[table] = strings.Join(w.rows("SELECT * FROM "+table), "\n") // names of our own tables
	}
	return out
}

// rows returns what a query finds, a text for each row, sorted.
func (w *world) rows(query string) []string {
	w.Helper()
	found, err := w.raw.QueryContext(context.Background(), query)
	if err != nil {
		w.Error(err)
		return nil
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		w.Error(err)
	}
	var out []string
	for found.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := found.Scan(places...); err != nil {
			w.Error(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	if err := found.Err(); err != nil {
		w.Error(err)
	}
	slices.Sort(out)
	return out
}

// unlocked reports whether nobody holds a lock that keeps others from writing.
func (w *world) unlocked() bool {
	w.Helper()
	tx, err := w.raw.BeginTx(context.Background(), nil) // SQLite: takes the write lock
	if err != nil {
		return false
	}
	defer func() { _ = tx.Rollback() }()
	if w.kind == "postgres" {
		_, err = tx.ExecContext(context.Background(), "SELECT 1 FROM lease FOR UPDATE NOWAIT")
	}
	return err == nil
}

func envNumber(t *testing.T, name string, otherwise uint64) uint64 {
	if os.Getenv(name) == "" {
		return otherwise
	}
	return uint64(number(t, name, 1))
}

package provision

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// BenchmarkNextWork picks the next call from a ledger of 80,000 rows (two events of 20,000 tickets), the first
// of which has nothing left to do.
func BenchmarkNextWork(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			t, p := benchTerm(b, kind)
			for i := range 2 {
				e, tickets := ledgertest.Show(b, t.db, 20_000, time.Now().Add(time.Duration(i)*time.Hour))
				if err := p.Look(b.Context()); err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				for at := 0; at < len(tickets); at += ledger.Chunk {
					if err := p.Compare(b.Context(), e, tickets[at:at+ledger.Chunk]); err != nil {
						b.Fatal(err)
					}
				}
				b.Logf("planned 20,000 tickets in %v", time.Since(began))
				if _, err := t.db.Exec(b.Context(), "UPDATE resource SET state = 'made', work = '' WHERE event_id = '' OR kind = 'channel' OR (event_id = $1 AND $2 = 0)", e, i); err != nil {
					b.Fatal(err)
				}
			}
			t.stirs, t.quiet = map[id.Event]int{}, map[id.Event]time.Time{}
			for b.Loop() {
				t.quiet = map[id.Event]time.Time{}
				work, _, err := t.pick(b.Context(), t.pace.Now().Add(time.Minute), 1)
				if err != nil || len(work) != 1 {
					b.Fatal(work, err)
				}
			}
			began := time.Now()
			if _, err := readiness.New(readiness.Config{DB: t.db}).Status(b.Context(), time.Now()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/status")
			began = time.Now()
			for range 20 {
				if err := p.Look(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(time.Since(began).Milliseconds())/20, "ms/look")
		})
	}
}

// BenchmarkAMillionTickets is a ledger of a million tickets, two million rows, ten shows of which five are made: what the next
// call costs; what it costs when all five have to be asked first (ms/all), as once in five seconds; what a look for changes
// costs, and what the whole process holds in memory after everything was compared once and asked for, SQLite's cache included.
func BenchmarkAMillionTickets(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			t, p := benchTerm(b, kind)
			for i := range 10 {
				e, _ := ledgertest.Show(b, t.db, 100_000, time.Now().Add(time.Duration(i)*time.Hour))
				ledgertest.Fill(b, t.db, e, i < 5)
			}
			if err := p.Look(b.Context()); err != nil {
				b.Fatal(err)
			}
			if kind == "postgres" {
				if _, err := t.db.Exec(b.Context(), "ANALYZE resource"); err != nil {
					b.Fatal(err)
				}
			}
			for more := true; more; { // a term begins with a comparison of everything
				var err error
				if more, err = p.Step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			next := func() {
				work, _, err := t.pick(b.Context(), t.pace.Now().Add(time.Minute), 1)
				if err != nil || len(work) != 1 {
					b.Fatal(work, err)
				}
			}
			for b.Loop() {
				next()
			}
			debug.FreeOSMemory()
			b.ReportMetric(residentMB(b), "MB/resident")
			began := time.Now()
			for range 100 {
				t.quiet = map[id.Event]time.Time{}
				next()
			}
			b.ReportMetric(float64(time.Since(began).Microseconds())/100_000, "ms/all")
			began = time.Now()
			for range 20 {
				if err := p.Look(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(time.Since(began).Milliseconds())/20, "ms/look")
		})
	}
}

// residentMB is the memory of this process as the kernel counts it.
func residentMB(b testing.TB) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1000
}

func benchTerm(b testing.TB, kind string) (*term, *plan.Planner) {
	b.Helper()
	d := dbtest.SQLite(b, schema.Platform())
	if kind == "postgres" {
		d = dbtest.Postgres(b, schema.Platform())
	}
	p := New(Config{DB: d, Bus: &bus.Bus{}, Chime: chime.New(chime.Config{}), Holder: "bench"})
	epoch, ok, err := p.lease.Claim(b.Context())
	if err != nil || !ok {
		b.Fatal(fmt.Sprint(ok, err))
	}
	t := p.newTerm(epoch)
	t.calls = b.Context()
	if err := t.begin(b.Context()); err != nil {
		b.Fatal(err)
	}
	return t, plan.New(t.plans())
}

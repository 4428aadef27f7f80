package provision

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// fill makes an event with n tickets and returns their ids.
func fill(b testing.TB, d *db.DB, n int, doors time.Time) (id.Event, []id.Ticket) {
	b.Helper()
	e, tickets := id.NewEvent(), make([]id.Ticket, n)
	if _, err := d.Exec(b.Context(), `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat,
		state, created_ms, updated_ms) VALUES ($1, $2, 'x', 'x', '', 'UTC', $3, $3, '', TRUE, 'scheduled', 0, 0)`, e, string(e), doors.UnixMilli()); err != nil {
		b.Fatal(err)
	}
	for i := range tickets {
		tickets[i] = id.NewTicket()
	}
	for at := 0; at < n; at += 10_000 {
		part := tickets[at:min(n, at+10_000)]
		if _, err := d.Exec(b.Context(), `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			SELECT value ->> 's', $1, value ->> 's', 'fan', '', TRUE, 1, 1 FROM json_each($2)`, e, ledger.Bulk(part)); err != nil {
			b.Fatal(err)
		}
	}
	return e, tickets
}

// BenchmarkNextWork picks the next call from a ledger of 80,000 rows (two events of 20,000 tickets), the first
// of which has nothing left to do.
func BenchmarkNextWork(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			t, p := benchTerm(b, kind)
			for i := range 2 {
				e, tickets := fill(b, t.db, 20_000, time.Now().Add(time.Duration(i)*time.Hour))
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

// BenchmarkAMillionTickets is a ledger of a million tickets, two million rows: what the next call costs, what a look for
// changes costs, and what the whole process holds in memory after everything was compared once, SQLite's cache included.
func BenchmarkAMillionTickets(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			t, p := benchTerm(b, kind)
			for i := range 10 {
				e, _ := fill(b, t.db, 100_000, time.Now().Add(time.Duration(i)*time.Hour))
				fillLedger(b, t.db, e, i < 5)
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
			debug.FreeOSMemory()
			resident := residentMB(b)
			for b.Loop() {
				t.quiet = map[id.Event]time.Time{}
				work, _, err := t.pick(b.Context(), t.pace.Now().Add(time.Minute), 1)
				if err != nil || len(work) != 1 {
					b.Fatal(work, err)
				}
			}
			b.ReportMetric(resident, "MB/resident")
			began := time.Now()
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

// ledger writes what the planner and the dispatcher would have written for an event by now: everything is made, or the
// channel only.
func fillLedger(b testing.TB, d *db.DB, e id.Event, ready bool) {
	b.Helper()
	for _, q := range []string{
		"INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $1, 1, 0, FALSE)",
		ledger.Insert + `SELECT $1, '', kind, '', rank, TRUE, 'x', 'made', 'x', 'arn:aws:chime:us-east-1:1:app-instance/1', '', FALSE, FALSE, 1, 0, 0, '', 1, 1
			FROM (SELECT 'instance' AS kind, -3 AS rank UNION ALL SELECT 'admin_user', -2 UNION ALL SELECT 'admin', -1 UNION ALL SELECT 'channel', 1) AS own`,
		ledger.Insert + `SELECT event_id, ticket_id, 'user', role, 6, account, name, 'absent', '', '', 'create', FALSE, FALSE, 0, 0, 0, '', 1, 0
			FROM wanted_ticket WHERE event_id = $1`,
		ledger.Insert + `SELECT event_id, ticket_id, 'membership', role, 5, member, name, 'absent', '', '', 'blocked', FALSE, FALSE, 0, 0, 0, '', 1, 0
			FROM wanted_ticket WHERE event_id = $1`,
	} {
		if _, err := d.Exec(b.Context(), q, e); err != nil {
			b.Fatal(err)
		}
	}
	if !ready {
		return
	}
	if _, err := d.Exec(b.Context(), "UPDATE resource SET state = 'made', name = want_name, work = '' WHERE event_id = $1", e); err != nil {
		b.Fatal(err)
	}
}

func benchTerm(b testing.TB, kind string) (*term, *plan.Planner) {
	b.Helper()
	d := dbtest.SQLite(b, schema.Platform())
	if kind == "postgres" {
		var err error
		if d, err = db.Open(context.Background(), dbtest.PostgresURL(b)); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(context.Background(), schema.Platform()); err != nil {
			b.Fatal(err)
		}
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

package inventory

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// asked is every question of this package; the counts alone may read everything. On SQLite the plan must begin with this index, and these
// bounds of it: a range with one end once read all references that come after the one that was typed (1.5 s of a million).
// On PostgreSQL no table may be read from end to end.
var asked = []struct {
	name, text string
	args       []any
	first      string // of SQLite's plan
}{
	{"counts", countSQL, nil, "COVERING INDEX resource_tally"},
	{"strangers", strangersSQL, []any{"arn", 51}, "(arn>?)"},
	{"history", historySQL, []any{"ev1", "tk1", "user", 100}, "(event_id=? AND subject=? AND kind=?)"},
	{"all", resourceSQL(allSQL), []any{"made", "user", "ev1", "tk1", 51}, "resource_standing"},
	{"kind", resourceSQL(kindSQL), []any{"made", "user", "ev1", "tk1", 51}, "resource_standing"},
	{"show", resourceSQL(showSQL), []any{"made", "user", "ev1", "tk1", 51}, "resource_standing"},
	{"one", resourceSQL(oneSQL), []any{"ev1", "tk1", "user"}, "PRIMARY KEY (event_id=? AND subject=? AND kind=?)"},
	{"ticket", resourceSQL(ticketSQL), []any{"ev1", "tk1"}, "PRIMARY KEY (event_id=? AND subject=?)"},
	{"named", resourceSQL(namedSQL), []any{"channel", "arn"}, "resource_standing"},
	{"account", accountSQL, []any{"tk1", "arn"}, "ticket"},
	{"person", personSQL, []any{"tk1"}, "ticket"},
	{"reference", sources[0].text, []any{"a", "ev1", "tk1", "a", lastRune, "", 50}, "ticket_by_reference (<expr>>? AND <expr><?)"},
	{"chosen name", sources[1].text, []any{"a", "ev1", "tk1", "a", lastRune, "", 50, "a"}, "nickname_by_key (compare_key>? AND compare_key<?)"},
	{"made name", sources[2].text, []any{"a", "ev1", "tk1", "a", lastRune, "", 50, "a"}, "resource_by_name (<expr>>? AND <expr><?)"},
	{"reference within a show", within(sources[0].text, "ev1"), []any{"a", "ev1", "tk1", "a", lastRune, "ev1", 50}, "ticket_by_reference_within (event_id=? AND <expr>>? AND <expr><?)"},
	{"chosen name within a show", within(sources[1].text, "ev1"), []any{"a", "ev1", "tk1", "a", lastRune, "ev1", 50, "a"}, "(event_id=? AND compare_key>? AND compare_key<?)"},
	{"made name within a show", within(sources[2].text, "ev1"), []any{"a", "ev1", "tk1", "a", lastRune, "ev1", 50, "a"}, "resource_by_name_within (event_id=? AND <expr>>? AND <expr><?)"},
}

func resourceSQL(where string) string { return "SELECT " + columns + from + where }

func TestNoQuestionReadsAllRows(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		d := dbtest.SQLite(t, schema.Platform())
		for _, q := range asked {
			plan := dbtest.Plan(t, d, q.text, q.args...)
			first, _, _ := strings.Cut(plan, "\n")
			reads := strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE")
			if q.name == "counts" {
				first, reads = plan, strings.Contains(plan, "TEMP B-TREE")
			}
			if !strings.Contains(first, q.first) || reads {
				t.Errorf("%s:\n%s", q.name, plan)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		d := dbtest.Postgres(t, schema.Platform())
		million(t, d, 4, 2_500)
		read := regexp.MustCompile(`Seq Scan|Hash`)
		for _, q := range asked {
			if plan := dbtest.Plan(t, d, q.text, q.args...); q.name != "counts" && read.MatchString(plan) {
				t.Errorf("%s:\n%s", q.name, plan)
			}
		}
	})
}

// million fills a ledger with shows of so many tickets, two rows each and a nickname for each third, and lets PostgreSQL look
// at what it got.
func million(t testing.TB, d *db.DB, shows, tickets int) {
	t.Helper()
	ctx := context.Background()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := d.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	numbers := `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($2 AS BIGINT)) `
	for s := range shows {
		event := fmt.Sprintf("ev%d", s)
		exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
			VALUES ($1, $1, 'x', 'x', '', 'UTC', 1, 1, '', TRUE, 'scheduled', 0, 0)`, event)
		const part = 50_000
		for from := s * tickets; from < (s+1)*tickets; from += part {
			to := min(from+part, (s+1)*tickets)
			exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms) `+numbers+`
				SELECT 'tk' || i, $3, 'h' || i, 'fan', 'ORD' || i, TRUE, 1, 1 FROM n`, from, to, event)
			exec(`INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) `+numbers+`
				SELECT 'tk' || i, $3, 'Name ' || i, 'name ' || i, 'name ' || i, 1 FROM n WHERE i % 3 = 0`, from, to, event)
			for _, kind := range []string{"user", "membership"} {
				exec(`INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed, generation,
					attempts, next_try_ms, error, epoch, made_ms) `+numbers+`
					SELECT $3, 'tk' || i, $4, 'fan', 1, TRUE, 'Name ' || i, CASE WHEN i % 1000 = 7 THEN 'absent' ELSE 'made' END, 'Name ' || i,
					  'arn:aws:chime:us-east-1:000000000000:app-instance/6f1d/user/f-tk' || i, '', FALSE, i % 100000 = 3, 1, 0, 0, '', 1, 1 FROM n`,
					from, to, event, kind)
			}
		}
	}
	if d.Dialect() == db.PostgreSQL {
		exec("ANALYZE resource")
		exec("ANALYZE ticket")
		exec("ANALYZE nickname")
	}
}

// BenchmarkMillionTickets asks a ledger of a million tickets (two million rows, ten shows). It takes minutes to fill, so
// it runs only when asked: STAGEDOOR_BENCH_MILLION=1.
func BenchmarkMillionTickets(b *testing.B) {
	if os.Getenv("STAGEDOOR_BENCH_MILLION") == "" {
		b.Skip("STAGEDOOR_BENCH_MILLION is not set")
	}
	for _, dialect := range []string{"sqlite", "postgres"} {
		b.Run(dialect, func(b *testing.B) {
			d := dbtest.SQLite(b, schema.Platform())
			if dialect == "postgres" {
				d = dbtest.Postgres(b, schema.Platform())
			}
			million(b, d, 10, 100_000)
			c := New(d)
			began := time.Now()
			if _, _, err := c.count(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.Logf("%s: counted in %v", dialect, time.Since(began).Round(time.Millisecond))
			for _, q := range []Query{
				{}, {State: Made}, {State: Failed}, {State: Failed, Event: "ev4"}, {State: ToMake, Kind: Membership, Event: "ev7"}, {Event: "ev9"}, {Kind: Channel},
				{Text: "tk777777"}, {Text: "ord77777"}, {Text: "name 1"}, {Text: "name 1", Event: "ev9"}, {Text: "ord1", Event: "ev9"}, {Text: "ord"}, {Text: "name 1", State: Failed}, {Text: "nobody"},
				{Text: "arn:aws:chime:us-east-1:000000000000:app-instance/6f1d/user/f-tk999999"},
			} {
				name := strings.ReplaceAll(fmt.Sprintf("%s,%s,%s,%s", q.Text, q.Event, q.Kind, q.State), "/", "|")
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						if _, err := c.Find(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			b.Run("deep", func(b *testing.B) {
				at := position{State: Made, Kind: User, Event: "ev7", Ticket: "tk750000"}
				for b.Loop() {
					if _, err := c.Find(b.Context(), Query{Cursor: at.String()}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("one", func(b *testing.B) {
				for b.Loop() {
					if _, err := c.Get(b.Context(), Key{Event: "ev7", Subject: "tk750000", Kind: User}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// Package ledgertest fills ledgers for tests and benchmarks, and watches how databases go about questions to them.
package ledgertest

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// Show makes a show with n tickets and returns their ids.
func Show(t testing.TB, d *db.DB, n int, doors time.Time) (id.Event, []id.Ticket) {
	t.Helper()
	e, tickets := id.NewEvent(), make([]id.Ticket, n)
	if _, err := d.Exec(t.Context(), `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat,
		state, created_ms, updated_ms) VALUES ($1, $2, 'x', 'x', '', 'UTC', $3, $3, '', TRUE, 'scheduled', 0, 0)`, e, string(e), doors.UnixMilli()); err != nil {
		t.Fatal(err)
	}
	for i := range tickets {
		tickets[i] = id.NewTicket()
	}
	for at := 0; at < n; at += 10_000 {
		part := tickets[at:min(n, at+10_000)]
		if _, err := d.Exec(t.Context(), `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			SELECT value ->> 's', $1, value ->> 's', 'fan', '', TRUE, 1, 1 FROM json_each($2)`, e, ledger.Bulk(part)); err != nil {
			t.Fatal(err)
		}
	}
	return e, tickets
}

// Fill writes what the planner and the dispatcher would have written for an event by now: everything is made, or the
// channel only.
func Fill(t testing.TB, d *db.DB, e id.Event, ready bool) {
	t.Helper()
	user, membership := "'absent', '', '', 'create'", "'absent', '', '', 'blocked'"
	if ready {
		user, membership = "'made', name, 'x', ''", "'made', name, '', ''"
	}
	for _, q := range []string{
		"INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $1, 1, 0, FALSE)",
		ledger.Insert + `SELECT $1, '', kind, '', rank, TRUE, 'x', 'made', 'x', 'arn:aws:chime:us-east-1:1:app-instance/1', '', FALSE, FALSE, 1, 0, 0, '', 1, 1
			FROM (SELECT 'instance' AS kind, -3 AS rank UNION ALL SELECT 'admin_user', -2 UNION ALL SELECT 'admin', -1 UNION ALL SELECT 'channel', 1) AS own`,
		ledger.Insert + "SELECT event_id, ticket_id, 'user', role, 6, account, name, " + user + `, FALSE, FALSE, 0, 0, 0, '', 1, 0
			FROM wanted_ticket WHERE event_id = $1`,
		ledger.Insert + "SELECT event_id, ticket_id, 'membership', role, 5, member, name, " + membership + `, FALSE, FALSE, 0, 0, 0, '', 1, 0
			FROM wanted_ticket WHERE event_id = $1`,
	} {
		if _, err := d.Exec(t.Context(), q, e); err != nil {
			t.Fatal(err)
		}
	}
}

package readiness_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

// house is a database with shows, tickets and a ledger that the tests write themselves.
type house struct {
	testing.TB
	db *db.DB
}

func (h *house) exec(query string, args ...any) {
	h.Helper()
	if _, err := h.db.Exec(context.Background(), query, args...); err != nil {
		h.Fatal(err)
	}
}

// show makes an event; names are slugs.
func (h *house) show(name string, doors time.Time) id.Event {
	h.Helper()
	e := id.NewEvent()
	h.exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, $3, 'An artist', '', 'Europe/Berlin', $4, $4, '', TRUE, 'scheduled', 1, 1)`, e, string(e), name, doors.UnixMilli())
	return e
}

// sell sells n tickets of a role at a time.
func (h *house) sell(e id.Event, role id.Role, n int, at time.Time) []id.Ticket {
	h.Helper()
	out := make([]id.Ticket, n)
	err := h.db.Write(context.Background(), func(tx *db.Tx) error {
		for i := range out {
			out[i] = id.NewTicket()
			if _, err := tx.Exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
				VALUES ($1, $2, $3, $4, '', TRUE, $5, $5)`, out[i], e, string(out[i]), role, at.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// refund takes a ticket back.
func (h *house) refund(t id.Ticket, at time.Time) {
	h.Helper()
	h.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", at.UnixMilli(), t)
}

// place puts a show somewhere: ” is the shared app instance.
func (h *house) place(e, place id.Event) {
	h.Helper()
	h.exec(`INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ($1, $2, 1, 0, FALSE)`, e, place)
}

// ledgerRow is a row of the ledger: what is known, and what it waits for.
type ledgerRow struct{ subject, kind, state, work string }

// rows writes ledger rows of an event.
func (h *house) rows(e id.Event, rows ...ledgerRow) {
	h.Helper()
	err := h.db.Write(context.Background(), func(tx *db.Tx) error {
		for _, r := range rows {
			arn := ""
			if r.state == "made" {
				arn = "arn:" + r.kind + "/" + string(e) + "/" + r.subject
			}
			if _, err := tx.Exec(`INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed,
				generation, attempts, next_try_ms, error, epoch, made_ms)
				VALUES ($1, $2, $3, '', 1, TRUE, '', $4, '', $5, $6, FALSE, FALSE, 1, 0, 0, '', 1, 0)`, e, r.subject, r.kind, r.state, arn, r.work); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
}

// plan lets the ledger know tickets, the first of them made.
func (h *house) plan(e id.Event, tickets []id.Ticket, made int) {
	h.Helper()
	var rows []ledgerRow
	for i, t := range tickets {
		if i < made {
			rows = append(rows, ledgerRow{string(t), "user", "made", ""}, ledgerRow{string(t), "membership", "made", ""})
		} else {
			rows = append(rows, ledgerRow{string(t), "user", "absent", "create"}, ledgerRow{string(t), "membership", "absent", "blocked"})
		}
	}
	h.rows(e, rows...)
}

// crowd sells n tickets that the ledger knows and of which nothing is made.
func (h *house) crowd(e id.Event, n int) {
	h.Helper()
	h.exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) SELECT $1 || '-' || i, $1, 'c' || i, 'fan', '', TRUE, 1, 1 FROM n`, e, n)
	for kind, work := range map[string]string{"user": "create", "membership": "blocked"} {
		h.exec(`INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed,
			generation, attempts, next_try_ms, error, epoch, made_ms)
			SELECT event_id, id, $2, 'fan', 5, TRUE, '', 'absent', '', '', $3, FALSE, FALSE, 0, 0, 0, '', 1, 0 FROM ticket WHERE event_id = $1`, e, kind, work)
	}
}

// base makes an app instance with its admin, and a channel.
func (h *house) base(e, place id.Event) {
	h.Helper()
	h.place(e, place)
	if n, err := db.Value[int](context.Background(), h.db, "SELECT count(*) FROM resource WHERE event_id = $1 AND kind = 'instance'", place); err != nil {
		h.Fatal(err)
	} else if n == 0 {
		h.rows(place, ledgerRow{"", "instance", "made", ""}, ledgerRow{"", "admin_user", "made", ""}, ledgerRow{"", "admin", "made", ""})
	}
	h.rows(e, ledgerRow{"", "channel", "made", ""})
}

// evening makes a show with doors in an hour and an app instance of its own, and sells tickets, the first of them made.
func (h *house) evening(now, sold time.Time, tickets, made int) (id.Event, []id.Ticket) {
	h.Helper()
	e := h.show("Winter Songs", now.Add(time.Hour))
	h.base(e, e)
	all := h.sell(e, id.Fan, tickets, sold)
	h.plan(e, all, made)
	return e, all
}

// placeOf is the place of a show: its own, or the shared one.
func placeOf(e id.Event, own bool) id.Event {
	if own {
		return e
	}
	return ""
}

// leads lets somebody lead at a time.
func (h *house) leads(at time.Time) {
	h.Helper()
	h.exec(`INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ('provision', 'somebody', 3, 1, $1)
		ON CONFLICT (name) DO UPDATE SET renewed_ms = excluded.renewed_ms, holder = excluded.holder`, at.UnixMilli())
}

func (h *house) paused(yes bool) {
	h.Helper()
	h.exec(`INSERT INTO installation (one, id, paused) VALUES (1, 'x', $1) ON CONFLICT (one) DO UPDATE SET paused = excluded.paused`, yes)
}

func (h *house) board(preset string) *readiness.Board {
	return readiness.New(readiness.Config{DB: h.db, Preset: preset, Slack: readiness.DefaultSlack})
}

// status is asked of a board that remembers nothing.
func (h *house) status(preset string, now time.Time) readiness.Status {
	h.Helper()
	s, err := h.board(preset).Status(context.Background(), now)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// event is one show's status.
func (h *house) event(preset string, e id.Event, now time.Time) readiness.Event {
	h.Helper()
	for _, one := range h.status(preset, now).Events {
		if one.EventID == e {
			return one
		}
	}
	h.Fatal(fmt.Sprint("no status of ", e))
	return readiness.Event{}
}

func near(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if (got - want).Abs() > time.Second+want/50 {
		t.Errorf("%s: %v, want about %v", what, got, want)
	}
}

package event_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// eachDB is each for tests that play the rooms beside this one.
func eachDB(t *testing.T, f func(t *testing.T, s *event.Store, d *db.DB)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) { f(t, event.New(d), d) })
}

func exec(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	if _, err := d.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// export writes down an archive of the show's last end, as its room does.
func export(t *testing.T, d *db.DB, e event.Event, messages int, sealed bool) {
	t.Helper()
	exec(t, d, `INSERT INTO archive (event_id, path, ended_ms, messages, bytes, sha256, exported_ms, sealed) VALUES ($1, 'f', $2, $3, 1, 'sum', 1, $4)
		ON CONFLICT (event_id) DO UPDATE SET ended_ms = excluded.ended_ms, messages = excluded.messages, sealed = excluded.sealed`,
		e.ID, e.EndedAt.UnixMilli(), messages, sealed)
}

type act = func(context.Context, id.Event, time.Time) (event.Event, error)

func mustBe(t *testing.T, f act, e id.Event, at time.Time, want event.State) event.Event {
	t.Helper()
	got, err := f(t.Context(), e, at)
	if err != nil || got.State != want {
		t.Fatalf("%q %v, want %s", got.State, err, want)
	}
	return got
}

func refuses(t *testing.T, f act, e id.Event, at time.Time, code string) {
	t.Helper()
	if got, err := f(t.Context(), e, at); !fault.HasCode(err, code) || !fault.Is(err, fault.Conflict) {
		t.Errorf("%q %v, want %s", got.State, err, code)
	}
}

func TestACancelledShowComesBackToWhatTheClockSays(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, _ *db.DB) {
		for _, c := range []struct {
			cancelled, back time.Duration // from noon; doors are at 6:30, the start at 7:00
			want            event.State
		}{
			{0, time.Hour, event.Scheduled}, {0, 6*time.Hour + 45*time.Minute, event.Open}, {6*time.Hour + 40*time.Minute, 6*time.Hour + 45*time.Minute, event.Open},
			{time.Hour, 7*time.Hour + 30*time.Minute, event.Live},
		} {
			e := create(t, s, form(), noon)
			if _, err := s.Advance(t.Context(), noon.Add(c.cancelled)); err != nil {
				t.Fatal(err)
			}
			got := mustBe(t, s.Cancel, e.ID, noon.Add(c.cancelled), event.Cancelled)
			if !got.EndedAt.Equal(noon.Add(c.cancelled)) || got.State.Over() {
				t.Errorf("%+v", got)
			}
			refuses(t, s.Cancel, e.ID, noon, "event_state")
			back := mustBe(t, s.Uncancel, e.ID, noon.Add(c.back), c.want)
			if stored, err := s.Get(t.Context(), e.ID); err != nil || stored != back || back.StartedAt.IsZero() == (c.want == event.Live) {
				t.Errorf("%+v %v, answered %+v", stored, err, back)
			}
			refuses(t, s.Uncancel, e.ID, noon, "event_state")
		}
	})
}

func TestWhatIsNotForACancelledShowIsRefusedInWords(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, _ *db.DB) {
		e := create(t, s, form(), noon)
		if err := e.TakesTickets(); err != nil {
			t.Error(err)
		}
		e = mustBe(t, s.Cancel, e.ID, noon, event.Cancelled)
		for what, f := range map[string]act{"start": s.Start, "end": s.End, "reopen": s.Reopen} {
			if _, err := f(t.Context(), e.ID, noon); !fault.HasCode(err, "event_state") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := e.TakesTickets(); !fault.HasCode(err, "event_cancelled") {
			t.Errorf("tickets: %v", err)
		}
		mustBe(t, s.Uncancel, e.ID, noon, event.Scheduled)
		mustBe(t, s.Start, e.ID, noon, event.Live)
		refuses(t, s.Cancel, e.ID, noon, "event_running")
		e = mustBe(t, s.End, e.ID, noon, event.Ended)
		refuses(t, s.Cancel, e.ID, noon, "event_state")
		refuses(t, s.Uncancel, e.ID, noon, "event_state")
		if err := e.TakesTickets(); !fault.HasCode(err, "event_over") {
			t.Errorf("tickets: %v", err)
		}
	})
}

func TestACancelledShowWaitsForANewTimeAndNotForTheClock(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, _ *db.DB) {
		e := create(t, s, form(), noon)
		mustBe(t, s.Cancel, e.ID, noon, event.Cancelled)
		tooLate := e.StartsAt.Add(2 * time.Hour)
		if changed, err := s.Advance(t.Context(), tooLate); err != nil || len(changed) != 0 {
			t.Errorf("the clock changed %v %v", changed, err)
		}
		refuses(t, s.Uncancel, e.ID, tooLate, "start_passed")
		in := form()
		in.Description, in.StartsAt, in.DoorsAt = "Moved to Tuesday.", "2026-11-24T20:00", "2026-11-24T19:30"
		got, err := s.Update(t.Context(), e.ID, in, tooLate)
		if err != nil || got.State != event.Cancelled || got.Description != in.Description || !got.EndedAt.Equal(noon) {
			t.Fatalf("%+v %v", got, err)
		}
		in.Description = "Doors a day early."
		in.DoorsAt = "2026-11-23T01:00" // passed, and still cancelled
		if got, err := s.Update(t.Context(), e.ID, in, tooLate.Add(24*time.Hour)); err != nil || got.State != event.Cancelled {
			t.Fatalf("%+v %v", got, err)
		}
		mustBe(t, s.Uncancel, e.ID, tooLate, event.Scheduled)
	})
}

func TestACancelledShowWhoseChatWasUsedStaysCancelledOnceItIsSealed(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, d *db.DB) {
		e := create(t, s, form(), noon)
		cancel := func() event.Event { t.Helper(); return mustBe(t, s.Cancel, e.ID, noon, event.Cancelled) }
		export(t, d, cancel(), 12, false) // exported, but browsers may still write: nothing is let go
		mustBe(t, s.Uncancel, e.ID, noon, event.Scheduled)
		export(t, d, cancel(), 0, true)
		mustBe(t, s.Uncancel, e.ID, noon, event.Scheduled)
		cancel() // the seal of the end before says nothing about this one
		mustBe(t, s.Uncancel, e.ID, noon, event.Scheduled)
		export(t, d, cancel(), 1, true)
		refuses(t, s.Uncancel, e.ID, noon, "history_sealed")
		for range 2 {
			if err := s.MarkArchived(t.Context(), e.ID, noon); err != nil {
				t.Error(err)
			}
			if err := s.MarkPurged(t.Context(), e.ID, noon); err != nil {
				t.Error(err)
			}
		}
		if got := state(t, s, e.ID); got != event.Cancelled {
			t.Errorf("archived and purged it is %s", got)
		}
	})
}

// What is deleted may come late: the show is back, and stays.
func TestAShowThatCameBackIsNotPurged(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, _ *db.DB) {
		e := create(t, s, form(), noon)
		mustBe(t, s.Cancel, e.ID, noon, event.Cancelled)
		mustBe(t, s.Uncancel, e.ID, noon, event.Scheduled)
		if err := s.MarkPurged(t.Context(), e.ID, noon); err != nil || state(t, s, e.ID) != event.Scheduled {
			t.Errorf("%v, %s", err, state(t, s, e.ID))
		}
		if err := s.MarkArchived(t.Context(), e.ID, noon); !fault.HasCode(err, "event_state") {
			t.Errorf("archived without an end: %v", err)
		}
	})
}

// An archive is found by the end it was made after. With a clock that was set back a later end must not look like an
// earlier one, whose history is sealed without what was said since.
func TestNoTwoEndsOfAShowAreAtOneTime(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, _ *db.DB) {
		e := create(t, s, form(), noon)
		var ends []time.Time
		for _, at := range []time.Duration{2 * time.Hour, time.Hour, 2 * time.Hour, 3 * time.Hour} {
			ends = append(ends, mustBe(t, s.Cancel, e.ID, noon.Add(at), event.Cancelled).EndedAt)
			mustBe(t, s.Uncancel, e.ID, noon.Add(at), event.Scheduled)
			ends = append(ends, mustBe(t, s.End, e.ID, noon.Add(at), event.Ended).EndedAt)
			mustBe(t, s.Reopen, e.ID, noon.Add(at), event.Scheduled)
		}
		if !slices.IsSortedFunc(ends, time.Time.Compare) || len(slices.CompactFunc(ends, time.Time.Equal)) != 8 {
			t.Errorf("%v", ends)
		}
	})
}

// Two processes: one changes the form, the other cancels or ends the show in between. The first wrote back the state that it
// had read, and the show was open again while its history was being exported.
func TestAFormNeverTakesACancellationBack(t *testing.T) {
	url := dbtest.PostgresURL(t)
	open := func() *db.DB {
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	one, two := open(), open()
	if err := one.Migrate(t.Context(), schema.Platform()); err != nil {
		t.Fatal(err)
	}
	s := event.New(one)
	e := create(t, s, form(), noon)
	updated := make(chan error, 1)
	err := two.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE event SET state = 'cancelled', ended_ms = 5 WHERE id = $1", e.ID); err != nil {
			return err
		}
		go func() {
			_, err := s.Update(t.Context(), e.ID, form(), noon)
			updated <- err
		}()
		return waitsForLock(t, tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-updated; !fault.HasCode(err, "event_state") {
		t.Errorf("the form: %v", err)
	}
	if got := state(t, s, e.ID); got != event.Cancelled {
		t.Errorf("it is %s", got)
	}
}

// waitsForLock returns when another session of this database waits for what tx holds.
func waitsForLock(t *testing.T, tx *db.Tx) error {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		n, err := db.Value[int64](tx.Context(), tx, `SELECT count(*) FROM pg_locks w JOIN pg_locks h ON h.pid = pg_backend_pid() AND h.granted
			AND (h.transactionid = w.transactionid OR (h.locktype = 'advisory' AND h.locktype = w.locktype AND h.classid = w.classid AND h.objid = w.objid))
			WHERE NOT w.granted`)
		if err != nil || n > 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-late:
			t.Error("nobody waits")
			return nil
		}
	}
}

// Every way in which a show can stand, and what follows for its chat. Retire is the only word by which anything is deleted
// at the provider.
func TestWhatAShowWantsAtTheProvider(t *testing.T) {
	eachDB(t, func(t *testing.T, s *event.Store, d *db.DB) {
		e := create(t, s, form(), noon)
		e = mustBe(t, s.Cancel, e.ID, noon, event.Cancelled)
		exec(t, d, `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms) VALUES ('tk1234', $1, 'h', 'moderator', '', TRUE, 1, 1)`, e.ID)
		type wants struct{ make, retire, account, member, moderator, sealed bool }
		alive, still, gone := wants{make: true, account: true, member: true, moderator: true},
			wants{account: true, member: true, moderator: true}, wants{retire: true, sealed: true}
		none, draft, seal, other := "", "FALSE", "TRUE", "other"
		for _, c := range []struct {
			state   event.State
			archive string
			want    wants
		}{
			{event.Scheduled, none, alive}, {event.Open, none, alive}, {event.Live, none, alive}, {event.Ended, none, still}, {event.Cancelled, none, still},
			{event.Scheduled, seal, alive}, {event.Open, seal, alive}, {event.Live, seal, alive}, {event.Ended, seal, still}, {event.Cancelled, seal, gone},
			{event.Ended, draft, still}, {event.Cancelled, draft, still}, {event.Ended, other, still}, {event.Cancelled, other, still},
			{event.Archived, seal, gone}, {event.Purged, seal, wants{sealed: true}},
		} {
			exec(t, d, "DELETE FROM archive")
			switch c.archive {
			case draft, seal:
				export(t, d, e, 0, c.archive == seal)
			case other:
				before := e
				before.EndedAt = e.EndedAt.Add(-time.Millisecond)
				export(t, d, before, 0, true)
			}
			exec(t, d, "UPDATE event SET state = $1", c.state)
			var got wants
			if _, err := db.All(t.Context(), d, func(*int) []any { return []any{&got.make, &got.retire} }, "SELECT make, retire FROM wanted_event"); err != nil {
				t.Fatal(err)
			}
			ticketMakes := false
			if _, err := db.All(t.Context(), d, func(*int) []any { return []any{&got.account, &got.member, &got.moderator, &ticketMakes} },
				"SELECT account, member, moderator, make FROM wanted_ticket"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.All(t.Context(), d, func(*int) []any { return []any{&got.sealed} }, "SELECT sealed FROM chat_event"); err != nil {
				t.Fatal(err)
			}
			if got != c.want || ticketMakes != got.make {
				t.Errorf("%s with archive %q: %+v, want %+v", c.state, c.archive, got, c.want)
			}
		}
	})
}

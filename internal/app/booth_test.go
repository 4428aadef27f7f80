package app_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

// booth opens an empty installation as an operator's command does.
func booth(t *testing.T) (*app.Booth, *db.DB) {
	storage := config.Storage{Data: t.TempDir()}
	d, err := app.OpenPlatform(t.Context(), storage)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	b, err := app.OpenBooth(t.Context(), storage, "case", config.Readiness{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, d
}

// The command line takes a cancelled context for a success. A script that goes on after `pause --wait` must not.
func TestWhoStopsWaitingForThePauseIsNotToldThatItIsComplete(t *testing.T) {
	b, _ := booth(t)
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Drained(t.Context()); err != nil {
		t.Errorf("nothing is on its way: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Drained(ctx); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A comparison that has begun is not one that is done: who waits for it wants to know what it has found.
func TestAComparisonIsWaitedForToItsEnd(t *testing.T) {
	b, d := booth(t)
	leader := func(text string) {
		t.Helper()
		if _, err := d.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want string) {
		t.Helper()
		if _, err := b.Swept(t.Context(), func([]inventory.PlaceSweep, readiness.Status) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("nobody leads")
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Forget()
	refused("paused")
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	leader("INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ('provision', 'door', 1, 1, 99999999999999)")
	leader("UPDATE sweep SET heard = asked, error = 'no rights'")
	refused("not everything could be compared")
	if err := b.Sweep(t.Context()); err != nil { // the error was of a time before this
		t.Fatal(err)
	}
	b.Forget()
	looks := 0
	places, err := b.Swept(t.Context(), func(places []inventory.PlaceSweep, s readiness.Status) {
		if s.Leader == nil || len(places) != 1 || !places[0].Due {
			t.Errorf("%+v", places)
		}
		if looks++; looks == 1 {
			leader("UPDATE sweep SET heard = asked")
		} else {
			leader("UPDATE sweep SET done = heard, finished_ms = 5, instances = 3")
		}
	})
	if err != nil || looks < 2 || len(places) != 1 || places[0].There != 3 {
		t.Errorf("%d looks, %+v, %v", looks, places, err)
	}
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Swept(ctx, func([]inventory.PlaceSweep, readiness.Status) {}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// One place that could not be compared ended the wait for all others, and nobody heard what these had.
func TestAPlaceThatCannotBeComparedDoesNotHideTheOthers(t *testing.T) {
	b, d := booth(t)
	exec := func(text string) {
		t.Helper()
		if _, err := d.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ('provision', 'door', 1, 1, 99999999999999)")
	for i, e := range []string{"a", "b"} {
		exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
			VALUES ('` + e + `', '` + e + `', 'Show ` + e + `', 'x', '', 'UTC', 1, 1, '', TRUE, 'scheduled', 0, 0)`)
		exec("INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ('" + e + "', '" + e + "', 1, 0, FALSE)")
		exec(ledger.Insert + "VALUES ('" + e + "', '', 'instance', '', -3, TRUE, 'x', 'made', 'x', 'arn', '', FALSE, FALSE, 1, 0, 0, '', 1, " + strconv.Itoa(i) + ")")
	}
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec("UPDATE sweep SET heard = asked, error = CASE WHEN place = 'a' THEN 'no rights' ELSE '' END, finished_ms = 1, done = CASE WHEN place = 'account' THEN asked ELSE 0 END")
	waited := false
	places, err := b.Swept(t.Context(), func([]inventory.PlaceSweep, readiness.Status) {
		waited = true
		exec("UPDATE sweep SET done = heard, finished_ms = 5 WHERE place = 'b'")
	})
	if err == nil || !waited || len(places) != 3 || places[1].Error != "no rights" || !places[1].Due || places[2].Due {
		t.Errorf("waited: %v, %+v, %v", waited, places, err)
	}
}

package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/inventory"
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
		if _, err := b.Swept(t.Context(), func([]inventory.PlaceSweep) {}); err == nil || !strings.Contains(err.Error(), want) {
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
	leader("UPDATE sweep SET error = 'no rights'")
	refused("List of app instances: no rights")
	leader("UPDATE sweep SET error = ''")
	b.Forget()
	looks := 0
	places, err := b.Swept(t.Context(), func(places []inventory.PlaceSweep) {
		if len(places) != 1 || !places[0].Due {
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
	if _, err := b.Swept(ctx, func([]inventory.PlaceSweep) {}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

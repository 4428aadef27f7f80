package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

// The command line takes a cancelled context for a success. A script that goes on after `pause --wait` must not.
func TestWhoStopsWaitingForThePauseIsNotToldThatItIsComplete(t *testing.T) {
	storage := config.Storage{Data: t.TempDir()}
	d, err := app.OpenPlatform(t.Context(), storage)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := app.OpenBooth(t.Context(), storage, "case", config.Readiness{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
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

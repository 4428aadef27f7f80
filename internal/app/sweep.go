package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/inventory"
)

// Sweep asks for a comparison of everything with what the provider really has. The leader does it in the background, and
// puts right what it can.
func (b *Booth) Sweep(ctx context.Context) error { return b.provision.Sweep(ctx) }

// Sweeps returns what was compared and when, place by place.
func (b *Booth) Sweeps(ctx context.Context) ([]inventory.PlaceSweep, error) {
	return b.inventory.Sweeps(ctx)
}

// Errors of Swept. What was asked for stands in the database: whoever leads next does it.
var (
	errNotSwept    = errors.New("asked for, but not waited for: the comparison goes on in the background")
	errSweepPaused = errors.New("asked for, but the provisioner is paused: it compares after stagedoor provision resume")
	errSweepNobody = errors.New("asked for, but nobody leads: whoever leads next compares (stagedoor provision, or stagedoor serve without --no-provisioner)")
)

// Swept waits until everything that was asked for is compared, and returns what was found. tell hears how far it is.
func (b *Booth) Swept(ctx context.Context, tell func([]inventory.PlaceSweep)) ([]inventory.PlaceSweep, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		places, waits, err := b.swept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, errNotSwept // Ctrl-C is no success
		case err != nil || !waits:
			return places, err
		}
		tell(places)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errNotSwept
		}
	}
}

// swept looks once. An error is why waiting is of no use.
func (b *Booth) swept(ctx context.Context) (places []inventory.PlaceSweep, waits bool, err error) {
	if places, err = b.Sweeps(ctx); err != nil {
		return nil, false, err
	}
	for _, p := range places {
		if p.Due && p.Error != "" {
			return nil, false, fmt.Errorf("%s: %s. It is tried again after a minute", p.Title(), p.Error)
		}
		waits = waits || p.Due
	}
	if !waits {
		return places, false, nil
	}
	s, err := b.Status(ctx, time.Now())
	switch {
	case err != nil:
	case s.Paused:
		err = errSweepPaused
	case s.Leader == nil:
		err = errSweepNobody
	}
	return places, true, err
}

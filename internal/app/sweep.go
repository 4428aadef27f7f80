package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// Sweep asks for a comparison of everything with what the provider really has. The leader does it in the background, and
// puts right what it can.
func (b *Booth) Sweep(ctx context.Context) error { return b.provision.Sweep(ctx) }

// Sweeps returns what was compared and when, place by place.
func (b *Booth) Sweeps(ctx context.Context) ([]inventory.PlaceSweep, error) {
	return b.inventory.Sweeps(ctx)
}

// Errors of Swept, and those of Sweeping. What was asked for stands in the database: whoever leads next does it.
var (
	errNotSwept    = errors.New("asked for, but not waited for: the comparison goes on in the background")
	ErrSweepPaused = errors.New("asked for, but the provisioner is paused: it compares after stagedoor provision resume")
	errSweepStuck  = errors.New("not everything could be compared; it is tried again by itself")
	ErrSweepNobody = errors.New("asked for, but nobody leads: whoever leads next compares (stagedoor provision, or stagedoor serve without --no-provisioner)")
)

// Swept waits until everything that was asked for is compared, or has met something that stands in the way, and returns what was
// found. tell hears how far it is. With an error that says that some places could not be compared come the others.
func (b *Booth) Swept(ctx context.Context, tell func([]inventory.PlaceSweep, readiness.Status)) ([]inventory.PlaceSweep, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		places, err := b.Sweeps(ctx)
		waits := false
		if err == nil {
			waits, err = waitsFor(places)
		}
		var status readiness.Status
		if err == nil && waits {
			status, err = b.Sweeping(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil, errNotSwept // Ctrl-C is no success
		case err != nil && !errors.Is(err, errSweepStuck):
			return nil, err
		case !waits:
			return places, err
		}
		tell(places, status)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errNotSwept
		}
	}
}

// waitsFor says whether waiting is of use: for a place that nothing stands in the way of.
func waitsFor(places []inventory.PlaceSweep) (waits bool, err error) {
	for _, p := range places {
		switch {
		case !p.Due:
		case p.Error == "":
			return true, nil
		default:
			err = errSweepStuck
		}
	}
	return false, err
}

// Sweeping reads who does it. An error is why nobody does.
func (b *Booth) Sweeping(ctx context.Context) (readiness.Status, error) {
	s, err := b.Status(ctx, time.Now())
	switch {
	case err != nil:
	case s.Paused:
		err = ErrSweepPaused
	case s.Leader == nil:
		err = ErrSweepNobody
	}
	return s, err
}

// oldSweep is an age at which something is wrong: a place is compared every ten minutes, or after a rest as long as its pass took; only a
// backlog of days keeps it waiting for longer.
const oldSweep = 48 * time.Hour

// sweepCheck says whether the ledger is known to agree with what the provider has.
func (b *Booth) sweepCheck(ctx context.Context, now time.Time) (doctor.Check, error) {
	places, err := b.Sweeps(ctx)
	c := doctor.Check{Name: "comparison", Verdict: doctor.Fine, Text: "nothing was compared with the provider yet"}
	oldest, compared, first := now, 0, ""
	for _, p := range places {
		title := words.Printable(p.Title())
		switch {
		case p.Error != "":
			c.Text = fmt.Sprintf("%s cannot be compared with the provider: %s", title, words.Printable(p.Error))
		case p.Differs:
			c.Text = fmt.Sprintf("%s: %s at the provider, %s in the ledger", title, words.Number(p.There), words.Number(p.Ledger))
		case p.At != nil:
			compared++
			if p.At.Before(oldest) {
				oldest, first = *p.At, title
			}
			continue
		default:
			continue // asked for
		}
		c.Verdict, c.ToDo = doctor.Look, "it is tried again by itself; stagedoor provision sweep does it now and says more"
		return c, err
	}
	if age := now.Sub(oldest); age > oldSweep {
		c.Verdict, c.ToDo = doctor.Look, "does a provisioner run? stagedoor provision sweep compares now, or says what stands in the way"
		c.Text = fmt.Sprintf("%s was compared with the provider %s ago", first, words.Span(age))
		return c, err
	}
	if compared > 0 {
		c.Text = fmt.Sprintf("%s compared with the provider within the last %s, and as in the ledger", words.Plural(compared, "place"), words.Span(now.Sub(oldest)))
	}
	return c, err
}

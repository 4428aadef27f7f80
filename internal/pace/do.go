package pace

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	firstLead = 10 * time.Millisecond
	maxLead   = 500 * time.Millisecond
)

// Do books a slot, waits for it, runs f and tells the outcome. It returns f's error, or why f was not run.
func (p *Pace) Do(ctx context.Context, d *db.DB, c Call, f func() error) error {
	for lead := firstLead; ; lead = min(2*lead, maxLead) {
		var s Slot
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			s, _, err = p.Book(tx, c, p.Now().Add(lead), time.Time{})
			return err
		})
		if err != nil {
			return err
		}
		o := NotSent
		sent := wait(ctx, time.Until(s.At)) && time.Since(s.At) <= MaxLate
		if sent {
			err = f()
			o = outcome(err)
		}
		told := d.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return p.Answered(tx, s, o) })
		switch {
		case sent && err != nil:
			return err
		case told != nil || sent:
			return told
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// outcome reads an error of a call.
func outcome(err error) Outcome {
	switch {
	case fault.Is(err, fault.Throttled):
		return Throttled
	case fault.Is(err, fault.Unavailable), fault.Is(err, fault.Internal):
		return Lost
	}
	return OK
}

// wait returns true when d has passed, false when ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package pace

import (
	"context"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// firstLead is how far ahead Do takes a slot: the commit has to be over by then. It doubles while that is too little.
	firstLead = 10 * time.Millisecond
	maxLead   = 500 * time.Millisecond
	// horizon is how much further slots are taken. One further away is looked for again, when more is known of the calls on their
	// way, and because a bucket that is slow may become faster until then.
	horizon = 300 * time.Millisecond
)

// Do books a slot, waits for it, runs f, which makes one request with the context it gets (see Watch), and tells the outcome, which
// it reads from f's error: a fault of the kind Throttled or Unavailable, or anything else, which is an answer. It returns that
// error, or why f was not run.
func (p *Pace) Do(ctx context.Context, d *db.DB, c Call, f func(context.Context) error) error {
	lead := firstLead
	for {
		var s Slot
		var ok bool
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			s, ok, err = p.Book(tx, c, p.Now().Add(lead), p.Now().Add(lead+horizon))
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			if err := wait(ctx, min(time.Until(s.At)-lead-horizon/2, horizon)); err != nil {
				return err
			}
			continue
		}
		if p.Wait(ctx, s) {
			err := f(p.Watch(ctx, s))
			_ = p.tell(ctx, d, s, outcome(err)) // what is not told costs room, not correctness
			return err
		}
		if err := p.tell(ctx, d, s, NotSent); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lead = min(2*lead, maxLead)
	}
}

func (p *Pace) tell(ctx context.Context, d *db.DB, s Slot, o Outcome) error {
	return d.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return p.Answered(tx, s, o) })
}

// outcome reads an error of a call.
func outcome(err error) Outcome {
	switch {
	case fault.Is(err, fault.Throttled):
		return Throttled
	case fault.Is(err, fault.Unavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Lost
	}
	return OK
}

// wait waits for d, or fails when ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err() // a select would toss a coin
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

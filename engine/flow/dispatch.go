package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Lines is what the dispatcher needs of the room whose messages are on their way.
type Lines interface {
	// Shown is the structure ChannelMessage that the processor is shown.
	Shown(Run) (any, error)
	// GiveUp takes the run on without the processor that has it, by its FallbackAction, unless it has answered since.
	GiveUp(ctx context.Context, r Run, why string) error
}

const (
	// perFlow is how many channels of one flow are served at a time. A processor that hangs holds up its own flow, never
	// another one.
	perFlow = 8
	// inTurn is how many runs of one channel are invoked one after the other before what came of it is written down, in
	// one commit. As many are invoked once more after a kill.
	inTurn = 16
	// look is how often the dispatcher looks by itself: for repeats that are due, for deadlines, and for what another
	// node was told.
	look = time.Second
	// rest is how long the dispatcher rests after looking, as a multiple of how long it looked: with a long backlog
	// looking costs, and the backlog does not get shorter by it.
	rest = 4
)

// dispatcher invokes processors. Its maps belong to the goroutine of Run.
type dispatcher struct {
	*Flows
	lines    Lines
	ended    chan result
	inFlow   map[int64]int
	channels map[int64]bool // invocations of one channel start one after the other, in the order of the messages
}

type result struct {
	flow, channel int64
	err           error
}

// Run invokes processors and applies deadlines until ctx ends; what is in the air then is invoked again by the next Run.
// It returns the first database error; running it again continues the work.
func (c *Flows) Run(ctx context.Context, l Lines) error {
	ctx, stop := context.WithCancel(ctx)
	d := &dispatcher{Flows: c, lines: l, ended: make(chan result), inFlow: map[int64]int{}, channels: map[int64]bool{}}
	lease := c.NewLease("flows")
	defer lease.Release(ctx)
	err := d.loop(ctx, lease)
	stop()
	for len(d.channels) > 0 {
		d.free(<-d.ended)
	}
	return err
}

func (d *dispatcher) loop(ctx context.Context, lease *core.Lease) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		began := time.Now()
		ours, err := lease.Held(ctx)
		if err == nil && ours {
			err = d.pass(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		pause := time.NewTimer(rest * time.Since(began))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case r := <-d.ended:
			d.free(r)
			if r.err != nil && ctx.Err() == nil {
				return r.err
			}
		case <-d.wake:
		case <-tick.C:
		}
	}
}

func (d *dispatcher) free(r result) {
	if d.inFlow[r.flow]--; d.inFlow[r.flow] == 0 {
		delete(d.inFlow, r.flow)
	}
	delete(d.channels, r.channel)
}

// pass gives up what is over its deadline and starts what can be started.
func (d *dispatcher) pass(ctx context.Context) error {
	late, err := d.runs(ctx, `state <> 'DONE' AND deadline_ms < $1 ORDER BY deadline_ms LIMIT 100`, core.NowMS())
	if err != nil {
		return err
	}
	for _, r := range late {
		if err := d.lines.GiveUp(ctx, r, "The processor did not answer in time."); err != nil {
			return err
		}
	}
	if len(late) > 0 {
		d.Wake() // there may be more of them
	}
	now := core.NowMS()
	type head struct{ flow, channel int64 }
	heads, err := db.All(ctx, d.DB, func(h *head) []any { return []any{&h.flow, &h.channel} },
		`SELECT flow, channel FROM flow_run WHERE state = 'READY' AND due_ms <= $1 GROUP BY flow, channel ORDER BY min(no)`, now)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if d.channels[h.channel] || d.inFlow[h.flow] >= perFlow {
			continue
		}
		first, err := d.runs(ctx, `state = 'READY' AND flow = $1 AND channel = $2 AND due_ms <= $3 ORDER BY no LIMIT $4`,
			h.flow, h.channel, now, inTurn)
		if err != nil {
			return err
		}
		d.channels[h.channel] = true
		d.inFlow[h.flow]++
		go func() { d.ended <- result{h.flow, h.channel, d.invokeAll(ctx, first)} }()
	}
	return nil
}

func (d *dispatcher) runs(ctx context.Context, where string, args ...any) ([]Run, error) {
	all, err := db.All(ctx, d.DB, (*Run).fields, `SELECT `+runColumns+` FROM flow_run WHERE `+where, args...)
	for i := range all {
		if err == nil {
			err = json.Unmarshal([]byte(all[i].inJSON), &all[i].Processors)
		}
	}
	return all, err
}

// event is what a processor receives (developer guide, "Setting up a processor Lambda function").
type event struct {
	EventType      string
	CallbackId     string // the wire's name
	ChannelMessage any
}

// invokeAll calls the processors of runs one after the other. The error is the database's.
func (d *dispatcher) invokeAll(ctx context.Context, all []Run) error {
	var called []Run
	var err error
	for _, r := range all {
		var taken bool
		if taken, err = d.invoke(ctx, r); taken {
			called = append(called, r)
		}
		if err != nil || ctx.Err() != nil {
			break
		}
	}
	if len(called) == 0 {
		return err
	}
	return errors.Join(err, d.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		for _, r := range called {
			if _, err := tx.Exec(`UPDATE flow_run SET state = 'CALLED' WHERE id = $1 AND step = $2 AND state = 'READY'`, r.ID, r.Step); err != nil {
				return err
			}
		}
		return nil
	}))
}

// invoke calls the processor once and reports whether it has taken the run. If not, that is written down.
func (d *dispatcher) invoke(ctx context.Context, r Run) (taken bool, err error) {
	shown, err := d.lines.Shown(r)
	if err != nil {
		return false, err
	}
	lambda := r.Processor().Configuration.Lambda.ResourceArn
	url, ok := d.cfg.Processors[lambda]
	if !ok {
		d.cfg.Logger.WarnContext(ctx, "no URL is configured for a processor", "lambda", lambda)
		return false, d.lines.GiveUp(ctx, r, "The processor does not exist.")
	}
	err = d.cfg.Poster.Post(ctx, url, "application/json", lambda, []byte(toJSON(event{"CHANNEL_MESSAGE_EVENT", r.CallbackID(), shown})))
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil: // we are stopping: not the processor's fault
		return false, nil
	case r.tries >= len(d.cfg.Pauses):
		d.cfg.Logger.WarnContext(ctx, "a processor cannot be invoked", "lambda", lambda, "error", err)
		return false, d.lines.GiveUp(ctx, r, fmt.Sprintf("The processor could not be invoked in %d attempts.", r.tries+1))
	}
	_, err = d.DB.Exec(ctx, `UPDATE flow_run SET tries = tries + 1, due_ms = $3 WHERE id = $1 AND step = $2 AND state = 'READY'`,
		r.ID, r.Step, time.Now().Add(d.cfg.Pauses[r.tries]).UnixMilli())
	return false, err
}

package archive

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	// look is how often Run looks for shows that have ended.
	look = time.Second
	// together is how many shows are exported at once: one that the provider keeps waiting must not hold up all.
	together = 4
	// firstPause and longestPause bound the wait after a failure, doubled each time.
	firstPause   = time.Second
	longestPause = time.Minute
	// lookAgain is how often a show is looked at that waits for keys to get out of date: it may be reopened and end anew.
	lookAgain = 5 * time.Second
)

// Run archives every show that has ended or was cancelled, until ctx ends. Any number of nodes may run it.
func (k *Keeper) Run(ctx context.Context) error {
	r := rounds{k: k, running: map[id.Event]bool{}, failed: map[id.Event]failure{}}
	defer r.wg.Wait()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := r.start(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Logger.Error("archive: cannot see which shows have ended", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// rounds is what one Run knows: nothing that another one would miss.
type rounds struct {
	k  *Keeper
	wg sync.WaitGroup

	mu      sync.Mutex
	running map[id.Event]bool
	failed  map[id.Event]failure
}

type failure struct {
	times int
	again time.Time
}

// start begins the export of shows that are due, as many as may run together.
func (r *rounds) start(ctx context.Context) error {
	now := time.Now()
	due, err := db.All(ctx, r.k.cfg.DB, func(e *id.Event) []any { return []any{e} },
		"SELECT event_id FROM chat_event WHERE state IN ('ended', 'cancelled') AND NOT sealed AND ended_ms <= $1 ORDER BY ended_ms",
		now.Add(-r.k.cfg.Grace).UnixMilli())
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range due {
		if len(r.running) >= together {
			return nil
		}
		if r.running[event] || now.Before(r.failed[event].again) {
			continue
		}
		r.running[event] = true
		r.wg.Go(func() { r.archive(ctx, event) })
	}
	return nil
}

func (r *rounds) archive(ctx context.Context, event id.Event) {
	info, err := r.k.Seal(ctx, event)
	if err == nil {
		err = r.k.cfg.OnArchived(ctx, event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, event)
	if err == nil {
		delete(r.failed, event)
		r.k.cfg.Logger.Info("archive: history sealed", "event", event, "messages", info.Messages, "bytes", info.Bytes, "file", info.Path)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if fault.HasCode(err, codeKeys) {
		r.failed[event] = failure{0, time.Now().Add(min(lookAgain, fault.As(err).RetryAfter))}
		return
	}
	f := r.failed[event]
	pause := max(min(firstPause<<min(f.times, 10), longestPause), fault.As(err).RetryAfter)
	r.failed[event] = failure{f.times + 1, time.Now().Add(pause)}
	r.k.cfg.Logger.Warn("archive: not sealed yet", "event", event, "again_in", pause, "err", err)
}

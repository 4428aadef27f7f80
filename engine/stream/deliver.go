package stream

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
)

const (
	// batch is how many records are delivered at a time; at most some 2 MB. It is Kinesis's own bound for PutRecords.
	batch = 500
	// look is how often a worker looks by itself: another node's records wake nobody here.
	look = time.Second
	// firstPause and lastPause are how long a worker rests after a failure: doubling, with jitter.
	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
)

// Run delivers until ctx ends, one worker per stream. A sink that fails is tried again and again; what was not delivered
// stays in the outbox, for the next Run too.
func (s *Streams) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for name, to := range s.sinks {
		workers.Go(func() { s.work(ctx, name, to) })
	}
	workers.Wait()
}

func (s *Streams) work(ctx context.Context, stream string, to sink) {
	lease := s.NewLease("stream " + stream)
	defer lease.Release(ctx)
	defer to.close()
	tick := time.NewTicker(look)
	defer tick.Stop()
	pause := firstPause
	for {
		n, err := s.deliver(ctx, lease, stream, to)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Logger.WarnContext(ctx, "a stream cannot be delivered", "stream", stream, "again in", pause, "error", err)
			retry := time.NewTimer(pause/2 + rand.N(pause/2)) //nolint:gosec // G404: jitter, not a secret
			select {
			case <-ctx.Done():
				retry.Stop()
				return
			case <-retry.C:
			}
			pause = min(2*pause, lastPause)
			continue
		}
		if pause = firstPause; n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake[stream]:
		case <-tick.C:
		}
	}
}

type entry struct {
	no, tie int64
	record  string
}

// deliver takes the oldest records to the sink, forgets them and returns how many they were. A failure in between
// delivers them once more.
func (s *Streams) deliver(ctx context.Context, lease *core.Lease, stream string, to sink) (int, error) {
	ours, err := lease.Held(ctx)
	if err != nil || !ours {
		return 0, err
	}
	all, err := db.All(ctx, s.DB, func(e *entry) []any { return []any{&e.no, &e.tie, &e.record} },
		`SELECT no, tie, record FROM stream_outbox WHERE stream = $1 ORDER BY stream, no, tie LIMIT $2`, stream, batch)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	var lines []byte
	ties := map[string]int{}
	for _, e := range all {
		lines = append(append(lines, e.record...), '\n')
		ties[strconv.FormatInt(e.tie, 10)] = 0
	}
	if err := to.take(ctx, lines); err != nil {
		return 0, err
	}
	keys, err := json.Marshal(ties)
	if err != nil {
		return 0, err
	}
	// Exactly those: another node may have committed an earlier number since.
	_, err = s.DB.Exec(ctx, `DELETE FROM stream_outbox WHERE stream = $1 AND no >= $2 AND no <= $3
AND tie IN (SELECT CAST(j.key AS BIGINT) FROM json_each($4) j)`, stream, all[0].no, all[len(all)-1].no, string(keys))
	return len(all), err
}

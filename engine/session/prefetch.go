package session

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/fanout"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// prefetchTime bounds waiting for and reading a prefetch: Amazon's client gives a connection ten seconds.
const prefetchTime = 8 * time.Second

// mark is the place between two events at which a connection with prefetch joins.
type mark struct {
	c      *conn
	joined chan struct{} // closed when c has joined
}

// prefetch joins c and tells what was before it did: SESSION_ESTABLISHED, one CHANNEL_DETAILS for each channel, and then
// the events after the mark. Nothing is missing in between and nothing is told twice, because what is read is exactly
// what had been announced at the mark.
func (h *Hub) prefetch(c *conn, sortBy string) {
	ctx, cancel := context.WithTimeout(h.base, prefetchTime)
	defer cancel()
	select {
	case h.reading <- struct{}{}:
		defer func() { <-h.reading }()
	case <-ctx.Done():
		h.abandon(c, fanout.Farewell{Code: closeTryAgainLater, Reason: "too busy, please reconnect"})
		return
	}
	m := &mark{c: c, joined: make(chan struct{})}
	marked := false // written before Prefetch returns, if at all
	events, err := h.cfg.Details.Prefetch(ctx, c.m.arn, sortBy, func() {
		marked = true
		h.enqueue(entry{mark: m})
	})
	if marked {
		<-m.joined // dispatch waits for shards at most, and they for nobody
	}
	var frames [][]byte
	for i := 0; i < len(events) && err == nil; i++ {
		var frame []byte
		frame, err = encode(events[i])
		frames = append(frames, frame)
	}
	switch {
	case err == nil:
		c.Proceed(frames)
	case marked:
		h.cfg.Log.Error("a prefetch cannot be read", "user", c.m.arn, "err", err)
		c.Shut(fanout.Farewell{Code: closeInternal, Reason: "the prefetch failed, please reconnect"})
	case fault.Is(err, fault.Denied) || fault.Is(err, fault.NotFound):
		h.abandon(c, fanout.Farewell{Code: closeForbidden, Reason: "Forbidden"})
	default:
		h.cfg.Log.Error("a prefetch cannot be read", "user", c.m.arn, "err", err)
		h.abandon(c, fanout.Farewell{Code: closeInternal, Reason: "the prefetch failed, please reconnect"})
	}
}

// join attaches a connection at its mark and holds back what follows.
func (h *Hub) join(m *mark) {
	defer close(m.joined)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attach(m.c, nil, true)
}

// abandon closes a connection that has not joined.
func (h *Hub) abandon(c *conn, end fanout.Farewell) {
	h.release(c.m)
	c.Shut(end)
}

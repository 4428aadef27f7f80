package session

import (
	"context"
	"time"
)

// tick looks after every connection once per Config.Tick: one timer for all of them.
func (h *Hub) tick() {
	defer close(h.stopped)
	t := time.NewTicker(h.cfg.Tick)
	defer t.Stop()
	for {
		select {
		case <-h.stop:
			return
		case now := <-t.C:
			for _, c := range h.all() {
				c.check(now)
			}
		}
	}
}

// all lists the attached connections, in any order.
func (h *Hub) all() []subscriber {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]subscriber, 0, h.total)
	for _, m := range h.users {
		for c := range m.conns {
			out = append(out, c)
		}
	}
	return out
}

// Close lets nobody in any more and sends everybody away with 1012, evenly over spread, so that they do not all knock
// at the next server in the same moment. Who has not answered a second after the last was told is cut off: the next
// process starts when this one has ended, and Amazon's client gives up ten seconds after it first finds nobody. It returns
// when every connection has ended; when ctx ends before, ctx's error. Call it once.
func (h *Hub) Close(ctx context.Context, spread time.Duration) error {
	h.mu.Lock()
	h.closing = true
	h.closeIfEmpty()
	h.mu.Unlock()
	h.sendAway(ctx, spread)
	close(h.stop)
	<-h.stopped

	defer h.cancel()
	told := time.NewTimer(lastSecond)
	defer told.Stop()
	for {
		select {
		case <-h.empty:
			return nil
		case <-told.C:
			h.cutOff()
		case <-ctx.Done():
			h.cancel()
			h.cutOff()
			<-h.empty
			return ctx.Err()
		}
	}
}

// cutOff closes the sockets that are left.
func (h *Hub) cutOff() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.sockets {
		go func() { _ = c.socket.Close() }() // its reader ends and takes it out
	}
}

// enterHandshake counts a request; a false answer says why not. exitHandshake has to follow a true one.
func (h *Hub) enterHandshake() (ok bool, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closing:
		return false, "This server is shutting down."
	case h.handshakes >= h.cfg.MaxHandshakes:
		return false, "Too many sessions are being opened at this moment."
	}
	h.handshakes++
	return true, ""
}

func (h *Hub) exitHandshake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handshakes--
	h.closeIfEmpty()
}

// took registers a socket.
func (h *Hub) took(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sockets[c] = struct{}{}
}

// left takes a socket that has ended out of everything.
func (h *Hub) left(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.detach(c)
	delete(h.sockets, c)
	if c.m == nil {
		h.refused--
	}
	h.closeIfEmpty()
}

// closeIfEmpty closes empty exactly once: a closing hub lets no handshake in, and only a handshake makes a socket, so
// there is one last of both. The caller holds mu.
func (h *Hub) closeIfEmpty() {
	if h.closing && len(h.sockets) == 0 && h.handshakes == 0 {
		close(h.empty)
	}
}

// sendAway closes the attached connections one after the other, events going on for those that wait.
func (h *Hub) sendAway(ctx context.Context, spread time.Duration) {
	conns := h.all()
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, c := range conns {
		due := start.Add(spread * time.Duration(i) / time.Duration(len(conns)))
		if wait := time.Until(due); wait > 0 && ctx.Err() == nil {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		c.shut(closeServiceRestart, "the service restarts")
	}
}

package session

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/fanout"
)

// lastSecond is how long who was told last has to answer before everybody who is left is cut off.
const lastSecond = time.Second

// all lists the attached connections, in any order.
func (h *Hub) all() []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*conn, 0, h.total)
	for _, m := range h.users {
		out = append(out, m.conns...)
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
	h.handedOut(ctx)
	h.sendAway(ctx, spread)

	defer h.hall.Close()
	defer h.cancel()
	told := time.NewTimer(lastSecond)
	defer told.Stop()
	for {
		select {
		case <-h.empty:
			return nil
		case <-told.C:
			h.hall.CutOff()
		case <-ctx.Done():
			h.cancel()
			h.emptyOut()
			return ctx.Err()
		}
	}
}

// handedOut waits until the hall has been given what was delivered so far: nobody is sent away before he has it.
func (h *Hub) handedOut(ctx context.Context) {
	reached := make(chan struct{})
	h.enqueue(entry{reached: reached})
	select {
	case <-reached:
	case <-ctx.Done():
	}
}

// emptyOut cuts off whoever is here, and whoever still comes out of a handshake that had begun.
func (h *Hub) emptyOut() {
	again := time.NewTicker(lastSecond / 10)
	defer again.Stop()
	for {
		h.hall.CutOff()
		select {
		case <-h.empty:
			return
		case <-again.C:
		}
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

// took counts a socket.
func (h *Hub) took() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sockets++
}

// left takes a socket that has ended out of everything.
func (h *Hub) left(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.gone = true
	h.detach(c)
	h.sockets--
	if c.m == nil {
		h.refused--
	}
	h.closeIfEmpty()
}

// closeIfEmpty closes empty exactly once: a closing hub lets no handshake in, and only a handshake makes a socket, so
// there is one last of both. The caller holds mu.
func (h *Hub) closeIfEmpty() {
	if h.closing && h.sockets == 0 && h.handshakes == 0 {
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
		c.Shut(fanout.Farewell{Code: closeServiceRestart, Reason: "the service restarts"})
	}
}

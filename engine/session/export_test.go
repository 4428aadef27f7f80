package session

// Settled reports whether everything that was delivered has been handed out. Who connects before that may hear of what
// came before it.
func (h *Hub) Settled() bool {
	h.backlog.Lock()
	defer h.backlog.Unlock()
	return !h.dispatching && len(h.events) == 0
}

package web

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/wsconn"
)

// beat is how often every viewer hears that the line is alive; the page reconnects after 15 s of silence.
const beat = 10 * time.Second

// hub knows every live socket of this node and passes on what changed. It holds no truth: on a hint it looks.
type hub struct {
	s     *Server
	mu    sync.Mutex
	rooms map[id.Event]map[*viewer]struct{}
	stop  context.Context // ends when the node stops
	close context.CancelFunc
}

// viewer is one live socket. me is what its page was told last; it is guarded by the hub's lock.
type viewer struct {
	conn   *wsconn.Conn
	event  id.Event
	ticket id.Ticket
	role   id.Role
	token  string
	epoch  int64
	me     Me
}

func newHub(s *Server) *hub {
	h := &hub{s: s, rooms: map[id.Event]map[*viewer]struct{}{}}
	h.stop, h.close = context.WithCancel(context.Background())
	return h
}

// context ends with the request and with the node.
func (h *hub) context(request context.Context) context.Context {
	ctx, cancel := context.WithCancel(request)
	context.AfterFunc(h.stop, cancel)
	return ctx
}

// join adds a viewer and returns how many there are now.
func (h *hub) join(v *viewer) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[v.event] == nil {
		h.rooms[v.event] = map[*viewer]struct{}{}
	}
	h.rooms[v.event][v] = struct{}{}
	return len(h.rooms[v.event])
}

func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.rooms[v.event], v)
	if len(h.rooms[v.event]) == 0 {
		delete(h.rooms, v.event)
	}
}

// viewers lists the sockets of an event, or of one ticket of it.
func (h *hub) viewers(event id.Event, ticket id.Ticket) []*viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*viewer
	for v := range h.rooms[event] {
		if ticket == "" || v.ticket == ticket {
			out = append(out, v)
		}
	}
	return out
}

func (h *hub) events() []id.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]id.Event, 0, len(h.rooms))
	for e := range h.rooms {
		out = append(out, e)
	}
	return out
}

// run passes hints on until ctx ends, then lets every viewer go; they come back to the next node.
func (h *hub) run(ctx context.Context) error {
	defer h.close()
	hints, unsubscribe := h.s.Bus.Subscribe(bus.SeatTaken, bus.NameChanged, bus.Banned, bus.ChatReady, bus.EventChanged, bus.TicketsChanged)
	defer unsubscribe()
	go h.s.Reactions.Run(ctx, h.reactions)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case hint := <-hints:
			h.handle(ctx, hint)
		case <-tick.C:
			h.beatAll(ctx)
		}
	}
}

// handle looks up what a hint is about and tells whom it concerns.
func (h *hub) handle(ctx context.Context, hint bus.Hint) {
	switch hint.Topic {
	case bus.SeatTaken:
		for _, v := range h.viewers(hint.Event, hint.Ticket) {
			h.checkSeat(ctx, v)
		}
	case bus.NameChanged, bus.Banned:
		for _, v := range h.viewers(hint.Event, hint.Ticket) {
			h.refresh(ctx, v)
		}
	case bus.ChatReady:
		h.broadcast(h.viewers(hint.Event, hint.Ticket), frame{T: "chat"})
	case bus.EventChanged:
		h.eventChanged(ctx, hint.Event)
	case bus.TicketsChanged:
		h.checkRevoked(ctx, hint.Event)
	}
}

// checkSeat ends a socket whose ticket is held by another device.
func (h *hub) checkSeat(ctx context.Context, v *viewer) {
	session, err := h.s.Guard.Holds(ctx, v.token)
	if err == nil && !session.Held {
		reason := "This ticket was opened on another device."
		v.conn.Send(frame{T: "seat", Reason: reason})
		v.conn.Close(wsconn.Kicked, reason)
	}
}

// checkRevoked ends the sockets of tickets that are no longer valid.
func (h *hub) checkRevoked(ctx context.Context, event id.Event) {
	viewers := h.viewers(event, "")
	if len(viewers) == 0 {
		return
	}
	revoked, err := h.s.Gate.Revoked(ctx, event)
	if err != nil {
		h.s.Log.Warn("revoked tickets could not be read", "event", event, "err", err)
		return
	}
	for _, v := range viewers {
		if revoked[v.ticket] {
			reason := "This ticket was cancelled or refunded."
			v.conn.Send(frame{T: "revoked", Reason: reason})
			v.conn.Close(wsconn.Kicked, reason)
		}
	}
}

// refresh reads who a viewer is and tells its page.
func (h *hub) refresh(ctx context.Context, v *viewer) {
	event, err := h.s.Events.Get(ctx, v.event)
	if err != nil {
		return
	}
	device, err := h.s.Guard.Holds(ctx, v.token)
	if err != nil {
		return
	}
	ticket, err := h.s.Gate.Ticket(ctx, v.ticket)
	if err != nil {
		return
	}
	me, err := h.s.meOf(ctx, &visitor{event: event, device: device, ticket: ticket, token: v.token})
	if err != nil {
		h.s.Log.Warn("a viewer could not be refreshed", "err", err)
		return
	}
	h.mu.Lock()
	v.me = *me
	h.mu.Unlock()
	v.conn.Send(frame{T: "me", Me: me})
	v.conn.Send(frame{T: "chat"})
}

// eventChanged tells everybody, and opens or closes the stream for each role without asking the database per viewer.
func (h *hub) eventChanged(ctx context.Context, changed id.Event) {
	viewers := h.viewers(changed, "")
	if len(viewers) == 0 {
		return
	}
	e, err := h.s.Events.Get(ctx, changed)
	if err != nil {
		h.s.Log.Warn("a changed event could not be read", "event", changed, "err", err)
		return
	}
	view := viewOf(e, h.s.now())
	h.broadcast(viewers, frame{T: "event", Event: &view})
	for _, v := range viewers {
		h.mu.Lock()
		v.me.StreamURL = nil
		if mayWatch(e.State, v.role) {
			v.me.StreamURL = &e.StreamURL
		}
		me := v.me
		h.mu.Unlock()
		v.conn.Send(frame{T: "me", Me: &me})
	}
	h.broadcast(viewers, frame{T: "chat"})
}

// beatAll tells every viewer that the line is alive, and catches what a lost hint would have said.
func (h *hub) beatAll(ctx context.Context) {
	for _, event := range h.events() {
		viewers := h.viewers(event, "")
		n := len(viewers)
		h.broadcast(viewers, frame{T: "beat", Now: h.s.now().UnixMilli(), Viewers: &n})
		epochs, err := h.s.Guard.Epochs(ctx, event)
		if err != nil {
			continue
		}
		for _, v := range viewers {
			if epochs[v.ticket] != v.epoch {
				h.checkSeat(ctx, v)
			}
		}
	}
}

// reactions sends the adds of one tick to everybody at the event.
func (h *hub) reactions(event id.Event, counts map[string]int) {
	h.broadcast(h.viewers(event, ""), frame{T: "reactions", Counts: counts})
}

// broadcast encodes once.
func (h *hub) broadcast(viewers []*viewer, f frame) {
	if len(viewers) == 0 {
		return
	}
	text, err := json.Marshal(f)
	if err != nil {
		h.s.Log.Error("a frame could not be encoded", "type", f.T, "err", err)
		return
	}
	for _, v := range viewers {
		v.conn.SendText(text)
	}
}

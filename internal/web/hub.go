package web

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/wsconn"
)

// beat is how often every viewer hears that the line is alive; the page reconnects after 15 s of silence.
const beat = 10 * time.Second

// farewell is how long a stopping node waits for browsers to take its close frame.
const farewell = 3 * time.Second

// hub knows every live socket of this node and passes on what changed. It holds no truth: on a hint it looks.
type hub struct {
	s     *Server
	mu    sync.Mutex
	rooms map[id.Event]map[*viewer]struct{}
	stop  context.Context // ends when the node stops
	close context.CancelFunc
}

// viewer is one live socket.
type viewer struct {
	conn   *wsconn.Conn
	event  id.Event
	ticket id.Ticket
	role   id.Role
	token  string
	epoch  int64

	mu   sync.Mutex // held while something is looked up for, and said to, this viewer: older never follows newer
	me   Me         // what its page was told last
	told time.Time  // UpdatedAt of the event that its page knows
}

func newHub(s *Server) *hub {
	h := &hub{s: s, rooms: map[id.Event]map[*viewer]struct{}{}}
	h.stop, h.close = context.WithCancel(context.Background())
	return h
}

// context ends with the request and with the node. Call the function when the connection has ended.
func (h *hub) context(request context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(request)
	forget := context.AfterFunc(h.stop, cancel)
	return ctx, func() { forget(); cancel() }
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
func (h *hub) viewers(of id.Event, ticket id.Ticket) []*viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*viewer
	for v := range h.rooms[of] {
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
	hints, unsubscribe := h.s.Bus.Subscribe(bus.SeatTaken, bus.NameChanged, bus.Banned, bus.ChatReady, bus.EventChanged, bus.TicketsChanged)
	defer unsubscribe()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { h.s.Reactions.Run(ctx, h.reactions) })
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			h.end()
			return nil
		case hint := <-hints:
			h.handle(ctx, hint)
		case <-tick.C:
			h.beatAll(ctx)
		}
	}
}

// end asks every viewer to come back to another node and waits until they are gone: http.Server.Shutdown does not know
// of upgraded connections.
func (h *hub) end() {
	h.close()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(farewell)
	defer tick.Stop()
	for len(h.events()) > 0 {
		select {
		case <-tick.C:
		case <-late:
			return
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
		h.eventChanged(ctx, hint.Event, h.viewers(hint.Event, ""))
	case bus.TicketsChanged:
		h.checkRevoked(ctx, hint.Event, h.viewers(hint.Event, ""))
	}
}

// checkSeat ends a socket whose device no longer holds its ticket's seat.
func (h *hub) checkSeat(ctx context.Context, v *viewer) {
	session, err := h.s.Guard.Holds(ctx, v.token)
	switch {
	case fault.HasCode(err, "not_admitted"):
		v.kick("seat", "This device has left the show.")
	case err == nil && !session.Held:
		v.kick("seat", "This ticket was opened on another device.")
	}
}

// kick tells a page why it has to go, and that it should stay away.
func (v *viewer) kick(t, reason string) {
	v.conn.Send(frame{T: t, Reason: reason})
	v.conn.Close(wsconn.Kicked, reason)
}

// checkRevoked ends the sockets of tickets that are no longer valid.
func (h *hub) checkRevoked(ctx context.Context, event id.Event, viewers []*viewer) {
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
			v.kick("revoked", "This ticket was cancelled or refunded.")
		}
	}
}

// greet tells a viewer that has joined where it stands. It looks again: what changed between the request's check and
// join was said to nobody.
func (h *hub) greet(ctx context.Context, v *viewer, viewers int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, err := h.look(ctx, v)
	if err != nil {
		return err
	}
	view, me := viewOf(e, h.s.now()), v.me
	v.conn.Send(frame{T: "hello", Event: &view, Me: &me, Viewers: &viewers})
	h.checkSeat(ctx, v)
	return nil
}

// refresh reads who a viewer is and tells its page.
func (h *hub) refresh(ctx context.Context, v *viewer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := h.look(ctx, v); err != nil {
		h.s.Log.Warn("a viewer could not be refreshed", "event", v.event, "err", err)
		return
	}
	me := v.me
	v.conn.Send(frame{T: "me", Me: &me})
	v.conn.Send(frame{T: "chat"})
}

// look reads the truth about a viewer, whose lock the caller holds.
func (h *hub) look(ctx context.Context, v *viewer) (event.Event, error) {
	e, err := h.s.Events.Get(ctx, v.event)
	if err != nil {
		return e, err
	}
	device, err := h.s.Guard.Holds(ctx, v.token)
	if err != nil {
		return e, err
	}
	ticket, err := h.s.Gate.Ticket(ctx, v.ticket)
	if err != nil {
		return e, err
	}
	me, err := h.s.meOf(ctx, &visitor{event: e, device: device, ticket: ticket, token: v.token})
	if err != nil {
		return e, err
	}
	v.me, v.told = *me, e.UpdatedAt
	return e, nil
}

// eventChanged tells viewers, and opens or closes the stream for each role without asking the database per viewer. The
// page opens or closes its chat by what it is told; a crowd that was asked to would ask for its passes all at once.
func (h *hub) eventChanged(ctx context.Context, changed id.Event, viewers []*viewer) {
	if len(viewers) == 0 {
		return
	}
	e, err := h.s.Events.Get(ctx, changed)
	if err != nil {
		h.s.Log.Warn("a changed event could not be read", "event", changed, "err", err)
		return
	}
	view := viewOf(e, h.s.now())
	for _, v := range viewers {
		v.tellEvent(e, &view)
	}
}

func (v *viewer) tellEvent(e event.Event, view *EventView) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.told, v.me.StreamURL = e.UpdatedAt, streamFor(e, v.role)
	me := v.me
	v.conn.Send(frame{T: "event", Event: view})
	v.conn.Send(frame{T: "me", Me: &me})
}

// beatAll tells every viewer that the line is alive, and catches what a lost hint would have said.
func (h *hub) beatAll(ctx context.Context) {
	for _, e := range h.events() {
		viewers := h.viewers(e, "")
		n := len(viewers)
		h.broadcast(viewers, frame{T: "beat", Now: h.s.now().UnixMilli(), Viewers: &n})
		h.checkRevoked(ctx, e, viewers)
		if err := h.catchUp(ctx, e, viewers); err != nil && ctx.Err() == nil {
			h.s.Log.Warn("viewers could not be checked", "event", e, "err", err)
		}
	}
}

// catchUp finds viewers who know less than the database, with three queries for all of them: hints get lost in a rush,
// and those of other processes never arrive.
func (h *hub) catchUp(ctx context.Context, of id.Event, viewers []*viewer) error {
	e, err := h.s.Events.Get(ctx, of)
	if err != nil {
		return err
	}
	epochs, err := h.s.Guard.Epochs(ctx, of)
	if err != nil {
		return err
	}
	list, err := h.s.Desk.List(ctx, of)
	if err != nil {
		return err
	}
	banned := map[id.Ticket]bool{}
	for _, b := range list.Bans {
		_, ticket, _ := id.FromChatUser(b.UserID)
		banned[ticket] = true
	}
	var behind []*viewer
	for _, v := range viewers {
		if epochs[v.ticket] != v.epoch {
			h.checkSeat(ctx, v)
		}
		knowsBan, knowsEvent := v.knows()
		if knowsBan != banned[v.ticket] {
			h.refresh(ctx, v)
		}
		if !knowsEvent.Equal(e.UpdatedAt) {
			behind = append(behind, v)
		}
	}
	h.eventChanged(ctx, of, behind)
	return nil
}

// knows says whether a viewer's page shows a ban, and the state of the event that it has.
func (v *viewer) knows() (banned bool, event time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.me.Banned != nil, v.told
}

// reactions sends the adds of one tick to everybody at the event.
func (h *hub) reactions(of id.Event, counts map[string]int) {
	h.broadcast(h.viewers(of, ""), frame{T: "reactions", Counts: counts})
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

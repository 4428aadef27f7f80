package session

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/fanout"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// member is a user with at least one connection here, or one on the way. Fields are guarded by Hub.mu. There may be one
// for each viewer: what it holds is a few words for each connection and channel.
type member struct {
	arn      arn.ARN
	conns    []*conn
	channels []*place // those that are gone stay until another is added
	reserved int      // connections between reserve and attach or release

	// While the channels are read from the database, what events say about them is kept and applied afterwards:
	// the last word about a channel is then always the last that was committed.
	loaded bool
	read   *reading

	end *fanout.Farewell // not nil: out of the index; connections still on the way are closed with it
}

// reading is the reading of a member's channels.
type reading struct {
	moves []move
	ready chan struct{} // closed when the read has ended; nil before it begins
	err   error         // why it failed
}

type move struct {
	channel arn.ARN
	in      bool
}

// place is a channel that a connected user is a member of, and its room in the hall. Guarded by Hub.mu.
type place struct {
	arn     arn.ARN
	room    *fanout.Room
	members int  // how many of Hub.users list it
	gone    bool // not in Hub.channels any more
}

// verdict is the outcome of a reservation. That the hub is closing has been seen before (Hub.enterHandshake).
type verdict int

const (
	reservedOK verdict = iota
	tooManyOfUser
	tooManyInAll
)

// reserve counts a connection that is about to be made. On reservedOK release or attach has to follow.
func (h *Hub) reserve(user arn.ARN, sessionID string) (*member, verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.users[user]
	if m == nil {
		m = &member{arn: user, read: &reading{}}
	}
	replaced := 0 // connections that attach will end
	for _, c := range m.conns {
		if c.sessionID == sessionID {
			replaced++
		}
	}
	if m.reserved+len(m.conns)-replaced >= h.cfg.MaxPerUser {
		return nil, tooManyOfUser
	}
	if h.cfg.MaxConnections > 0 && h.total-replaced >= h.cfg.MaxConnections {
		return nil, tooManyInAll
	}
	h.users[user] = m
	m.reserved++
	h.total++
	return m, reservedOK
}

// release gives a reservation back.
func (h *Hub) release(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unreserve(m)
}

func (h *Hub) unreserve(m *member) {
	m.reserved--
	h.total--
	h.forgetIfGone(m)
}

// loadTime bounds reading a user's channels from the database.
const loadTime = 5 * time.Second

// load reads the channels of m once for all connections that are waiting for them.
func (h *Hub) load(ctx context.Context, m *member) error {
	h.mu.Lock()
	if m.loaded {
		h.mu.Unlock()
		return nil
	}
	r := m.read
	if ready := r.ready; ready != nil {
		h.mu.Unlock()
		select {
		case <-ready:
			h.mu.Lock()
			defer h.mu.Unlock()
			return r.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.ready = make(chan struct{})
	h.mu.Unlock()

	// Others wait for this read too: it must not end with the request that happened to start it.
	ctx, cancel := context.WithTimeout(h.base, loadTime)
	defer cancel()
	channels, err := h.cfg.Members.ChannelsOf(ctx, m.arn)

	h.mu.Lock()
	defer h.mu.Unlock()
	defer close(r.ready)
	if r.err = err; err != nil {
		m.read = &reading{} // for who comes later
		return err
	}
	m.loaded, m.read = true, nil
	m.channels = make([]*place, 0, len(channels))
	for _, c := range channels {
		h.enter(m, c)
	}
	for _, v := range r.moves {
		h.move(m, v)
	}
	return nil
}

// attach turns a reservation into a connection: from here on every event reaches it, or with hold, waits for it.
// SESSION_ESTABLISHED, behind answer, is its first frame. A connection of the same session ends: a client that comes back
// has given the old one up. The caller holds mu.
func (h *Hub) attach(c *conn, answer []byte, hold bool) {
	m := c.m
	if c.gone {
		h.unreserve(m)
		return
	}
	m.reserved--
	m.conns = append(m.conns, c) // before any other leaves: the last one to leave takes the user out of the index
	for _, old := range slices.Clone(m.conns) {
		if old != c && old.sessionID == c.sessionID {
			h.detach(old)
			old.Shut(fanout.Farewell{Code: closeNormal, Reason: "replaced by a newer connection of this session"})
		}
	}
	end := m.end
	if h.closing && end == nil {
		end = &fanout.Farewell{Code: closeServiceRestart, Reason: "the service restarts"}
	}
	if end != nil {
		h.detach(c)
		c.Send(answer)
		c.Shut(*end)
		return
	}
	rooms := make([]*fanout.Room, 0, len(m.channels))
	for _, ch := range m.channels {
		if !ch.gone {
			rooms = append(rooms, ch.room)
		}
	}
	c.Join(append(answer, h.welcome...), rooms, hold)
}

// expel ends the connections of m, those on the way too, and returns how many were here. Whoever connects afterwards
// is a new member. The caller holds mu.
func (h *Hub) expel(m *member, end fanout.Farewell) int {
	m.end = &end
	if h.users[m.arn] == m {
		delete(h.users, m.arn)
	}
	conns := slices.Clone(m.conns)
	for _, c := range conns {
		h.detach(c)
		c.Shut(end)
	}
	return len(conns)
}

// detach takes c out of the index; it hears nothing more. Calling it again does nothing. The caller holds mu.
func (h *Hub) detach(c *conn) {
	if c.m == nil {
		return
	}
	i := slices.Index(c.m.conns, c)
	if i < 0 {
		return
	}
	c.m.conns = slices.Delete(c.m.conns, i, i+1)
	h.total--
	h.forgetIfGone(c.m)
}

func (h *Hub) forgetIfGone(m *member) {
	if m.reserved > 0 || len(m.conns) > 0 {
		return
	}
	for _, ch := range m.channels {
		h.unlist(ch)
	}
	m.channels = nil
	if h.users[m.arn] == m {
		delete(h.users, m.arn)
	}
}

// moved notes that a user entered or left a channel.
func (h *Hub) moved(user, channel arn.ARN, in bool) {
	if m := h.users[user]; m != nil {
		h.move(m, move{channel, in})
	}
}

func (h *Hub) move(m *member, v move) {
	switch {
	case !m.loaded:
		m.read.moves = append(m.read.moves, v)
	case v.in:
		h.enter(m, v.channel)
	default:
		h.leave(m, v.channel)
	}
}

func (h *Hub) enter(m *member, name arn.ARN) {
	ch := h.channels[name]
	if ch == nil {
		ch = &place{arn: name, room: h.hall.NewRoom()}
		h.channels[name] = ch
	}
	if slices.Contains(m.channels, ch) {
		return
	}
	m.channels = append(slices.DeleteFunc(m.channels, func(ch *place) bool { return ch.gone }), ch)
	ch.members++
	for _, c := range m.conns {
		c.Enter(ch.room)
	}
}

func (h *Hub) leave(m *member, name arn.ARN) {
	ch := h.channels[name]
	i := slices.Index(m.channels, ch)
	if ch == nil || i < 0 {
		return
	}
	for _, c := range m.conns {
		c.Leave(ch.room)
	}
	m.channels = slices.Delete(m.channels, i, i+1)
	h.unlist(ch)
}

// unlist counts a member less, and forgets a channel without any.
func (h *Hub) unlist(ch *place) {
	if ch.members--; ch.members == 0 && !ch.gone {
		ch.gone = true
		delete(h.channels, ch.arn)
	}
}

// dropChannel ends a channel: nobody is in it any more, nor will be who is just connecting.
func (h *Hub) dropChannel(name arn.ARN) {
	if ch := h.channels[name]; ch != nil {
		ch.room.Clear()
		ch.gone = true
		delete(h.channels, name)
	}
	for _, m := range h.users {
		if !m.loaded {
			m.read.moves = append(m.read.moves, move{name, false})
		}
	}
}

// others lists the connected users who are told of e one by one, each once: all who see it when Only says who they are,
// and those who are not in the channel otherwise.
func (h *Hub) others(e core.Event, ch *place) []*member {
	var out []*member
	seen := map[*member]struct{}{}
	for _, list := range [][]arn.ARN{e.Only, e.Also} {
		for _, user := range list {
			m := h.users[user]
			if m == nil || e.Only == nil && ch != nil && slices.Contains(m.channels, ch) {
				continue
			}
			if _, twice := seen[m]; !twice {
				seen[m] = struct{}{}
				out = append(out, m)
			}
		}
	}
	return out
}

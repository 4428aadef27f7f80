package session

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// member is a user with at least one connection here, or one on the way. Fields are guarded by Hub.mu.
type member struct {
	arn      arn.ARN
	conns    map[subscriber]struct{}
	reserved int // connections between reserve and attach or release
	channels map[arn.ARN]struct{}

	// While the channels are read from the database, what events say about them is kept and applied afterwards:
	// the last word about a channel is then always the last that was committed.
	loaded bool
	moves  []move
	ready  chan struct{} // closed when the read has ended
	err    error         // why it failed

	end *farewell // not nil: out of the index; connections still on the way are closed with it
}

type farewell struct {
	code   closeCode
	reason string
}

type move struct {
	channel arn.ARN
	in      bool
}

// subscriber is one session as the index sees it, whatever carries its bytes.
type subscriber interface {
	owner() *member
	name() string // the client's sessionId
	// send queues a frame and never blocks.
	send(frame []byte)
	// shut says goodbye behind what is queued; later calls of send and shut do nothing.
	shut(code closeCode, reason string)
	// check is called once a tick.
	check(now time.Time)
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
		m = &member{arn: user, conns: map[subscriber]struct{}{}, channels: map[arn.ARN]struct{}{}}
	}
	replaced := 0 // connections that attach will end
	for c := range m.conns {
		if c.name() == sessionID {
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
	if ready := m.ready; ready != nil {
		h.mu.Unlock()
		select {
		case <-ready:
			h.mu.Lock()
			defer h.mu.Unlock()
			return m.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.ready = make(chan struct{})
	h.mu.Unlock()

	// Others wait for this read too: it must not end with the request that happened to start it.
	ctx, cancel := context.WithTimeout(h.base, loadTime)
	defer cancel()
	channels, err := h.cfg.Members.ChannelsOf(ctx, m.arn)

	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { close(m.ready); m.ready = nil }()
	if m.err = err; err != nil {
		m.moves = nil
		return err
	}
	for _, c := range channels {
		h.enter(m, c)
	}
	for _, v := range m.moves {
		if v.in {
			h.enter(m, v.channel)
		} else {
			h.leave(m, v.channel)
		}
	}
	m.loaded, m.moves = true, nil
	return nil
}

// attach turns a reservation into a connection: from here on every event reaches it. SESSION_ESTABLISHED is its first
// frame. A connection of the same session ends: a client that comes back has given the old one up. The caller holds mu.
func (h *Hub) attach(c subscriber) {
	m := c.owner()
	m.reserved--
	m.conns[c] = struct{}{} // before any other leaves: the last one to leave takes the user out of the index
	for old := range m.conns {
		if old != c && old.name() == c.name() {
			h.detach(old)
			old.shut(closeNormal, "replaced by a newer connection of this session")
		}
	}
	end := m.end
	if h.closing && end == nil {
		end = &farewell{closeServiceRestart, "the service restarts"}
	}
	if end != nil {
		h.detach(c)
		c.shut(end.code, end.reason)
		return
	}
	c.send(textFrame(established))
}

// expel ends the connections of m, those on the way too, and returns how many were here. Whoever connects afterwards
// is a new member. The caller holds mu.
func (h *Hub) expel(m *member, end farewell) int {
	m.end = &end
	if h.users[m.arn] == m {
		delete(h.users, m.arn)
	}
	n := len(m.conns)
	for c := range m.conns {
		h.detach(c)
		c.shut(end.code, end.reason)
	}
	return n
}

// detach takes c out of the index; it hears nothing more. Calling it again does nothing. The caller holds mu.
func (h *Hub) detach(c subscriber) {
	m := c.owner()
	if m == nil {
		return
	}
	if _, here := m.conns[c]; !here {
		return
	}
	delete(m.conns, c)
	h.total--
	h.forgetIfGone(m)
}

func (h *Hub) forgetIfGone(m *member) {
	if m.reserved > 0 || len(m.conns) > 0 {
		return
	}
	for c := range m.channels {
		h.leave(m, c)
	}
	if h.users[m.arn] == m {
		delete(h.users, m.arn)
	}
}

// moved notes that a user entered or left a channel.
func (h *Hub) moved(user, channel arn.ARN, in bool) {
	m := h.users[user]
	switch {
	case m == nil:
	case !m.loaded:
		m.moves = append(m.moves, move{channel, in})
	case in:
		h.enter(m, channel)
	default:
		h.leave(m, channel)
	}
}

func (h *Hub) enter(m *member, channel arn.ARN) {
	m.channels[channel] = struct{}{}
	if h.channels[channel] == nil {
		h.channels[channel] = map[*member]struct{}{}
	}
	h.channels[channel][m] = struct{}{}
}

func (h *Hub) leave(m *member, channel arn.ARN) {
	delete(m.channels, channel)
	delete(h.channels[channel], m)
	if len(h.channels[channel]) == 0 {
		delete(h.channels, channel)
	}
}

// dropChannel ends a channel: nobody is in it any more, nor will be who is just connecting.
func (h *Hub) dropChannel(channel arn.ARN) {
	for m := range h.channels[channel] {
		h.leave(m, channel)
	}
	for _, m := range h.users {
		if !m.loaded {
			m.moves = append(m.moves, move{channel, false})
		}
	}
}

// recipients lists the connected users who see e, each once.
func (h *Hub) recipients(e core.Event) []*member {
	var out []*member
	seen := map[*member]struct{}{}
	add := func(m *member) {
		if m == nil {
			return
		}
		if _, twice := seen[m]; !twice {
			seen[m] = struct{}{}
			out = append(out, m)
		}
	}
	if e.Only == nil {
		out = make([]*member, 0, len(h.channels[e.Channel])+len(e.Also))
		for m := range h.channels[e.Channel] {
			out = append(out, m)
		}
		for _, user := range e.Also {
			m := h.users[user]
			if _, in := h.channels[e.Channel][m]; !in {
				add(m)
			}
		}
		return out
	}
	for _, user := range append(append([]arn.ARN{}, e.Only...), e.Also...) {
		add(h.users[user])
	}
	return out
}

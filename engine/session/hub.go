// Package session is the messaging session: the WebSocket on which a user's devices receive what happens in the
// user's channels (Amazon Chime SDK developer guide, "Using websockets to receive messages").
//
// Who owns what:
//
//	commit ── Deliver ──► backlog ── dispatch ──► hall: a shard for each part of the connections ──► sockets
//	                     (Hub.events)            (engine/fanout)
//
// Deliver only appends. One dispatch goroutine at a time takes events in commit order, keeps the index of users and
// channels, and hands the encoded frame to the channel's room, once, however many are in it. A session with prefetch
// joins at a mark between two events, and what follows the mark waits until what lies before it has been read
// (prefetch.go). Nothing is ever left out of a stream: a connection that cannot keep up is closed with a code that makes
// Amazon's client come back and read what it missed.
package session

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/fanout"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// Members is what the hub reads when a user connects: the user's channels, in any order. A fault of kind Denied or
// NotFound means that there is no such user. *member.Members is one.
type Members interface {
	ChannelsOf(ctx context.Context, user arn.ARN) ([]arn.ARN, error)
}

// Details is what the hub reads when a session asks for prefetch: one state of the database as CHANNEL_DETAILS events,
// most urgent first. sortBy is "" or a value of prefetch-sort-by. mark must be called in the order of Deliver, when all
// events up to that state have been delivered and no later one; it does not block. *chat.Chat is one.
type Details interface {
	Prefetch(ctx context.Context, user arn.ARN, sortBy string, mark func()) ([]core.Event, error)
}

// Config of a Hub. Authority, Members and Log are needed; the zero value of everything else means its default.
type Config struct {
	Authority *iam.Authority
	Members   Members
	Log       *slog.Logger

	// Details serves prefetch-on=connect; nil means that nothing is told in advance.
	Details Details

	// Origin decides about a browser's Origin header. nil lets every origin in, as the real service does: what a
	// connection may hear hangs on its signed URL, never on a cookie.
	Origin func(origin string) bool

	Limiter        *quota.Limiter // of new connections; nil counts nothing
	MaxPerUser     int            // connections of one user; 10 (Amazon's quota)
	MaxConnections int            // connections in all; no limit
	MaxHandshakes  int            // connections being made; 1,024
	MaxRefused     int            // sockets of those who are being told why they may not; 1,024
	MaxPrefetch    int            // prefetches read from the database at a time, others wait; 4
	QueueBytes     int            // what may wait for a slow reader; 256 KiB
	QueueTime      time.Duration  // how long it may wait; 10 s
	PingEvery      time.Duration  // 20 s; a peer silent for two and a half of these is dead
	Tick           time.Duration  // resolution of pings and of the end of credentials; 1 s
	CloseTime      time.Duration  // how long a peer may take to answer a close frame; 5 s
	MaxBacklog     int            // events that may wait for dispatch before everybody is sent away; 65,536
	Shards         int            // loops that serve the connections; GOMAXPROCS
	Pace           time.Duration  // least time between two writes to all of a large channel; 100 ms, negative for none
	Compress       bool           // clients that offer permessage-deflate get channels' frames compressed, each once for all of them
	Portable       bool           // no use of bare descriptors even where the system could
}

func (c *Config) defaults() {
	set(&c.MaxPerUser, 10)
	set(&c.MaxHandshakes, 1024)
	set(&c.MaxRefused, 1024)
	set(&c.MaxPrefetch, 4)
	set(&c.MaxBacklog, 65536)
}

func set(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// Hub is an http.Handler for /connect and a core.Sink. Close ends it.
type Hub struct {
	cfg  Config
	hall *fanout.Hall

	welcome []byte // the first frame of every session

	backlog     sync.Mutex
	events      []entry
	dispatching bool
	overrun     bool

	mu       sync.Mutex // guards the index (index.go) and what follows
	users    map[arn.ARN]*member
	channels map[arn.ARN]*place // those that a connected user is in
	total    int                // connections and reservations
	closing  bool

	sockets    int           // hijacked ones, those of refused sessions too
	refused    int           // of sockets
	handshakes int           // requests in ServeHTTP
	empty      chan struct{} // closed when closing and no socket or handshake is left

	reading chan struct{}   // a token for each prefetch being read
	base    context.Context // of reading from the database; ends when Close runs out of time
	cancel  context.CancelFunc

	shed atomic.Uint64
}

// New makes a hub and starts its hall.
func New(cfg Config) *Hub {
	cfg.defaults()
	h := &Hub{
		cfg: cfg, users: map[arn.ARN]*member{}, channels: map[arn.ARN]*place{},
		welcome: textFrame(established), empty: make(chan struct{}), reading: make(chan struct{}, cfg.MaxPrefetch),
		hall: fanout.New(fanout.Config{
			Shards: cfg.Shards, QueueBytes: cfg.QueueBytes, QueueTime: cfg.QueueTime, PingEvery: cfg.PingEvery, Tick: cfg.Tick,
			CloseTime: cfg.CloseTime, Pace: cfg.Pace, Deflate: cfg.Compress, Portable: cfg.Portable,
			Expired: fanout.Farewell{Code: closeExpired, Reason: "the credentials have expired, please renew them"},
		}),
	}
	h.base, h.cancel = context.WithCancel(context.Background())
	return h
}

// Stats is a snapshot for a console.
type Stats struct {
	Connections, Users int
	SlowClosed         uint64 // connections closed because their reader was too slow, since the start
	Shed               uint64 // connections refused because the server was full or busy, since the start
	Shards             []fanout.Stats
}

// Stats counts.
func (h *Hub) Stats() Stats {
	out := Stats{Shards: h.hall.Stats(), Shed: h.shed.Load()}
	for _, s := range out.Shards {
		out.SlowClosed += s.SlowClosed
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out.Connections, out.Users = h.total, len(h.users)
	return out
}

// entry is a place in the order of events: an event, the mark at which a connection joins, or a place that somebody waits
// for, who is told when it is reached.
type entry struct {
	event   core.Event
	mark    *mark
	reached chan struct{}
}

// isEvent reports whether nobody waits for the entry itself.
func (e entry) isEvent() bool { return e.mark == nil && e.reached == nil }

// Deliver takes an event to everybody who may see it. It never blocks; events keep their order.
func (h *Hub) Deliver(e core.Event) { h.enqueue(entry{event: e}) }

func (h *Hub) enqueue(e entry) {
	h.backlog.Lock()
	defer h.backlog.Unlock()
	if e.isEvent() && len(h.events) >= h.cfg.MaxBacklog {
		h.events, h.overrun = slices.DeleteFunc(h.events, entry.isEvent), true
	}
	h.events = append(h.events, e)
	if !h.dispatching {
		h.dispatching = true
		go h.dispatch()
	}
}

// dispatch hands out events until there are none. There is never more than one.
func (h *Hub) dispatch() {
	for {
		h.backlog.Lock()
		batch, overrun := h.events, h.overrun
		h.events, h.overrun = nil, false
		if len(batch) == 0 {
			h.dispatching = false
			h.backlog.Unlock()
			return
		}
		h.backlog.Unlock()
		if overrun {
			h.sendAllAway()
		}
		for _, e := range batch {
			h.hall.Await() // what waits for the sockets waits here, where it is counted
			switch {
			case e.mark != nil:
				h.join(e.mark)
			case e.reached != nil:
				close(e.reached)
			default:
				h.handOut(e.event)
			}
		}
	}
}

// handOut brings the index up to date with e and queues its frame for its recipients.
func (h *Hub) handOut(e core.Event) {
	if e.Type == core.EventUserDeleted {
		h.endUsers(e.Only)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, user := range e.Joined {
		h.moved(user, e.Channel, true)
	}
	ch := h.channels[e.Channel]
	others := h.others(e, ch)
	if toRoom := e.Only == nil && ch != nil; toRoom || len(others) > 0 {
		frame, err := encode(e)
		if err != nil {
			// A payload of ours that is no JSON is a bug; to skip it silently would hide a line from everybody.
			h.cfg.Log.Error("event not deliverable", "type", e.Type, "channel", e.Channel, "err", err)
		} else {
			h.tell(frame, e, ch, toRoom, others)
		}
	}
	for _, user := range e.Left {
		h.moved(user, e.Channel, false)
	}
	if e.Gone {
		h.dropChannel(e.Channel)
	}
}

// tell hands a frame to the hall. Only lines that people say may wait a moment for each other: what moderators do, and
// what happens to the channel, is told at once.
func (h *Hub) tell(frame []byte, e core.Event, ch *place, toRoom bool, others []*member) {
	if toRoom {
		ch.room.Publish(frame, e.Type != core.EventCreateMessage || e.MessageType != "STANDARD")
	}
	for _, m := range others {
		for _, c := range m.conns {
			c.Send(frame)
		}
	}
}

// sendAllAway closes every connection because events were lost on the way to it. The index starts afresh: a user who
// comes back is read from the database again.
func (h *Hub) sendAllAway() {
	h.cfg.Log.Error("events arrive faster than they can be handed out; every session has to come back", "limit", h.cfg.MaxBacklog)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.users {
		h.expel(m, fanout.Farewell{Code: closeTryAgainLater, Reason: "events were lost, please reconnect"})
	}
}

// endUsers closes the connections of users that exist no more.
func (h *Hub) endUsers(users []arn.ARN) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, user := range users {
		if m := h.users[user]; m != nil {
			h.expel(m, fanout.Farewell{Code: closeForbidden, Reason: "the user was deleted"})
		}
	}
}

// maxReason is what a close frame has room for beside its code (RFC 6455, section 5.5).
const maxReason = 123

// Kick closes every connection of a user, those being made too, with 4003, which tells Amazon's client to stay away, and
// returns how many were open. The reason may be shown to a person; at most 123 bytes of it are sent. It says nothing
// about later connections: take the credentials away first. Connections to other processes are not touched.
func (h *Hub) Kick(user arn.ARN, reason string) int {
	reason = strings.ToValidUTF8(reason, "")
	for len(reason) > maxReason {
		_, last := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-last]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.users[user]
	if m == nil {
		return 0
	}
	return h.expel(m, fanout.Farewell{Code: closeForbidden, Reason: reason})
}

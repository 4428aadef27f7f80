// Package fanout holds many WebSockets and says the same thing to all of them, at about the price of one system call each.
//
//	Publish ──► queue of every shard ──► buffer of the room ──► pass: one write to each connection ──► sockets
//	Send, Enter, Leave, Shut ──► queue of the connection's shard
//
// A Hall has a few shards. A shard is one goroutine that owns its connections outright: no lock is on the way to a
// socket, and a healthy connection has no goroutine, timer, channel or buffer. What is asked of a connection and what is
// published to a room goes through the queue of the shard, in order. A large room has connections in every shard.
//
// A room's frames are one stream of bytes in each shard, and a connection's seat in the room is a position in it. A pass
// writes to each seat everything from its position to the end: frames that have come meanwhile share one write (room.go).
// Who leaves, or is told something alone, is first given the rest of the stream, so the order in a room is exact.
//
// A socket that takes less than it was given keeps the rest by reference (late.go). Nothing is ever left out of a stream:
// who falls too far behind is closed with a code that makes clients come back and read what they missed.
//
// How bytes get to the peer is a link: a bare descriptor in an epoll set (bare_linux.go), or any net.Conn with a reading
// goroutine and, while something waits, a writing one (piped.go).
package fanout

import (
	"cmp"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// Farewell is what a close frame says.
type Farewell struct {
	Code   ws.StatusCode
	Reason string // at most 123 bytes
}

// Config of a Hall. The zero value of every field means its default.
type Config struct {
	Shards     int           // GOMAXPROCS
	QueueBytes int           // what may wait for a slow reader; 256 KiB
	QueueTime  time.Duration // how long it may wait; 10 s
	PingEvery  time.Duration // 20 s, before home routers forget a connection; a peer silent for two and a half of these is dead
	Tick       time.Duration // resolution of all of these but Pace; 1 s
	CloseTime  time.Duration // how long a peer may take to answer a close frame; 5 s
	Expired    Farewell      // of a connection whose time is over (Terms.Until)
	Pace       time.Duration // least time between two passes over a large room; 100 ms, negative for none. Half as much more if they take long, up to a second if the shard is busy
	SmallRoom  int           // connections of a room in a shard below which it is not large; 200: a millisecond or two of writing
	Deflate    bool          // rooms have a compressed form of their frames for connections that take it
	Portable   bool          // links over net.Conn even where descriptors could be had

	slice int // writes that a pass makes before another room gets its turn; 512: a few milliseconds
}

func (c *Config) defaults() {
	set(&c.Shards, runtime.GOMAXPROCS(0))
	set(&c.QueueBytes, 256<<10)
	set(&c.QueueTime, 10*time.Second)
	set(&c.PingEvery, 20*time.Second)
	set(&c.Tick, time.Second)
	set(&c.CloseTime, 5*time.Second)
	set(&c.Pace, 100*time.Millisecond)
	set(&c.SmallRoom, 200)
	set(&c.slice, 512)
}

func set[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Hall is a set of connections. Safe for concurrent use; what one goroutine asks of a connection or a room happens in the
// order in which it asks. It never waits for a peer.
type Hall struct {
	cfg      Config
	shards   []*shard
	deflater deflater
}

// New makes a hall and starts its shards. Close ends them.
func New(cfg Config) *Hall {
	cfg.defaults()
	h := &Hall{cfg: cfg, shards: make([]*shard, cfg.Shards)}
	start := time.Now()
	for i := range h.shards {
		h.shards[i] = newShard(&h.cfg, i, start)
		go h.shards[i].run()
	}
	return h
}

// Await returns when every shard has done most of what was asked of it. It is the one method that waits: who publishes what
// others write calls it now and then, or a hall that cannot keep up fills the memory.
func (h *Hall) Await() {
	for _, s := range h.shards {
		s.await()
	}
}

// Close ends the shards. Every connection must have ended before, and none may be taken after.
func (h *Hall) Close() {
	for _, s := range h.shards {
		s.post(func() { s.closing = true })
	}
	for _, s := range h.shards {
		<-s.stopped
		s.polling.close()
	}
}

// Guest is whose connection it is.
type Guest interface {
	// Gone is called once, when the socket is closed and nothing refers to it any more. It must not wait for the hall.
	Gone()
}

// Terms are what a connection is under.
type Terms struct {
	Until   time.Time // when it expires; zero for never
	Deflate bool      // the peer takes compressed frames (permessage-deflate without context takeover)
}

// Take takes over a socket on which the WebSocket handshake has been read; the answer to it is for the caller to send.
// early is what the peer has sent since. The shard with the fewest connections gets it.
func (h *Hall) Take(socket net.Conn, early []byte, guest Guest, terms Terms) *Conn {
	s := h.emptiest()
	c := s.newConn(guest, terms)
	if b, poll := s.descriptor(socket); b != nil {
		return c.begin(b, poll, early)
	}
	return c.begin(newPiped(c, socket), nil, early)
}

// TakeDescriptor is Take for a socket that somebody else goes on to have: all that he finds is that it is closed. nil if it has
// no descriptor to give, and then nothing has happened to it.
func (h *Hall) TakeDescriptor(socket net.Conn, guest Guest, terms Terms) *Conn {
	s := h.emptiest()
	b, poll := s.descriptor(socket)
	if b == nil {
		return nil
	}
	return s.newConn(guest, terms).begin(b, poll, nil)
}

// Parted is a connection that counts as open after its Close: Part closes it, and free says that its descriptor, which lives on
// here, is closed, too.
type Parted interface {
	net.Conn
	Part() (free func())
}

func (h *Hall) emptiest() *shard {
	return slices.MinFunc(h.shards, func(a, b *shard) int { return cmp.Compare(a.taken.Load(), b.taken.Load()) })
}

// newConn makes a connection that has yet to begin.
func (s *shard) newConn(guest Guest, terms Terms) *Conn {
	c := &Conn{shard: s, guest: guest, expires: never, until: never, flat: terms.Deflate && s.cfg.Deflate}
	if !terms.Until.IsZero() {
		c.expires = s.now() + time.Until(terms.Until)
	}
	return c
}

// descriptor takes the one of a socket, unless that has none or the bytes are to travel over net.Conn.
func (s *shard) descriptor(socket net.Conn) (*bare, *poller) {
	if s.cfg.Portable {
		return nil, nil
	}
	return takeDescriptor(s, socket)
}

// begin gives a connection its link and its place in the shard. The poller is nil for a piped one.
func (c *Conn) begin(l link, poll *poller, early []byte) *Conn {
	c.link = l
	c.shard.taken.Add(1)
	c.shard.post(func() { c.shard.add(c, poll, early) })
	return c
}

// CutOff closes every socket without a word.
func (h *Hall) CutOff() {
	for _, s := range h.shards {
		s.post(func() {
			for _, c := range s.slots {
				if c != nil {
					c.end()
				}
			}
		})
	}
}

// Stats are the figures of a shard; sums are since its start.
type Stats struct {
	Connections int
	QueuedBytes int           // that wait for slow readers
	Deliveries  uint64        // frames times those they were for
	Writes      uint64        // to sockets
	Bytes       uint64        // written
	Passes      uint64        // over rooms
	PassTime    time.Duration // spent in them
	SlowClosed  uint64        // connections closed because their reader was too slow
}

// Stats returns the figures of every shard.
func (h *Hall) Stats() []Stats {
	out := make([]Stats, len(h.shards))
	for i, s := range h.shards {
		out[i] = s.figures()
	}
	return out
}

// never is later than everything.
const never = time.Duration(1<<63 - 1)

// count is an atomic counter that is cheap to have many of.
type count = atomic.Int32

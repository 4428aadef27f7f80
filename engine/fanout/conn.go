package fanout

import (
	"time"

	"github.com/gobwas/ws"
)

// link carries the bytes of one connection. Only the connection's shard calls it.
type link interface {
	// start begins to read; false means that the socket is unusable.
	start(c *Conn) bool
	// write sends what can be sent of b without waiting and returns how much that was. When it was not all, b must stay
	// as it is and Conn.late has to be flushed when the link says so.
	write(b []byte) (int, error)
	// flush does the same with what is late.
	flush(late []chunk) (int, error)
	// keeps reports whether even what write is given when nothing is late is referred to for a while.
	keeps() bool
	// flying is how many of the late bytes the link has taken but not yet written: they cannot be taken back.
	flying() int
	// rinse throws away what has come in and not been read: closing a socket over it would destroy what was sent last.
	rinse()
	// close closes the socket and calls gone when nothing refers to it any more.
	close(gone func())
}

// Conn is one WebSocket. Its exported methods may be called by everybody; everything else is the shard's.
type Conn struct {
	shard *shard
	link  link
	guest Guest

	seats []seat
	late  *late  // nil when the peer has everything
	carry []byte // the beginning of a frame of the peer

	expires, heard, ping, until time.Duration // until is when a connection that is closing is cut off
	window                      time.Duration // since when frames are counted
	wake                        int64         // the next tick in the wheel
	slot                        int32
	thrown                      int32 // bytes of a deaf connection
	frames                      uint8

	shutting bool // a close frame is on its way or out: nothing follows it
	said     bool // it is out
	parting  bool // the peer has closed, or cannot be understood: the socket ends with our close frame
	deaf     bool // what the peer sends is thrown away
	ended    bool // the socket is closed

	flat bool // takes compressed frames; never changes
}

// seat is a connection's place in a room: part.subs[at].
type seat struct {
	part *part
	at   int32
}

// Send sends a frame, behind everything that was published to the connection's rooms until now.
func (c *Conn) Send(frame []byte) {
	c.shard.post(func() {
		c.catchUp()
		c.shard.stats.Deliveries++
		c.write(frame)
	})
}

// Join sends a frame and enters rooms, all in one step. With hold everything that comes after the frame waits for Proceed.
func (c *Conn) Join(frame []byte, rooms []*Room, hold bool) {
	for _, r := range rooms {
		r.of(c).seats.Add(1)
	}
	c.shard.post(func() {
		c.write(frame)
		if hold {
			c.hold()
		}
		for _, r := range rooms {
			r.of(c).enter(c)
		}
	})
}

// Proceed sends frames, as much as they may be, then what was held, and holds no more.
func (c *Conn) Proceed(frames [][]byte) { c.shard.post(func() { c.proceed(frames) }) }

// Enter lets the connection hear what is published from here on. To enter twice is to enter once.
func (c *Conn) Enter(room *Room) {
	p := room.of(c)
	p.seats.Add(1)
	c.shard.post(func() { p.enter(c) })
}

// Leave ends that, after everything that was published before.
func (c *Conn) Leave(room *Room) {
	p := room.of(c)
	c.shard.post(func() { c.leave(p) })
}

// Shut says goodbye behind everything that was sent and published; calls after the first do nothing.
func (c *Conn) Shut(f Farewell) { c.shard.post(func() { c.shut(f) }) }

// over reports whether nothing more can be sent.
func (c *Conn) over() bool { return c.shutting || c.ended }

// seat returns the index of the seat in p, or -1.
func (c *Conn) seat(p *part) int {
	for i := range c.seats {
		if c.seats[i].part == p {
			return i
		}
	}
	return -1
}

// catchUp gives c the rest of every room's stream. Who turns out to be too slow for it has no seats left.
func (c *Conn) catchUp() {
	for i := 0; i < len(c.seats); i++ {
		c.seats[i].part.give(c.seats[i].at)
	}
}

func (c *Conn) leave(p *part) {
	i := c.seat(p)
	if i < 0 {
		return
	}
	if p.give(c.seats[i].at); len(c.seats) == 0 {
		return // too slow for it
	}
	at, last := c.seats[i].at, len(c.seats)-1
	c.seats[i] = c.seats[last]
	c.seats[last] = seat{}
	c.seats = c.seats[:last]
	p.remove(at)
}

// rise gives up every seat.
func (c *Conn) rise() {
	seats := c.seats
	c.seats = nil
	for _, s := range seats {
		s.part.remove(s.at)
	}
}

// write sends b, or keeps it until the peer can take it, and reports whether it is still referred to.
func (c *Conn) write(b []byte) (kept bool) {
	if c.over() {
		return false
	}
	if c.late.waits() {
		return c.queue(b)
	}
	return c.push(b)
}

// push sends b with nothing before it.
func (c *Conn) push(b []byte) (kept bool) {
	n, err := c.link.write(b)
	c.shard.stats.Writes++
	c.shard.stats.Bytes += uint64(n) //nolint:gosec // a write writes no less than nothing
	switch {
	case err != nil:
		c.end()
		return false
	case n == len(b):
		return false
	}
	c.append(b, n)
	return true
}

func (c *Conn) shut(f Farewell) {
	if c.over() {
		return
	}
	if c.catchUp(); !c.over() {
		c.late.unhold(c.shard)
		c.close(closeFrame(f))
	}
}

// close sends the last frame.
func (c *Conn) close(frame []byte) {
	c.rise()
	if c.late.waits() {
		c.append(frame, 0)
	} else {
		c.push(frame)
	}
	c.shutting = true
	if !c.ended && !c.late.waits() {
		c.goodbye()
	}
}

// goodbye is called when the close frame is out: the peer has CloseTime to answer it, unless it is the answer.
func (c *Conn) goodbye() {
	c.said = true
	if c.parting {
		c.end()
		return
	}
	c.until = c.shard.now() + c.shard.cfg.CloseTime
	c.shard.wheel.put(c, c.until)
}

// end closes the socket.
func (c *Conn) end() {
	if c.ended {
		return
	}
	c.ended = true
	c.rise()
	c.late.drop(c.shard)
	c.late, c.carry = nil, nil
	c.shard.remove(c)
	if c.deaf {
		c.link.rinse()
	}
	link, guest := c.link, c.guest
	c.link, c.guest = nil, nil // the wheel may know c for another minute
	link.close(guest.Gone)
}

// due is when check has to be called.
func (c *Conn) due() time.Duration {
	if c.shutting {
		return min(c.until, c.late.due())
	}
	return min(c.expires, c.ping, c.deadline(), c.late.due())
}

// deadline is when a silent peer counts as dead: two pings unanswered.
func (c *Conn) deadline() time.Duration { return c.heard + c.shard.cfg.PingEvery*5/2 }

// check does what is due.
func (c *Conn) check(now time.Duration) {
	switch {
	case c.shutting:
		if now >= c.due() {
			c.end()
		}
	case now >= c.late.due():
		c.tooSlow()
	case now >= c.deadline():
		c.end()
	case now >= c.expires:
		c.shut(c.shard.cfg.Expired)
	case now >= c.ping:
		c.ping = now + c.shard.cfg.PingEvery
		c.say(ws.CompiledPing)
	}
}

func closeFrame(f Farewell) []byte {
	return ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(f.Code, f.Reason))) // writing to memory cannot fail
}

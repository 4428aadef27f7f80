package fanout

import (
	"encoding/binary"
	"time"

	"github.com/gobwas/ws"
)

// lastSecond is what a reader that is too slow gets to finish the frame it is in, so that the close frame can follow.
const lastSecond = time.Second

// chunk is some frames that wait for the peer: b[sent:].
type chunk struct {
	b    []byte
	sent int
	due  time.Duration // when the peer counts as too slow if they still wait
}

// late is what a connection has still to be given. Its bytes are shared with all who are late, never a copy of its own.
type late struct {
	chunks []chunk
	bytes  int // of chunks
	room   int // what may wait beside the limit until nothing waits

	// Between Join with hold and Proceed what is written waits here, behind chunks.
	holding   bool
	held      [][]byte
	heldBytes int
}

// waits reports whether what is written has to wait for something else.
func (l *late) waits() bool { return l != nil && (l.holding || len(l.chunks) > 0) }

func (l *late) due() time.Duration {
	if l == nil || len(l.chunks) == 0 {
		return never
	}
	return l.chunks[0].due
}

// unhold forgets what is held.
func (l *late) unhold(s *shard) {
	if l != nil {
		s.stats.QueuedBytes -= l.heldBytes
		l.holding, l.held, l.heldBytes = false, nil, 0
	}
}

func (l *late) drop(s *shard) {
	if l != nil {
		l.unhold(s)
		s.stats.QueuedBytes -= l.bytes
		l.chunks, l.bytes = nil, 0
	}
}

// queue keeps b because something waits already. Who has too much waiting is told to come back; the frames they have not
// got by then are dropped together with the connection, never on their own.
func (c *Conn) queue(b []byte) (kept bool) {
	l, limit := c.late, c.shard.cfg.QueueBytes
	switch {
	case l.holding && l.heldBytes+len(b) > limit, !l.holding && l.bytes+len(b) > limit+l.room:
		c.tooSlow()
		return false
	case l.holding:
		l.held = append(l.held, b)
		l.heldBytes += len(b)
		c.shard.stats.QueuedBytes += len(b)
	default:
		c.append(b, 0)
	}
	return true
}

// append lets b wait, without a limit. What is beyond the limit may take that much longer.
func (c *Conn) append(b []byte, sent int) {
	if c.late == nil {
		c.late = &late{}
	}
	l, cfg := c.late, c.shard.cfg
	due := c.shard.now() + cfg.QueueTime*time.Duration(1+l.bytes/cfg.QueueBytes)
	l.chunks = append(l.chunks, chunk{b, sent, due})
	l.bytes += len(b) - sent
	c.shard.stats.QueuedBytes += len(b) - sent
	c.shard.wheel.put(c, l.due())
}

// say sends b before what is held.
func (c *Conn) say(b []byte) {
	if c.over() {
		return // the frame before it met a broken socket
	}
	if c.late != nil && len(c.late.chunks) > 0 {
		c.append(b, 0)
	} else {
		c.push(b)
	}
}

func (c *Conn) hold() {
	if c.over() {
		return
	}
	if c.late == nil {
		c.late = &late{}
	}
	c.late.holding = true
}

func (c *Conn) proceed(frames [][]byte) {
	if c.over() {
		return
	}
	room, held := 0, c.late.held
	c.late.unhold(c.shard)
	for _, frame := range frames {
		room += len(frame)
		c.say(frame)
	}
	for _, frame := range held {
		c.say(frame)
	}
	if c.late.waits() {
		c.late.room = room
	} else {
		c.late = nil
	}
}

// flush writes what is late.
func (c *Conn) flush() {
	if c.late == nil || len(c.late.chunks) == 0 {
		return
	}
	n, err := c.link.flush(c.late.chunks)
	c.wrote(n, err)
}

// wrote takes n bytes off what is late. An error is one of the socket: in the middle of a frame nothing can be said, the
// peer sees 1006 and comes back.
func (c *Conn) wrote(n int, err error) {
	if c.ended {
		return
	}
	l := c.late
	l.bytes -= n
	c.shard.stats.QueuedBytes -= n
	c.shard.stats.Bytes += uint64(n) //nolint:gosec // a write writes no less than nothing
	for n > 0 {
		head := &l.chunks[0]
		if left := len(head.b) - head.sent; n < left {
			head.sent += n
			break
		} else {
			n -= left
		}
		*head = chunk{}
		l.chunks = l.chunks[1:]
	}
	switch {
	case err != nil:
		c.end()
	case len(l.chunks) == 0:
		l.chunks, l.room = nil, 0
		if !l.holding {
			c.late = nil
		}
		if c.shutting {
			c.goodbye()
		}
	}
}

// tooSlow drops what waits, up to the end of the frame under way, and says that the peer should come back.
func (c *Conn) tooSlow() {
	s := c.shard
	s.stats.SlowClosed++
	c.rise()
	keep := c.late.underWay(c.link.flying())
	c.late.drop(s)
	for _, k := range keep {
		c.append(k.b, k.sent)
	}
	c.close(closeFrame(Farewell{ws.StatusCode(1013), "too slow, please reconnect"}))
	if c.late != nil && len(c.late.chunks) > 0 {
		for i := range c.late.chunks {
			c.late.chunks[i].due = s.now() + lastSecond
		}
		s.wheel.put(c, c.due())
	}
}

// underWay returns the chunks that cannot be taken back: what the link is writing, or the frame of which a part is out.
func (l *late) underWay(flying int) []chunk {
	if len(l.chunks) == 0 {
		return nil
	}
	n := 0
	for ; flying > 0; n++ {
		flying -= len(l.chunks[n].b) - l.chunks[n].sent
	}
	if n > 0 {
		return l.chunks[:n:n]
	}
	head := l.chunks[0]
	if head.b = head.b[:frameEnd(head.b, head.sent)]; len(head.b) == head.sent {
		return nil
	}
	return []chunk{head}
}

// frameEnd returns where the frame ends of which b[at-1] is a byte. b is frames of ours.
func frameEnd(b []byte, at int) int {
	end := 0
	for end < at {
		head := headerSize(b[end:])
		switch n := b[end+1]; n {
		case 126:
			end += head + int(binary.BigEndian.Uint16(b[end+2:]))
		case 127:
			end += head + int(binary.BigEndian.Uint64(b[end+2:])) //nolint:gosec // a frame that is in memory
		default:
			end += head + int(n)
		}
	}
	return end
}

// headerSize is how long the header of a frame of ours is.
func headerSize(frame []byte) int {
	switch frame[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

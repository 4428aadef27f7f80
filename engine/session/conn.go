package session

import (
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

type closeCode = ws.StatusCode

const closeNormal = ws.StatusNormalClosure

// conn is one WebSocket over a hijacked net.Conn.
//
// Whoever queues the first frame starts a flushing goroutine, which ends when nothing waits: an idle connection costs
// its reader only. The reader alone closes the socket at the end, except that a failed write closes it to wake the reader.
type conn struct {
	hub       *Hub
	socket    net.Conn
	m         *member // nil for a session that is refused
	sessionID string
	expires   time.Time // end of the credentials; zero for never

	mu       sync.Mutex
	queue    net.Buffers
	waiting  int // bytes in queue and in the write under way
	flushing bool
	shutting bool // a close frame is queued or sent; nothing follows it
	hurried  bool // too slow: little time is left for what is under way
	parting  bool // the peer has sent its close frame
	nextPing time.Time

	// While the prefetch is being read, what happens is kept in held; room is what the prefetch may take beside the
	// limit of the queue until the peer has read it all.
	holding   bool
	held      net.Buffers
	heldBytes int
	room      int
}

func (c *conn) owner() *member { return c.m }
func (c *conn) name() string   { return c.sessionID }

// send queues a frame. A reader so slow that too much waits is told to come back later; the frames it has not got
// by then are dropped together with the connection, never on their own.
func (c *conn) send(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutting {
		return
	}
	if c.holding {
		if c.heldBytes += len(frame); c.heldBytes > c.hub.cfg.QueueBytes {
			c.tooSlow()
			return
		}
		c.held = append(c.held, frame)
		return
	}
	if c.waiting > 0 && c.waiting+len(frame) > c.hub.cfg.QueueBytes+c.room {
		c.tooSlow()
		return
	}
	c.push(frame)
}

// hold keeps back what is sent from now on.
func (c *conn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = true
}

// proceed sends first, then what was held, then goes on as usual.
func (c *conn) proceed(first [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutting {
		return
	}
	for _, frame := range first {
		c.room += len(frame)
		c.push(frame)
	}
	for _, frame := range c.held {
		c.push(frame)
	}
	c.holding, c.held, c.heldBytes = false, nil, 0
}

// push queues without a limit; c.mu is held.
func (c *conn) push(frame []byte) {
	c.queue = append(c.queue, frame)
	c.waiting += len(frame)
	if !c.flushing {
		c.flushing = true
		go c.flush()
	}
}

// lastSecond is what a reader that is too slow gets to finish the frame it is in, so that the close frame can follow.
const lastSecond = time.Second

// tooSlow drops the queue and says that the peer should come back; c.mu is held.
func (c *conn) tooSlow() {
	c.hub.slow.Add(1)
	c.shutting = true
	c.queue, c.held, c.hurried = nil, nil, true
	_ = c.socket.SetWriteDeadline(time.Now().Add(lastSecond))
	c.push(closeFrame(closeTryAgainLater, "too slow, please reconnect"))
}

func (c *conn) shut(code closeCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutting {
		return
	}
	c.shutting, c.held = true, nil
	c.push(closeFrame(code, reason))
}

// batch takes from the queue what one write is to carry: all of it, unless that is more than a slow line can take in
// the time of a write. c.mu is held.
func (c *conn) batch() net.Buffers {
	n, bytes := 0, 0
	for n < len(c.queue) && (n == 0 || bytes+len(c.queue[n]) <= c.hub.cfg.QueueBytes) {
		bytes += len(c.queue[n])
		n++
	}
	batch := c.queue[:n:n]
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return batch
}

// flush writes what is queued, as much as fits in one system call, until nothing is left.
func (c *conn) flush() {
	for {
		c.mu.Lock()
		batch := c.batch()
		if len(batch) == 0 {
			c.flushing, c.room = false, 0
			over := c.shutting && c.sayGoodbye()
			c.mu.Unlock()
			if over {
				_ = c.socket.Close()
			}
			return
		}
		limit := c.hub.cfg.QueueTime
		if c.hurried {
			limit = lastSecond
		}
		_ = c.socket.SetWriteDeadline(time.Now().Add(limit))
		c.mu.Unlock()

		n, err := batch.WriteTo(c.socket) // batch is consumed; n counts all of it unless err
		c.mu.Lock()
		c.waiting -= int(n)
		if err != nil {
			if !c.shutting && isTimeout(err) {
				c.hub.slow.Add(1)
			}
			c.flushing, c.shutting, c.queue = false, true, nil
			c.mu.Unlock()
			_ = c.socket.Close() // in the middle of a frame nothing can be said: the peer sees 1006 and comes back
			return
		}
		c.mu.Unlock()
	}
}

// sayGoodbye is called when the close frame is out: the peer gets CloseTime to answer, unless it already has and all is
// over. c.mu is held, and so the caller closes the socket: over TLS that waits for a peer that does not read.
func (c *conn) sayGoodbye() (over bool) {
	if !c.parting {
		_ = c.socket.SetReadDeadline(time.Now().Add(c.hub.cfg.CloseTime))
	}
	return c.parting
}

// check ends the session with its credentials and pings.
func (c *conn) check(now time.Time) {
	if !c.expires.IsZero() && !now.Before(c.expires) {
		c.shut(closeExpired, "the credentials have expired, please renew them")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutting || now.Before(c.nextPing) {
		return
	}
	c.nextPing = now.Add(c.hub.cfg.PingEvery)
	c.push(ws.CompiledPing)
}

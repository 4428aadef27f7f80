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
	if c.waiting > 0 && c.waiting+len(frame) > c.hub.cfg.QueueBytes {
		c.tooSlow()
		return
	}
	c.push(frame)
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
	c.queue, c.hurried = nil, true
	_ = c.socket.SetWriteDeadline(time.Now().Add(lastSecond))
	c.push(closeFrame(closeTryAgainLater, "too slow, please reconnect"))
}

func (c *conn) shut(code closeCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shutting {
		return
	}
	c.shutting = true
	c.push(closeFrame(code, reason))
}

// flush writes what is queued, everything that has come together in one system call, until nothing is left.
func (c *conn) flush() {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		if len(batch) == 0 {
			c.flushing = false
			if c.shutting {
				c.sayGoodbye()
			}
			c.mu.Unlock()
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

// sayGoodbye is called when the close frame is out: the peer gets CloseTime to answer, unless it already has; c.mu is held.
func (c *conn) sayGoodbye() {
	if c.parting {
		_ = c.socket.Close()
		return
	}
	_ = c.socket.SetReadDeadline(time.Now().Add(c.hub.cfg.CloseTime))
}

// check ends the session with its credentials and pings.
func (c *conn) check(now time.Time) {
	if !c.expires.IsZero() && !now.Before(c.expires) {
		c.shut(closeUnauthorized, "the credentials have expired")
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

// Package wsconn is one browser's WebSocket: one reader, one ordered and bounded writer, an end with a meaning.
//
// The code that makes frames never waits for a network: Send queues or, when the peer cannot keep up, ends the
// connection. Nothing is ever dropped from the middle: a peer sees a gapless prefix of what was sent and then a close
// code that says whether to come back.
//
// Goroutines of a connection: the caller of Run reads and calls onMessage; one writes; one pings. All three have ended
// when Run returns.
package wsconn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Code is a WebSocket close code (RFC 6455, section 7.4). It tells the browser whether to come back.
type Code uint16

// The codes we send. After every code but Kicked a browser reconnects with full jitter; so it does when the connection
// just breaks (1006).
const (
	GoingAway   Code = 1001 // this node stops: come back, another one or its successor answers
	Unsupported Code = 1003 // the peer sent a binary message: come back, this one is of no use any more
	TooSlow     Code = 1013 // the peer did not read what was sent: come back and get the present state
	// Kicked means: do not come back by yourself, a person has to act (the seat was taken, the ticket revoked). The
	// number is the one for which Amazon's messaging session stays away too.
	Kicked Code = 4003
)

// Final reports whether a peer that got this code should stay away.
func (c Code) Final() bool { return c == Kicked }

// Options of a connection. The zero value is right for the platform's live socket.
type Options struct {
	// Origins are further origins ("https://host") whose pages may connect. A page of the request's own host always
	// may. Browsers cannot leave the Origin header out; a request without one is no browser and brings no stolen cookie.
	Origins []string
	// ReadLimit is the largest message taken from the peer, in bytes; nothing larger is ever in memory. 0 means 1024:
	// the browser sends one emoji in some JSON.
	ReadLimit int64
	// QueueBytes is how much may wait for the peer, the frame that is being written included. 0 means 256 KiB: a
	// minute of a busy show for a phone that went through a tunnel.
	QueueBytes int
	// PingEvery is how often the peer is asked for a sign of life; 0 means 20 s, less than the usual 30–60 s after
	// which home routers and proxies forget an idle connection.
	PingEvery time.Duration
	// PongWithin is how long the sign of life may take; 0 means 10 s. A dead peer is noticed after at most the sum.
	PongWithin time.Duration
}

func (o Options) withDefaults() Options {
	if o.ReadLimit == 0 {
		o.ReadLimit = 1024
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = 256 << 10
	}
	if o.PingEvery == 0 {
		o.PingEvery = 20 * time.Second
	}
	if o.PongWithin == 0 {
		o.PongWithin = 10 * time.Second
	}
	return o
}

// farewell is how long a peer that was too slow has to take the frame it is in the middle of, so that it can still get
// the close code; then the connection is cut.
const farewell = 2 * time.Second

// Why a connection ended, for the log.
var (
	ErrTooSlow = errors.New("the peer did not read what was sent")
	ErrDead    = errors.New("the peer gave no sign of life")
)

// Conn is one accepted connection. Send, SendText and Close may be called by anybody at any time, before Run too.
type Conn struct {
	ws   *websocket.Conn
	opts Options
	wake chan struct{} // capacity 1: there is something for the writer

	mu     sync.Mutex
	queue  [][]byte
	bytes  int // of queue and of the frame being written
	ending bool
	code   Code
	reason string
	why    error       // why we ended it, nil for an ordinary end
	cut    *time.Timer // ends a peer that does not even take the close frame
}

// Accept upgrades a request, or answers it with an error page (403 for a foreign origin) and returns an error. Whoever
// got a Conn must call Run.
func Accept(w http.ResponseWriter, r *http.Request, opts Options) (*Conn, error) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: opts.Origins})
	if err != nil {
		return nil, err
	}
	c := &Conn{ws: ws, opts: opts.withDefaults(), wake: make(chan struct{}, 1)}
	ws.SetReadLimit(c.opts.ReadLimit)
	return c, nil
}

// Send queues v as a JSON text message. It never blocks; after the end of the connection it does nothing. It panics
// when v cannot be JSON, which is a mistake in the program.
func (c *Conn) Send(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wsconn: %T: %v", v, err))
	}
	c.SendText(b)
}

// SendText queues an encoded text message: for frames that go to many connections and are encoded once. The bytes must
// not change afterwards. It never blocks.
func (c *Conn) SendText(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	if c.bytes+len(frame) > c.opts.QueueBytes {
		c.queue, c.bytes = nil, 0
		c.end(TooSlow, "reading too slowly", ErrTooSlow)
		c.cut = time.AfterFunc(farewell, func() { _ = c.ws.CloseNow() })
		return
	}
	c.queue = append(c.queue, frame)
	c.bytes += len(frame)
	c.signal()
}

// Close ends the connection after everything that was sent before. The reason (at most 123 bytes) may be shown to a
// person. It does not block; a second Close does nothing.
func (c *Conn) Close(code Code, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.end(code, reason, nil)
	}
}

// end needs the lock.
func (c *Conn) end(code Code, reason string, why error) {
	if len(reason) > 123 { // RFC 6455, section 5.5: 125 bytes for code and reason
		reason = reason[:123]
	}
	c.ending, c.code, c.reason, c.why = true, code, reason, why
	c.signal()
}

// signal needs no lock: a token that is already there will be seen after the change.
func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

package wsconn

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Run serves the connection until it has ended and everything of it is released. It hands each text message of the
// peer to onMessage, one after the other; while onMessage works nothing is read, which slows a peer that talks too much
// (and signs of life are not seen: it should be quick).
// The end of ctx closes with GoingAway.
//
// The result is nil when either side closed in order or the peer just left, and otherwise says what was wrong:
// ErrTooSlow, ErrDead, or a breach of the protocol.
func (c *Conn) Run(ctx context.Context, onMessage func(ctx context.Context, message []byte)) error {
	stopped := context.AfterFunc(ctx, func() { c.Close(GoingAway, "the server restarts") })
	defer stopped()
	// Not the caller's context: its end must not cut a frame in two, it only asks for an orderly close.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { c.write(inner) })
	wg.Go(func() { c.ping(inner) })
	err := c.read(inner, onMessage)
	cancel()
	_ = c.ws.CloseNow()
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		c.cut.Stop()
	}
	ours := c.ending
	c.ending, c.queue, c.bytes = true, nil, 0
	if ours {
		return c.why
	}
	return err
}

func (c *Conn) read(ctx context.Context, onMessage func(context.Context, []byte)) error {
	for {
		kind, message, err := c.ws.Read(ctx)
		if err != nil {
			return leaving(err)
		}
		if kind != websocket.MessageText {
			c.Close(Unsupported, "text messages only")
			continue // until the peer answers the close or the writer gives up waiting for it
		}
		if !c.isEnding() { // what a peer says after it was sent away does not count
			onMessage(ctx, message)
		}
	}
}

func (c *Conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// leaving is nil for the ways in which a browser goes: a close frame, or a connection that is simply gone.
func leaving(err error) error {
	var op *net.OpError
	switch {
	case websocket.CloseStatus(err) != -1, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe), errors.As(err, &op):
		return nil
	}
	return err
}

func (c *Conn) write(ctx context.Context) {
	for {
		frame, code, reason, state := c.next()
		switch state {
		case stateFrame:
			if c.ws.Write(ctx, websocket.MessageText, frame) != nil {
				_ = c.ws.CloseNow() // ends the reader
				return
			}
			c.written(len(frame))
		case stateEnd:
			// Waits up to 5 s for the peer's answer, so that the code is not lost with the connection.
			_ = c.ws.Close(websocket.StatusCode(code), strings.ToValidUTF8(reason, ""))
			return
		case stateIdle:
			select {
			case <-c.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

// state is what the writer has to do next.
type state int

const (
	stateIdle state = iota
	stateFrame
	stateEnd
)

func (c *Conn) next() ([]byte, Code, string, state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.queue) > 0:
		frame := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		return frame, 0, "", stateFrame
	case c.ending:
		return nil, c.code, c.reason, stateEnd
	}
	return nil, 0, "", stateIdle
}

func (c *Conn) written(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes = max(c.bytes-n, 0) // max: the queue may have been thrown away meanwhile
}

// ping finds peers that vanished without a word: a phone out of coverage leaves no trace for many minutes otherwise.
func (c *Conn) ping(ctx context.Context) {
	tick := time.NewTicker(c.opts.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, c.opts.PongWithin)
		err := c.ws.Ping(within)
		cancel()
		if err == nil {
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) { // ours, or the library's 5 s for writing the ping itself
			c.mu.Lock()
			if !c.ending {
				c.end(GoingAway, "no sign of life", ErrDead) // nobody will read the code
			}
			c.mu.Unlock()
		}
		_ = c.ws.CloseNow()
		return
	}
}

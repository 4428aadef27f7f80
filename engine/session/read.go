package session

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// floodFrames is how many frames a client may send per ping interval. A browser answers one ping in that time.
const floodFrames = 64

// maxData is the longest data frame that is told to be of the wrong kind; a longer one is told to be too long.
const maxData = 4 << 10

// read handles what the client sends until the socket ends. Clients of the messaging session send control frames and
// nothing else: a data frame is refused by its header, before a byte of it is read. early is what came with the handshake.
func (c *conn) read(early io.Reader) {
	defer c.gone()
	in := io.MultiReader(early, c.socket)
	var (
		header  [ws.MaxHeaderSize - 2]byte
		payload [ws.MaxControlFramePayloadSize]byte
		count   int
		since   time.Time
	)
	for {
		h, err := ws.ReadHeaderBuffer(in, header[:])
		if errors.Is(err, ws.ErrHeaderLengthMSB) {
			c.refuse(ws.StatusProtocolError, "protocol error")
			return
		}
		if err != nil {
			return
		}
		if now := time.Now(); now.Sub(since) > c.hub.cfg.PingEvery {
			count, since = 0, now
		}
		if count++; count > floodFrames {
			c.refuse(ws.StatusPolicyViolation, "too many frames")
			return
		}
		if err := ws.CheckHeader(h, ws.StateServerSide); err != nil {
			c.refuse(ws.StatusProtocolError, "protocol error")
			return
		}
		if h.Length > maxData {
			c.refuse(ws.StatusMessageTooBig, "too long; send messages through the API")
			return
		}
		if !h.OpCode.IsControl() {
			c.refuse(ws.StatusUnsupportedData, "send messages through the API")
			return
		}
		body := payload[:h.Length]
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		ws.Cipher(body, h.Mask, 0)
		c.alive()
		switch h.OpCode {
		case ws.OpPing:
			c.send(ws.MustCompileFrame(ws.NewPongFrame(append([]byte(nil), body...))))
		case ws.OpClose:
			c.part(body)
			return
		}
	}
}

// alive moves the moment at which a silent peer counts as dead: two pings unanswered.
func (c *conn) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shutting {
		_ = c.socket.SetReadDeadline(time.Now().Add(c.hub.cfg.PingEvery * 5 / 2))
	}
}

// refuse closes a connection that broke the protocol. The rest of its bytes cannot be made sense of, so the socket ends
// once the reason is out.
func (c *conn) refuse(code closeCode, reason string) {
	c.mu.Lock()
	c.parting = true
	c.mu.Unlock()
	c.shut(code, reason)
	c.drain()
}

// part answers the peer's close frame with its own code.
func (c *conn) part(body []byte) {
	code, reason := ws.ParseCloseFrameData(body)
	answer := ws.CompiledClose
	if len(body) > 0 {
		if !mayClose(code) || !utf8.ValidString(reason) {
			code = ws.StatusProtocolError
		}
		answer = closeFrame(code, "")
	}
	c.mu.Lock()
	c.parting = true
	over := c.shutting && !c.flushing // both close frames are out
	if !c.shutting {
		c.shutting = true
		c.push(answer)
	}
	c.mu.Unlock()
	if over {
		_ = c.socket.Close()
	}
	c.drain()
}

// mayClose reports whether a peer may send the code (RFC 6455, section 7.4, and IANA's registry).
func mayClose(code closeCode) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}

// drain waits until the flusher has closed the socket; what still comes in is thrown away.
func (c *conn) drain() {
	_ = c.socket.SetReadDeadline(time.Now().Add(c.hub.cfg.CloseTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.socket, 64<<10))
}

// gone is the end of every connection.
func (c *conn) gone() {
	_ = c.socket.Close()
	c.mu.Lock()
	c.shutting = true
	c.mu.Unlock()
	c.hub.left(c)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

package fanout

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

const (
	// floodFrames is how many frames a peer may send per ping interval. A browser answers one ping in that time.
	floodFrames = 64
	// maxData is the longest data frame that is told to be of the wrong kind; a longer one is told to be too long.
	maxData = 4 << 10
	// maxThrown is how much of a peer that is not listened to any more is thrown away before the socket ends.
	maxThrown = 64 << 10
)

// received handles what the peer has sent; in is only good until it returns. Peers send control frames and nothing else:
// a data frame is refused by its header. A frame that is not all there yet is carried over.
func (c *Conn) received(in []byte) {
	if len(c.carry) > 0 {
		in = append(c.carry, in...)
		c.carry = nil
	}
	for len(in) > 0 && !c.deaf && !c.ended {
		n := c.frame(in)
		if n == 0 {
			c.carry = bytes.Clone(in)
			return
		}
		in = in[n:]
	}
	if c.deaf && !c.ended {
		if c.thrown += int32(len(in)); c.thrown > maxThrown { //nolint:gosec // a few KiB
			c.end()
		}
	}
}

// frame handles the frame at the beginning of in and returns how long it is, 0 if its end is missing.
func (c *Conn) frame(in []byte) int {
	r := bytes.NewReader(in)
	h, err := ws.ReadHeader(r)
	size := len(in) - r.Len()
	now := c.shard.now()
	if now-c.window > c.shard.cfg.PingEvery {
		c.frames, c.window = 0, now
	}
	state := ws.StateServerSide
	if c.flat {
		state |= ws.StateExtended // a compressed message is of the wrong kind, and not of no kind
	}
	switch {
	case errors.Is(err, ws.ErrHeaderLengthMSB):
		c.refuse(ws.StatusProtocolError, "protocol error")
	case err != nil:
		return 0
	case c.frames == floodFrames:
		c.refuse(ws.StatusPolicyViolation, "too many frames")
	case ws.CheckHeader(h, state) != nil:
		c.refuse(ws.StatusProtocolError, "protocol error")
	case h.Length > maxData:
		c.refuse(ws.StatusMessageTooBig, "too long; send messages through the API")
	case !h.OpCode.IsControl():
		c.refuse(ws.StatusUnsupportedData, "send messages through the API")
	case int64(len(in)-size) < h.Length:
		return 0
	default:
		c.frames++
		body := in[size : size+int(h.Length)]
		ws.Cipher(body, h.Mask, 0)
		size += len(body)
		c.control(h.OpCode, body)
	}
	return size
}

// control handles a control frame.
func (c *Conn) control(op ws.OpCode, body []byte) {
	c.heard = c.shard.now()
	switch op {
	case ws.OpPing:
		if !c.shutting {
			c.say(ws.MustCompileFrame(ws.NewPongFrame(bytes.Clone(body))))
		}
	case ws.OpClose:
		c.part(body)
	}
}

// refuse closes a connection that broke the protocol. The rest of its bytes cannot be made sense of, so the socket ends
// once the reason is out. If another reason is on its way to the peer, the peer gets the time to read it.
func (c *Conn) refuse(code ws.StatusCode, reason string) {
	c.deaf = true
	if !c.shutting {
		c.parting = true
		c.shut(Farewell{code, reason})
	}
}

// part answers the peer's close frame with its own code; when both close frames are out all is over.
func (c *Conn) part(body []byte) {
	c.parting, c.deaf = true, true
	switch {
	case c.said:
		c.end()
	case !c.shutting:
		answer := ws.CompiledClose
		if len(body) > 0 {
			code, reason := ws.ParseCloseFrameData(body)
			if !mayClose(code) || !utf8.ValidString(reason) {
				code = ws.StatusProtocolError
			}
			answer = closeFrame(Farewell{Code: code})
		}
		c.late.unhold(c.shard)
		c.close(answer)
	}
}

// mayClose reports whether a peer may send the code (RFC 6455, section 7.4, and IANA's registry).
func mayClose(code ws.StatusCode) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}

// lost is called when the peer has closed the socket, or it has broken.
func (c *Conn) lost() {
	if !c.ended {
		c.deaf = false // nothing is left to rinse
		c.end()
	}
}

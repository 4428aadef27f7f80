package hall_test

import (
	"bytes"
	"fmt"
	"time"
)

// line notes that a session got a line.
func (c *crowd) line(s *seat, frame, body []byte, now time.Duration) {
	const mark = "seq="
	at := c.seqAt
	if at+len(mark)+textHead > len(body) || string(body[at:at+len(mark)]) != mark {
		if at = bytes.Index(body, []byte(mark)); at < 0 || at+len(mark)+textHead > len(body) {
			c.faults.note(&c.faults.broken, 1, "a line without a number: %.200s", body)
			return
		}
		c.seqAt = at
	}
	seq, no := number(body[at+4:at+14]), number(body[at+20:at+22])
	if c.sample == nil {
		c.sample = bytes.Clone(frame)
	}
	if s.fd%64 == 0 && seq%16 == 0 && !bytes.Contains(body, []byte(text(seq, int(no)))) {
		c.faults.note(&c.faults.broken, 1, "line %d came as %s", seq, body)
	}
	for i := range s.chairs {
		h := &s.chairs[i]
		if h.room.no != int(no) {
			continue
		}
		if !h.invited(seq, c.choir) {
			break
		}
		place := h.hear(seq, s.fd, &c.faults)
		c.deliveries, c.latest = c.deliveries+1, now
		if due := c.choir.due(seq); due >= c.since {
			c.delays.add(now - due)
		}
		if place >= 0 && h.room.through(place) {
			c.under--
		}
		return
	}
	c.faults.note(&c.faults.uninvited, 1, "session %d got line %d of room %d, in which it is not", s.fd, seq, no)
}

func number(digits []byte) (n uint32) {
	for _, d := range digits {
		n = n*10 + uint32(d-'0')
	}
	return n
}

// textHead is the length of what follows "seq=" at the beginning of a text.
const textHead = len("0000000000 room=00 ")

// text is a line of 200 bytes.
func text(seq uint32, room int) string {
	const filler = "What a night, what a song: the whole hall is on its feet and nobody wants to go home yet. " +
		"Whoever can hear this, wave with whatever you have at hand, please!"
	const rest = "  More, more, more, more!"
	return (fmt.Sprintf("seq=%010d room=%02d ", seq, room) + filler + rest)[:200]
}

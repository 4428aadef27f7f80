package fanout

import (
	"bytes"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// full is how many bytes make a pass begin before its time, and many how many frames: of usual lines as many as fill
	// that, of compressed ones, which are half as long and cost the same to write, as many.
	full = 12 << 10
	many = 14
	// dear is how many times its own work a pass lies before the next, from beginning to beginning, where this is more than
	// Config.Pace; at most one and a half times that. Where writing to all takes long, a few more frames share each write.
	dear = 4
	// busy is the share of its time that a shard may spend working before large rooms give way, and longestPace how far.
	busy        = 0.7
	longestPace = time.Second
	// keepBuffer is the largest buffer that is kept for the next pass, keepBuffers how many a shard keeps.
	keepBuffer  = 256 << 10
	keepBuffers = 8
)

// Room is a set of connections that are sent the same frames in the same order.
type Room struct {
	hall  *Hall
	parts parts // of those who take frames as they are
	flat  parts // of those who take them compressed
}

// parts are those of a room by shard; nil where nobody has been yet, as in most shards of a small room.
type parts []atomic.Pointer[part]

// NewRoom makes an empty room. It needs no end; what nobody refers to is gone.
func (h *Hall) NewRoom() *Room {
	r := &Room{hall: h, parts: make(parts, len(h.shards))}
	if h.cfg.Deflate {
		r.flat = make(parts, len(h.shards))
	}
	return r
}

// of is the part in which c sits.
func (r *Room) of(c *Conn) *part {
	all := r.parts
	if c.flat {
		all = r.flat
	}
	at := &all[c.shard.index]
	if at.Load() == nil {
		at.CompareAndSwap(nil, newPart(c.shard))
	}
	return at.Load()
}

// inhabited yields the parts in which somebody is, or is about to be.
func (all parts) inhabited(yield func(*part) bool) {
	for i := range all {
		if p := all[i].Load(); p != nil && p.seats.Load() > 0 && !yield(p) {
			return
		}
	}
}

// Publish sends a frame to everybody in the room: at once, or with what else comes within Config.Pace if the room is
// large and nothing is urgent about it. The frame must not change any more.
func (r *Room) Publish(frame []byte, urgent bool) {
	publish(r.parts, func() []byte { return frame }, urgent)
	publish(r.flat, sync.OnceValue(func() []byte { return r.hall.deflater.frame(frame) }), urgent)
}

func publish(all parts, frame func() []byte, urgent bool) {
	for p := range all.inhabited {
		f := frame()
		p.shard.post(func() { p.publish(f, urgent) })
	}
}

// Clear sends everybody who is in the room out of it, each with everything that was published.
func (r *Room) Clear() {
	for _, all := range []parts{r.parts, r.flat} {
		for p := range all.inhabited {
			p.shard.post(p.clear)
		}
	}
}

// sub is a subscription: what of the room's stream the connection has been given.
type sub struct {
	conn *Conn
	next uint64 // position in the stream
}

// state of a part.
type state uint8

const (
	resting state = iota // nothing is to be written
	pacing               // in shard.paced, until due
	passing              // in shard.work
)

// part is what a shard has of a room. Only the shard touches it, but for seats.
type part struct {
	shard *shard
	seats count // connections that are in or about to be: who asks is then sure to be heard

	subs []sub
	buf  []byte // of the stream, from position base
	base uint64
	news int    // frames in it that no pass has begun for
	copy []byte // of buf, for who cannot take it at once; nil if there is nobody

	state  state
	urgent bool          // something in buf must not wait
	due    time.Duration // when pacing
	cursor int           // of the pass: subs before it have all there was at lap
	lap    uint64        // the end of the stream when the pass began
	began  time.Duration // the last pass
	took   time.Duration // it, from its beginning to its end
	worked time.Duration // of that, in its own slices
	last   time.Duration // the last frame
	apart  time.Duration // how far apart frames come, smoothed
}

// newPart makes one whose first frame is not paced.
func newPart(s *shard) *part { return &part{shard: s, apart: 2 * s.cfg.Pace} }

func (p *part) end() uint64 { return p.base + uint64(len(p.buf)) }

func (p *part) publish(frame []byte, urgent bool) {
	if len(p.subs) == 0 {
		return
	}
	if p.buf == nil {
		p.buf = p.shard.lend()
	}
	p.buf = append(p.buf, frame...)
	p.news++
	p.shard.stats.Deliveries += uint64(len(p.subs))
	p.urgent = p.urgent || urgent
	now := p.shard.now()
	p.apart, p.last = (p.apart+min(now-p.last, 2*p.shard.cfg.Pace))/2, now
	if p.state != passing {
		p.plan(now)
	}
}

// plan decides when the next pass begins.
func (p *part) plan(now time.Duration) {
	due := p.began + p.pace()
	switch {
	case p.urgent, len(p.buf) >= full, p.news >= many, due <= now:
		p.begin(now)
	case p.state == resting:
		p.state, p.due = pacing, due
		p.shard.paced = append(p.shard.paced, p)
	}
}

// pace is the least time between two passes. Frames that come almost that far apart would wait for nothing.
func (p *part) pace() time.Duration {
	least := p.shard.cfg.Pace
	if least < 0 || len(p.subs) < p.shard.cfg.SmallRoom || p.apart > least*3/4 {
		return 0
	}
	pace := max(least, min(dear*p.worked, least*3/2))
	if p.shard.busy > busy {
		pace = max(pace, min(2*p.took, longestPace))
	}
	return pace
}

// begin puts the room among those that are at work.
func (p *part) begin(now time.Duration) {
	s := p.shard
	if p.state == pacing {
		i, last := slices.Index(s.paced, p), len(s.paced)-1
		s.paced[i] = s.paced[last]
		s.paced[last] = nil
		s.paced = s.paced[:last]
	}
	p.state, p.urgent, p.news, p.cursor, p.lap = passing, false, 0, 0, p.end()
	p.began, p.worked = now, 0
	s.work = append(s.work, p)
}

// pass goes on with the pass for some writes and reports whether it is over. Who is written to late in a pass gets what
// was published since it began, too, and needs no write in the next.
func (p *part) pass(writes int) (over bool) {
	for p.cursor < len(p.subs) {
		if writes == 0 {
			return false
		}
		at := p.cursor
		p.cursor++
		if !p.give(int32(at)) { //nolint:gosec // as many as connections
			continue
		}
		if writes--; writes%yield == 0 {
			runtime.Gosched()
		}
	}
	return true
}

// give writes to a seat what it has not got, and reports whether there was anything. The connection may end with it, and
// then seats have moved.
func (p *part) give(at int32) bool {
	sub := &p.subs[at]
	from := sub.next - p.base
	if from == uint64(len(p.buf)) {
		return false
	}
	sub.next = p.end()
	c := sub.conn
	switch {
	case c.late.waits() || c.link.keeps():
		c.write(p.lasting()[from:])
	case c.write(p.buf[from:]):
		c.late.chunks[0].b = p.lasting()[from:]
	}
	return true
}

// lasting is what is in buf, to refer to for as long as somebody needs it: buf is used again for the next frames. It is
// one copy for all who are slow, and no larger than what is in it.
func (p *part) lasting() []byte {
	if len(p.copy) < len(p.buf) {
		p.copy = bytes.Clone(p.buf)
	}
	return p.copy
}

// rest ends a pass: everybody has what there was when it began.
func (p *part) rest(now time.Duration) {
	p.state, p.took = resting, now-p.began
	p.forget(p.lap)
	if len(p.buf) > 0 {
		p.plan(now)
	}
}

// forget lets go of the stream up to a position.
func (p *part) forget(until uint64) {
	rest := p.buf[until-p.base:]
	p.base, p.copy = until, nil
	if len(rest) > 0 {
		p.buf = append(p.buf[:0], rest...)
		return
	}
	p.shard.giveBack(p.buf)
	p.buf, p.news = nil, 0
}

// lend returns an empty buffer.
func (s *shard) lend() []byte {
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return b
	}
	return nil
}

func (s *shard) giveBack(b []byte) {
	if cap(b) > 0 && cap(b) <= keepBuffer && len(s.spare) < keepBuffers {
		s.spare = append(s.spare, b[:0])
	}
}

// enter gives c a seat. It gets what is published from here on.
func (p *part) enter(c *Conn) {
	if c.over() || c.seat(p) >= 0 {
		p.seats.Add(-1)
		return
	}
	c.seats = append(c.seats, seat{p, int32(len(p.subs))}) //nolint:gosec // as many as connections
	p.subs = append(p.subs, sub{c, p.end()})
}

// remove takes a subscription out. During a pass those that have been served stay before the cursor.
func (p *part) remove(at int32) {
	if p.state == passing && int(at) < p.cursor {
		p.cursor--
		p.move(p.cursor, int(at))
		at = int32(p.cursor) //nolint:gosec // as many as connections
	}
	last := len(p.subs) - 1
	p.move(last, int(at))
	p.subs[last] = sub{}
	p.subs = p.subs[:last]
	p.seats.Add(-1)
	if last == 0 && p.state != passing {
		p.forget(p.end())
	}
}

func (p *part) move(from, to int) {
	if from == to {
		return
	}
	p.subs[to] = p.subs[from]
	c := p.subs[to].conn
	c.seats[c.seat(p)].at = int32(to) //nolint:gosec // as many as connections
}

// clear gives everybody the rest and their leave. It is the one pass that nobody interrupts: the room's name may be
// another room's in the next moment.
func (p *part) clear() {
	for len(p.subs) > 0 {
		p.subs[len(p.subs)-1].conn.leave(p)
	}
}

package hall_test

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// room is the book of one channel: its lines in the order in which they were first heard. The order is the engine's
// business, but it must be the same for everybody.
type room struct {
	no    int
	arn   string
	log   []uint32
	where map[uint32]int // line → place in log
	heard []int32        // how many have heard the line of that place; negative when it is no longer under way
	// A line is no longer under way when all of these have heard it; where people come and go, half of those who are there.
	all, chairs int
	// checked is how much of the log is known to be in the order of each speaker.
	checked int
}

func newRoom(no int, arn string) *room { return &room{no: no, arn: arn, where: map[uint32]int{}} }

// through counts one more who has heard the line of a place, and reports whether it is now no longer under way.
func (r *room) through(place int) bool {
	enough := r.all
	if enough == 0 {
		enough = r.chairs/2 + 1
	}
	if r.heard[place]++; int(r.heard[place]) < enough {
		return false
	}
	r.heard[place] = math.MinInt32 / 2
	return true
}

// chair is what a session has heard in a room. A session that joins while lines are under way cannot tell which of those
// that others wait for it has been spared; what it hears is compared when others have heard its first line.
type chair struct {
	room  *room
	next  int           // place of the next line; -1 while that is not known
	early []uint32      // heard while next was not known
	from  int           // how long the log was when the session joined
	floor uint32        // lines from this one on were said after it joined
	since time.Duration // when it was asked for; lines that had been acknowledged before are not for it. 0 for always
	// out says that it was answered that the session is out of the room: lines from ceiling on were said after that.
	out     bool
	ceiling uint32
}

// invited reports whether a line may be heard by the session at all.
func (c *chair) invited(seq uint32, said *choir) bool {
	if c.out && seq >= c.ceiling {
		return false
	}
	acked := said.acked(seq)
	return acked == 0 || acked >= c.since
}

// farewell is a chair that a session had, and when it was asked to give it up. What had been acknowledged by then is what
// it must have heard.
type farewell struct {
	chair
	who   int
	asked time.Duration
	why   string
}

// check counts what the session should have heard before it had to go.
func (c *farewell) check(said *choir, f *faults) {
	if c.compare(c.who, f); len(c.early) > 0 {
		return // nobody else has heard what it heard
	}
	first := c.next
	if first < 0 {
		first = min(c.from, len(c.room.log))
	}
	missed := 0
	for _, seq := range c.room.log[first:] {
		if said.due(seq) > c.asked {
			break // nothing after this one had been acknowledged
		}
		if acked := said.acked(seq); acked != 0 && acked < c.asked && seq >= c.floor {
			missed++
		}
	}
	if missed > 0 {
		f.note(&f.lost, missed, "session %d left room %d (%s) without %d lines that had been acknowledged before that was asked for", c.who, c.room.no, c.why, missed)
	}
}

// join makes a chair; quiet says that no line is under way.
func (r *room) join(floor uint32, quiet bool) chair {
	c := chair{room: r, next: -1, from: len(r.log), floor: floor}
	if quiet {
		c.next = len(r.log)
	}
	return c
}

// faults counts what must not happen.
type faults struct {
	lost, doubled, disordered, uninvited, broken int
	first                                        []string // the first few, in words
}

func (f *faults) note(count *int, n int, format string, args ...any) {
	*count += n
	if len(f.first) < 10 {
		f.first = append(f.first, fmt.Sprintf(format, args...))
	}
}

func (f *faults) sum() int { return f.lost + f.doubled + f.disordered + f.uninvited + f.broken }

func (f *faults) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d out of order, %d uninvited, %d broken %q",
		f.lost, f.doubled, f.disordered, f.uninvited, f.broken, f.first)
}

// hear notes that a session got a line, and returns the line's place; -1 while that is not known.
func (c *chair) hear(seq uint32, who int, f *faults) int {
	r := c.room
	if c.next >= 0 && c.next < len(r.log) && r.log[c.next] == seq {
		c.next++
		return c.next - 1
	}
	if c.next < 0 {
		c.early = append(c.early, seq)
		c.compare(who, f)
		return -1
	}
	at, known := r.where[seq]
	if !known {
		at = len(r.log)
		r.log, r.heard = append(r.log, seq), append(r.heard, 0)
		r.where[seq] = at
	}
	switch {
	case at > c.next:
		f.note(&f.lost, at-c.next, "session %d missed %d lines of room %d before line %d", who, at-c.next, r.no, seq)
	case at == c.next-1:
		f.note(&f.doubled, 1, "session %d got line %d of room %d twice", who, seq, r.no)
	case at < c.next:
		f.note(&f.disordered, 1, "session %d got line %d of room %d out of order", who, seq, r.no)
	}
	c.next = max(c.next, at+1)
	return at
}

// compare finds the place of a session that has joined in between, as soon as it can be known.
func (c *chair) compare(who int, f *faults) {
	if len(c.early) == 0 {
		return
	}
	at, known := c.room.where[c.early[0]]
	if !known {
		return
	}
	c.missed(at, who, f)
	c.next = at
	for _, seq := range c.early {
		c.hear(seq, who, f)
	}
	c.early = nil
}

// missed counts the lines before a place that a session has heard nothing of and should have.
func (c *chair) missed(before, who int, f *faults) {
	for _, seq := range c.room.log[min(c.from, before):before] {
		if seq >= c.floor {
			f.note(&f.lost, 1, "session %d did not get line %d of room %d, said after it joined", who, seq, c.room.no)
		}
	}
}

// behind reports whether lines are on their way to a session.
func (c *chair) behind(who int, f *faults) bool {
	if c.compare(who, f); len(c.early) > 0 {
		return true
	}
	if c.next >= 0 {
		return c.next < len(c.room.log)
	}
	for _, seq := range c.room.log[min(c.from, len(c.room.log)):] {
		if seq >= c.floor {
			return true
		}
	}
	return false
}

// delays is a histogram of durations, exact to 1.6 %.
type delays struct {
	count [64 * 64]uint32
	n     int
	most  time.Duration
}

func (d *delays) add(t time.Duration) {
	t = max(t, 0)
	d.count[slot(uint64(t))]++
	d.n++
	d.most = max(d.most, t)
}

// slot is the number itself below 64, then 32 steps for each doubling.
func slot(v uint64) int {
	shift := max(0, bits.Len64(v)-6)
	return shift*32 + int(v>>shift)
}

// quantile returns the lower end of the step that holds it.
func (d *delays) quantile(q float64) time.Duration {
	left := int(q * float64(d.n))
	for i, n := range d.count {
		if left -= int(n); left < 0 {
			shift := max(0, i/32-1)
			return time.Duration(uint64(i-shift*32) << shift)
		}
	}
	return d.most
}

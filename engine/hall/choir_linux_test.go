package hall_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// choir says lines: some speakers, each with one connection that is kept, one line at a time.
type choir struct {
	testing.TB
	began  time.Time // of the clock by which lines are due
	next   uint32    // the first line that has not been said; belongs to the crowd
	lines  chan said
	ring   [ring]utterance
	done   atomic.Int64 // lines that were answered
	ending atomic.Bool  // the server goes away: a refusal is nothing bad any more
	mu     sync.Mutex
	failed []error // lines that were refused
	acks   delays  // from a request to its answer
	wg     sync.WaitGroup
}

// ring is how many of the last lines are remembered.
const ring = 1 << 18

type said struct {
	seq  uint32
	room *room
}

type utterance struct {
	due     atomic.Int64 // on the crowd's clock
	acked   atomic.Int64 // 0 until it is acknowledged
	speaker atomic.Int32
	refused atomic.Bool
}

// speaker says a line and returns when it is acknowledged.
type speaker interface {
	say(seq uint32, r *room) error
}

// newChoir makes one that keeps to a crowd's clock.
func newChoir(tb testing.TB, began time.Time, speakers ...speaker) *choir {
	tb.Helper()
	c := &choir{TB: tb, began: began, lines: make(chan said, ring)}
	for i, s := range speakers {
		c.wg.Go(func() {
			for l := range c.lines {
				c.ring[l.seq%ring].speaker.Store(int32(i))
				began := time.Now()
				err := s.say(l.seq, l.room)
				c.answered(l.seq, time.Since(began), err)
			}
		})
	}
	tb.Cleanup(c.hush)
	return c
}

func (c *choir) answered(seq uint32, after time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks.add(after)
	if err == nil {
		c.ring[seq%ring].acked.Store(int64(time.Since(c.began)))
	} else if c.ring[seq%ring].refused.Store(true); !c.ending.Load() {
		c.failed = append(c.failed, fmt.Errorf("line %d: %w", seq, err))
	}
	c.done.Add(1)
}

// acknowledged returns how long requests took since it was last asked.
func (c *choir) acknowledged() delays {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.acks
	c.acks = delays{}
	return d
}

// hush waits for the lines under way and sends the choir home.
func (c *choir) hush() {
	if c.lines != nil {
		close(c.lines)
		c.wg.Wait()
		c.lines = nil
	}
}

// say has the next free speaker say the next line, which was due then.
func (c *choir) say(r *room, due time.Duration) {
	u := &c.ring[c.next%ring]
	u.due.Store(int64(due))
	u.refused.Store(false)
	u.acked.Store(0)
	c.lines <- said{c.next, r}
	c.next++
}

func (c *choir) due(seq uint32) time.Duration { return time.Duration(c.ring[seq%ring].due.Load()) }

// acked is when a line was acknowledged; 0 if it has not been.
func (c *choir) acked(seq uint32) time.Duration { return time.Duration(c.ring[seq%ring].acked.Load()) }

// quiet reports whether every line has been answered.
func (c *choir) quiet() bool { return c.done.Load() == int64(c.next) }

// failures returns why lines were refused.
func (c *choir) failures() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// settle waits until everybody has heard everything that was acknowledged from line first on, and says what is missing.
func (c *crowd) settle(first uint32) {
	c.Helper()
	heard := 0
	everything := func() bool {
		if !c.choir.quiet() {
			return false
		}
		for ; heard < len(c.seats); heard++ { // whom we found up to date stays so: nobody speaks any more
			s := c.seats[heard]
			for i := 0; s != nil && s.stage == seated && !s.stalled && i < len(s.chairs); i++ {
				if s.chairs[i].behind(s.fd, &c.faults) {
					return false
				}
			}
		}
		return true
	}
	known := func() (missing int) {
		for seq := first; seq < c.choir.next; seq++ {
			if !c.inABook(seq) && !c.choir.ring[seq%ring].refused.Load() {
				missing++
			}
		}
		return missing
	}
	deadline := time.Now().Add(patience)
	if c.faults.sum() > 0 {
		deadline = time.Now().Add(time.Second) // the test has failed, what else is missing may never come
	}
	late := func() bool { return time.Now().After(deadline) }
	c.until(func() bool { return everything() || late() })
	c.until(func() bool { return known() == 0 || c.open == 0 || late() })
	heard = 0
	c.until(func() bool { return everything() || late() }) // also of what was found just now
	if late() {
		c.faults.note(&c.faults.lost, max(1, known()*c.open), "some have not heard everything, %d lines have been heard by nobody", known())
	}
	c.settled = c.choir.next
	c.checkFarewells(c.now())
	for _, r := range c.rooms {
		c.checkSpeakers(r)
	}
}

// checkFarewells looks at the chairs that were to be given up by then.
func (c *crowd) checkFarewells(until time.Duration) {
	n := 0
	for ; n < len(c.farewells) && c.farewells[n].asked <= until; n++ {
		c.farewells[n].check(c.choir, &c.faults)
	}
	c.farewells = append(c.farewells[:0], c.farewells[n:]...)
}

// checkSpeakers looks at the order in which everybody heard the lines. A speaker says the next line when the last one is
// acknowledged, so his come in the order of their numbers.
func (c *crowd) checkSpeakers(r *room) {
	last := map[int32]uint32{}
	for _, seq := range r.log[max(r.checked, len(r.log)-ring/2):] {
		by := c.choir.ring[seq%ring].speaker.Load()
		if before, ok := last[by]; ok && before > seq {
			c.faults.note(&c.faults.disordered, 1, "line %d was heard after line %d, which was said when it had been acknowledged", seq, before)
		}
		last[by] = seq
	}
	r.checked = len(r.log)
}

func (c *crowd) inABook(seq uint32) bool {
	for _, r := range c.rooms {
		if _, ok := r.where[seq]; ok {
			return true
		}
	}
	return false
}

// post is a connection over which HTTP requests are sent one after the other, as cheaply as that can be done.
type post struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

func dial(tb testing.TB, addr string) *post {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp4", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &post{conn: conn, in: bufio.NewReader(conn)}
}

// do sends a request and returns the body of the answer.
func (p *post) do(r *http.Request) ([]byte, error) {
	p.out.Reset()
	if err := r.Write(&p.out); err != nil {
		return nil, err
	}
	if _, err := p.conn.Write(p.out.Bytes()); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(p.in, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}

// bareSpeaker hands the bare broadcaster the frame that the engine would send.
type bareSpeaker struct {
	*post
	frame []byte
	seqAt int
}

// newBareSpeaker takes a frame of the engine, or, before there is one, something of its size.
func newBareSpeaker(tb testing.TB, addr string, sample []byte) *bareSpeaker {
	tb.Helper()
	if sample == nil {
		body := `{"Headers":{"x-amz-chime-event-type":"CREATE_CHANNEL_MESSAGE","x-amz-chime-message-type":"STANDARD"},"Payload":"`
		body += text(0, 0)
		sample = textFrame(body + string(bytes.Repeat([]byte{'.'}, 966-len(body)-2)) + `"}`)
	}
	return &bareSpeaker{post: dial(tb, addr), frame: bytes.Clone(sample), seqAt: bytes.Index(sample, []byte("seq="))}
}

func (s *bareSpeaker) say(seq uint32, r *room) error {
	copy(s.frame[s.seqAt:], text(seq, r.no)[:4+textHead])
	q, err := http.NewRequest(http.MethodPost, "http://bare.invalid/", bytes.NewReader(s.frame))
	if err != nil {
		return err
	}
	_, err = s.do(q)
	return err
}

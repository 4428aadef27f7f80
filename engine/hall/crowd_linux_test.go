package hall_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crowd is everybody who listens: one thread that drains one epoll every half millisecond instead of sleeping in it, so
// that a write of the server does not pay for waking it. All of it belongs to the goroutine that calls its methods.
type crowd struct {
	testing.TB
	epoll  int
	server syscall.SockaddrInet4
	seats  []*seat // by descriptor
	rooms  []*room
	choir  *choir
	ticker *time.Ticker
	issue  func() // says what is due; called often
	began  time.Time

	opening, open int
	deliveries    int
	latest        time.Duration // of them
	bytes         int           // that came
	deflate       bool          // frames may be compressed
	flat          int           // frames that were
	inflater      inflater
	under         int        // lines under way
	settled       uint32     // whoever should have heard the lines before this one has
	churn         bool       // an end of a session is nothing bad
	farewells     []farewell // chairs that were given up, until they are checked
	faults        faults
	delays        delays
	since         time.Duration  // lines that were due before are not in delays
	frames        map[string]int // frames that were no lines, by event type
	refused       map[string]int // answers to handshakes that were no 101, by status
	sample        []byte         // a whole frame with a line
	onEnd         func(*seat)
	onEvent       func(s *seat, event string, frame []byte)

	seqAt  int // where lines have their number, mostly
	events [256]syscall.EpollEvent
	buf    [256 << 10]byte
}

type stage int

const (
	asking stage = iota // the handshake is under way
	greeted
	seated // SESSION_ESTABLISHED has come
	gone
)

// seat is one session.
type seat struct {
	fd, person int
	stage      stage
	request    []byte // of the handshake, until it is sent
	rest       []byte // the beginning of a frame, or of the answer, whose end has not come
	chairs     []chair
	sat        bool // was seated once
	stalled    bool // does not read
	shed       bool // was told to come later, with 503
	code       int  // of the server's close frame
	at         time.Time
}

func newCrowd(tb testing.TB, addr string, rooms ...*room) *crowd {
	tb.Helper()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := strings.Cut(addr, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		tb.Fatal(err)
	}
	c := &crowd{TB: tb, epoll: epoll, server: syscall.SockaddrInet4{Port: n, Addr: [4]byte{127, 0, 0, 1}}, rooms: rooms,
		ticker: time.NewTicker(500 * time.Microsecond), began: time.Now(), frames: map[string]int{}, refused: map[string]int{}}
	tb.Cleanup(c.goHome)
	return c
}

// goHome ends every session at once.
func (c *crowd) goHome() {
	c.churn, c.onEnd = true, nil
	for _, s := range c.seats {
		if s != nil {
			c.end(s)
		}
	}
	if c.epoll >= 0 {
		_ = syscall.Close(c.epoll)
		c.epoll = -1
		c.ticker.Stop()
	}
}

// now is the time on the clock by which lines are due.
func (c *crowd) now() time.Duration { return time.Since(c.began) }

// until goes on listening until it is so; false means that patience ended before.
func (c *crowd) until(so func() bool) bool {
	deadline := time.Now().Add(patience)
	for !so() {
		n, err := syscall.EpollWait(c.epoll, c.events[:], 0)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			c.Fatal(err)
		}
		for _, e := range c.events[:max(n, 0)] {
			if s := c.seats[e.Fd]; s != nil {
				c.ready(s, e.Events)
			}
		}
		if c.issue != nil {
			c.issue()
		}
		if n < len(c.events) {
			<-c.ticker.C
			if time.Now().After(deadline) {
				return false
			}
		}
	}
	return true
}

// sit opens a session with a handshake that is already signed. The people come from eight addresses: one alone has
// fewer ports than a hall has seats.
func (c *crowd) sit(person int, request []byte, receive int) *seat {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		c.Fatal(err)
	}
	const bindWithoutPort = 24 // IP_BIND_ADDRESS_NO_PORT: the port is chosen when the peer is known
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindWithoutPort, 1)
	if receive > 0 {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + person%8)}}); err != nil {
		c.Fatal(err)
	}
	if err := syscall.Connect(fd, &c.server); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		c.Fatal(err)
	}
	if err := watch(c.epoll, syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN|syscall.EPOLLOUT); err != nil {
		c.Fatal(err)
	}
	s := &seat{fd: fd, person: person, request: request, at: time.Now()}
	for len(c.seats) <= fd {
		c.seats = append(c.seats, nil)
	}
	c.seats[fd] = s
	c.opening++
	return s
}

// fill opens a session for each handshake, so many at a time, and waits until all are seated. Who is told to come later
// does.
func (c *crowd) fill(people []int, handshakes [][]byte, atATime, receive int) (seats []*seat) {
	c.Helper()
	want := c.open + len(people)
	seats = make([]*seat, len(people))
	next, later, before := 0, map[int]time.Duration{}, c.onEnd
	sit := func(i int) { seats[i] = c.sit(people[i], handshakes[i], receive) }
	c.onEnd = func(s *seat) {
		if i := slices.Index(seats, s); i >= 0 && s.shed {
			later[i] = c.now() + time.Second/4
		}
	}
	c.issue = func() {
		for ; c.opening < atATime && next < len(people); next++ {
			sit(next)
		}
		for i, when := range later {
			if c.now() > when {
				delete(later, i)
				sit(i)
			}
		}
	}
	if !c.until(func() bool { return c.open == want || c.faults.sum() > 0 }) || c.open < want {
		c.Fatalf("%d of %d sessions came to be, refused %v, %v", c.open, want, c.refused, &c.faults)
	}
	c.issue, c.onEnd = nil, before
	return seats
}

// ready handles one event of a socket.
func (c *crowd) ready(s *seat, events uint32) {
	if events&syscall.EPOLLOUT != 0 && len(s.request) > 0 {
		n, err := syscall.Write(s.fd, s.request)
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			c.end(s)
			return
		}
		if s.request = s.request[max(n, 0):]; len(s.request) == 0 {
			s.request = nil
			_ = watch(c.epoll, syscall.EPOLL_CTL_MOD, s.fd, syscall.EPOLLIN)
		}
	}
	if s.stalled && events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
		c.end(s)
		return
	}
	if events&^syscall.EPOLLOUT == 0 || s.stalled {
		return
	}
	kept := copy(c.buf[:], s.rest)
	n, err := syscall.Read(s.fd, c.buf[kept:])
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		return
	}
	if n <= 0 {
		c.end(s)
		return
	}
	c.bytes += n
	rest := c.read(s, c.buf[:kept+n], c.now())
	s.rest = append(s.rest[:0], rest...)
}

// read takes apart what came and returns what is not complete.
func (c *crowd) read(s *seat, in []byte, now time.Duration) []byte {
	if s.stage == asking {
		head, rest, whole := bytes.Cut(in, []byte("\r\n\r\n"))
		if !whole {
			return in
		}
		if status, _, _ := bytes.Cut(head, []byte("\r\n")); !bytes.HasPrefix(status, []byte("HTTP/1.1 101 ")) {
			c.refused[string(status)]++
			s.shed = bytes.HasPrefix(status, []byte("HTTP/1.1 503 "))
			c.end(s)
			return nil
		}
		if c.deflate != bytes.Contains(head, []byte("permessage-deflate")) {
			c.faults.note(&c.faults.broken, 1, "a session was offered compression (%t), the answer was %q", c.deflate, head)
		}
		s.stage, in = greeted, rest
	}
	for len(in) >= 2 && s.stage != gone {
		head, length := 2, int(in[1])
		if length > 127 {
			c.faults.note(&c.faults.broken, 1, "a masked frame of %d bytes", length-128)
			c.end(s)
			return nil
		}
		if length == 126 && len(in) >= 4 {
			head, length = 4, int(binary.BigEndian.Uint16(in[2:]))
		} else if length == 127 && len(in) >= 10 {
			head, length = 10, int(binary.BigEndian.Uint64(in[2:]))
		} else if length > 125 {
			break
		}
		if len(in) < head+length {
			break
		}
		c.frame(s, in[:head+length], in[head:head+length], now)
		in = in[head+length:]
	}
	if len(in) > len(c.buf)/2 {
		c.faults.note(&c.faults.broken, 1, "a frame of more than %d bytes", len(in))
		c.end(s)
		return nil
	}
	return in
}

// frame handles one whole frame.
func (c *crowd) frame(s *seat, frame, body []byte, now time.Duration) {
	const (
		before = `{"Headers":{"x-amz-chime-event-type":"`
		line   = before + `CREATE_CHANNEL_MESSAGE"`
	)
	opcode := frame[0]
	if opcode == 0xc1 && c.deflate {
		text, err := c.inflater.text(body)
		if err != nil {
			c.faults.note(&c.faults.broken, 1, "a compressed frame: %v", err)
			return
		}
		opcode, body = 0x81, text
		c.flat++
	}
	switch {
	case opcode == 0x89: // ping: a pong with a mask of zeros
		_, _ = syscall.Write(s.fd, append([]byte{0x8a, 0x80 | byte(len(body)), 0, 0, 0, 0}, body...))
	case opcode == 0x88:
		if len(body) >= 2 {
			s.code = int(binary.BigEndian.Uint16(body))
		}
		_, _ = syscall.Write(s.fd, append([]byte{0x88, 0x80 | byte(len(body)), 0, 0, 0, 0}, body...))
		c.end(s)
	case opcode != 0x81:
		c.faults.note(&c.faults.broken, 1, "a frame that begins % x", frame[:2])
	case len(body) > len(line) && string(body[:len(line)]) == line:
		c.line(s, frame, body, now)
	default:
		_, rest, _ := bytes.Cut(body, []byte(before))
		event, _, _ := bytes.Cut(rest, []byte(`"`))
		c.frames[string(event)]++
		if string(event) == "SESSION_ESTABLISHED" {
			c.seated(s)
		} else if c.onEvent != nil {
			c.onEvent(s, string(event), body)
		}
	}
}

func (c *crowd) seated(s *seat) {
	if s.stage != greeted {
		c.faults.note(&c.faults.broken, 1, "session %d was established twice", s.fd)
		return
	}
	s.stage, s.sat = seated, true
	c.opening--
	c.open++
	if len(s.chairs) == 0 && len(c.rooms) == 1 {
		s.chairs = append(s.chairs, chair{room: c.rooms[0]})
	}
	for i := range s.chairs { // it was known where
		s.chairs[i] = c.join(s.chairs[i].room)
	}
}

// stand takes a chair from a session, which was asked for then.
func (c *crowd) stand(s *seat, at int, asked time.Duration, why string) {
	c.farewells = append(c.farewells, farewell{s.chairs[at], s.fd, asked, why})
	s.chairs[at].room.chairs--
	s.chairs = slices.Delete(s.chairs, at, at+1)
}

// join makes a chair of a session that is to hear what is said from now on.
func (c *crowd) join(r *room) chair {
	r.chairs++
	if c.choir == nil {
		return r.join(0, true)
	}
	return r.join(c.choir.next, c.choir.next == c.settled)
}

// end closes a socket without a word and without leaving its port in TIME_WAIT.
func (c *crowd) end(s *seat) {
	if s.stage == gone {
		return
	}
	if s.stage == seated {
		c.open--
	} else {
		c.opening--
	}
	s.stage = gone
	c.seats[s.fd] = nil
	_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	_ = syscall.Close(s.fd)
	if !c.churn && !s.stalled && !s.shed {
		c.faults.note(&c.faults.broken, 1, "session %d ended, code %d", s.fd, s.code)
	}
	if c.onEnd != nil {
		c.onEnd(s)
	}
	for i := 0; s.sat && i < len(s.chairs); i++ {
		s.chairs[i].room.chairs--
	}
}

// listening counts those who hear a line.
func (c *crowd) listening() (n int) {
	for _, s := range c.seats {
		if s != nil && s.stage == seated && !s.stalled {
			n++
		}
	}
	return n
}

// stall has a session read nothing from now on.
func (c *crowd) stall(s *seat) {
	s.stalled = true
	_ = watch(c.epoll, syscall.EPOLL_CTL_MOD, s.fd, 0)
}

package fanout

import (
	"errors"
	"net"
	"os"
	"syscall"
)

const (
	// userTimeout is how long sent bytes may stay unacknowledged before the system gives the peer up, in milliseconds.
	userTimeout = 30_000
	// tcpUserTimeout is TCP_USER_TIMEOUT (linux/tcp.h), which package syscall has not got.
	tcpUserTimeout = 18
	// edges are what a socket tells, once each time: there is something to read, room to write, an end.
	edges = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which syscall has as a negative number
)

// bare is a link over a descriptor of our own: no net.Conn, no netpoll entry.
type bare struct {
	fd   int
	poll *poller
	free func() // tells who counts connections of its end; may be nil
}

// takeDescriptor gives the socket's descriptor to the shard. nil means that it has none to give: TLS works on bytes that
// are not on the wire, and says so by not being a syscall.Conn.
func takeDescriptor(s *shard, socket net.Conn) (*bare, *poller) {
	sys, ok := socket.(syscall.Conn)
	if !ok {
		return nil, nil
	}
	poll := s.poller()
	raw, err := sys.SyscallConn()
	if err != nil || poll == nil {
		return nil, nil
	}
	fd := -1
	err = raw.Control(func(old uintptr) {
		if n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0); errno == 0 {
			fd = int(n)
		}
	})
	if err != nil || fd < 0 {
		return nil, nil
	}
	// The old descriptor and its entry in Go's poller go; the connection lives on in ours, which is non-blocking, too. Close
	// returns when nobody reads from the old one any more.
	b := &bare{fd: fd, poll: poll}
	if counted, ok := socket.(Parted); ok {
		b.free = counted.Part()
	} else {
		_ = socket.Close()
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, socketBuffer) // wishes, not needs
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpUserTimeout, userTimeout)
	return b, poll
}

// giveUpInTime has the system end a connection whose peer acknowledges nothing.
func giveUpInTime(tcp *net.TCPConn) {
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, userTimeout)
		})
	}
}

func (b *bare) start(c *Conn) bool {
	ev := syscall.EpollEvent{Events: edges, Fd: c.slot}
	return syscall.EpollCtl(b.poll.fd, syscall.EPOLL_CTL_ADD, b.fd, &ev) == nil
}

func (b *bare) write(p []byte) (int, error) {
	for {
		switch n, err := syscall.Write(b.fd, p); {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, err
		}
	}
}

func (b *bare) flush(late []chunk) (int, error) {
	total := 0
	for _, c := range late {
		n, err := b.write(c.b[c.sent:])
		if total += n; err != nil || n < len(c.b)-c.sent {
			return total, err
		}
	}
	return total, nil
}

func (b *bare) keeps() bool { return false }

func (b *bare) flying() int { return 0 }

// read hands what has come to c until there is nothing more. ended says that the end is among it.
func (b *bare) read(c *Conn, ended bool) {
	in := c.shard.in[:]
	for !c.ended {
		switch n, err := syscall.Read(b.fd, in); {
		case n > 0:
			c.received(in[:n])
			if n < len(in) && !ended { // the system tells when there is more
				return
			}
		case errors.Is(err, syscall.EAGAIN):
			return
		case !errors.Is(err, syscall.EINTR):
			c.lost()
			return
		}
	}
}

func (b *bare) rinse() {
	var in [4 << 10]byte
	for range maxThrown / len(in) {
		if n, err := syscall.Read(b.fd, in[:]); n <= 0 || err != nil {
			return
		}
	}
}

func (b *bare) close(gone func()) {
	_ = syscall.Close(b.fd) // and with it the entry in the epoll set
	if b.free != nil {
		b.free()
	}
	gone()
}

// poller is the epoll set of a shard. The set is itself in Go's poller, so that waiting for it takes a goroutine and no
// thread; the goroutine only looks whether something is there and then waits until the shard has seen to it.
type poller struct {
	fd     int
	file   *os.File
	events [256]syscall.EpollEvent
	ready  chan int // how many of events are filled
	served chan struct{}
	done   chan struct{} // closed by close
}

// poller makes the shard's poller with its first descriptor; nil if the system has none to give.
func (s *shard) poller() *poller {
	s.once.Do(func() {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return
		}
		_ = syscall.SetNonblock(fd, true) // makes os.NewFile put it into Go's poller
		p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), ready: make(chan int), served: make(chan struct{}, 1), done: make(chan struct{})}
		raw, err := p.file.SyscallConn()
		if err != nil {
			_ = p.file.Close()
			return
		}
		s.polling = p
		go p.watch(raw)
	})
	return s.polling
}

func (p *poller) watch(raw syscall.RawConn) {
	for {
		n := 0
		if raw.Read(func(uintptr) bool { n = p.look(); return n > 0 }) != nil {
			return // closed
		}
		select {
		case p.ready <- n:
			<-p.served
		case <-p.done:
			return
		}
	}
}

// look asks for events without waiting.
func (p *poller) look() int {
	n, err := syscall.EpollWait(p.fd, p.events[:], 0)
	if err != nil { // EINTR cannot come to who does not wait
		return 0
	}
	return n
}

// news tells of events; serve has to follow.
func (p *poller) news() chan int {
	if p == nil {
		return nil
	}
	return p.ready
}

func (p *poller) serve(s *shard, n int) {
	for _, ev := range p.events[:n] {
		c := s.slots[ev.Fd]
		if c == nil {
			continue // ended by an event before this one
		}
		b, ok := c.link.(*bare)
		if !ok {
			continue // a piped one has the slot now
		}
		if ev.Events&syscall.EPOLLOUT != 0 {
			c.flush()
		}
		if ev.Events&^syscall.EPOLLOUT != 0 && !c.ended {
			b.read(c, ev.Events&^(syscall.EPOLLIN|syscall.EPOLLOUT) != 0)
		}
	}
	p.served <- struct{}{}
}

func (p *poller) close() {
	if p != nil {
		close(p.done)
		_ = p.file.Close()
	}
}

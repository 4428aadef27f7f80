package hall_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// The bare broadcaster: what a fan-out costs when nothing else is done. One thread, one epoll, no buffer per connection,
// no signature, no database. Whoever sends GET listens, whoever sends POST has the body of it, a whole WebSocket frame,
// sent to all who listen.
const (
	bareRaw   = "raw"   // each frame is a write of its own to each connection
	bareQueue = "rawq"  // a write carries all frames that came meanwhile
	barePaced = "paced" // the same, in passes that begin 100 ms apart
)

const barePace = 100 * time.Millisecond

type bare struct {
	kind         string
	epoll, door  int
	in           map[int][]byte // of connections that have not said all of their request
	late         map[int][]byte // what a socket did not take
	listeners    []int
	queue        [][]byte
	last         time.Time // when the last pass began
	buf          [64 << 10]byte
	batch        []byte
	listenersNow atomic.Int64
}

const bareAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// established is the first frame, as the engine's.
const established = `{"Headers":{"x-amz-chime-event-type":"SESSION_ESTABLISHED","x-amz-chime-message-type":"SYSTEM"}}`

// serveBare runs a broadcaster until its standard input ends.
func serveBare(kind string) error {
	b := &bare{kind: kind, in: map[int][]byte{}, late: map[int][]byte{}}
	addr, err := b.listen()
	if err != nil {
		return err
	}
	go b.run()
	if err := json.NewEncoder(os.Stdout).Encode(hello{Addr: addr}); err != nil {
		return err
	}
	obey(nil, func(r *report) { r.Sessions = int(b.listenersNow.Load()) })
	return nil
}

func (b *bare) listen() (addr string, err error) {
	if b.door, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0); err != nil {
		return "", err
	}
	plainCongestion(uintptr(b.door))
	if err := syscall.Bind(b.door, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", err
	}
	if err := syscall.Listen(b.door, 4096); err != nil {
		return "", err
	}
	at, err := syscall.Getsockname(b.door)
	if err != nil {
		return "", err
	}
	in4, ok := at.(*syscall.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("listening at %T", at)
	}
	if b.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return "", err
	}
	return "127.0.0.1:" + strconv.Itoa(in4.Port), watch(b.epoll, syscall.EPOLL_CTL_ADD, b.door, syscall.EPOLLIN)
}

func watch(epoll, op, fd int, events uint32) error {
	return syscall.EpollCtl(epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (b *bare) run() {
	runtime.LockOSThread()
	var events [256]syscall.EpollEvent
	for {
		n, err := syscall.EpollWait(b.epoll, events[:], b.wait())
		if err != nil && !errors.Is(err, syscall.EINTR) {
			panic(err)
		}
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); {
			case fd == b.door:
				b.accept()
			case e.Events&syscall.EPOLLOUT != 0:
				b.write(fd, nil)
			default:
				b.read(fd)
			}
		}
		b.pass()
	}
}

// wait is how many milliseconds the loop may sleep.
func (b *bare) wait() int {
	switch {
	case len(b.queue) == 0:
		return -1
	case b.kind == barePaced:
		return max(0, int((time.Until(b.last.Add(barePace)) + time.Millisecond - 1).Milliseconds()))
	}
	return 0
}

func (b *bare) accept() {
	for range 64 {
		fd, _, err := syscall.Accept4(b.door, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		b.in[fd] = nil
		_ = watch(b.epoll, syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN)
	}
}

func (b *bare) read(fd int) {
	n, err := syscall.Read(fd, b.buf[:])
	if n <= 0 {
		if errors.Is(err, syscall.EAGAIN) {
			return
		}
		_ = syscall.Close(fd)
		delete(b.in, fd)
		delete(b.late, fd)
		for i, l := range b.listeners {
			if l == fd {
				b.listeners[i] = b.listeners[len(b.listeners)-1]
				b.listeners = b.listeners[:len(b.listeners)-1]
				break
			}
		}
		b.listenersNow.Store(int64(len(b.listeners)))
		return
	}
	said, asking := b.in[fd]
	if !asking {
		return // a listener's pong
	}
	said = append(said, b.buf[:n]...)
	head, body, whole := bytes.Cut(said, []byte("\r\n\r\n"))
	switch {
	case whole && said[0] == 'G':
		delete(b.in, fd)
		b.listeners = append(b.listeners, fd)
		b.listenersNow.Store(int64(len(b.listeners)))
		b.write(fd, append([]byte(bareAnswer), textFrame(established)...))
	case whole && len(body) >= contentLength(head):
		b.queue = append(b.queue, bytes.Clone(body))
		b.in[fd] = nil
		b.write(fd, []byte("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
	default:
		b.in[fd] = said
	}
}

func contentLength(head []byte) int {
	_, rest, _ := bytes.Cut(head, []byte("Content-Length: "))
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, _ := strconv.Atoi(string(digits))
	return n
}

// pass sends the oldest frame, or all of them, to everybody.
func (b *bare) pass() {
	if len(b.queue) == 0 || b.kind == barePaced && time.Since(b.last) < barePace {
		return
	}
	frame := b.queue[0]
	if b.kind == bareRaw {
		b.queue = b.queue[1:]
	} else {
		b.batch = b.batch[:0]
		for _, f := range b.queue {
			b.batch = append(b.batch, f...)
		}
		frame, b.queue = b.batch, nil
	}
	b.last = time.Now()
	for _, fd := range b.listeners {
		b.write(fd, frame)
	}
}

// write sends data behind what a socket has not taken yet.
func (b *bare) write(fd int, data []byte) {
	late, before := b.late[fd]
	if before {
		data = append(late, data...)
	}
	n, err := syscall.Write(fd, data)
	switch n = max(n, 0); {
	case n == len(data):
		if before {
			delete(b.late, fd)
			_ = watch(b.epoll, syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLIN)
		}
	case err == nil || errors.Is(err, syscall.EAGAIN):
		b.late[fd] = bytes.Clone(data[n:])
		_ = watch(b.epoll, syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	}
}

// textFrame is an unmasked text frame of at most 64 KB (RFC 6455, section 5.2).
func textFrame(text string) []byte {
	if len(text) < 126 {
		return append([]byte{0x81, byte(len(text))}, text...)
	}
	return append([]byte{0x81, 126, byte(len(text) >> 8), byte(len(text))}, text...)
}

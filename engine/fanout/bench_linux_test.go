package fanout

import (
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hearers are the other ends of connections, read by one cheap loop.
type hearers struct {
	epoll int
	bytes atomic.Int64
	stop  atomic.Bool
	done  chan struct{}
	open  []net.Conn
}

func listenAll(b *testing.B) *hearers {
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	h := &hearers{epoll: epoll, done: make(chan struct{})}
	go func() {
		defer close(h.done)
		events, in := make([]syscall.EpollEvent, 512), make([]byte, 64<<10)
		look := time.NewTicker(time.Millisecond / 2) // who sends must not pay for waking this thread for each socket
		defer look.Stop()
		for n := 0; !h.stop.Load(); {
			if n < len(events) {
				<-look.C
			}
			n, _ = syscall.EpollWait(epoll, events, 0)
			for _, ev := range events[:max(n, 0)] {
				got, _ := syscall.Read(int(ev.Fd), in)
				h.bytes.Add(int64(max(got, 0)))
			}
		}
	}()
	return h
}

func (h *hearers) add(b *testing.B, client net.Conn) {
	h.open = append(h.open, client)
	tcp, ok := client.(*net.TCPConn)
	if !ok {
		b.Fatalf("a %T", client)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
		err = syscall.EpollCtl(h.epoll, syscall.EPOLL_CTL_ADD, int(fd), &ev)
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (h *hearers) end() {
	h.stop.Store(true)
	<-h.done
	for _, c := range h.open {
		_ = c.Close()
	}
	_ = syscall.Close(h.epoll)
}

// BenchmarkDelivery is one frame of a usual line to one of N connections over loopback TCP, 16 lines under way: by a bare
// loop of writes, and by a hall.
func BenchmarkDelivery(b *testing.B) {
	frame := make([]byte, 970)
	frame[0], frame[1] = 0x81, 126
	for _, n := range []int{1000, 5000} {
		for _, kind := range []string{"loop", "hall", "piped"} {
			b.Run(fmt.Sprint(kind, "-", n), func(b *testing.B) { deliver(b, kind, n, frame) })
		}
	}
}

func deliver(b *testing.B, kind string, n int, frame []byte) {
	hall := New(Config{Pace: -1, Portable: kind == "piped"})
	room := hall.NewRoom()
	h, conns, gone := connectAll(b, hall, n)
	var fds []int
	for _, c := range conns {
		c.Enter(room)
		if bare, ok := c.link.(*bare); ok {
			fds = append(fds, bare.fd)
		}
	}
	b.ResetTimer()
	total := int64(b.N) * int64(n) * int64(len(frame))
	for sent := range b.N {
		if kind == "loop" {
			for _, fd := range fds {
				_, _ = syscall.Write(fd, frame)
			}
			continue
		}
		room.Publish(frame, false)
		for int64(sent-15)*int64(n*len(frame)) > h.bytes.Load() {
			<-time.After(100 * time.Microsecond)
		}
	}
	for h.bytes.Load() < total {
		<-time.After(100 * time.Microsecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "deliveries/s")
	h.end()
	for _, g := range gone {
		<-g
	}
	hall.Close()
}

// connectAll connects n hearers to the hall.
func connectAll(b *testing.B, hall *Hall, n int) (h *hearers, conns []*Conn, gone []ended) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	h = listenAll(b)
	for range n {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		h.add(b, client)
		g := make(ended)
		gone = append(gone, g)
		conns = append(conns, hall.Take(server, nil, g, Terms{}))
	}
	return h, conns, gone
}

package fanout

import (
	"net"
	"os"
	"syscall"
	"testing"
)

// socketPair is a connection that has a descriptor and needs no network.
func socketPair(t testing.TB) (server, client net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return ends[0], ends[1]
}

// What was sent and stays unacknowledged ends the connection, in which time nothing waits here.
func TestTheSystemGivesUpPeersThatAcknowledgeNothing(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		cfg.Shards = 1
		hall := New(cfg)
		server, client := overTCP(t)
		gone := make(ended)
		c := hall.Take(server, nil, gone, Terms{})
		got := make(chan int)
		hall.shards[0].post(func() {
			n := 0
			switch l := c.link.(type) {
			case *bare:
				n, _ = syscall.GetsockoptInt(l.fd, syscall.IPPROTO_TCP, tcpUserTimeout)
			case *piped:
				socket, ok := l.socket.(syscall.Conn)
				if !ok {
					break
				}
				if raw, err := socket.SyscallConn(); err == nil {
					_ = raw.Control(func(fd uintptr) { n, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) })
				}
			}
			got <- n
		})
		if n := <-got; n != 30_000 {
			t.Errorf("after %d ms", n)
		}
		_ = client.Close()
		<-gone
		hall.Close()
	})
}

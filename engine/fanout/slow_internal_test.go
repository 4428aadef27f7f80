package fanout

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// overTCP is a connection whose buffers may fill in the middle of a frame.
func overTCP(t testing.TB) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// Who falls behind by too much finds, when he reads at last, whole frames without a gap, and then why it is over. The
// tick is so long that nobody is cut off while the test reads.
func TestWhoIsTooSlowFindsWholeFramesAndThenTheReason(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		cfg.Shards, cfg.Tick, cfg.QueueBytes = 1, time.Hour, 64<<10
		hall := New(cfg)
		server, client := overTCP(t)
		p := &peer{gone: make(ended), socket: client, begin: make(chan struct{}), heard: make(chan []string, 1)}
		p.conn = hall.Take(server, nil, p.gone, Terms{})
		room := hall.NewRoom()
		p.conn.Enter(room)
		for n := 0; hall.Stats()[0].SlowClosed == 0; n++ {
			room.Publish(ws.MustCompileFrame(ws.NewTextFrame(fmt.Appendf(nil, "%d|%s", n, strings.Repeat("x", 5000)))), true)
			if n > 10000 {
				t.Fatal("50 MB sent to somebody who reads nothing")
			}
			done := make(chan struct{})
			hall.shards[0].post(func() { close(done) })
			<-done
		}
		if q := hall.Stats()[0].QueuedBytes; q > 64<<10+6000 {
			t.Errorf("%d bytes are kept for it", q)
		}
		go p.listen()
		close(p.begin)
		log := <-p.heard
		for n, name := range log[:len(log)-1] {
			if name != fmt.Sprint(n) {
				t.Fatalf("frame %d is %q", n, name)
			}
		}
		if end := log[len(log)-1]; end != "closed 1013" || len(log) < 2 {
			t.Errorf("after %d frames it was %s", len(log)-1, end)
		}
		<-p.gone
		hall.Close()
	})
}

// Who publishes faster than the sockets can be written to is held up until there is room.
func TestWhoPublishesTooMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hall := New(Config{Shards: 2})
		free, done := make(chan struct{}), make(chan struct{})
		s := hall.shards[1]
		s.post(func() { <-free })
		synctest.Wait()
		for range maxQueue {
			s.post(func() {})
		}
		hall.Await()
		s.post(func() {})
		go func() { defer close(done); hall.Await() }()
		synctest.Wait()
		select {
		case <-done:
			t.Error("nobody was held up")
		default:
		}
		close(free)
		<-done
		hall.Close()
	})
}

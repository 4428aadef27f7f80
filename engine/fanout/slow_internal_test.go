package fanout

import (
	"fmt"
	"io"
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

// sleeper is somebody in a room who does not read before he is told to begin.
func (h *Hall) sleeper(t testing.TB) (*peer, *Room) {
	t.Helper()
	server, client := overTCP(t)
	p := &peer{gone: make(ended), socket: client, begin: make(chan struct{}), heard: make(chan []string, 1)}
	p.conn = h.Take(server, nil, p.gone, Terms{})
	room := h.NewRoom()
	p.conn.Enter(room)
	return p, room
}

// settle returns when the only shard has done what it was asked before.
func (h *Hall) settle() {
	done := make(chan struct{})
	h.shards[0].post(func() { close(done) })
	<-done
}

// Who falls behind by too much finds, when he reads at last, whole frames without a gap, and then why it is over. The
// tick is so long that nobody is cut off while the test reads.
func TestWhoIsTooSlowFindsWholeFramesAndThenTheReason(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		cfg.Shards, cfg.Tick, cfg.QueueBytes = 1, time.Hour, 64<<10
		hall := New(cfg)
		p, room := hall.sleeper(t)
		for n := 0; hall.Stats()[0].SlowClosed == 0; n++ {
			room.Publish(ws.MustCompileFrame(ws.NewTextFrame(fmt.Appendf(nil, "%d|%s", n, strings.Repeat("x", 5000)))), true)
			if n > 10000 {
				t.Fatal("50 MB sent to somebody who reads nothing")
			}
			hall.settle()
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

// until waits until f says so of the figures of the only shard; false means that patience ended before.
func (h *Hall) until(f func(Stats) bool) bool {
	for limit := time.Now().Add(30 * time.Second); ; {
		h.settle()
		if s := h.Stats()[0]; f(s) {
			return true
		}
		if time.Now().After(limit) {
			return false
		}
	}
}

// Who has little waiting, but for long, is sent away as well.
func TestWhoIsBehindForTooLongIsSentAway(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		cfg.Shards, cfg.Tick, cfg.QueueTime, cfg.QueueBytes, cfg.PingEvery = 1, 10*time.Millisecond, 100*time.Millisecond, 1<<30, time.Hour
		cfg.CloseTime = time.Hour
		hall := New(cfg)
		p, room := hall.sleeper(t)
		frame := text(strings.Repeat("x", 50000))
		room.Publish(frame, true)
		if !hall.until(func(s Stats) bool {
			if s.QueuedBytes == 0 {
				room.Publish(frame, true)
			}
			return s.SlowClosed > 0
		}) {
			t.Error("it is still there")
			p.conn.Shut(Farewell{Code: ws.StatusGoingAway})
		}
		go p.listen()
		close(p.begin)
		log := <-p.heard
		if end := log[len(log)-1]; end != "closed 1013" {
			t.Errorf("after %d frames it was %s", len(log)-1, end)
		}
		<-p.gone
		hall.Close()
	})
}

// A peer that takes everything and answers no ping is dead.
func TestWhoAnswersNoPingIsDead(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		cfg.Shards, cfg.Tick, cfg.PingEvery, cfg.QueueTime = 1, 10*time.Millisecond, 40*time.Millisecond, time.Hour
		hall := New(cfg)
		server, client := overTCP(t)
		gone := make(ended)
		began := time.Now()
		hall.Take(server, nil, gone, Terms{})
		pings, over := 0, make(chan struct{})
		go func() {
			defer close(over)
			for {
				h, err := ws.ReadHeader(client)
				if err != nil {
					return
				}
				if _, err := io.CopyN(io.Discard, client, h.Length); err == nil && h.OpCode == ws.OpPing {
					pings++
				}
			}
		}()
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			t.Error("it is still there")
			_ = client.Close()
			<-gone
		}
		<-over
		if after := time.Since(began); after < 100*time.Millisecond || pings == 0 {
			t.Errorf("ended after %v and %d pings", after, pings)
		}
		if n := hall.Stats()[0].SlowClosed; n != 0 {
			t.Error("it counts as slow")
		}
		_ = client.Close()
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

package wsconn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/wsconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a listener whose connections are net.Pipe ends: no kernel buffers, so a peer that does not read stops a
// writer at once, and everything lives inside a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// side is a running server and what its one connection did.
type side struct {
	conn     *wsconn.Conn
	client   *websocket.Conn
	messages []string
	ended    chan error // what Run returned
	stop     context.CancelFunc
}

// connect starts a server in the bubble and connects to it.
func connect(t *testing.T, opts wsconn.Options) *side {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &side{ended: make(chan error, 1), stop: cancel}
	accepted := make(chan *wsconn.Conn, 1)
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := wsconn.Accept(w, r, opts)
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- c
		s.ended <- c.Run(ctx, func(_ context.Context, m []byte) { s.messages = append(s.messages, string(m)) })
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { cancel(); _ = srv.Close() })
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		a, b := net.Pipe()
		l.conns <- b
		return a, nil
	}}
	var err error
	s.client, _, err = websocket.Dial(t.Context(), "ws://stagedoor/live", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.CloseNow() })
	s.conn = <-accepted
	return s
}

// readAll reads until the connection ends and returns the messages and the close code (-1: it just broke).
func (s *side) readAll(t *testing.T) ([]string, websocket.StatusCode) {
	var got []string
	for {
		_, m, err := s.client.Read(t.Context())
		if err != nil {
			return got, websocket.CloseStatus(err)
		}
		got = append(got, string(m))
	}
}

func TestWhatWasSentArrivesInOrderBeforeTheCloseCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		for i := range 100 {
			s.conn.Send(map[string]int{"n": i})
		}
		s.conn.SendText([]byte(`{"t":"seat"}`))
		s.conn.Close(wsconn.Kicked, "on another device")
		s.conn.Send("after the end")
		s.conn.Close(wsconn.GoingAway, "too late")
		got, code := s.readAll(t)
		if len(got) != 101 || got[99] != `{"n":99}` || got[100] != `{"t":"seat"}` {
			t.Errorf("got %d messages: %q", len(got), got)
		}
		if code != 4003 {
			t.Errorf("close code %d, want 4003", code)
		}
		if err := <-s.ended; err != nil {
			t.Errorf("an orderly end is no error: %v", err)
		}
	})
}

func TestThePeersMessagesArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		for i := range 3 {
			if err := s.client.Write(t.Context(), websocket.MessageText, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		_ = s.client.Close(websocket.StatusNormalClosure, "")
		if err := <-s.ended; err != nil || strings.Join(s.messages, "") != "012" {
			t.Errorf("%q, %v", s.messages, err)
		}
	})
}

func TestASlowPeerIsSentAwayWithACodeThatSaysComeBackAndSendNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{QueueBytes: 1000})
		start := time.Now()
		for i := range 50 { // 50 x 50 bytes: more than may wait; the peer reads nothing yet
			s.conn.SendText(fmt.Appendf(nil, "%050d", i))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Send waited %v", waited)
		}
		synctest.Wait()
		got, code := s.readAll(t)
		if code != 1013 || wsconn.Code(code).Final() {
			t.Errorf("close code %d, want 1013", code)
		}
		for i, m := range got { // no hole in what did arrive
			if m != fmt.Sprintf("%050d", i) {
				t.Errorf("message %d is %s", i, m)
			}
		}
		if err := <-s.ended; !errors.Is(err, wsconn.ErrTooSlow) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPeerThatDoesNotEvenTakeTheCloseCodeIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{QueueBytes: 100})
		start := time.Now()
		s.conn.SendText(make([]byte, 90))
		synctest.Wait() // the writer is stuck in this frame
		s.conn.SendText(make([]byte, 90))
		if err := <-s.ended; !errors.Is(err, wsconn.ErrTooSlow) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("cut after %v, want 2 s", took)
		}
	})
}

func TestASilentPeerIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{PingEvery: 20 * time.Second, PongWithin: 10 * time.Second})
		start := time.Now()
		if err := <-s.ended; !errors.Is(err, wsconn.ErrDead) { // the client never reads, so it never answers
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took < 20*time.Second || took > 30*time.Second {
			t.Errorf("noticed after %v, want at most 30 s", took)
		}
	})
}

func TestALivePeerStaysForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		reading := s.client.CloseRead(t.Context())
		select {
		case <-reading.Done():
			t.Error("closed")
		case <-time.After(4 * time.Hour):
		}
	})
}

func TestAMessageOverTheLimitEndsTheConnectionUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{ReadLimit: 100})
		go func() { _ = s.client.Write(t.Context(), websocket.MessageText, make([]byte, 101)) }()
		if _, code := s.readAll(t); code != websocket.StatusMessageTooBig {
			t.Errorf("close code %d, want 1009", code)
		}
		if err := <-s.ended; err == nil || len(s.messages) != 0 {
			t.Errorf("%q, %v", s.messages, err)
		}
	})
}

func TestABinaryMessageIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		go func() { _ = s.client.Write(t.Context(), websocket.MessageBinary, []byte("x")) }()
		if _, code := s.readAll(t); code != 1003 {
			t.Errorf("close code %d, want 1003", code)
		}
		if err := <-s.ended; err != nil || len(s.messages) != 0 {
			t.Errorf("got %q", s.messages)
		}
	})
}

func TestAServerThatStopsSaysComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		s.conn.SendText([]byte("last words"))
		s.stop()
		got, code := s.readAll(t)
		if code != 1001 || len(got) != 1 {
			t.Errorf("%q, close code %d, want 1001", got, code)
		}
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAPeerThatVanishesIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, wsconn.Options{})
		_ = s.client.CloseNow()
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	})
}

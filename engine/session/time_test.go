package session_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/internal/arn"
)

const (
	oneUser    arn.ARN = "arn:aws:chime:us-east-1:123456789012:app-instance/ai/user/u-1"
	oneChannel arn.ARN = "arn:aws:chime:us-east-1:123456789012:app-instance/ai/channel/c-1"
)

// pipes is a listener without a network, which synctest needs.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gate answers ChannelsOf when it is opened; nil answers at once.
type gate chan []arn.ARN

func (g gate) ChannelsOf(ctx context.Context, _ arn.ARN) ([]arn.ARN, error) {
	if g == nil {
		return []arn.ARN{oneChannel}, nil
	}
	select {
	case all := <-g:
		return all, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inVirtualTime runs f with a hub that is served over pipes.
func inVirtualTime(t *testing.T, gated bool, f func(s *stage, client *http.Client, members gate)) {
	var members gate
	inVirtualTimeWith(t, func(c *session.Config) {
		if gated {
			members = make(gate) // inside, or synctest takes waiting for it for work
		}
		c.Members = members
	}, func(s *stage, client *http.Client) { f(s, client, members) })
}

func inVirtualTimeWith(t *testing.T, change func(*session.Config), f func(s *stage, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{TB: t, authority: newAuthority(t), url: "http://hub.test"}
		cfg := session.Config{Authority: s.authority, Members: gate(nil), Log: slog.New(slog.DiscardHandler)}
		change(&cfg)
		s.hub = session.New(cfg)
		p := newPipes()
		server := &http.Server{Handler: s.hub}
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		transport := &http.Transport{DialContext: p.dial}
		f(s, &http.Client{Transport: transport})
		s.ok(s.hub.Close(context.Background(), 0))
		transport.CloseIdleConnections()
		s.ok(server.Close())
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func (s *stage) dialWith(client *http.Client, signed string) fan {
	s.Helper()
	ws, _, err := websocket.Dial(context.Background(), signed, &websocket.DialOptions{HTTPClient: client})
	s.ok(err)
	return fan{s, ws}
}

func TestASessionEndsWithItsCredentials(t *testing.T) {
	inVirtualTime(t, false, func(s *stage, client *http.Client, _ gate) {
		start := time.Now()
		f := s.dialWith(client, connectURL(s, s.url, s.credentials(oneUser, 15*time.Minute), oneUser, "1"))
		f.next()
		_, _, err := f.ws.Read(context.Background()) // answers pings for a quarter of an hour
		if websocket.CloseStatus(err) != 4419 {
			s.Errorf("ended with %v", err)
		}
		if d := time.Since(start); d < 15*time.Minute || d > 15*time.Minute+2*time.Second {
			s.Errorf("ended after %v", d)
		}
	})
}

func TestAPeerThatAnswersPingsStaysAndADeadOneIsNoticed(t *testing.T) {
	inVirtualTime(t, false, func(s *stage, client *http.Client, _ gate) {
		alive := s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "1"))
		alive.next()
		ctx := alive.ws.CloseRead(context.Background())
		dead := s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "2"))
		dead.next() // and never reads again, so it answers no ping
		<-time.After(2 * time.Minute)
		if n := s.hub.Stats().Connections; n != 1 {
			s.Errorf("%d connections after two minutes, want the living one", n)
		}
		<-time.After(time.Hour)
		if ctx.Err() != nil || s.hub.Stats().Connections != 1 {
			s.Error("the living one was cut off")
		}
		s.ok(alive.ws.CloseNow())
		s.ok(dead.ws.CloseNow())
	})
}

// Events that arrive while the channels of a connecting user are being read are newer than what the read may have seen.
func TestWhatHappensWhileAUserConnectsIsNotLost(t *testing.T) {
	inVirtualTime(t, true, func(s *stage, client *http.Client, channels gate) {
		left, joined := oneChannel+"-left", oneChannel+"-joined"
		f := make(chan fan)
		go func() { f <- s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "1")) }()
		synctest.Wait() // the hub is reading the channels
		for channel, e := range map[arn.ARN]core.Event{left: {Left: []arn.ARN{oneUser}}, joined: {Joined: []arn.ARN{oneUser}}, oneChannel + "-gone": {Gone: true}} {
			e.Type, e.MessageType, e.Channel = "X", core.System, channel
			s.hub.Deliver(e)
		}
		synctest.Wait()
		channels <- []arn.ARN{oneChannel, left, oneChannel + "-gone"} // as it was before those events
		got := <-f
		got.next()
		for _, channel := range []arn.ARN{left, oneChannel + "-gone", joined, oneChannel} {
			s.hub.Deliver(core.Event{Type: "Y", MessageType: core.System, Channel: channel, Payload: map[string]arn.ARN{"Content": channel}})
		}
		got.hears("Y "+string(joined), "Y "+string(oneChannel))
		s.ok(got.ws.CloseNow())
	})
}

func TestTwoConnectionsOfAUserShareOneRead(t *testing.T) {
	inVirtualTime(t, true, func(s *stage, client *http.Client, channels gate) {
		f := make(chan fan)
		for _, id := range []string{"1", "2"} {
			go func() { f <- s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, id)) }()
		}
		synctest.Wait()
		channels <- []arn.ARN{oneChannel} // once: a second read would wait for ever
		for range 2 {
			got := <-f
			got.next()
			defer func() { _ = got.ws.CloseNow() }()
		}
	})
}

func TestLostEventsSendEverybodyAwayInsteadOfLeavingAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{TB: t, authority: newAuthority(t), url: "http://hub.test"}
		s.hub = session.New(session.Config{Authority: s.authority, Members: gate(nil), Log: slog.New(slog.DiscardHandler), MaxBacklog: 1})
		p := newPipes()
		server := &http.Server{Handler: s.hub}
		go func() { _ = server.Serve(p) }()
		transport := &http.Transport{DialContext: p.dial}
		f := s.dialWith(&http.Client{Transport: transport}, connectURL(s, s.url, rootKey, oneUser, "1"))
		f.next()
		for range 1000 { // more than can be handed out one at a time
			s.hub.Deliver(core.Event{Type: "X", MessageType: core.System, Channel: oneChannel, Payload: struct{}{}})
		}
		var err error
		for err == nil {
			_, _, err = f.ws.Read(context.Background())
		}
		if websocket.CloseStatus(err) != 1013 {
			t.Errorf("ended with %v", err)
		}
		s.ok(s.hub.Close(context.Background(), 0))
		transport.CloseIdleConnections()
		s.ok(server.Close())
	})
}

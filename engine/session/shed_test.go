package session_test

import (
	"context"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// busy expects 503 before the upgrade, with a word about when to come back.
func (s *stage) busy(client *http.Client, signed string) {
	s.Helper()
	_, resp, err := websocket.Dial(context.Background(), signed, &websocket.DialOptions{HTTPClient: client})
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		s.Errorf("answered with %v, %+v", err, resp)
	}
}

func TestTooManyHandshakesAtATimeAreRefusedBeforeTheUpgrade(t *testing.T) {
	var members gate
	inVirtualTimeWith(t, func(c *session.Config) {
		members = make(gate)
		c.Members, c.MaxHandshakes, c.MaxRefused = members, 1, 1
	}, func(s *stage, client *http.Client) {
		f := make(chan fan)
		go func() { f <- s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "1")) }()
		synctest.Wait() // it waits for its channels
		s.busy(client, connectURL(s, s.url, rootKey, oneUser, "2"))
		members <- []arn.ARN{oneChannel}
		first := <-f
		first.next()
		synctest.Wait() // a handshake ends a moment after its client has heard from it
		second := s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "2"))
		second.next()
		synctest.Wait()

		// Of the sockets that are refused, as many may be open; a peer that never answers the close frame holds one.
		silent := s.dialWith(client, s.url+"/connect?userArn=x")
		synctest.Wait()
		_, resp, err := websocket.Dial(context.Background(), s.url+"/connect?userArn=x", &websocket.DialOptions{HTTPClient: client})
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			s.Errorf("answered with %v, %+v", err, resp)
		}
		silent.ends(4401)
		synctest.Wait()
		s.dialWith(client, s.url+"/connect?userArn=x").ends(4401)
		s.ok(first.ws.CloseNow())
		s.ok(second.ws.CloseNow())
	})
}

// A hub that closes waits for who is just connecting, and lets nobody else try.
func TestWhoConnectsWhileTheHubClosesIsToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := make(gate)
		s := &stage{TB: t, authority: newAuthority(t), url: "http://hub.test"}
		s.hub = session.New(session.Config{Authority: s.authority, Members: members})
		p := newPipes()
		server := &http.Server{Handler: s.hub}
		go func() { _ = server.Serve(p) }()
		transport := &http.Transport{DialContext: p.dial}
		client := &http.Client{Transport: transport}
		f, closed := make(chan fan), make(chan error, 1)
		go func() { f <- s.dialWith(client, connectURL(s, s.url, rootKey, oneUser, "1")) }()
		synctest.Wait()
		go func() { closed <- s.hub.Close(context.Background(), 0) }()
		synctest.Wait()
		s.busy(client, connectURL(s, s.url, rootKey, oneUser, "2"))
		s.busy(client, s.url+"/connect?userArn=x") // no signature is looked at any more
		select {
		case err := <-closed:
			t.Errorf("the hub closed under a handshake: %v", err)
		default:
		}
		members <- []arn.ARN{oneChannel}
		(<-f).ends(1012)
		s.ok(<-closed)
		transport.CloseIdleConnections()
		s.ok(server.Close())
	})
}

// Sessions that end in every way leave no descriptor behind; that they leave no goroutine is seen by TestMain.
func TestNoDescriptorIsLeftBehind(t *testing.T) {
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc here")
		}
		return len(all)
	}
	s := open(t, nil)
	round := func() {
		ann := s.enter(s.ann, "1")
		s.ok(ann.ws.CloseNow())
		bob := s.enter(s.bob, "1")
		s.ok(bob.ws.Close(websocket.StatusNormalClosure, ""))
		me := s.enter(s.me, "1")
		s.hub.Kick(s.me, "")
		me.ends(4003)
		s.dial(s.url + "/connect").ends(4401)
		f := s.dial(s.prefetchURL(s.mod, "1", ""))
		f.hears("SESSION_ESTABLISHED", "CHANNEL_DETAILS")
		s.ok(f.ws.CloseNow())
		s.refusedWith(http.StatusBadRequest, connectURL(t, s.url, rootKey, s.ann, ""), nil)
	}
	round() // pools and statements are made
	s.eventually(func() bool { return s.hub.Stats().Connections == 0 })
	http.DefaultClient.CloseIdleConnections()
	before := descriptors()
	const rounds = 60
	for range rounds {
		round()
	}
	// Each kind of end has come sixty times; the database may have opened a few more of its own files meanwhile.
	s.eventually(func() bool {
		http.DefaultClient.CloseIdleConnections()
		return s.hub.Stats().Connections == 0 && descriptors() < before+rounds
	})
}

package session_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/session"
)

// ends counts what net/http believes of the connections of a server.
type ends struct{ closed, hijacked atomic.Int32 }

// second opens one more server of the hub, behind what is wrapped around it.
func (s *stage) second(wrap func(http.Handler) http.Handler) (url string, e *ends) {
	s.Helper()
	e = &ends{}
	server := httptest.NewUnstartedServer(wrap(s.hub))
	server.Config.ConnContext = session.ConnContext
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateClosed:
			e.closed.Add(1)
		case http.StateHijacked:
			e.hijacked.Add(1)
		case http.StateNew, http.StateActive, http.StateIdle:
		}
	}
	server.Start()
	s.Cleanup(server.Close)
	return server.URL, e
}

// hidden is a ResponseWriter that somebody has wrapped, as http.ResponseController allows.
type hidden struct{ http.ResponseWriter }

func (h hidden) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// A session lives on when net/http has closed its connection, and takes it over where it cannot be lent: nothing of a later
// answer may come between its frames.
func TestASessionTakesTheDescriptorAndLeavesTheConnection(t *testing.T) {
	s := open(t, nil)
	for name, c := range map[string]struct {
		wrap func(http.Handler) http.Handler
		lent bool
	}{
		"plain": {func(h http.Handler) http.Handler { return h }, true},
		"wrapped": {func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hidden{w}, r) })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			url, e := s.second(c.wrap)
			f := s.dial(connectURL(t, url, rootKey, s.ann, name))
			f.hears("SESSION_ESTABLISHED")
			s.eventually(func() bool { return e.closed.Load()+e.hijacked.Load() == 1 })
			if lent := runtime.GOOS == "linux" && c.lent; (e.closed.Load() == 1) != lent {
				t.Errorf("%d closed, %d hijacked", e.closed.Load(), e.hijacked.Load())
			}
			s.say(s.bob, "hello")
			f.hears("CREATE_CHANNEL_MESSAGE hello")
			s.ok(f.ws.CloseNow())
		})
	}
}

// A server that shuts down does not wait for what a session is told first.
func TestTheRequestIsOverBeforeThePrefetchIsRead(t *testing.T) {
	b := book{read: make(chan error), tell: []core.Event{event("first")}}
	s := open(t, func(c *session.Config) { c.Details = b })
	var e *ends
	s.url, e = s.second(func(h http.Handler) http.Handler { return h })
	f := s.dial(s.prefetchURL(s.ann, "1", ""))
	f.hears("SESSION_ESTABLISHED")
	s.eventually(func() bool { return e.closed.Load()+e.hijacked.Load() == 1 })
	b.read <- nil
	f.hears("X first")
	s.ok(f.ws.CloseNow())
}

// A client that does not wait for the answer loses what it sends, or its session; nobody else notices.
func TestWhoSendsBeforeTheAnswerHarmsNobodyElse(t *testing.T) {
	s := open(t, nil)
	other := s.dial(connectURL(t, s.url, rootKey, s.bob, "other"))
	other.hears("SESSION_ESTABLISHED")
	for n := range 20 {
		c := s.bareEarly(connectURL(t, s.url, rootKey, s.ann, fmt.Sprint(n)), "\x89\x84\x00\x00\x00\x00ping\x8a\x80\x00\x00\x00\x00")
		s.ok(c.Close())
	}
	s.eventually(func() bool { return s.hub.Stats().Connections == 1 })
	s.say(s.ann, "hello")
	other.hears("CREATE_CHANNEL_MESSAGE hello")
}

package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine/session"
)

// dialOffering connects like a browser: it offers compression with parameters of its own.
func (s *stage) dialOffering(signed, offer string) (f fan, agreed string) {
	s.Helper()
	mode, header := websocket.CompressionNoContextTakeover, http.Header{}
	if offer != "" {
		mode = websocket.CompressionDisabled
		header.Set("Sec-WebSocket-Extensions", offer)
	}
	ws, resp, err := websocket.Dial(s.Context(), signed, &websocket.DialOptions{CompressionMode: mode, HTTPHeader: header})
	s.ok(err)
	s.Cleanup(func() { _ = ws.CloseNow() })
	f = fan{s, ws}
	f.hears("SESSION_ESTABLISHED")
	return f, resp.Header.Get("Sec-WebSocket-Extensions")
}

func TestWhoOffersCompressionHearsTheSameAsEverybody(t *testing.T) {
	s := open(t, func(c *session.Config) { c.Compress = true })
	flat, agreed := s.dialOffering(connectURL(t, s.url, rootKey, s.ann, "1"), "")
	if !strings.Contains(agreed, "permessage-deflate") || !strings.Contains(agreed, "server_no_context_takeover") {
		t.Errorf("agreed upon %q", agreed)
	}
	plain := s.enter(s.bob, "1")
	const lines = 50
	for n := range lines {
		s.say(s.bob, fmt.Sprint("line ", n, strings.Repeat(" and more", n)))
		s.sayIn(s.channel, s.mod, s.ann, fmt.Sprint("psst ", n)) // what is for one is not compressed, and between the lines
	}
	for n := range lines {
		flat.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE line ", n, strings.Repeat(" and more", n)), fmt.Sprint("CREATE_CHANNEL_MESSAGE psst ", n))
		plain.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE line ", n, strings.Repeat(" and more", n)))
	}
}

func TestCompressionIsAgreedUponOnlyIfItIsWantedAndCanBe(t *testing.T) {
	for offer, on := range map[string]bool{
		"": false,
		"permessage-deflate; server_max_window_bits=9": true, // a smaller window than ours
		"x-webkit-deflate-frame":                       true,
	} {
		s := open(t, func(c *session.Config) { c.Compress = on })
		f, agreed := s.dialOffering(connectURL(t, s.url, rootKey, s.ann, "1"), offer)
		if agreed != "" {
			t.Errorf("%q: agreed upon %q", offer, agreed)
		}
		s.say(s.bob, "plain")
		f.hears("CREATE_CHANNEL_MESSAGE plain")
	}
}

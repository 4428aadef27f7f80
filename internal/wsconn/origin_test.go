package wsconn_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/internal/wsconn"
)

func TestOnlyPagesOfOurOwnOriginMayConnect(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := wsconn.Accept(w, r, wsconn.Options{Origins: []string{"https://tickets.example"}})
		if err != nil {
			return
		}
		c.Close(wsconn.GoingAway, "enough")
		_ = c.Run(r.Context(), func(context.Context, []byte) {})
	}))
	defer srv.Close()
	for origin, want := range map[string]int{
		srv.URL:                        http.StatusSwitchingProtocols,
		"https://tickets.example":      http.StatusSwitchingProtocols,
		"":                             http.StatusSwitchingProtocols, // no browser
		"http://tickets.example":       http.StatusForbidden,
		"https://evil.example":         http.StatusForbidden,
		"https://tickets.example.evil": http.StatusForbidden,
		"null":                         http.StatusForbidden, // sandboxed frames, files
	} {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		ws, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http"), &websocket.DialOptions{HTTPHeader: h, HTTPClient: client})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("origin %q: %v %v, want %d", origin, resp, err, want)
		}
		if ws != nil {
			_, _, _ = ws.Read(t.Context())
			_ = ws.CloseNow()
		}
	}
}

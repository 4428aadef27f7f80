package engine_test

import (
	"net/http"
	"testing"
	"io"
)

func TestZZ(t *testing.T) {
	w := newWorld(t)
	for _, u := range []string{w.ann + "\x00", w.ann + "\xff", w.ann+"x"} {
		r := w.presigned(u)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13")
		r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		res, err := http.DefaultClient.Do(r)
		if err != nil { t.Fatal(err) }
		b := make([]byte, 100)
		n, _ := io.ReadAtLeast(res.Body, b, 2)
		t.Logf("%q %d %q", u, res.StatusCode, b[:n])
		res.Body.Close()
	}
}

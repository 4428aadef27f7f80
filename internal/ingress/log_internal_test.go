package ingress

import (
	"bytes"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each handshake that failed was a line of the log: whoever knocks ten thousand times a second filled the disk.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := log.New(&serverLog{log: slog.New(slog.NewTextHandler(&out, nil))}, "", 0)
		for range 3 {
			for n := range 1000 {
				l.Print("http: TLS handshake error from 192.0.2.1:", n, ": EOF")
			}
			<-time.After(time.Second)
		}
		l.Print("http: panic serving 192.0.2.1:1: one")
		l.Print("http: panic serving 192.0.2.1:2: two")
		for text, want := range map[string]int{"handshake": 3, fmt.Sprint("left_out=", 999): 2, "level=ERROR": 2} {
			if n := strings.Count(out.String(), text); n != want {
				t.Errorf("%q is there %d times, want %d:\n%s", text, n, want, out.String())
			}
		}
	})
}

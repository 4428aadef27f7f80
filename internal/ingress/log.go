package ingress

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serverLog takes what net/http says of connections. How often it does is up to strangers – a line for each TLS handshake
// that fails – so that one line a second is kept, with how many were not: a full disk would take the chat with it. A panic
// is ours and is always told.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	told time.Time
	left int // not told since
}

func (s *serverLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(text, "http: panic") {
		s.log.Error(text)
		return len(p), nil
	}
	if now := time.Now(); now.Sub(s.told) >= time.Second {
		s.log.Warn(text, "left_out", s.left)
		s.told, s.left = now, 0
	} else {
		s.left++
	}
	return len(p), nil
}

package pass

import (
	"sync"
	"time"
)

// How the breaker works: after trip failures in a row nobody asks the provider for pause; then one person does, and
// the answer decides for all.
const (
	trip  = 3
	pause = 5 * time.Second
)

// outcome of one call to the provider.
type outcome int

const (
	unknown outcome = iota
	answered
	failed
)

// breaker spares people the wait for a provider that is known to be away. The zero value is closed.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // open until then
	probing  bool      // one call is finding out
}

// allow says whether a call may be made now. Each allowed call must be settled.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < trip {
		return true
	}
	if b.probing || now.Before(b.until) {
		return false
	}
	b.probing = true
	return true
}

func (b *breaker) settle(now time.Time, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch o {
	case answered:
		b.failures = 0
	case failed:
		b.failures++
		b.until = now.Add(pause)
	case unknown:
	}
}

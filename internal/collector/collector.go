// Package collector has memory given back to the system when it is calm.
//
// What a rush leaves behind – thousands who came in at once, an import – Go keeps until it collects by itself: when as much was
// allocated again as is alive, or after two minutes, and then it gives back slowly. A quiet process held up to twice of what it needs
// (docs/bench/2026-11-28-fanout.md).
//
// How often Go collects stays as it is. With room for 24 MB between two collections a connect cost 8 % less processor, and a line to a
// thousand 7 % more: what stays alive is then strewn over more memory than a processor keeps near.
package collector

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Calm is how long next to nothing has to be allocated, and nothing collected, before memory is given back: at most twice that after a rush.
const Calm = 5 * time.Second

const (
	// trickle is how many bytes may be allocated in a time that counts as calm.
	trickle = 4 << 20
	// worth is how many bytes there must be to give back; where much is alive, half of that, for a collection walks through all of it.
	worth = 4 << 20
)

// Tidy does it for this process, for good.
func Tidy() { tidy(Calm) }

// tidier is at work from tidy until stop.
type tidier struct {
	calm  time.Duration
	timer *time.Timer // of look

	mu        sync.Mutex // guards these
	allocated uint64     // in all, when it was looked last
	stopped   bool
}

func tidy(calm time.Duration) *tidier {
	t := &tidier{calm: calm}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(calm, t.look)
	t.await()
	return t
}

func (t *tidier) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.timer.Stop()
}

// await has collected called after the next collection: nobody holds the token that it leaves behind.
func (t *tidier) await() {
	type token struct{ _ [4]uint64 } // not a tiny object: those share their fate with others
	runtime.AddCleanup(new(token), (*tidier).collected, t)
}

// collected has the next look wait: there is somebody at work.
func (t *tidier) collected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.timer.Reset(t.calm)
		t.await()
	}
}

// look is called when nothing was collected for a while.
func (t *tidier) look() {
	if t.idle(now()) {
		debug.FreeOSMemory()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.timer.Reset(t.calm)
	}
}

// idle reports whether now is the time to give memory back.
func (t *tidier) idle(m memory) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	calm := m.allocated-t.allocated <= trickle
	t.allocated = m.allocated
	return calm && m.spare() > max(worth, m.alive/2) && !t.stopped
}

// memory is what package runtime/metrics says of it, in bytes.
type memory struct {
	alive     uint64 // after the last collection
	objects   uint64 // dead or alive
	free      uint64 // without objects, and not given back
	allocated uint64 // since the process began
}

// spare is how much a collection might give back.
func (m memory) spare() uint64 { return max(m.objects+m.free, m.alive) - m.alive }

func now() memory {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return memory{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

// Package collector lets Go's garbage collector wait longer than it would by itself in a small process, and has memory given back
// when it is not needed any more.
//
// Go collects when as much was allocated as is alive: with little alive, often, and most of all while a crowd comes in. With room for
// about 24 MB between two collections a connect costs 7 % less processor, and a line to a thousand as much (docs/bench/2026-11-28-fanout.md);
// with more than that alive everything is as Go does it. What a rush leaves behind would be kept for minutes as long as nobody
// allocates: once it is calm, it is collected and given back to the system. More room saves little more, and what stays alive is then
// strewn over more memory.
package collector

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Calm is how long next to nothing has to be allocated, and nothing collected, before memory is given back: at most twice that after a rush.
const Calm = 5 * time.Second

const (
	// room is about how much may be allocated between two collections, in bytes, however little is alive.
	room = 24 << 20
	// trickle is how many bytes may be allocated in a time that counts as calm.
	trickle = 4 << 20
	// worth is how many bytes there must be to give back; where much is alive, half of that, for a collection walks through all of it.
	worth = 8 << 20
)

// Ease does it for this process, for good. Whoever sets GOGC decides everything himself. A limit of memory (GOMEMLIMIT) is kept
// all the same.
func Ease() {
	if _, set := os.LookupEnv("GOGC"); !set {
		ease(room, Calm)
	}
}

// easing is at work from ease until stop.
type easing struct {
	room  uint64
	calm  time.Duration
	timer *time.Timer // of tidy

	mu        sync.Mutex // guards these
	percent   int        // as it is now
	allocated uint64     // in all, when it was looked last
	stopped   bool
}

func ease(room uint64, calm time.Duration) *easing {
	e := &easing{room: room, calm: calm, percent: normal}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timer = time.AfterFunc(calm, e.tidy)
	e.await()
	e.adjust(look())
	return e
}

// stop leaves everything to Go again.
func (e *easing) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	e.timer.Stop()
	debug.SetGCPercent(normal)
}

// await has collected called after the next collection: nobody holds the token that it leaves behind.
func (e *easing) await() {
	type token struct{ _ [4]uint64 } // not a tiny object: those share their fate with others
	runtime.AddCleanup(new(token), (*easing).collected, e)
}

func (e *easing) collected() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return
	}
	e.timer.Reset(e.calm)
	e.await()
	e.adjust(look())
}

// adjust gives the collector the room that what it has to walk through leaves it. e.mu is held.
func (e *easing) adjust(m memory) {
	e.allocated = m.allocated
	if p := percent(m.walked, e.room); p != e.percent {
		debug.SetGCPercent(p)
		e.percent = p
	}
}

// tidy is called when nothing was collected for a while.
func (e *easing) tidy() {
	if e.idle(look()) {
		debug.FreeOSMemory()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopped {
		e.timer.Reset(e.calm)
	}
}

// idle reports whether now is the time to give memory back.
func (e *easing) idle(m memory) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	calm := m.allocated-e.allocated <= trickle
	e.allocated = m.allocated
	return calm && m.spare() > max(worth, m.alive/2) && !e.stopped
}

const (
	normal = 100 // GOGC as it is by default
	// least is the smallest heap that Go collects at the normal percentage; it grows with that.
	least = 4 << 20
)

// percent is GOGC where a collection walks through so many bytes.
func percent(walked, room uint64) int {
	return max(int(100*room/max(walked, least)), normal) //nolint:gosec // some hundreds
}

// memory is what package runtime/metrics says of it, in bytes.
type memory struct {
	alive     uint64 // after the last collection
	walked    uint64 // alive, stacks and globals: what GOGC is a percentage of
	objects   uint64 // dead or alive
	free      uint64 // without objects, and not given back
	allocated uint64 // since the process began
}

// spare is how much a collection might give back.
func (m memory) spare() uint64 { return max(m.objects+m.free, m.alive) - m.alive }

func look() memory {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(s)
	n := func(i int) uint64 { return s[i].Value.Uint64() }
	return memory{alive: n(0), walked: n(0) + n(1) + n(2), objects: n(3), free: n(4), allocated: n(5)}
}

// Package collector lets Go's garbage collector wait longer than it would by itself in a small process, and has memory given back
// when it is not needed any more.
//
// Go collects when as much was allocated as is alive: with little alive, often, and most of all while a crowd comes in. With room for
// 24 MB between two collections a connect costs 8 to 10 % less (docs/bench/2026-11-28-fanout.md); with more than that alive everything
// is as Go does it. What a rush leaves behind would be kept for minutes as long as nobody allocates: once it is calm, it is collected
// and given back to the system. More room saves little more, and what stays alive is then strewn over more memory.
package collector

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Calm is after how long without a collection one is made, if there is something to give back.
const Calm = 5 * time.Second

const (
	// room is how much may be allocated between two collections, in bytes, however little is alive.
	room = 24 << 20
	// worth is how many bytes there must be to give back.
	worth = 8 << 20
)

// Ease does it for this process, for good. Whoever sets GOGC decides himself. A limit of memory (GOMEMLIMIT) is kept all the same.
func Ease() {
	if _, set := os.LookupEnv("GOGC"); !set {
		ease(room, Calm)
	}
}

// easing is at work from ease until stop.
type easing struct {
	room  uint64
	calm  time.Duration
	timer *time.Timer

	mu      sync.Mutex // guards these
	percent int        // as it is now
	stopped bool
}

func ease(room uint64, calm time.Duration) *easing {
	e := &easing{room: room, calm: calm, percent: normal}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timer = time.AfterFunc(calm, e.tidy)
	e.await()
	e.adjust()
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
	e.adjust()
}

// adjust gives the collector the room that what is alive leaves it. e.mu is held.
func (e *easing) adjust() {
	alive, _ := heap()
	// Setting it stops the world for some microseconds: small differences are not worth that.
	if p := percent(alive, e.room); p*10 > e.percent*11 || p*10 < e.percent*9 {
		debug.SetGCPercent(p)
		e.percent = p
	}
}

// tidy is called when there was no collection for a while.
func (e *easing) tidy() {
	alive, now := heap()
	if now > alive+worth {
		debug.FreeOSMemory() // which calls collected
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopped {
		e.timer.Reset(e.calm)
	}
}

const (
	normal = 100 // GOGC as it is by default
	// least is the smallest heap that Go collects at the normal percentage; it grows with that.
	least = 4 << 20
)

// percent is GOGC for a heap of which so many bytes are alive.
func percent(alive, room uint64) int {
	return max(int(100*room/max(alive, least)), normal) //nolint:gosec // some hundreds
}

// heap is how many bytes were alive after the last collection, and how many there are now: dead, alive, and free but not given back.
func heap() (alive, now uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64() + s[2].Value.Uint64()
}

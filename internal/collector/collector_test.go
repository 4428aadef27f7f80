package collector

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		alive uint64
		want  int
	}{{0, 600}, {1 << 20, 600}, {8 << 20, 300}, {24 << 20, 100}, {1 << 30, 100}} {
		if got := percent(c.alive, room); got != c.want {
			t.Errorf("%d bytes alive: %d %%, want %d", c.alive, got, c.want)
		}
	}
}

func number(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

var kept []byte

// goal is the heap at which Go will collect next, in MB.
func goal() uint64 {
	runtime.GC()
	return number("/gc/heap/goal:bytes") >> 20
}

func TestASmallProcessCollectsSeldom(t *testing.T) {
	usual := goal()
	e := ease(room, time.Hour)
	eased := goal()
	e.stop()
	if after := goal(); usual > 16 || eased < 20 || eased > 48 || after > 16 {
		t.Errorf("collected at %d MB, then at %d MB, and after stop at %d MB", usual, eased, after)
	}
}

// Each collection has the room measured anew: what is alive may have grown or shrunk.
func TestTheRoomFollowsWhatIsAlive(t *testing.T) {
	e := ease(room, time.Hour)
	defer e.stop()
	percent := func() int {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.percent
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		tick, end := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
		defer tick.Stop()
		for runtime.GC(); !ok(); runtime.GC() {
			select {
			case <-tick.C:
			case <-end:
				t.Fatalf("%s: GOGC is %d", what, percent())
			}
		}
	}
	await("little is alive", func() bool { return percent() > 200 })
	kept = make([]byte, 64<<20)
	await("much is alive", func() bool { return percent() == normal })
	kept = nil
	await("little again", func() bool { return percent() > 200 })
}

// What was allocated in a rush is given back without anybody allocating anything.
func TestMemoryIsGivenBackWhenItIsCalm(t *testing.T) {
	e := ease(256<<20, 50*time.Millisecond)
	defer e.stop()
	for range 64 << 10 {
		kept = make([]byte, 1<<10)
	}
	kept = nil
	held := func() uint64 {
		return number("/memory/classes/heap/objects:bytes") + number("/memory/classes/heap/free:bytes")
	}
	tick, end := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for held() > 16<<20 {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d MB are still held", held()>>20)
		}
	}
}

// A process that does nothing is not made to collect.
func TestNothingIsCollectedWhereThereIsNothing(t *testing.T) {
	debug.FreeOSMemory()
	e := ease(room, time.Millisecond)
	defer e.stop()
	before := number("/gc/cycles/forced:gc-cycles")
	<-time.After(100 * time.Millisecond)
	if n := number("/gc/cycles/forced:gc-cycles") - before; n != 0 {
		t.Errorf("%d collections", n)
	}
}

// Memory is given back when next to nothing is allocated and it is worth a walk through all that is alive.
func TestWhenMemoryIsGivenBack(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		now  memory
		want bool
	}{
		"after a rush":                           {memory{alive: 5 * mb, objects: 20 * mb, allocated: 101 * mb}, true},
		"kept by Go":                             {memory{alive: 5 * mb, objects: 5 * mb, free: 20 * mb, allocated: 101 * mb}, true},
		"little":                                 {memory{alive: 5 * mb, objects: 12 * mb, allocated: 101 * mb}, false},
		"people still come":                      {memory{alive: 5 * mb, objects: 20 * mb, allocated: 110 * mb}, false},
		"little of much":                         {memory{alive: 500 * mb, objects: 600 * mb, free: 100 * mb, allocated: 101 * mb}, false},
		"much of much":                           {memory{alive: 500 * mb, objects: 600 * mb, free: 200 * mb, allocated: 101 * mb}, true},
		"less than was alive, between two looks": {memory{alive: 5 * mb, objects: 4 * mb, allocated: 101 * mb}, false},
	} {
		e := ease(room, time.Hour)
		e.allocated = 100 * mb
		if got := e.idle(c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		e.stop()
		if e.idle(c.now) {
			t.Errorf("%s: after stop", name)
		}
	}
}

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

// collections is how often Go collects while 512 MB are allocated.
func collections() uint64 {
	before := number("/gc/cycles/automatic:gc-cycles")
	for range 512 << 10 {
		kept = make([]byte, 1<<10)
	}
	return number("/gc/cycles/automatic:gc-cycles") - before
}

func TestASmallProcessCollectsSeldom(t *testing.T) {
	runtime.GC()
	usual := collections()
	e := ease(room, time.Hour)
	defer e.stop()
	runtime.GC()
	eased := collections()
	if eased > 40 || usual < 2*eased {
		t.Errorf("%d collections, %d without it", eased, usual)
	}
	e.stop()
	runtime.GC()
	if after := collections(); after < 2*eased {
		t.Errorf("%d collections after stop, %d before it", after, eased)
	}
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

// A process that does nothing does not collect.
func TestNothingIsCollectedWhereThereIsNothing(t *testing.T) {
	e := ease(room, time.Millisecond)
	defer e.stop()
	debug.FreeOSMemory()
	before := number("/gc/cycles/forced:gc-cycles")
	<-time.After(100 * time.Millisecond)
	if n := number("/gc/cycles/forced:gc-cycles") - before; n != 0 {
		t.Errorf("%d collections", n)
	}
}

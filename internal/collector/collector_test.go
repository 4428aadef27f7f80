package collector

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func forced() uint64 {
	s := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

var kept []byte

// What was allocated in a rush is given back without anybody allocating anything.
func TestMemoryIsGivenBackWhenItIsCalm(t *testing.T) {
	for range 64 << 10 {
		kept = make([]byte, 1<<10)
	}
	runtime.GC() // a collection under way takes what is allocated meanwhile for alive
	tidier := tidy(50 * time.Millisecond)
	defer tidier.stop()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for m := now(); m.objects+m.free > 16<<20; m = now() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d MB are still held", (m.objects+m.free)>>20)
		}
	}
}

// A process that does nothing is not made to collect.
func TestNothingIsCollectedWhereThereIsNothing(t *testing.T) {
	debug.FreeOSMemory()
	tidier := tidy(time.Millisecond)
	defer tidier.stop()
	before := forced()
	<-time.After(100 * time.Millisecond)
	if n := forced() - before; n != 0 {
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
		"after a rush":            {memory{alive: 5 * mb, objects: 12 * mb, allocated: 101 * mb}, true},
		"kept by Go":              {memory{alive: 5 * mb, objects: 5 * mb, free: 20 * mb, allocated: 101 * mb}, true},
		"little":                  {memory{alive: 5 * mb, objects: 8 * mb, allocated: 101 * mb}, false},
		"people still come":       {memory{alive: 5 * mb, objects: 20 * mb, allocated: 110 * mb}, false},
		"little of much":          {memory{alive: 500 * mb, objects: 600 * mb, free: 100 * mb, allocated: 101 * mb}, false},
		"much of much":            {memory{alive: 500 * mb, objects: 600 * mb, free: 200 * mb, allocated: 101 * mb}, true},
		"not swept yet, and gone": {memory{alive: 5 * mb, objects: 4 * mb, allocated: 101 * mb}, false},
	} {
		tidier := tidy(time.Hour)
		tidier.allocated = 100 * mb
		if got := tidier.idle(c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		tidier.stop()
		if tidier.idle(c.now) {
			t.Errorf("%s: after stop", name)
		}
	}
}

package collector

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// forced is how often somebody asked for a collection.
func forced() uint64 {
	s := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// looks has memory looked at so many times.
func looks(n int) {
	ticks := make(chan time.Time, n)
	for range n {
		ticks <- time.Time{}
	}
	close(ticks)
	tidy(ticks)
}

// crowd has 64 MB alive, for a moment.
func crowd() {
	all := make([][]byte, 64)
	for i := range all {
		all[i] = make([]byte, 1<<20)
	}
	runtime.GC()
	runtime.KeepAlive(all)
}

func TestMemoryIsGivenBackOnceItIsCalm(t *testing.T) {
	crowd()
	runtime.GC()
	held := func() uint64 { m := look(); return (m.objects + m.free) >> 20 }
	if looks(1); held() < 32 {
		t.Errorf("%d MB after the first look, in which 64 were new", held())
	}
	if looks(2); held() > 16 {
		t.Errorf("%d MB are still held", held())
	}
}

func TestNothingIsCollectedWhereThereIsNothing(t *testing.T) {
	debug.FreeOSMemory()
	before := forced()
	looks(100)
	if n := forced() - before; n != 0 {
		t.Errorf("%d collections", n)
	}
}

// Memory is given back when next to nothing is allocated and it is worth a walk through all that is alive.
func TestWhenItIsCalm(t *testing.T) {
	const mb = 1 << 20
	before := memory{allocated: 100 * mb}
	for name, c := range map[string]struct {
		now  memory
		want bool
	}{
		"after a rush":            {memory{alive: 5 * mb, objects: 12 * mb, allocated: 101 * mb}, true},
		"kept by Go":              {memory{alive: 5 * mb, objects: 5 * mb, free: 20 * mb, allocated: 101 * mb}, true},
		"little":                  {memory{alive: 1 * mb, objects: 3 * mb, allocated: 101 * mb}, false},
		"people still come":       {memory{alive: 5 * mb, objects: 20 * mb, allocated: 110 * mb}, false},
		"little of much":          {memory{alive: 500 * mb, objects: 600 * mb, free: 100 * mb, allocated: 101 * mb}, false},
		"much of much":            {memory{alive: 500 * mb, objects: 600 * mb, free: 200 * mb, allocated: 101 * mb}, true},
		"alive then, dead by now": {memory{alive: 5 * mb, objects: 4 * mb, allocated: 101 * mb}, false},
	} {
		if got := c.now.calm(before); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

package sweep

import (
	"fmt"
	"runtime"
	"testing"
)

func TestSightsOfAHundredThousandAccountsAreSmall(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, s := heap(), newSights()
	for i := range 100_000 {
		if name := fmt.Sprint("f-tk", i); !s.see(name) || !s.has(name) || s.see(name) {
			t.Fatal(name)
		}
	}
	if s.has("f-tk") {
		t.Error("it has seen what it has not")
	}
	if grown := heap() - before; grown > 5_000_000 || len(s.seen) != 100_000 {
		t.Errorf("%d bytes for %d", grown, len(s.seen))
	} else {
		t.Logf("%d bytes", grown)
	}
}

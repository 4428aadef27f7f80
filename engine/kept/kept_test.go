package kept_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/engine/kept"
)

func TestAMemoryForgetsWhatIsNotUsed(t *testing.T) {
	k := kept.New[int](100, func(s string) int { return len(s) })
	ten := "0123456789"
	for n := range 1000 {
		k.Put(n, ten)
		if n > 0 {
			if v, ok := k.Get(0); !ok || v != ten {
				t.Fatalf("after %d: what is used is forgotten", n)
			}
		} else {
			k.Put(0, ten)
		}
	}
	there := 0
	for n := range 1000 {
		if _, ok := k.Get(n); ok {
			there++
		}
	}
	if there > 23 {
		t.Errorf("%d values of 10 in a memory for twice 100", there)
	}
	k.Put(999, "new")
	if v, _ := k.Get(999); v != "new" {
		t.Errorf("%q", v)
	}
}

// Package collector has memory given back to the system when it is calm.
//
// What a rush leaves behind – thousands who came in at once, an import – Go keeps until it collects by itself: when as much was
// allocated again as is alive, or after two minutes, and then it gives back slowly. Sessions on which nothing happened held up to
// twice of what they need (docs/bench/2026-11-28-fanout.md).
//
// How often Go collects stays as it is. With room for 24 MB between two collections a connect cost 8 % less processor, and a line to a
// thousand 7 % more: what stays alive is then strewn over more memory than a processor keeps near.
package collector

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Calm is how long next to nothing has to be allocated before memory is given back: at most twice that after a rush.
const Calm = 5 * time.Second

const (
	// trickle is how many bytes may be allocated in a time that counts as calm.
	trickle = 4 << 20
	// worth is how many bytes there must be to give back; where much is alive, half of that, for a collection walks through all of it.
	worth = 2 << 20
)

// Tidy does it for this process, for good.
func Tidy() { go tidy(time.Tick(Calm)) }

func tidy(ticks <-chan time.Time) {
	before := memory{}
	for range ticks {
		now := look()
		if now.calm(before) {
			debug.FreeOSMemory()
		}
		before = now
	}
}

// memory is what package runtime/metrics says of it, in bytes.
type memory struct {
	alive     uint64 // after the last collection
	objects   uint64 // dead or alive
	free      uint64 // without objects, and not given back
	allocated uint64 // since the process began
}

// calm reports whether next to nothing was allocated since the last look, and enough can be given back.
func (m memory) calm(before memory) bool {
	return m.allocated-before.allocated <= trickle && m.objects+m.free > m.alive+max(worth, m.alive/2)
}

func look() memory {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return memory{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

package crash_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
)

// point is a place to die: when a thread makes a system call for the n-th time, before the call has any effect.
type point struct {
	call string
	n    int
}

func (p *point) String() string {
	if p == nil {
		return "by our hand"
	}
	return fmt.Sprintf("at %s %d", p.call, p.n)
}

// deck holds the points of one kind of database, each once before any comes twice.
type deck struct {
	mu     sync.Mutex
	points []point
	next   int
}

// What a provisioner asks of the system: for SQLite the log, its syncs and its locks, for PostgreSQL and the provider
// requests and answers. How often it does so in a second or two was counted; a life that never gets there ends by the clock.
var reach = map[string]map[string]int{
	"sqlite":   {"pwrite64": 120, "fsync": 30, "pread64": 50, "fcntl": 80, "write": 25, "read": 40},
	"postgres": {"write": 120, "read": 120, "futex": 40},
}

func newDeck(kind string, seed uint64) *deck {
	d := &deck{}
	for _, call := range slices.Sorted(maps.Keys(reach[kind])) {
		for n := 1; n <= reach[kind][call]; n++ {
			d.points = append(d.points, point{call, n})
		}
	}
	rand.New(rand.NewPCG(seed, 5)).Shuffle(len(d.points), func(i, j int) { d.points[i], d.points[j] = d.points[j], d.points[i] })
	return d
}

func (d *deck) draw() *point {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.points[d.next%len(d.points)]
	d.next++
	return &p
}

// canTrace reports whether processes can be killed at system calls. In CI they must be.
func canTrace(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("strace", "-f", "-qqq", "-o", os.DevNull, "-e", "trace=write", "setpriv", "--pdeathsig", "KILL", "true").CombinedOutput()
	if err == nil { // and their own process must be found
		_, err = os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	}
	if err == nil {
		return true
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("nothing can be killed at system calls (scripts/setup.sh installs strace; a container needs the right to ptrace): %v %s", err, out)
	}
	t.Logf("nothing is killed at system calls, only by the clock: %v %s", err, out)
	return false
}

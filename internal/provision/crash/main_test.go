// Package crash kills provisioners. `stagedoor provision`, the real program, runs as processes of its own against a provider
// that keeps its own books; they are killed at the n-th system call or by the clock, asked to stop, and frozen longer than
// their lease. Tickets come, go and change meanwhile. At the end the provider must hold exactly what the tickets want.
//
//	tickets ──► database ◄── stagedoor provision ──HTTP, an address for each process──► provider
//	   │           ▲            one or two processes, killed again and again              │
//	   └───────────┴── compared with ◄────────────────────────────────────────── its books ┘
package crash_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// binaryEnv names the program that is killed. Without it TestMain builds one, without the race detector: a process that is
// ten times slower dies in fewer places, and the same code runs under the detector in the tests of internal/provision.
const binaryEnv = "STAGEDOOR_CRASH_BINARY"

// worlds is how many worlds live at once. They wait most of the time: for a lease, for a slot, for an answer.
const worlds = 24

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "crash:", err)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	if os.Getenv(binaryEnv) == "" && !testing.Short() {
		dir, err := os.MkdirTemp("", "stagedoor-crash-")
		if err != nil {
			return 1, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary := filepath.Join(dir, "stagedoor")
		if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "../../../cmd/stagedoor").CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build: %w\n%s", err, out)
		}
		if err := os.Setenv(binaryEnv, binary); err != nil {
			return 1, err
		}
	}
	if err := flag.Set("test.parallel", strconv.Itoa(worlds)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// kills is how many processes shall be killed in all.
func kills(t *testing.T) int {
	t.Helper()
	return number(t, "STAGEDOOR_PROVISION_KILLS", 160)
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is no number above 0", name, text)
	}
	return n
}

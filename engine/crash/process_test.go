package crash_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// patience is how long anything may take before a test gives up. It says nothing about speed.
const patience = 2 * time.Minute

// process is an engine that can be killed.
type process struct {
	cmd   *exec.Cmd
	ready chan hello // says hello once, or is closed: it ended before
	ended chan struct{}
	input io.Closer
	mu    sync.Mutex
	said  bytes.Buffer // its standard error
}

// Write collects what the process says on standard error.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

// birth starts an engine on a database. It is killed at the latest when the test ends.
func birth(t testing.TB, cfg engine.Config) *process {
	t.Helper()
	return birthAt(t, cfg, "")
}

// birthAt is birth of an engine that listens there; "" is any port.
func birthAt(t testing.TB, cfg engine.Config, addr string) *process {
	t.Helper()
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self), ready: make(chan hello, 1), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(config), addrEnv+"="+addr, "GORACE=halt_on_error=1")
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.ready)
		line, err := bufio.NewReader(out).ReadBytes('\n')
		var h hello
		if err == nil && json.Unmarshal(line, &h) == nil {
			p.ready <- h
		}
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() { p.kill(t) })
	return p
}

// hello waits until the engine answers; false means that until was closed before.
func (p *process) hello(t testing.TB, until <-chan struct{}) (hello, bool) {
	t.Helper()
	select {
	case h, ok := <-p.ready:
		if !ok {
			t.Error("the engine ended before it answered")
		}
		return h, ok
	case <-until:
	case <-time.After(patience):
		t.Error("the engine did not start")
	}
	return hello{}, false
}

// strike sends SIGKILL, after which not one more instruction of the engine runs, and does not wait.
func (p *process) strike(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

// kill ends the engine with SIGKILL and waits until it is gone. What it may not say is checked: nobody but us may end it.
func (p *process) kill(t testing.TB) {
	t.Helper()
	p.strike(t)
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("the engine's process does not end")
	}
	_ = p.input.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if said := p.said.String(); strings.TrimSpace(said) != "" {
		t.Errorf("the engine said:\n%s", said)
		p.said.Reset()
	}
}

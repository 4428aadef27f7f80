package crash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// patience is how long anything may take before a test gives up. It says nothing about speed.
const patience = 2 * time.Minute

// process is one `stagedoor provision` that can be killed.
type process struct {
	w      *world
	name   string // p1, p2, …; in the provider's books too
	point  *point // where it dies; nil: by our hand
	cmd    *exec.Cmd
	server *http.Server // its own way to the provider
	born   time.Time
	ended  chan struct{}
	struck atomic.Bool // we killed it
	asked  bool        // to stop

	mu    sync.Mutex
	said  bytes.Buffer // its standard error
	line  []byte       // the last, not yet complete
	epoch int64        // that it leads, 0 if it does not
	ledAt time.Time    // when it said so
	led   bool         // at any time
	died  time.Time
}

// birth starts a provisioner. It is killed at the latest when the test ends, or when the test itself is killed.
func (w *world) birth(at *point) *process {
	w.Helper()
	w.births++
	p := &process{w: w, name: fmt.Sprint("p", w.births), point: at, born: time.Now(), ended: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	p.server = &http.Server{Handler: w.provider.Handler(p.name), ReadHeaderTimeout: patience, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = p.server.Serve(l) }()
	args := []string{os.Getenv(binaryEnv), "provision", "--chime", "http://" + l.Addr().String(), "--data", w.folder, "--database", w.url, "--pace", w.pace}
	if at != nil {
		// Each thread counts its own calls. setpriv, because strace does not take its child with it when it is killed.
		args = append([]string{"strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=" + at.call,
			"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", at.call, at.n), "setpriv", "--pdeathsig", "KILL"}, args...)
	}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.folder, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE000000", "AWS_SECRET_ACCESS_KEY=secret"}
	p.cmd.Stderr = p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its state says how it ended
		p.mu.Lock()
		p.died = time.Now()
		p.mu.Unlock()
		close(p.ended)
	}()
	w.Cleanup(func() { p.kill() })
	w.processes = append(w.processes, p)
	return p
}

var epochPattern = regexp.MustCompile(`epoch=(\d+)`)

// Write reads what the process says on standard error: when it leads and when it does so no longer.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said.Write(b)
	p.line = append(p.line, b...)
	for {
		i := bytes.IndexByte(p.line, '\n')
		if i < 0 {
			return len(b), nil
		}
		text := string(p.line[:i])
		p.line = p.line[i+1:]
		switch m := epochPattern.FindStringSubmatch(text); {
		case m != nil && strings.Contains(text, `msg="leading the provisioning"`):
			p.epoch, _ = strconv.ParseInt(m[1], 10, 64)
			p.ledAt, p.led = time.Now(), true
		case strings.Contains(text, `msg="no longer leading"`):
			p.epoch = 0
		}
	}
}

// leads returns the epoch that the process leads, 0 if it does not, and since when.
func (p *process) leads() (int64, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, p.ledAt
}

func (p *process) hasLed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.led
}

// words is what the process said.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// pid is the provisioner's own, which is strace's child if it is traced. 0: it is gone, or not yet there.
func (p *process) pid() int {
	pid := p.cmd.Process.Pid
	if p.point == nil {
		return pid
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	child, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, _ := strconv.Atoi(child)
	return n
}

// signal sends a signal to the provisioner; it is no error that it has ended.
func (p *process) signal(s syscall.Signal) {
	p.w.Helper()
	p.w.poll(patience, p.name+" can be sent a signal", func() bool { return !p.alive() || p.pid() != 0 })
	if pid := p.pid(); p.alive() && pid != 0 {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			p.w.Error(err)
		}
	}
}

// freeze stops the process with all its threads and waits until they stand still.
func (p *process) freeze() {
	p.w.Helper()
	p.signal(syscall.SIGSTOP)
	p.w.poll(patience, p.name+" stands still", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
		_, after, _ := strings.Cut(string(text), ") ")
		return err == nil && strings.HasPrefix(after, "T")
	})
}

func (p *process) thaw() { p.signal(syscall.SIGCONT) }

// kill ends the process with SIGKILL, waits until it is gone and until all that it had sent has arrived.
func (p *process) kill() {
	p.w.Helper()
	if p.alive() {
		p.struck.Store(true)
		p.signal(syscall.SIGKILL)
	}
	p.gone()
}

// gone waits until the process has ended and all that it had sent has arrived.
func (p *process) gone() {
	p.w.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.w.Fatalf("%s does not end; it said:\n%s", p.name, p.words())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		p.w.Errorf("%s: its requests: %v", p.name, err)
	}
}

// cause says how the process ended, and fails the test if nobody did it.
func (p *process) cause() cause {
	p.w.Helper()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL && p.struck.Load():
		return byClock
	case status.Signaled() && status.Signal() == syscall.SIGKILL && p.point != nil:
		return atCall
	case status.Exited() && status.ExitStatus() == 0, p.asked && !p.hasLed(): // just born it may not listen yet
		return byItself
	}
	p.w.Errorf("%s ended by itself, %v, and said:\n%s", p.name, p.cmd.ProcessState, p.words())
	return byItself
}

type cause string

const (
	byClock  cause = "by the clock"
	atCall   cause = "at a system call"
	byItself cause = "by itself"
)

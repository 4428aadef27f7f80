package hall_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// patience is how long anything may take before a test gives up. It says nothing about speed.
const patience = 2 * time.Minute

// process is a server that is measured from outside.
type process struct {
	testing.TB
	hello
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	ended bool
}

// birth starts a server. On core -1 it runs wherever it likes, else alone on that one. It ends at the latest with the test.
func birth(tb testing.TB, r role, core int) *process {
	tb.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p := &process{TB: tb, cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text), "GORACE=halt_on_error=1")
	if core >= 0 {
		p.cmd.Env = append(p.cmd.Env, "GOMAXPROCS=1")
	}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	if err := startOn(core, p.cmd); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.end)
	p.out = json.NewDecoder(out)
	if err := p.out.Decode(&p.hello); err != nil {
		tb.Fatalf("the %s ended before it answered: %v", r.Kind, err)
	}
	return p
}

// end has the server end and waits until it is gone.
func (p *process) end() {
	if p.ended {
		return
	}
	p.ended = true
	_ = p.in.Close()
	kill := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.Errorf("the server's process: %v", err)
	}
}

// terminate asks the server to end as an operator does. end still has to follow.
func (p *process) terminate() {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
}

// ask gives an order.
func (p *process) ask(do, what string) report {
	p.Helper()
	var r report
	if err := errors.Join(json.NewEncoder(p.in).Encode(order{do, what}), p.out.Decode(&r)); err != nil {
		p.Fatalf("%s: %v", do, err)
	}
	if r.Error != "" {
		p.Fatalf("%s: %s", do, r.Error)
	}
	return r
}

// computed is the processor time of the process so far: what /proc/PID/stat says in hundredths of a second, exactly.
func (p *process) computed() time.Duration {
	return clock(int32(^p.cmd.Process.Pid<<3 | 2)) // CPUCLOCK_SCHED of a process, clock_getcpuclockid(3)
}

// ownComputed is the processor time of the crowd.
func ownComputed() time.Duration { return clock(2) } // CLOCK_PROCESS_CPUTIME_ID

func clock(id int32) time.Duration {
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0 // the process is gone
	}
	return time.Duration(t.Nano())
}

// resident is the memory of the process in bytes (VmRSS).
func (p *process) resident() int64 { return p.memory("VmRSS:") }

// memory is one of the measures of proc_pid_status(5), in bytes.
func (p *process) memory(measure string) int64 {
	p.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), measure)
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		p.Fatal(err)
	}
	return kb << 10
}

// descriptors counts the open files of the process.
func (p *process) descriptors() int {
	p.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	return len(all)
}

// startOn starts a program on one core, which a child inherits from the thread that starts it.
func startOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := affinity(0)
	if err != nil {
		return err
	}
	if err := setAffinity(0, cores{1 << core}); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), setAffinity(0, before))
}

// stayOn keeps this process on one core: every thread that there is, from which others inherit.
func stayOn(core int) error {
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range all {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := setAffinity(tid, cores{1 << core}); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// cores is a set of up to 1,024 of them, as in sched_setaffinity(2).
type cores [16]uint64

func affinity(tid int) (set cores, err error) {
	_, _, errno := syscall.Syscall(syscall.SYS_SCHED_GETAFFINITY, uintptr(tid), unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return set, errno
	}
	return set, nil
}

func setAffinity(tid int, set cores) error {
	_, _, errno := syscall.Syscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return errno
	}
	return nil
}

// plainCongestion gives a socket a congestion control without timers; where there is none, it keeps its own.
func plainCongestion(fd uintptr) {
	const tcpCongestion = 13
	_ = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, tcpCongestion, "reno")
}

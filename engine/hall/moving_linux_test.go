package hall_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// evening has traffic for so long and ends with SIGTERM while lines are said: everybody is sent away with the code that
// makes clients come back, and has by then what had been acknowledged before.
func (t *traffic) evening(long time.Duration) (f figures) {
	t.Helper()
	t.begin()
	f = figures{deliveries: -t.deliveries, bytes: -t.bytes, cpu: -t.p.computed().Seconds(), own: -ownComputed().Seconds(), seconds: -t.now().Seconds()}
	t.delays = delays{}
	t.choir.acknowledged()
	t.run(long)
	f.seconds += t.now().Seconds()
	f.deliveries += t.deliveries
	f.bytes += t.bytes
	f.cpu += t.p.computed().Seconds()
	f.own += ownComputed().Seconds()
	f.p50, f.p95, f.p99, f.most = t.delays.quantile(0.5), t.delays.quantile(0.95), t.delays.quantile(0.99), t.delays.most
	acks := t.choir.acknowledged()
	f.ack50, f.ack99 = acks.quantile(0.5), acks.quantile(0.99)
	t.rest()
	t.drain()
	return f
}

// drain ends the engine under load.
func (t *traffic) drain() {
	t.Helper()
	t.pace.churn, t.pace.moves, t.pace.kicks, t.pace.sessions = 0, 0, 0, 0 // who is on the way in at the end may find nobody
	t.run(time.Second)
	t.issue = func() {
		if t.asked == 0 || t.now() < t.asked+time.Second {
			t.speak()
		}
	}
	t.choir.ending.Store(true)
	t.p.terminate()
	t.asked = t.now()
	if !t.until(func() bool { return t.crowd.open == 0 }) {
		t.faults.note(&t.faults.broken, 1, "%d sessions are still open after the end", t.crowd.open)
	}
	t.issue = nil
	t.settle(0)
	t.p.end()
}

// TestMoving is make bench-moving.
func TestMoving(t *testing.T) {
	n := variable(t, "STAGEDOOR_MOVING", 0, strconv.Atoi)
	if n == 0 {
		t.Skip("make bench-moving")
	}
	needFiles(t, n+300)
	long := variable(t, "STAGEDOOR_MOVING_TIME", time.Minute, time.ParseDuration)
	core := -1
	if runtime.NumCPU() >= 2 {
		if core = 0; stayOn(1) != nil {
			t.Fatal("no core of its own")
		}
	}
	m := newTraffic(t, engine.Config{}, core, n/2, 12, pace{sessions: n, each: 3, churn: float64(n) / 100, moves: 50, kicks: 2, underWay: 64})
	f := m.evening(long)
	y := m.tally
	_, _ = fmt.Fprintf(os.Stdout, "\n## %d sessions of at most %d people in 12 rooms, %.0f s (load %s)\n\n| | |\n|---|--:|\n", n, len(m.people), f.seconds, load())
	for _, row := range []struct{ name, value string }{
		{"lines", fmt.Sprint(y.lines)},
		{"deliveries/s", fmt.Sprintf("%.0f", f.perSecond())},
		{"CPU s/million; server's CPU, crowd's CPU", fmt.Sprintf("%.2f; %.0f %%, %.0f %%", f.perMillion(), f.cpu/f.seconds*100, f.own/f.seconds*100)},
		{"p50 / p95 / p99 / max ms", fmt.Sprintf("%.0f / %.0f / %.0f / %.0f", ms(f.p50), ms(f.p95), ms(f.p99), ms(f.most))},
		{"acknowledged p50 / p99 ms", fmt.Sprintf("%.1f / %.1f", ms(f.ack50), ms(f.ack99))},
		{"sessions opened, ended", fmt.Sprintf("%d, %d", y.opened, y.ends)},
		{"entered alone, in batches", fmt.Sprintf("%d, %d", y.moves[entry], y.moves[batch])},
		{"removed, banned, deleted", fmt.Sprintf("%d, %d, %d", y.moves[exit], y.moves[ban], y.moves[deletion])},
		{"kicked", fmt.Sprint(y.kicked)},
		{"replaced by a session of the same name", fmt.Sprint(y.replaced)},
		{"credentials expired, at most later than that", fmt.Sprintf("%d, %.1f s", y.expired, y.tooLate.Seconds())},
		{"too slow", fmt.Sprint(y.slow)},
		{"sent away at the end; first, last after; cut", fmt.Sprintf("%d; %.2f s, %.2f s; %d", y.sentAway, y.firstAway.Seconds(), y.lastAway.Seconds(), y.cut)},
		{"faults", m.faults.String()},
	} {
		_, _ = fmt.Fprintf(os.Stdout, "| %s | %s |\n", row.name, row.value)
	}
	m.check()
}

package hall_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// asleep is what an engine did about readers that read nothing.
type asleep struct {
	seats       []*seat
	first, last time.Duration // from when they fell asleep until the engine gave up the first and the last of them
	cut         int
	growth      int64 // of the engine's memory, at most
}

// doze puts seats to sleep and, until stop is called, watches from a goroutine of its own how the engine takes it.
func doze(c *crowd, p *process, seats []*seat) (out *asleep, stop func()) {
	before, began := p.ask("collect", ""), time.Now()
	memory := p.resident()
	for _, s := range seats {
		c.stall(s)
	}
	out = &asleep{seats: seats}
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for out.cut < len(seats) {
			select {
			case <-over:
				return
			case <-ticker.C:
			}
			out.growth = max(out.growth, p.resident()-memory)
			n := int(p.ask("look", "").Slow - before.Slow)
			if n > 0 && out.cut == 0 {
				out.first = time.Since(began)
			}
			if out.cut = n; n == len(seats) {
				out.last = time.Since(began)
			}
		}
	})
	return out, func() { close(over); wg.Wait() }
}

// lastTenth seats people whose sockets take little, as a phone's on a bad line.
func (h *hall) lastTenth(p *process, c *crowd, session string) []*seat {
	var people []int
	for i := range max(1, h.n/10) {
		people = append(people, h.n-1-i)
	}
	return c.fill(people, h.house.tickets(p.Addr, session, people), 128, 4096)
}

// openButTenth opens the engine for nine tenths of the people.
func (h *hall) openButTenth() (*process, *crowd) {
	all := h.n
	h.n -= max(1, h.n/10)
	p, c := h.open("engine", &show{})
	h.n = all
	return p, c
}

// TestSlowReaders has a tenth of the hall fall asleep by turns, and compares what the others notice: make bench-slow.
func TestSlowReaders(t *testing.T) {
	n := variable(t, "STAGEDOOR_SLOW", 0, strconv.Atoi)
	if n == 0 {
		t.Skip("make bench-slow")
	}
	needFiles(t, n+100)
	rate := variable(t, "STAGEDOOR_SLOW_RATE", 100, strconv.Atoi)
	rounds := variable(t, "STAGEDOOR_FANOUT_ROUNDS", 3, strconv.Atoi)
	long := variable(t, "STAGEDOOR_SLOW_ACT", 12*time.Second, time.ParseDuration)
	pinned := runtime.NumCPU() >= 2
	if pinned {
		if err := stayOn(1); err != nil {
			t.Fatal(err)
		}
	}
	h := newHall(t, n, pinned, long)
	p, c := h.openButTenth()
	a := act{rate: float64(rate), long: long}
	_, _ = fmt.Fprintf(os.Stdout, "\n## %d sessions, %d lines/s, a tenth asleep by turns (load %s)\n\n"+
		"| awake: p50 / p99 ms | a tenth asleep: p50 / p99 ms | p99 × | cut | first and last after | memory |\n|--:|--:|--:|--:|--:|--:|\n", n, rate, load())
	var ratios []float64
	for round := range rounds {
		tenth := h.lastTenth(p, c, fmt.Sprint("tenth-", round))
		awake := c.play(p, a)
		slow, stop := doze(c, p, tenth)
		f := c.play(p, a)
		stop()
		ratio := f.p99.Seconds() / awake.p99.Seconds()
		ratios = append(ratios, ratio)
		_, _ = fmt.Fprintf(os.Stdout, "| %.1f / %.1f | %.1f / %.1f | %.2f | %d of %d | %.1f s, %.1f s | %+.1f MB |\n", ms(awake.p50), ms(awake.p99),
			ms(f.p50), ms(f.p99), ratio, slow.cut, len(tenth), slow.first.Seconds(), slow.last.Seconds(), float64(slow.growth)/(1<<20))
		for _, s := range tenth {
			c.end(s)
		}
	}
	slices.Sort(ratios)
	_, _ = fmt.Fprintf(os.Stdout, "\np99 of those awake, median of the ratios: %.2f\n", ratios[len(ratios)/2])
	c.check()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

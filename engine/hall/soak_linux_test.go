package hall_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// sample is what the engine holds at a moment, in bytes, and what has happened so far.
type sample struct {
	resident, collected int64 // the process, and after a garbage collection
	own                 int64 // after SQLite's caches have been emptied, too; 0 if they have not
	held, files         int64 // of that: what Go has from the system, and what is mapped from files
	heap, database      int64 // Go's objects, and the file
	goroutines, open    int
	sessions            int
	p50, p99            time.Duration
	deliveries          int
	tally               tally
}

// look takes a sample, after a garbage collection. SQLite keeps pages for each connection to the database, up to its
// cache_size, outside of Go's heap: they fill as the history grows, and are given back when it is asked to shrink.
func (t *traffic) look(shrink bool) sample {
	out := sample{resident: t.p.resident(), p50: t.delays.quantile(0.5), p99: t.delays.quantile(0.99), deliveries: t.deliveries, tally: t.tally}
	r := t.p.ask("collect", "")
	out.collected, out.goroutines, out.open, out.sessions = t.p.resident(), r.Goroutines, t.p.descriptors(), r.Sessions
	out.heap = int64(r.Heap)
	if shrink {
		r := t.p.ask("shrink", "")
		out.own, out.held, out.files = t.p.resident(), int64(r.Held), t.p.memory("RssFile:")
	}
	if file, err := os.Stat(strings.TrimPrefix(t.house.database, "sqlite:")); err == nil {
		out.database = file.Size()
	}
	t.delays = delays{}
	return out
}

// soak has traffic for so long, looks every now and then.
func (t *traffic) soak(long, every time.Duration, each func(sample)) (all []sample) {
	t.begin()
	looks := int(long / every)
	for i := range looks {
		t.run(every)
		one := t.look(i == looks/4 || i == looks-1)
		all = append(all, one)
		each(one)
	}
	t.rest()
	return all
}

// flat says what grew between the second quarter of the samples and the last. Every measure may breathe a little. Memory
// is compared where SQLite's caches had been emptied.
func flat(all []sample) (grown []string) {
	quarter := len(all) / 4
	if quarter == 0 {
		return nil
	}
	for _, m := range []struct {
		name   string
		of     func(sample) float64
		spared float64 // that much is no growth
	}{
		{"memory in MB without SQLite's caches", func(s sample) float64 { return float64(s.own) / (1 << 20) }, 4},
		{"Go's objects in MB", func(s sample) float64 { return float64(s.heap) / (1 << 20) }, 2},
		{"goroutines", func(s sample) float64 { return float64(s.goroutines) }, 32},
		{"descriptors without sessions", func(s sample) float64 { return float64(s.open - s.sessions) }, 32},
	} {
		before, after := typical(all[quarter:2*quarter], m.of), typical(all[len(all)-quarter:], m.of)
		if after > before*1.1+m.spared {
			grown = append(grown, fmt.Sprintf("%s grew from %.0f to %.0f", m.name, before, after))
		}
	}
	return grown
}

// typical is the median of what is known.
func typical(all []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range all {
		if v := of(s); v > 0 {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// TestSoak is make soak: an hour of it, or as long as asked, and a failure if anything grew.
func TestSoak(t *testing.T) {
	long := variable(t, "STAGEDOOR_SOAK", 0, time.ParseDuration)
	if long == 0 {
		t.Skip("make soak")
	}
	n := variable(t, "STAGEDOOR_SOAK_SESSIONS", 1500, strconv.Atoi)
	needFiles(t, n+200)
	s := newTraffic(t, engine.Config{}, -1, 2*n, 12, pace{sessions: n, each: 1, churn: float64(n) / 50, moves: 10, kicks: 0.2, lines: 20})
	_, _ = fmt.Fprintf(os.Stdout, "\n| min | sessions | comings | goings | moves | lines | deliveries | p50 / p99 ms | MB | collected | without SQLite's caches | Go's | database | goroutines | descriptors | faults |\n"+
		"|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	mb := func(bytes int64) string {
		if bytes == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f", float64(bytes)/(1<<20))
	}
	all := s.soak(long, max(long/60, time.Second), func(one sample) {
		n := one.tally
		_, _ = fmt.Fprintf(os.Stdout, "| %.1f | %d | %d | %d | %d | %d | %d | %.1f / %.1f | %s | %s | %s | %s | %s | %d | %d | %d |\n", s.now().Minutes(), one.sessions,
			n.opened, n.ends, n.allMoves(), n.lines, one.deliveries, ms(one.p50), ms(one.p99), mb(one.resident), mb(one.collected), mb(one.own),
			mb(one.heap), mb(one.database), one.goroutines, one.open, s.faults.sum())
	})
	for _, one := range all {
		if one.own > 0 {
			_, _ = fmt.Fprintf(os.Stdout, "\nafter %d lines: %s MB, of them %s in SQLite's caches; without: %s, of them Go %s, mapped files %s, the rest of SQLite %s\n", one.tally.lines,
				mb(one.collected), mb(one.collected-one.own), mb(one.own), mb(one.held), mb(one.files), mb(one.own-one.held-one.files))
		}
	}
	s.check()
	s.goHome()
	awaitSessions(t, s.p, 0)
	if heap := os.Getenv("STAGEDOOR_SOAK_HEAP"); heap != "" {
		s.p.ask("heap", heap) // what is left when nobody is here any more
	}
	for _, grown := range flat(all) {
		t.Error(grown)
	}
}

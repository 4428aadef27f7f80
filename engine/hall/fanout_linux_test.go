package hall_test

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

func engineRole(database string) role {
	return role{Kind: "engine", Engine: engine.Config{Database: database}}
}

// variable reads from the environment.
func variable[T any](tb testing.TB, name string, otherwise T, parse func(string) (T, error)) T {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		tb.Fatalf("%s=%q: %v", name, text, err)
	}
	return v
}

// needFiles skips what would need more descriptors than a process may have, here and in the server.
func needFiles(tb testing.TB, n int) {
	tb.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		tb.Fatal(err)
	}
	if uint64(n) > limit.Max {
		tb.Skipf("%d descriptors are needed, %d allowed", n, limit.Max)
	}
}

// TestFanOut is make bench-fanout: the engine and bare broadcasters by turns, each from its start to its end, and medians
// of the rounds. Ratios are taken within a round, because the machine's own speed drifts between minutes.
func TestFanOut(t *testing.T) {
	sizes := variable(t, "STAGEDOOR_FANOUT", nil, func(text string) (all []int, err error) {
		for _, word := range strings.Fields(text) {
			n, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		return all, nil
	})
	if sizes == nil {
		t.Skip("make bench-fanout")
	}
	rounds := variable(t, "STAGEDOOR_FANOUT_ROUNDS", 3, strconv.Atoi)
	long := variable(t, "STAGEDOOR_FANOUT_ACT", time.Second, time.ParseDuration)
	kinds := strings.Fields(cmp.Or(os.Getenv("STAGEDOOR_FANOUT_SERVERS"), "engine raw rawq paced"))
	pinned := runtime.NumCPU() >= 2 && os.Getenv("STAGEDOOR_FANOUT_PINNED") != "no"
	if pinned {
		if err := stayOn(1); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) { // whose end closes its sockets
			needFiles(t, n+100)
			h := newHall(t, n, pinned, long)
			h.profile = os.Getenv("STAGEDOOR_FANOUT_PROFILE")
			h.evening(kinds, rounds)
		})
	}
}

// evening has each kind of server play in turn, and prints what came of it.
func (h *hall) evening(kinds []string, rounds int) {
	began := time.Now()
	var all [][]*show
	for range rounds {
		var round []*show
		for _, kind := range kinds {
			round = append(round, h.show(kind))
		}
		all = append(all, round)
	}
	where := "server and crowd wherever they like"
	if h.pinned {
		where = "server on core 0, crowd on core 1"
	}
	fmt.Fprintf(os.Stdout, "\n## %d sessions, %d rounds, %s (%.0f s, load %s, frames of %d bytes)\n\n", h.n, rounds, where,
		time.Since(began).Seconds(), load(), len(h.sample))
	table(os.Stdout, all)
}

// load is the system's own word for how busy it is.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	return strings.Fields(string(text))[0]
}

// table writes medians, and ratios to the bare broadcaster, or to the first server where there is none.
func table(w io.Writer, rounds [][]*show) {
	base := max(0, slices.IndexFunc(rounds[0], func(s *show) bool { return s.kind == bareRaw }))
	_, _ = fmt.Fprintf(w, "| | | deliveries/s | × %[1]s | CPU s/million | × %[1]s | server's CPU | crowd's CPU | lines/s | bytes a delivery | p50 / p95 / p99 / max ms | acknowledged p50 / p99 ms |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", rounds[0][base].kind)
	for _, name := range actNames {
		for i, s := range rounds[0] {
			if _, played := s.acts[name]; !played {
				continue
			}
			get := func(f func(figures) float64) float64 {
				return middle(rounds, func(r []*show) float64 { return f(r[i].acts[name]) })
			}
			ratio := func(f func(figures) float64) string {
				if _, played := rounds[0][base].acts[name]; !played {
					return "–"
				}
				return fmt.Sprintf("%.2f", middle(rounds, func(r []*show) float64 { return f(r[i].acts[name]) / f(r[base].acts[name]) }))
			}
			ms := func(f func(figures) time.Duration) float64 {
				return get(func(g figures) float64 { return f(g).Seconds() * 1000 })
			}
			_, _ = fmt.Fprintf(w, "| %s | %s | %.0f | %s | %.2f | %s | %.0f %% | %.0f %% | %.1f | %.0f | %.1f / %.1f / %.1f / %.1f | %.1f / %.1f |\n", name, s.kind,
				get(figures.perSecond), ratio(figures.perSecond), get(figures.perMillion), ratio(figures.perMillion),
				get(func(f figures) float64 { return f.cpu / f.seconds * 100 }), get(func(f figures) float64 { return f.own / f.seconds * 100 }),
				get(figures.lines), get(figures.size),
				ms(func(f figures) time.Duration { return f.p50 }), ms(func(f figures) time.Duration { return f.p95 }),
				ms(func(f figures) time.Duration { return f.p99 }), ms(func(f figures) time.Duration { return f.most }),
				ms(func(f figures) time.Duration { return f.ack50 }), ms(func(f figures) time.Duration { return f.ack99 }))
		}
	}
	_, _ = fmt.Fprintf(w, "\n| | connects/s | ms CPU per connect | ticket holders | KB per session: idle | collected | loaded | ticket holders, collected | MB without sessions |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, s := range rounds[0] {
		get := func(f func(*show) float64) float64 {
			return middle(rounds, func(r []*show) float64 { return f(r[i]) })
		}
		_, _ = fmt.Fprintf(w, "| %s | %.0f | %.3f | %.3f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", s.kind, get(func(s *show) float64 { return s.connects }),
			get(func(s *show) float64 { return s.perConnect }), get(func(s *show) float64 { return s.own.perConnect }), get(func(s *show) float64 { return s.idle / 1024 }),
			get(func(s *show) float64 { return s.clean / 1024 }), get(func(s *show) float64 { return s.loaded / 1024 }),
			get(func(s *show) float64 { return s.own.clean / 1024 }),
			get(func(s *show) float64 { return float64(s.base) / (1 << 20) }))
	}
}

// middle is the median of what the rounds say.
func middle(rounds [][]*show, of func([]*show) float64) float64 {
	all := make([]float64, len(rounds))
	for i, r := range rounds {
		all[i] = of(r)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

package hall_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// TestEverybodyHearsEveryLine is the proof of make bench-fanout without its clock: nothing lost, doubled or out of order,
// at the pace of the engine and of lines that do not wait for it.
func TestEverybodyHearsEveryLine(t *testing.T) {
	h := newHall(t, 60, false, time.Second)
	for _, kind := range []string{"engine", bareRaw, bareQueue, barePaced} {
		t.Run(kind, func(t *testing.T) {
			h.TB, h.house.TB = t, t
			p, c := h.open(kind, &show{})
			for _, a := range []act{{underWay: 16, long: time.Second / 4}, {underWay: 256, long: time.Second / 4}, {rate: 30, long: time.Second / 2}} {
				if f := c.play(p, a); f.deliveries == 0 {
					t.Errorf("%+v: nobody heard anything", a)
				}
			}
			if c.sample != nil && kind == "engine" {
				h.sample = c.sample
			}
			c.check()
		})
	}
}

// TestSleepersAreCutAndTheOthersHearAll has some stop reading. They must be sent away, and nobody else may notice.
func TestSleepersAreCutAndTheOthersHearAll(t *testing.T) {
	h := newHall(t, 40, false, time.Second)
	p, c := h.openButTenth()
	tenth := h.lastTenth(p, c, "tenth")
	for _, s := range tenth {
		c.stall(s)
	}
	deadline := time.Now().Add(patience)
	for cut := uint64(0); cut < uint64(len(tenth)); cut = p.ask("look", "").Slow {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d sleepers were cut", cut, len(tenth))
		}
		c.play(p, act{underWay: 16, long: time.Second / 2})
	}
	awaitSessions(t, p, h.n-len(tenth))
	c.check()
}

// TestTheBookSeesWhatItCounts shows the checker lines that are missing, doubled and out of order.
func TestTheBookSeesWhatItCounts(t *testing.T) {
	for _, test := range []struct {
		name, want string
		others, he []uint32
		from       int // how many others had heard when he joined in between
	}{
		{"all", "0 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2, 4}, []uint32{3, 1, 2, 4}, 0},
		{"first", "0 lost, 0 doubled, 0 out of order", nil, []uint32{3, 1, 2, 4}, 0},
		{"gap", "2 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2, 4}, []uint32{3, 4}, 0},
		{"gap before anybody else", "2 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2}, []uint32{3, 4}, 0},
		{"twice", "0 lost, 1 doubled, 0 out of order", []uint32{3, 1, 2}, []uint32{3, 1, 1, 2}, 0},
		{"back", "0 lost, 0 doubled, 1 out of order", []uint32{3, 1, 2}, []uint32{3, 1, 2, 3}, 0},
		{"none of the first", "1 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2}, []uint32{1, 2}, 0},
		{"joined in between", "0 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2, 4}, []uint32{2, 4, 5}, 2},
		{"joined in between, then a gap", "1 lost, 0 doubled, 0 out of order", []uint32{3, 1, 2, 4, 5}, []uint32{2, 5}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, f := newRoom(0, ""), &faults{}
			everybody, he := r.join(0, true), r.join(0, test.from == 0)
			he.from = test.from
			for _, seq := range test.others {
				everybody.hear(seq, 1, f)
			}
			for _, seq := range test.he {
				he.hear(seq, 2, f)
			}
			if !strings.HasPrefix(f.String(), test.want) {
				t.Errorf("%v, want %s", f, test.want)
			}
		})
	}
}

// TestTheBookKnowsWhoJoinedInBetween is about a session that hears a line before those who were there hear the one before.
func TestTheBookKnowsWhoJoinedInBetween(t *testing.T) {
	r, f := newRoom(0, ""), &faults{}
	there, late := r.join(0, true), r.join(7, false)
	late.hear(6, 2, f) // 5 was said before he came
	for _, seq := range []uint32{5, 6, 8} {
		there.hear(seq, 1, f)
	}
	if !late.behind(2, f) || f.sum() > 0 {
		t.Errorf("%v, and who has heard 6 is told to know 8", f)
	}
	late.hear(8, 2, f)
	if late.behind(2, f) || f.sum() > 0 {
		t.Errorf("%v, want nothing", f)
	}
	r, f = newRoom(0, ""), &faults{}
	there, late = r.join(0, true), r.join(7, false)
	for seq := range uint32(9) {
		there.hear(seq, 1, f)
	}
	if !late.behind(2, f) {
		t.Error("who got nothing of what was said after he joined is not behind")
	}
	late.hear(8, 2, f)
	if f.lost != 1 {
		t.Errorf("%v, want the one line between joining and the first line lost", f)
	}
}

func TestDelaysAreCountedExactlyEnough(t *testing.T) {
	var d delays
	for i := range 1000 {
		d.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 501 * time.Millisecond, 0.99: 991 * time.Millisecond} {
		if got := d.quantile(q); got > want || got < want*96/100 {
			t.Errorf("quantile %g is %s, want %s", q, got, want)
		}
	}
	for v := range uint64(1 << 16) {
		if slot(v+1) < slot(v) {
			t.Fatalf("%d is in step %d, %d in %d", v, slot(v), v+1, slot(v+1))
		}
	}
}

// TestComingAndGoing is a slice of make soak: whoever is in a room hears all that is said while he is, and nobody else does.
func TestComingAndGoing(t *testing.T) {
	s := newTraffic(t, engine.Config{}, -1, 80, 5, pace{sessions: 40, each: 1, churn: 20, moves: 20, kicks: 1, lines: 40})
	all := s.soak(3*time.Second, time.Second, func(sample) {})
	s.check()
	if last := all[len(all)-1]; last.deliveries == 0 || last.tally.ends == 0 || last.tally.allMoves() == 0 {
		t.Errorf("nothing happened: %+v", last)
	}
	s.goHome()
	awaitSessions(t, s.p, 0)
}

// TestNothingIsLostWhileEverybodyMoves is a slice of make bench-moving, over both forms of frames.
func TestNothingIsLostWhileEverybodyMoves(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprint("compress ", compress), func(t *testing.T) {
			m := newTraffic(t, engine.Config{Compress: compress}, -1, 240, 5, pace{sessions: 480, each: 3, churn: 20, moves: 40, kicks: 2, underWay: 16})
			f := m.evening(3 * time.Second)
			m.check()
			n := m.tally
			if f.deliveries == 0 || n.allMoves() == 0 || n.sentAway == 0 || n.expired == 0 || n.kicked == 0 || compress && m.flat == 0 {
				t.Errorf("too little happened: %+v", n)
			}
		})
	}
}

// awaitSessions waits until the engine has that many.
func awaitSessions(t testing.TB, p *process, want int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for got := p.ask("look", "").Sessions; got != want; got = p.ask("look", "").Sessions {
		if <-ticker.C; time.Now().After(deadline) {
			t.Fatalf("the engine has %d sessions, want %d", got, want)
		}
	}
}

func TestGrowthIsSeen(t *testing.T) {
	breathing := func(grow int) (all []sample) {
		for i := range 60 {
			own := int64(0)
			if i == 15 || i == 59 {
				own = int64(100+i%5+i*grow) << 20
			}
			all = append(all, sample{own: own, collected: int64(100+i%5+i*grow+2*i) << 20, database: int64(i) << 20, heap: int64(20+i%2+i*grow) << 20,
				goroutines: 500 + i%30 + 8*i*grow, open: 1000 + i%9 + 8*i*grow, sessions: 900})
		}
		return all
	}
	if grown := flat(breathing(0)); len(grown) > 0 {
		t.Errorf("what breathes is told to grow: %q", grown)
	}
	if grown := flat(breathing(1)); len(grown) != 4 {
		t.Errorf("growth is seen in %q, want four measures", grown)
	}
}

package provision_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// world is what follows from a seed before anything happens.
type world struct {
	seed          uint64
	preset        string
	gives         int           // the provider gives one n-th of what it documents
	latency       time.Duration // until the answer
	way, detour   time.Duration // until a call arrives, and how much longer it may take: less than pace allows for
	weather       weather
	standbys      int
	deaf          bool // hints do not arrive
	forgetsTokens bool
	haunted       bool // the provider forgets, and others have their hands in it
	steps         []step
	rnd           *rand.Rand // of the commands
}

type weather struct {
	name            string
	plan            provisiontest.Plan
	storms, outages [][2]time.Duration
}

// step is a command at its time.
type step struct {
	at time.Duration
	do func(*sim)
}

func (w world) String() string {
	return fmt.Sprintf("pace %s, 1/%d of it given, %v+%v on the way and %v to the answer, weather %s, %d standbys, deaf %v, forgets tokens %v, haunted %v, %d steps",
		w.preset, w.gives, w.way, w.detour, w.latency, w.weather.name, w.standbys, w.deaf, w.forgetsTokens, w.haunted, len(w.steps))
}

func one[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

func newWorld(seed uint64) world {
	rnd := rand.New(rand.NewPCG(seed, 4))
	w := world{seed: seed, rnd: rnd, gives: 1}
	w.preset = one(rnd, simPresets()...)
	if w.preset != "none" && rnd.IntN(8) == 0 {
		w.gives = 2
	}
	w.latency = time.Duration(one(rnd, 0, 5, 50, 350)) * time.Millisecond
	w.way, w.detour = time.Duration(one(rnd, 0, 0, 5, 80))*time.Millisecond, time.Duration(one(rnd, 0, 3, 14))*time.Millisecond
	w.weather = newWeather(seed, rnd)
	w.deaf, w.forgetsTokens = rnd.IntN(4) == 0, rnd.IntN(2) == 0
	if rnd.IntN(4) == 0 {
		w.standbys = 1
	}
	// The shows come in the first moments, the rest at any time.
	span := time.Duration(4+rnd.IntN(14)) * time.Second
	for n := range one(rnd, 1, 1, 2, 2, 3, 4) {
		size := one(rnd, rnd.IntN(4), rnd.IntN(12), rnd.IntN(12), rnd.IntN(40))
		if rnd.IntN(40) == 0 {
			size = 100 + rnd.IntN(200)
		}
		at := time.Duration(rnd.IntN(1500)) * time.Millisecond
		w.steps = append(w.steps, step{at, func(s *sim) { s.announce(n, size) }})
	}
	for range rnd.IntN(14) {
		do := commands[rnd.IntN(len(commands))]
		w.steps = append(w.steps, step{time.Duration(rnd.Int64N(int64(span))), do})
	}
	for range one(rnd, 0, 0, 1, 2) {
		w.steps = append(w.steps, step{time.Duration(rnd.Int64N(int64(span))), (*sim).killSomebody})
	}
	if w.haunted = rnd.IntN(6) == 0; w.haunted {
		for range 1 + rnd.IntN(4) {
			w.steps = append(w.steps, step{time.Duration(rnd.Int64N(int64(span))), haunts[rnd.IntN(len(haunts))]})
		}
	}
	for range one(rnd, 0, 1, 1, 2) { // and one thing after the other, so close that they meet half done
		at := time.Duration(rnd.Int64N(int64(span)))
		for _, do := range scenes[rnd.IntN(len(scenes))] {
			w.steps = append(w.steps, step{at, do})
			at += time.Duration(rnd.Int64N(int64(one(rnd, 30*time.Millisecond, 400*time.Millisecond, 3*time.Second))))
		}
	}
	w.meet(rand.New(rand.NewPCG(seed, 5)), span)
	slices.SortStableFunc(w.steps, func(a, b step) int { return int(a.at - b.at) })
	return w
}

// meet adds what is rare by chance: a seal that is broken while the call is being announced that it allows, and an account that is
// there already, with another name, when it is to be made. The dice are its own: the rest of a world stays what it was before.
func (w *world) meet(rnd *rand.Rand, span time.Duration) {
	if rnd.IntN(4) == 0 {
		w.steps = append(w.steps, step{time.Second + time.Duration(rnd.Int64N(int64(span))), (*sim).changeMind})
	}
	if w.haunted && rnd.IntN(2) == 0 {
		at := time.Second + time.Duration(rnd.Int64N(int64(span)))
		for _, do := range []func(*sim){(*sim).refund, (*sim).haunt, (*sim).haunt, (*sim).reinstate} {
			w.steps = append(w.steps, step{at, do})
			at += time.Duration(rnd.Int64N(int64(one(rnd, 300*time.Millisecond, 2*time.Second))))
		}
	}
}

// simPresets are the paces that worlds may have.
func simPresets() []string { return []string{"none", "case", "aws-us-east-1", "aws-eu-central-1"} }

func newWeather(seed uint64, rnd *rand.Rand) weather {
	second := func(from, to int) [2]time.Duration {
		at := time.Duration(from*1000+rnd.IntN((to-from)*1000)) * time.Millisecond
		return [2]time.Duration{at, at + time.Duration(500+rnd.IntN(4000))*time.Millisecond}
	}
	p := provisiontest.Plan{Seed: seed, Patience: 3, SlowBy: 2 * time.Second}
	switch rnd.IntN(8) {
	case 0:
		p.Lose = 0.03
		return weather{name: "lost answers", plan: p}
	case 1:
		p.Throttle = 0.05
		return weather{name: "storm", plan: p, storms: [][2]time.Duration{second(0, 10)}}
	case 2:
		return weather{name: "outage", plan: p, outages: [][2]time.Duration{second(0, 10)}}
	case 3:
		p.Fail, p.FailDone, p.Member = 0.1, 0.05, 0.2
		return weather{name: "failures", plan: p}
	case 4:
		p.Throttle, p.Fail, p.FailDone, p.Lose, p.Refuse, p.Slow, p.Member = 0.04, 0.04, 0.04, 0.02, 0.04, 0.2, 0.2
		return weather{name: "everything", plan: p}
	case 5:
		p.Slow = 0.5
		return weather{name: "slow", plan: p}
	}
	return weather{name: "calm", plan: p}
}

func (w world) limits() []provisiontest.Limit {
	l := provisiontest.LimitsOf(w.preset)
	if w.gives > 1 {
		return provisiontest.Slower(l, w.gives)
	}
	return l
}

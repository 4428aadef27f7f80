package provision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// A provider in trouble is not helped by more calls: what is lost costs one more call each, and being told to slow down
// costs at most a tenth.
func TestTroubleIsNotAmplified(t *testing.T) {
	const n = 1000
	storms := func(began time.Time) (out []provisiontest.Spell) {
		for i := range 4 { // twenty seconds of nothing but 429 in each forty
			at := began.Add(time.Duration(10+40*i) * time.Second)
			out = append(out, provisiontest.Spell{From: at, To: at.Add(20 * time.Second)})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		preset string
		gives  int
		plan   provisiontest.Plan
		storms bool
		most   func(needed, lost int) float64
	}{
		{"lost answers", "case", 1, provisiontest.Plan{Lose: 0.02, Patience: 3}, false, func(needed, lost int) float64 { return 1.02 * float64(needed+lost) }},
		{"done but failed", "case", 1, provisiontest.Plan{FailDone: 0.05, Patience: 3}, false, func(needed, lost int) float64 { return 1.02 * float64(needed+lost) }},
		{"storms of 429", "case", 1, provisiontest.Plan{}, true, func(needed, _ int) float64 { return 1.1 * float64(needed) }},
		{"gives half of what it documents", "case", 2, provisiontest.Plan{}, false, func(needed, _ int) float64 { return 1.1 * float64(needed) }},
		{"gives half of Amazon's", "aws-us-east-1", 2, provisiontest.Plan{}, false, func(needed, _ int) float64 { return 1.1 * float64(needed) }},
		{"a few 429 at any pace", "case", 1, provisiontest.Plan{Throttle: 0.03}, false, func(needed, _ int) float64 { return 1.1 * float64(needed) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inHall(t, c.preset, func(h *hall) {
				h.provider.Limits = provisiontest.Slower(h.provider.Limits, c.gives)
				if c.storms {
					c.plan.Storms = storms(h.began)
				}
				c.plan.Seed = 11
				h.provider.Play(c.plan)
				e := h.show(48*time.Hour, n)
				stop := h.run()
				took, calls := h.full(time.Hour, map[id.Event]int{e: n})
				stop()
				tally, lost := map[string]int{}, 0
				for _, call := range calls {
					tally[fmt.Sprint(call.Status, call.Effect)]++
					if call.Effect != provisiontest.Nothing && (call.Status >= 500 || h.wasLost(call)) {
						lost++
					}
				}
				needed := n + n/100 + 4
				if most := c.most(needed, lost); float64(len(calls)) > most {
					t.Errorf("%d calls, at most %.0f for %d needed and %d lost answers: %v", len(calls), most, needed, lost, tally)
				}
				t.Logf("%d calls in %v, %d needed, %d answers lost: %v", len(calls), took, needed, lost, tally)
			})
		})
	}
}

// wasLost reports whether the answer of a call was lost by plan.
func (h *hall) wasLost(c provisiontest.Call) bool { return h.provider.Trouble(c).Lost }

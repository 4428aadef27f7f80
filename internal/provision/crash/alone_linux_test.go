package crash_test

import (
	"fmt"
	"testing"
	"time"
)

// season is how many kills a world lives through before it settles and another one begins.
const season = 40

// One provisioner after the other, each killed at some system call or by the clock, or asked to stop.
func TestKilledAnywhereNothingIsDoubledLostOrLeftBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes")
	}
	t.Parallel()
	c := newCampaign(t)
	const copies = 8
	share := max(1, kills(t)*85/100/copies)
	t.Cleanup(func() { c.sayPace(t) })
	for n := range copies {
		k := worldKinds[n%len(worldKinds)]
		t.Run(fmt.Sprintf("%s %s %d", k.kind, k.pace, n), func(t *testing.T) {
			t.Parallel()
			for part := 0; part*season < share && !t.Failed(); part++ {
				t.Run(fmt.Sprint(part), func(t *testing.T) {
					w := newWorld(t, c, k.kind, k.pace, uint64(100*n+part))
					for dead := 0; dead < min(season, share-part*season) && !t.Failed(); {
						dead += w.live()
					}
					w.settle()
				})
			}
		})
	}
}

// live is one life. It returns 1 if it ended by a kill.
func (w *world) live() int {
	w.Helper()
	w.churn()
	most := 400 * time.Millisecond
	if w.pace != "none" {
		most = 2500 * time.Millisecond // a second of them passes before the first call, see quietWindow in internal/provision
	}
	var at *point
	fate := w.rnd.IntN(100)
	life := time.Duration(w.rnd.Int64N(int64(most)))
	if fate < 65 {
		at, life = w.campaign.draw(w.kind), most
	}
	p := w.birth(at)
	select {
	case <-p.ended:
	case <-time.After(life):
		if fate >= 90 {
			w.note("%s is asked to stop", p.name)
			w.leave(p)
			return 0
		}
	}
	p.kill()
	how := p.cause()
	w.killed[how]++
	w.note("%s ended %s (%v) after %v, %d calls so far", p.name, how, at, time.Since(p.born), w.provider.Count())
	w.regret()
	w.freeLease()
	return 1
}

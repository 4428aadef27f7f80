package provision

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/pace"
)

// Claims. A show whose own bucket (its app instance's) lets no call start now would see later shows take the account's slots
// up to the moment in which it may go on, wait for the next one, and lose that time for good: with seven shows the fourth
// took six percent longer than what it is first in line for. So a show claims the part of the account's buckets that it
// can use; when those of the shows before it add up to all of a bucket, the next show's calls yield.
//
// A bucket that is claimed in part is shared without a rule: the next show takes any slot that is free, also one that a show
// before it is about to need. Together the shows before it lose at most what its own bucket lets through beyond the rest that they
// leave: of 45 calls claimed out of 50, the fifth show of 10/s may take 5/s too many, and the four are up to 11 % late. Amazon's
// limits, 10/s within 50/s, leave no such rest; it comes about while the provider throttles an app instance. To keep each claimed slot
// for its show would be exact for the shows before, and lose every slot that one of them does not take in the end: which calls
// will be ready in the next second is not known here. Then the account's bucket would not be used up while there is a backlog.

const (
	// usedUp is which part of a bucket counts as all of it: rates are measured.
	usedUp = 0.97
	// yieldFor is how long a show that yields is not asked. A slot may be lost when one of those before it is ready.
	yieldFor = 100 * time.Millisecond
)

// asked is what a show said when it was asked for calls.
type asked struct {
	waits  bool         // for a slot
	claims []pace.Claim // what its calls that have to wait are about to use
	yields time.Time    // it has calls that leave their slots to shows before it, and is asked again then; by the pace's clock
}

// skip takes account of a show that is not asked now, because it rests until a time, by the wall clock, or yields.
func (k *picker) skip(said asked, until time.Time, upkeep bool) {
	if !upkeep {
		k.claimed.add(said.claims)
	}
	if said.waits && !until.IsZero() {
		k.next = earlier(k.next, k.latest.Add(until.Sub(k.now)))
	}
	if said.yields.After(k.slots) {
		k.next = earlier(k.next, k.latest.Add(said.yields.Sub(k.slots)))
	}
}

// claimed is what shows claim of the account's buckets. The zero value is nothing.
type claimed struct {
	seen  map[[2]string]bool // bucket and whose part of it
	parts map[string]float64 // by bucket
}

func (c *claimed) add(claims []pace.Claim) {
	for _, one := range claims {
		who := [2]string{one.Bucket, one.Of}
		if c.seen[who] {
			continue // shows of one app instance share its part
		}
		if c.seen == nil {
			c.seen, c.parts = map[[2]string]bool{}, map[string]float64{}
		}
		c.seen[who] = true
		c.parts[one.Bucket] += one.Part
	}
}

// all reports whether a bucket that a call needs is claimed.
func (c *claimed) all(needs []pace.Claim) bool {
	for _, one := range needs {
		if c.parts[one.Bucket] >= usedUp {
			return true
		}
	}
	return false
}

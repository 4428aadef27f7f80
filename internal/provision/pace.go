package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Bucket is one limit of the provider: at most PerSecond calls of its operations may start in any sliding second.
type Bucket struct {
	Name      string
	Ops       []string // provider operations that count; nil means all
	PerSecond int      // 0 means unlimited
}

// Preset is a set of limits by name.
type Preset struct {
	Name    string
	Limit   string // for people
	Buckets []Bucket
}

// Presets returns the known limits: "none" for an engine of our own, "case" for the ten requests a second that the
// original installation was held to.
func Presets() []Preset {
	return []Preset{
		{Name: "none", Limit: "unlimited", Buckets: []Bucket{{Name: "all"}}},
		{Name: "case", Limit: "10/s", Buckets: []Bucket{{Name: "all", PerSecond: 10}}},
	}
}

func presetNamed(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name || (name == "" && p.Name == "none") {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("unknown pace %q: choose one of %s", name, strings.Join(names, ", "))
}

const (
	// spread makes the gap between two starts 2 % longer than the limit asks: an eleventh call then starts at least 20 ms
	// after the second is over, which absorbs late timers and uneven ways to the provider, and 98 % of the limit is used.
	spread = 0.02
	// maxLate is how late a call may start in its slot: half of what spread absorbs, the network keeps the rest.
	maxLate = 8 * time.Millisecond
	// maxGap is the slowest pace that throttling leads to.
	maxGap = 2 * time.Second
	// firstGap is where an unlimited bucket begins when the provider throttles it.
	firstGap = 5 * time.Millisecond
	// brake is what a throttled call does to the gap, climb the part of it that each success takes back: twenty successes
	// undo one braking, so that a provider that allows less than its limit is used to about nine tenths and throttles
	// about one call in twenty.
	brake = 1.5
	climb = 0.02
)

// gap is the time between two starts that keeps the limit.
func (b Bucket) gap() time.Duration {
	if b.PerSecond == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / float64(b.PerSecond) * (1 + spread))
}

func (b Bucket) covers(op string) bool { return b.Ops == nil || slices.Contains(b.Ops, op) }

// paceState is a bucket's row.
type paceState struct{ gap, next, eased int64 } // microseconds

// slot is the earliest start of the next call. A next that lies further ahead than any gap means that the clock was set
// back: it is not believed.
func (s paceState) slot(base, earliest time.Duration) time.Duration {
	start := max(earliest, time.Duration(s.next)*time.Microsecond)
	if gap := s.spacing(base); start > earliest+gap+maxGap {
		return earliest + gap
	}
	return start
}

// taken is the state after a start.
func (s paceState) taken(base, start time.Duration) paceState {
	gap := s.spacing(base)
	return paceState{gap: gap.Microseconds(), next: (start + gap).Microseconds(), eased: s.eased}
}

func (s paceState) spacing(base time.Duration) time.Duration {
	return max(time.Duration(s.gap)*time.Microsecond, base)
}

// ease lowers the rate, once for all calls that were started before it was last lowered.
func (s paceState) ease(base time.Duration, started, now int64) paceState {
	if started <= s.eased {
		return s
	}
	gap := max(time.Duration(brake*float64(s.gap))*time.Microsecond, base, firstGap)
	return paceState{gap: min(gap, maxGap).Microseconds(), next: s.next, eased: now}
}

// quicken climbs back towards base after a success.
func (s paceState) quicken(base time.Duration) paceState {
	gap := time.Duration(float64(s.gap) * (1 - climb) * float64(time.Microsecond))
	if base == 0 && gap < time.Millisecond {
		gap = 0
	}
	s.gap = max(gap, base).Microseconds()
	return s
}

// slowed reports whether the bucket is slower than its limit.
func (s paceState) slowed(base time.Duration) bool { return s.gap > base.Microseconds() }

func readPace(tx *db.Tx, bucket string) (paceState, error) {
	rows, err := db.All(tx.Context(), tx, func(s *paceState) []any { return []any{&s.gap, &s.next, &s.eased} },
		"SELECT gap_us, next_us, eased_us FROM pace WHERE bucket = $1", bucket)
	if err != nil || len(rows) == 0 {
		return paceState{}, err
	}
	return rows[0], nil
}

func writePace(tx *db.Tx, bucket string, s paceState) error {
	_, err := tx.Exec(`INSERT INTO pace (bucket, gap_us, next_us, eased_us) VALUES ($1, $2, $3, $4)
		ON CONFLICT (bucket) DO UPDATE SET gap_us = excluded.gap_us, next_us = excluded.next_us, eased_us = excluded.eased_us`,
		bucket, s.gap, s.next, s.eased)
	return err
}

// reserve takes a slot for n calls of op, not before earliest, in every bucket that covers op, and counts them. More than
// one call shares a slot only where no bucket spaces them: the caller asks for n = 1 otherwise.
func (p Preset) reserve(tx *db.Tx, op string, n int, earliest time.Time) (time.Time, error) {
	from := time.Duration(earliest.UnixMicro()) * time.Microsecond
	start, states := from, make([]paceState, len(p.Buckets))
	for i, b := range p.Buckets {
		if !b.covers(op) {
			continue
		}
		var err error
		if states[i], err = readPace(tx, b.Name); err != nil {
			return time.Time{}, err
		}
		start = max(start, states[i].slot(b.gap(), from))
	}
	for i, b := range p.Buckets {
		if !b.covers(op) {
			continue
		}
		if err := writePace(tx, b.Name, states[i].taken(b.gap(), start)); err != nil {
			return time.Time{}, err
		}
	}
	second := int64(start / time.Second)
	if _, err := tx.Exec(`INSERT INTO pace_second (second, calls) VALUES ($1, $2)
		ON CONFLICT (second) DO UPDATE SET calls = pace_second.calls + excluded.calls`, second, n); err != nil {
		return time.Time{}, err
	}
	if _, err := tx.Exec("DELETE FROM pace_second WHERE second < $1 OR second > $2", second-60, second+60); err != nil {
		return time.Time{}, err
	}
	// earliest carries the monotonic clock: a wall clock that is set does not move the slot.
	return earliest.Add(start - from), nil
}

// feedback adapts every bucket that covers op to an answer of a call that started at started.
func (p Preset) feedback(tx *db.Tx, op string, started time.Time, throttled bool) error {
	for _, b := range p.Buckets {
		if !b.covers(op) {
			continue
		}
		s, err := readPace(tx, b.Name)
		if err != nil {
			return err
		}
		after := s
		if throttled {
			after = s.ease(b.gap(), started.UnixMicro(), time.Now().UnixMicro())
		} else if s.slowed(b.gap()) {
			after = s.quicken(b.gap())
		}
		if after != s {
			if err := writePace(tx, b.Name, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpaced reports whether calls of op need no gap at all.
func (p Preset) unpaced(tx *db.Tx, op string) (bool, error) {
	for _, b := range p.Buckets {
		if !b.covers(op) {
			continue
		}
		s, err := readPace(tx, b.Name)
		if err != nil || s.slowed(0) || b.PerSecond > 0 {
			return false, err
		}
	}
	return true, nil
}

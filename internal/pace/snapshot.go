package pace

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Snapshot is the state of all buckets at one moment, for choosing among calls without writing. It belongs to one
// goroutine.
type Snapshot struct {
	pace *Pace
	rows map[[2]string]*row
	raw  map[[2]string]columns
}

// Snapshot reads the buckets that were used in the last moments or are slowed down; all others are free.
func (p *Pace) Snapshot(ctx context.Context, d *db.DB) (Snapshot, error) {
	s := Snapshot{pace: p, rows: map[[2]string]*row{}, raw: map[[2]string]columns{}}
	all, err := db.All(ctx, d, (*columns).fields, "SELECT "+rowColumns+" FROM pace WHERE used_us > $1 OR slowed <> ''",
		p.micros(p.Now())-60*second)
	for _, c := range all {
		p.follow(c.used)
		s.raw[[2]string{c.bucket, c.key}] = c
	}
	return s, err
}

func (s Snapshot) row(h hold) *row {
	k := [2]string{h.bucket.Name, h.key}
	r := s.rows[k]
	if r == nil {
		fresh := []row{s.raw[k].row(h)}
		s.pace.learn(fresh, s.pace.micros(s.pace.Now()))
		r = &fresh[0]
		s.rows[k] = r
	}
	return r
}

// Earliest is when the call could start, not before now.
func (s Snapshot) Earliest(c Call, now time.Time) time.Time {
	us := s.pace.micros(now)
	at := us
	for _, h := range s.pace.holds(c) {
		at = max(at, s.row(h).next(us))
	}
	if at == us {
		return now
	}
	return s.pace.local(at)
}

// Claim is the part of one of the account's buckets that somebody can use who makes calls of one kind.
type Claim struct {
	Bucket string  // one of the account's
	Of     string  // what holds the calls back; those of the same share the part
	Part   float64 // of the bucket, at most 1
}

// Claims says which part of the account's buckets calls like c can use at most: as much as their other buckets let through.
func (s Snapshot) Claims(c Call, now time.Time) []Claim {
	var out []Claim
	us, holds := s.pace.micros(now), s.pace.holds(c)
	for i, h := range holds {
		whole := s.row(h).allowed(us)
		if h.bucket.Scope != Account || whole == 0 {
			continue
		}
		claim := Claim{Bucket: h.bucket.Name, Part: 1}
		for j, other := range holds {
			if rate := s.row(other).allowed(us); j != i && rate > 0 && rate < claim.Part*whole {
				claim.Of, claim.Part = other.bucket.Name+" "+other.key, rate/whole
			}
		}
		out = append(out, claim)
	}
	return out
}

// Take books a call in the snapshot only.
func (s Snapshot) Take(c Call, at time.Time) {
	us := s.pace.micros(at)
	for _, h := range s.pace.holds(c) {
		s.row(h).book(us, us, false)
	}
}

package pace

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Rate is how fast a bucket is.
type Rate struct {
	Bucket          string
	Scope           Scope
	Key             string  // ARN, "" for the account
	Limit           int     // documented calls a second, 0 for unlimited
	Rate            float64 // calls a second to expect from now, 0 for unlimited
	Throttled       bool    // slower than documented, because the provider says so
	CallsLastSecond int
}

// Rates returns the present rate of every bucket that was used lately, and of all that belong to the account.
func (p *Pace) Rates(ctx context.Context, d *db.DB) ([]Rate, error) {
	all, err := db.All(ctx, d, (*columns).fields, "SELECT "+rowColumns+" FROM pace ORDER BY bucket, scope_key")
	if err != nil {
		return nil, err
	}
	now := p.micros(p.Now())
	var out []Rate
	for _, b := range p.Buckets {
		if b.Scope == Account {
			all = append(all, columns{bucket: b.Name})
		}
		seen := map[string]bool{}
		for _, c := range all {
			if c.bucket == b.Name && !seen[c.key] {
				seen[c.key] = true
				out = append(out, c.row(hold{b, c.key}).rate(now))
			}
		}
	}
	return out, nil
}

func (r row) rate(now int64) Rate {
	if r.slow != nil && r.slow.over(r.bucket, now) {
		r.slow = nil
	}
	out := Rate{Bucket: r.bucket.Name, Scope: r.bucket.Scope, Key: r.key, Limit: r.bucket.PerSecond, Throttled: r.slow != nil,
		Rate: float64(r.bucket.PerSecond) / (1 + r.costShare())}
	if r.slow != nil {
		out.Rate = r.slow.forecast(r.bucket, now)
	}
	for _, e := range r.calls {
		if e.at > now-second && e.at <= now {
			out.CallsLastSecond++
		}
	}
	return out
}

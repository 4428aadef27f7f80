package pace

// slow is the state of a bucket that the provider throttles. nil is the documented rate.
type slow struct {
	Rate  float64 `json:"rate"`  // calls a second
	Since int64   `json:"since"` // when it was last lowered
}

func (s *slow) gap(Bucket, int64) int64 { return int64(second / s.Rate) }

// down halves the rate, once for all calls that had started by then.
func (s *slow) down(b Bucket, at, now int64) *slow {
	rate := float64(b.PerSecond)
	if rate == 0 {
		rate = 200
	}
	if s != nil {
		if at <= s.Since {
			return s
		}
		rate = s.Rate
	}
	return &slow{Rate: max(rate/2, 1.0/30), Since: now}
}

// up climbs by a fiftieth.
func (s *slow) up(b Bucket) *slow {
	limit := float64(b.PerSecond)
	if limit == 0 {
		limit = 1000
	}
	if s == nil || s.Rate*1.02 >= limit {
		return nil
	}
	return &slow{Rate: s.Rate * 1.02, Since: s.Since}
}

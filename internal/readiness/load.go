package readiness

import (
	"cmp"
	"math"
	"slices"

	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/readiness/forecast"
)

// work is the calls that something still takes, by operation of the provider.
type work map[string]int

func (w work) add(op string, n int) {
	if n > 0 {
		w[op] += n
	}
}

// scopes says which things of a call the provider may count besides the account.
type scopes struct{ instance, bearer, channel bool }

// operations are the calls that the provisioner makes.
var operations = map[string]scopes{
	"CreateAppInstance":            {},
	"DeleteAppInstance":            {instance: true},
	"CreateAppInstanceAdmin":       {instance: true},
	"CreateAppInstanceUser":        {instance: true},
	"UpdateAppInstanceUser":        {instance: true},
	"DeleteAppInstanceUser":        {instance: true},
	"CreateChannel":                {instance: true, bearer: true},
	"UpdateChannel":                {instance: true, bearer: true, channel: true},
	"DeleteChannel":                {instance: true, bearer: true, channel: true},
	"BatchCreateChannelMembership": {instance: true, bearer: true, channel: true},
	"DeleteChannelMembership":      {instance: true, bearer: true, channel: true},
	"CreateChannelModerator":       {instance: true, bearer: true, channel: true},
	"DeleteChannelModerator":       {instance: true, bearer: true, channel: true},
}

const (
	// freeRate is what a provider without limits is expected to do, in calls a second, until something was measured.
	freeRate = 200
	// usual is the part of a limit that is used while there is backlog, for buckets that were not used yet.
	usual = 0.985
)

// where are the things that a show's calls are counted for, by names that no other show's things have.
type where struct {
	instance, channel string
	bearers           []string // admin accounts of the app instance; at least one
}

// free is the limit of a provider that has none: how fast answers come.
var free = forecast.Limit{}

// speeds knows how fast calls go through each limit.
type speeds struct {
	preset pace.Preset
	live   map[forecast.Limit]float64 // buckets that were used lately
	rates  forecast.Rates             // of the limits that were asked for
	free   float64
}

func newSpeeds(preset pace.Preset, live []pace.Rate, measured float64) *speeds {
	s := &speeds{preset: preset, live: map[forecast.Limit]float64{}, rates: forecast.Rates{}, free: freeRate}
	for _, r := range live {
		if r.Rate > 0 {
			s.live[forecast.Limit{Bucket: r.Bucket, Of: r.Key}] = r.Rate
		}
	}
	if measured >= 1 {
		s.free = measured
	}
	return s
}

// one is how fast one bucket lets calls through for one thing; 0: as fast as they come.
func (s *speeds) one(b pace.Bucket, of string) float64 {
	if r, ok := s.live[forecast.Limit{Bucket: b.Name, Of: of}]; ok {
		return r
	}
	return float64(b.PerSecond) * usual
}

// limits are those that a call of op at a place meets.
func (s *speeds) limits(op string, at where) []forecast.Limit {
	counts, found := operations[op], []forecast.Limit(nil)
	bound := false
	for _, b := range s.preset.Buckets {
		if b.Ops != nil && !slices.Contains(b.Ops, op) {
			continue
		}
		l, rate := forecast.Limit{Bucket: b.Name}, 0.0
		switch {
		case b.Scope == pace.Account:
			rate = s.one(b, "") * (1 - pace.QuietShare)
		case b.Scope == pace.Instance && counts.instance:
			l.Of, rate = at.instance, s.one(b, at.instance)
		case b.Scope == pace.Channel && counts.channel:
			l.Of, rate = at.channel, s.one(b, at.channel)
		case b.Scope == pace.Bearer && counts.bearer:
			l.Of = at.instance // its admins take turns
			for _, bearer := range at.bearers {
				rate += s.one(b, bearer)
			}
		default:
			continue
		}
		found = append(found, l)
		if rate > 0 {
			s.rates[l], bound = rate, true
		}
	}
	if !bound {
		found = append(found, free)
		s.rates[free] = s.free
	}
	return found
}

// load is what calls at a place need of each limit.
func (s *speeds) load(w work, at where) forecast.Load {
	l := forecast.Load{}
	for op, n := range w {
		for _, k := range s.limits(op, at) {
			l.Add(k, float64(n))
		}
	}
	return l
}

// calls shows a load to people, the scarcest bucket first.
func (s *speeds) calls(l forecast.Load) []Calls {
	out := []Calls{}
	for k, n := range l {
		if k == free && len(l) > 1 {
			continue
		}
		c := Calls{Bucket: k.Bucket, Calls: int(math.Round(n)), PerSecond: s.rates[k]}
		if k == free {
			c.Bucket = s.preset.Buckets[0].Name
		}
		if c.PerSecond > 0 {
			c.Seconds = n / c.PerSecond
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Calls) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Bucket, b.Bucket))
	})
	return out
}

// batches is how many calls n memberships take.
func batches(n, each int) int { return (n + each - 1) / each }

package provisiontest

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Plan is a seeded misbehaviour. What happens to a call follows from the seed, from what is asked and from how often the
// same was asked before – not from the order in which calls arrive: so two runs of one seed meet the same fate even where
// goroutines took turns differently. Shares are of all calls, from 0 to 1. The zero value behaves.
type Plan struct {
	Seed     uint64
	Throttle float64 // answered 429 without effect
	Fail     float64 // answered 500 or 503 without effect
	FailDone float64 // answered 500, but done
	Lose     float64 // done, but never answered
	Refuse   float64 // not even connected
	Slow     float64 // answered up to SlowBy later
	SlowBy   time.Duration
	Member   float64 // of the members of a batch: refused with a code that passes
	Patience int     // after so many times the same call has peace; 0: never

	Storms  []Spell // everything is answered 429
	Outages []Spell // nothing answers: refused
}

// Spell is a time with bad weather.
type Spell struct{ From, To time.Time }

func within(spells []Spell, at time.Time) bool {
	for _, s := range spells {
		if !at.Before(s.From) && at.Before(s.To) {
			return true
		}
	}
	return false
}

// Play lets the provider misbehave by plan.
func (p *Provider) Play(plan Plan) {
	p.Trouble = plan.fault
	p.MemberTrouble = plan.memberFault
}

// dice are the same whenever the same is asked for the same time.
func (plan Plan) dice(parts ...string) *rand.Rand {
	h := fnv.New64a()
	for _, s := range parts {
		_, _ = h.Write([]byte(s + "\x00")) // a hash takes everything
	}
	return rand.New(rand.NewPCG(plan.Seed, h.Sum64())) //nolint:gosec // a test's dice
}

func (plan Plan) fault(c Call) Fault {
	switch {
	case within(plan.Storms, c.At):
		return Fault{Status: http.StatusTooManyRequests, Code: "Throttled"}
	case within(plan.Outages, c.At):
		return Fault{Refuse: true}
	case plan.Patience > 0 && c.Again >= plan.Patience:
		return Fault{}
	}
	d := plan.dice(c.Op, name(c.Instance), last(c.Channel), last(c.User), strconv.Itoa(c.Members), strconv.Itoa(c.Again))
	at := d.Float64()
	hit := func(share float64) bool { at -= share; return at < 0 }
	switch {
	case hit(plan.Throttle):
		return Fault{Status: http.StatusTooManyRequests, Code: "Throttled"}
	case hit(plan.Fail):
		if d.IntN(2) == 0 {
			return Fault{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"}
		}
		return Fault{Status: http.StatusInternalServerError, Code: "ServiceFailure"}
	case hit(plan.FailDone):
		return Fault{Status: http.StatusInternalServerError, Code: "ServiceFailure", After: true}
	case hit(plan.Lose):
		return Fault{Lost: true}
	case hit(plan.Refuse):
		return Fault{Refuse: true}
	case hit(plan.Slow):
		return Fault{Slow: time.Duration(d.Int64N(int64(plan.SlowBy) + 1))}
	}
	return Fault{}
}

// name is the part of an app instance's ARN that does not depend on the order in which they were made.
func name(instance string) string {
	if instance == "" {
		return ""
	}
	return "an app instance"
}

// passing are the error codes of one member that may be another at the next try.
var passing = []string{"Throttled", "ServiceFailure", "ServiceUnavailable", "Throttling", "NotFound", "Forbidden"}

func (plan Plan) memberFault(_ Call, member string, again int) string {
	if plan.Patience > 0 && again >= plan.Patience {
		return ""
	}
	d := plan.dice("member", last(member), strconv.Itoa(again))
	if d.Float64() < plan.Member {
		return passing[d.IntN(len(passing))]
	}
	return ""
}

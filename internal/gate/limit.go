package gate

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// rate allows burst attempts at once and one more every interval.
type rate struct {
	every time.Duration
	burst int
}

// The rates count wrong guesses: attempts that succeed are given back. A client is an IPv4 address or an IPv6 /64, what
// one household or phone has; a mobile operator may put thousands of fans behind one address, and they type right.
//
// While an event's budget of wrong guesses is used up, somebody is guessing from many addresses: then each client gets
// only the strict rate. A thousand addresses so reach about 8,500 guesses in the first hour, all together.
func clientRate() rate  { return rate{every: 2 * time.Second, burst: 30} }
func networkRate() rate { return rate{every: 250 * time.Millisecond, burst: 240} } // an IPv6 /48: many /64 of one hand
func strictRate() rate  { return rate{every: 15 * time.Minute, burst: 2} }
func budgetRate() rate  { return rate{every: 1800 * time.Millisecond, burst: 500} } // per event: 2,000 an hour

// take is the generic cell rate algorithm (ITU-T I.371) as a pure function: tat is when the allowance is full again,
// the zero time for one that was never used. It returns the new tat, or how long to wait when nothing is left.
func (r rate) take(tat, now time.Time) (next time.Time, wait time.Duration) {
	if tat.Before(now) {
		tat = now
	}
	next = tat.Add(r.every)
	if over := next.Sub(now) - time.Duration(r.burst)*r.every; over > 0 {
		return tat, over
	}
	return next, 0
}

// give undoes one take.
func (r rate) give(tat time.Time) time.Time { return tat.Add(-r.every) }

// maxClients bounds each generation of remembered clients (about 100 bytes each); maxBudgets is from how many events on
// those that nobody is guessing at are forgotten.
const (
	maxClients = 100_000
	maxBudgets = 1000
)

// Limiter bounds how often codes can be tried: per client, and per event by a budget of wrong guesses. It lives in
// memory; a restart forgives. Safe for concurrent use.
//
// Clients are kept in two generations: when the young one is full, the old one is forgotten and they change places.
type Limiter struct {
	mu         sync.Mutex
	young, old map[key]time.Time
	budgets    map[id.Event]time.Time
}

// key is a client and the rate it is held to.
type key struct {
	net    netip.Prefix
	event  id.Event // "" for the rates that do not depend on the event
	strict bool
}

// NewLimiter returns a limiter with nothing used up.
func NewLimiter() *Limiter {
	return &Limiter{young: map[key]time.Time{}, old: map[key]time.Time{}, budgets: map[id.Event]time.Time{}}
}

// Allow takes one attempt of a client at an event. Error: Throttled "too_many_attempts" with RetryAfter; then nothing
// was taken. After nil call Settle with Redeem's answer.
func (l *Limiter) Allow(client netip.Addr, event id.Event, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	limits := l.limits(client, event, now)
	var wait time.Duration
	for _, lim := range limits {
		_, w := lim.rate.take(l.tat(lim.key), now)
		wait = max(wait, w)
	}
	if wait > 0 {
		return fault.New(fault.Throttled, "too_many_attempts", "Too many wrong codes from here. Please wait a moment and try again.").After(wait)
	}
	for _, lim := range limits {
		next, _ := lim.rate.take(l.tat(lim.key), now)
		l.set(lim.key, next)
	}
	l.spend(event, now)
	return nil
}

// limit is one allowance that an attempt takes from.
type limit struct {
	key  key
	rate rate
}

// limits are the allowances of a client at an event now.
func (l *Limiter) limits(client netip.Addr, event id.Event, now time.Time) []limit {
	client = client.Unmap().WithZone("")
	host, network := 32, 32
	if client.Is6() {
		host, network = 64, 48
	}
	out := append(make([]limit, 0, 3), limit{key{net: prefix(client, host)}, clientRate()})
	if network != host {
		out = append(out, limit{key{net: prefix(client, network)}, networkRate()})
	}
	if _, wait := budgetRate().take(l.budgets[event], now); wait > 0 {
		out = append(out, limit{key{net: prefix(client, network), event: event, strict: true}, strictRate()})
	}
	return out
}

func prefix(a netip.Addr, bits int) netip.Prefix {
	p, _ := a.Prefix(bits) // fails only for an invalid address: then all of them share the zero prefix
	return p
}

// Settle ends an attempt that Allow let through: it is given back unless Redeem's answer says that it was a wrong
// guess. Call it exactly once per Allow.
func (l *Limiter) Settle(client netip.Addr, event id.Event, redeemed error, now time.Time) {
	if errors.Is(redeemed, errGuess) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lim := range l.limits(client, event, now) {
		if tat := l.tat(lim.key); tat.After(now) {
			l.set(lim.key, lim.rate.give(tat))
		}
	}
	if tat := l.budgets[event]; tat.After(now) {
		l.budgets[event] = budgetRate().give(tat)
	}
}

// maxDebt bounds how long the strict rate outlasts the guessing.
const maxDebt = time.Hour

// spend takes an attempt from the event's budget, into debt if need be: while guessing goes on, strictness stays.
func (l *Limiter) spend(event id.Event, now time.Time) {
	tat, known := l.budgets[event]
	if !known && len(l.budgets) >= maxBudgets { // forget those that are full again
		for e, t := range l.budgets {
			if !t.After(now) {
				delete(l.budgets, e)
			}
		}
	}
	if tat.Before(now) {
		tat = now
	}
	b := budgetRate()
	if next := tat.Add(b.every); next.Sub(now) <= time.Duration(b.burst)*b.every+maxDebt {
		tat = next
	}
	l.budgets[event] = tat
}

func (l *Limiter) tat(k key) time.Time {
	if t, ok := l.young[k]; ok {
		return t
	}
	return l.old[k]
}

func (l *Limiter) set(k key, t time.Time) {
	if _, ok := l.young[k]; !ok && len(l.young) >= maxClients {
		l.young, l.old = map[key]time.Time{}, l.young
	}
	l.young[k] = t
}

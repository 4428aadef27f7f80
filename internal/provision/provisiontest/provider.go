// Package provisiontest is a small chat provider on the wire for tests of internal/provision: it speaks the REST operations
// that provisioning uses or may use, keeps its own books with every call and what came of it, enforces limits, and
// misbehaves on request, by a seed if wanted.
//
// It is a stand-in for somebody else's service, judged by the public API reference and, where the engine answers too, by
// the engine (engine_test.go); it checks no signatures. Its books are the oracle of the tests: they know nothing of the
// ledger. Where the reference leaves room it is the stricter of the two: a moderator must be a member first.
package provisiontest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Fault is a misbehaviour. The zero value is none.
type Fault struct {
	Status int           // answer this status, without any effect …
	Code   string        // … with this error code, e.g. "Throttled"
	After  bool          // … but do first what was asked
	Lost   bool          // do what was asked, but lose the answer
	Refuse bool          // the connection is refused
	Slow   time.Duration // the answer takes so much longer
}

// Quotas are the most that the provider holds. 0 means any number.
type Quotas struct {
	Instances     int
	Users, Admins int // of an app instance
	Members       int // of a channel
}

// Provider holds app instances, users, channels, members. Make it with New. Set the exported fields before its first use.
// It is safe for concurrent use.
type Provider struct {
	Latency time.Duration                     // until the answer
	Way     func(op string) time.Duration     // how long a request is on its way before it arrives; nil: no time
	Fault   func(n int, op string) Fault      // asked for the n-th call, from 1; nil: none
	Member  func(n int, member string) string // error code for one member of the n-th call; nil or "": none

	Trouble func(Call) Fault // like Fault, knowing the whole call; asked when Fault has none
	// MemberTrouble is like Member, knowing the whole call and how often this member was tried before.
	MemberTrouble func(c Call, member string, again int) string
	Limits        []Limit       // enforced: a call beyond them is answered 429
	Quotas        Quotas        // enforced: a create beyond them is answered ResourceLimitExceeded
	ForgetsTokens bool          // a repeated request token makes a second app instance, as it does after some time
	TokenLife     time.Duration // how long a request token is remembered; 0: for ever
	OnCall        func(c Call)  // told of each call after its effect, one at a time; must not call the provider

	mu        sync.Mutex
	calls     []Call
	again     map[string]int // how often the same was asked
	meters    map[meterKey]*meter
	tokens    map[string]token // operation and request token → what was made
	instances shelf[*instance] // by ARN
	born      map[string]int   // ARN → how often it was made from nothing
	harmed    []string         // strangers' things that a call changed
	reused    []string         // see Reused
	serial    int
}

// token is what a request token was used for.
type token struct {
	at         time.Time
	made, name string
}

// New makes an empty provider.
func New() *Provider {
	return &Provider{again: map[string]int{}, meters: map[meterKey]*meter{}, tokens: map[string]token{}, born: map[string]int{}}
}

// Wire is one client's connection to the provider; it can be cut.
type Wire struct {
	p   *Provider
	who string
	cut func(op string, after bool) bool
}

// Wire returns a transport. cut, if not nil, is asked before and after each effect whether the client has died meanwhile:
// nothing it sends later arrives, and no answer reaches it.
func (p *Provider) Wire(cut func(op string, after bool) bool) *Wire { return &Wire{p: p, cut: cut} }

// WireOf is Wire for a client with a name, which the books write down.
func (p *Provider) WireOf(who string, cut func(op string, after bool) bool) *Wire {
	return &Wire{p: p, who: who, cut: cut}
}

var errCut = errors.New("connection cut")

// RoundTrip serves one request.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	op := operation(r)
	if w.cut != nil && w.cut(op, false) {
		return nil, errCut
	}
	a, err := w.p.serve(r, op, w.who)
	if w.cut != nil && w.cut(op, true) {
		return nil, errCut
	}
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// Handler serves real connections; the books write down that who called. A lost answer keeps the connection open until the
// client hangs up; a refused one is cut without a byte.
func (p *Provider) Handler(who string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := p.serve(r, operation(r), who)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		for name, values := range a.header() {
			w.Header()[name] = values
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.text()) //nolint:gosec // JSON for a test's own client, which may have hung up
	})
}

var errRefused = errors.New("connection refused")

// serve does what a request asks for, writes it down, and returns the answer when it is time.
func (p *Provider) serve(r *http.Request, op, who string) (answer, error) {
	q := request{op: op, path: segments(r), query: r.URL.Query(), body: map[string]any{}}
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return answer{}, err
		}
		_ = json.Unmarshal(raw, &q.body) // an empty body is an empty object
	}
	if p.Way != nil { // what is on its way arrives, whatever becomes of its sender
		if err := pass(r.WithContext(context.WithoutCancel(r.Context())), p.Way(op)); err != nil {
			return answer{}, err
		}
	}
	a, fault := p.take(&q, who, r.Header.Get("x-amz-chime-bearer"))
	if fault.Lost {
		<-r.Context().Done()
		return answer{}, r.Context().Err()
	}
	if err := pass(r, p.Latency+fault.Slow); err != nil {
		return answer{}, err
	}
	if fault.Refuse {
		return answer{}, errRefused
	}
	return a, nil
}

// pass lets time pass for a request, unless its client gives up.
func pass(r *http.Request, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// take is the moment in which a request arrives.
func (p *Provider) take(q *request, who, bearer string) (answer, Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := q.same()
	c := Call{N: len(p.calls) + 1, At: time.Now(), Op: q.op, Who: who, Bearer: bearer, Name: q.text("Name"), Members: len(q.list("MemberArns")), Again: p.again[same]}
	c.Instance, c.Channel, c.User = q.about()
	p.again[same]++
	q.call = &c
	a, fault := answer{}, p.fault(c)
	over := p.overLimit(c)
	switch {
	case fault.Status != 0 && !fault.After:
		a = refuse(fault.Status, fault.Code)
	case fault.Refuse:
	case over:
		a = refuse(http.StatusTooManyRequests, "Throttled")
	default:
		a = p.effect(q)
		if fault.After {
			a = refuse(fault.Status, fault.Code)
		}
	}
	c.Status, c.Code = a.status, a.code
	p.calls = append(p.calls, c)
	if p.OnCall != nil {
		p.OnCall(c)
	}
	return a, fault
}

func (p *Provider) fault(c Call) Fault {
	if p.Fault != nil {
		if f := p.Fault(c.N, c.Op); f != (Fault{}) {
			return f
		}
	}
	if p.Trouble != nil {
		return p.Trouble(c)
	}
	return Fault{}
}

// Package doctor checks the provisioning and the chat provider, for the operator's command line.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Fine Verdict = "ok"
	Look Verdict = "look" // nothing is broken yet
	Bad  Verdict = "bad"
)

// Check is one thing that was looked at.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
	ToDo    string  `json:"toDo,omitempty"`
}

// Line writes a check for a terminal.
func (c Check) Line() string {
	line := fmt.Sprintf("%s %-14s %s", map[Verdict]string{Fine: "✓", Look: "!", Bad: "✗"}[c.Verdict], c.Name, words.Printable(c.Text))
	if c.ToDo != "" {
		line += "\n                 " + words.Printable(c.ToDo)
	}
	return line
}

// Provider is what the doctor asks of the chat provider: one cheap call, in its turn.
type Provider func(ctx context.Context) (Answer, error)

// Answer is what the provider said.
type Answer struct {
	Took  time.Duration
	Clock time.Time // the provider's; zero if it did not say
}

const (
	// patience is how long the provider may take, its place in the queue included.
	patience = 30 * time.Second
	slow     = 2 * time.Second
	// Amazon refuses signatures that are more than five minutes off; one minute is time enough to do something about it.
	clockLook, clockBad = time.Minute, 4 * time.Minute
)

// Examine looks at the provisioning and at the provider. provider is nil where there is none to ask.
func Examine(ctx context.Context, b *readiness.Board, provider Provider, now time.Time) []Check {
	s, err := b.Status(ctx, now)
	if err != nil {
		return []Check{{Name: "provisioning", Verdict: Bad, Text: "its state cannot be read: " + err.Error(), ToDo: "look at --database and at the database's own log"}}
	}
	out := []Check{leader(s), shows(s)}
	out = append(out, alarms(s, b.Wrong(s, now))...)
	out = append(out, quotas(s)...)
	out = append(out, pace(s))
	if provider != nil {
		out = append(out, ask(ctx, provider)...)
	}
	return out
}

func leader(s readiness.Status) Check {
	c := Check{Name: "provisioner", Verdict: Fine}
	waiting := 0
	for _, e := range s.Events {
		waiting += e.ToMake + e.ToDelete
	}
	switch {
	case s.Leader != nil:
		c.Text = fmt.Sprintf("%s leads (epoch %d), last heard of %s ago", s.Leader.Holder, s.Leader.Epoch, words.Span(time.Duration(s.Leader.AgeSeconds*float64(time.Second))))
	case waiting > 0:
		c.Verdict, c.Text, c.ToDo = Bad, "nobody leads; waiting: "+words.Plural(waiting, "chat resource"), "start stagedoor provision, or stagedoor serve without --no-provisioner"
	default:
		c.Verdict, c.Text, c.ToDo = Look, "nobody leads; nothing is waiting", "start one before tickets are imported"
	}
	if s.Paused {
		c.Text += "; paused"
		if c.Verdict == Fine {
			c.Verdict, c.ToDo = Look, "stagedoor provision resume"
		}
	}
	return c
}

func shows(s readiness.Status) Check {
	ready, making := 0, 0
	for _, e := range s.Events {
		switch e.State {
		case readiness.StateReady:
			ready++
		case readiness.StateMaking, readiness.StateFailing:
			making++
		case readiness.StateNone, readiness.StateDeleting, readiness.StateGone:
		}
	}
	return Check{Name: "shows", Verdict: Fine, Text: fmt.Sprintf("%s ready, %d being made", words.Plural(ready, "chat"), making)}
}

// alarms has those that were raised, and those that a watcher would raise if one ran.
func alarms(s readiness.Status, wrong []readiness.Alarm) []Check {
	type key struct {
		event id.Event
		cause readiness.Cause
	}
	var out []Check
	seen := map[key]bool{}
	for _, a := range slices.Concat(s.Alarms, wrong) {
		k := key{a.EventID, a.Cause}
		if a.Cause == readiness.CauseNobody || seen[k] {
			continue // has a check of its own
		}
		seen[k] = true
		out = append(out, Check{Name: "alarm", Verdict: Bad, Text: a.Text, ToDo: a.ToDo})
	}
	if len(out) == 0 {
		out = []Check{{Name: "alarms", Verdict: Fine, Text: "none"}}
	}
	return out
}

func quotas(s readiness.Status) []Check {
	var out []Check
	for _, e := range s.Events {
		for _, w := range e.Warnings {
			out = append(out, Check{Name: "quota", Verdict: Look, Text: fmt.Sprintf("“%s”: %s", e.Name, w)})
		}
	}
	if p := s.Places; p.Most > 0 && p.Used > p.Most {
		out = append(out, Check{Name: "quota", Verdict: Look, Text: fmt.Sprintf("%s are used, Amazon's default quota is %d", words.Plural(p.Used, "app instance"), p.Most)})
	}
	if len(out) == 0 {
		out = []Check{{Name: "quotas", Verdict: Fine, Text: "every show fits into the provider's default quotas"}}
	}
	return out
}

func pace(s readiness.Status) Check {
	c := Check{Name: "pace", Verdict: Fine, Text: fmt.Sprintf("limit %s, %.1f calls/s in the last ten seconds", s.Limit, s.CallsPerSecond)}
	for _, r := range s.Rates {
		if r.Throttled {
			c.Verdict = Look
			c.Text += fmt.Sprintf("; throttled: %s at %s instead of %s", r.Bucket, words.Rate(r.Rate), words.Rate(r.Limit))
			c.ToDo = "the provider allows less than its limits say: does something else use the same account?"
		}
	}
	return c
}

// cause is what went wrong with a call: without the layers in between, if it did not get through.
func cause(err error) string {
	var f *fault.Error
	var u *url.Error
	if errors.As(err, &f) && errors.As(err, &u) {
		return f.Public + ": " + u.Error()
	}
	return err.Error()
}

func ask(ctx context.Context, provider Provider) []Check {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := provider(ctx)
	if err != nil {
		return []Check{{Name: "provider", Verdict: Bad, Text: cause(err), ToDo: "look at --chime (or --engine-url, where serve lets its own engine listen), the key and the network; while the provider is away shows go on, and the chat rests"}}
	}
	c := Check{Name: "provider", Verdict: Fine, Text: "answers in " + a.Took.Round(time.Millisecond).String()}
	if a.Took > slow {
		c.Verdict, c.ToDo = Look, "a slow provider costs rate only when dozens of calls wait at once"
	}
	out := []Check{c}
	if a.Clock.IsZero() {
		return out
	}
	off := time.Since(a.Clock).Abs()
	c = Check{Name: "clock", Verdict: Fine, Text: "agrees with the provider's"}
	switch {
	case off > clockBad:
		c.Verdict = Bad
	case off > clockLook:
		c.Verdict = Look
	default:
		return append(out, c)
	}
	c.Text, c.ToDo = "is "+words.Span(off)+" off the provider's", "run NTP: signatures that are five minutes off are refused"
	return append(out, c)
}

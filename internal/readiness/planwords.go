package readiness

import (
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// words says a plan in plain words.
func (q *question) words(p *Plan, alone time.Duration) {
	say := func(format string, args ...any) { p.Sentences = append(p.Sentences, fmt.Sprintf(format, args...)) }
	doors := words.Moment(p.DoorsAt, q.now, q.zone)
	switch {
	case p.ReadyAt != nil:
		q.sayWhen(p, alone, say)
	case q.people() == 0:
		say("Nothing is to be made: the show has no tickets.")
	default:
		say("Everything is made.")
	}
	for _, c := range p.Choices {
		say("%s", c.words(q.show.placed > 0, q.admins(true)))
	}
	switch {
	case p.ReadyAt == nil: // nothing begins
	case q.status.Paused:
		say("The provisioner is paused: nothing of this begins before stagedoor provision resume.")
	case q.status.Leader == nil:
		say("No provisioner is running: nothing of this begins before one is started.")
	}
	n := need{members: q.people(), users: q.people() + q.admins(p.Place == Own), shared: p.Place == Shared}
	if n.shared {
		for i, s := range q.shows {
			if s.placed > 0 && !s.own() {
				n.users += q.rests[i].members
			}
		}
	}
	if n.instances = q.status.Places.Used; q.show.placed == 0 && p.Place == Own {
		n.instances++
	}
	by := doors
	if p.ImportBy != nil {
		by = words.Moment(*p.ImportBy, q.now, q.zone)
	}
	p.Warnings = ceilings(q.speeds.preset.Ceilings, n, by)
}

// sayWhen says how long it takes, and how that lies to doors.
func (q *question) sayWhen(p *Plan, alone time.Duration, say func(string, ...any)) {
	what := "%s take %s: %s%s."
	if q.show.placed > 0 {
		what = "What is missing for %s takes %s: %s%s."
	}
	say(what, words.Plural(p.Tickets, "ticket"), words.Plural(p.Choices[0].Calls, "call"), words.Span(alone), narrow(p.CallsLeft))
	if wait := p.ReadyAt.Sub(q.now) - alone; wait > minMargin {
		say("Shows with earlier doors come first and take %s of the time before.", words.Span(wait))
	}
	ready := words.Moment(*p.ReadyAt, q.now, q.zone)
	switch slack := time.Duration(*p.SlackSeconds * float64(time.Second)); {
	case p.ImportBy != nil:
		say("Import by %s (%s): doors are %s.", words.Moment(*p.ImportBy, q.now, q.zone), p.Zone, words.Moment(p.DoorsAt, q.now, q.zone))
	case slack < 0:
		text := "All is ready at %s, %s after doors (%s)."
		if q.tickets > 0 {
			text = "Imported now they are ready at %s, %s after doors (%s)."
		}
		if p.DoorsAt.After(q.now) {
			text += " Doors at " + words.Moment(p.ReadyAt.Add(DefaultSlack).Truncate(5*time.Minute).Add(5*time.Minute), q.now, q.zone) + " would do."
		}
		say(text, ready, words.Span(-slack), p.Zone)
	case q.tickets > 0:
		say("Import now: they are ready at %s, just before doors (%s).", ready, p.Zone)
	default:
		say("All is ready at %s, %s before doors (%s).", ready, words.Span(slack), p.Zone)
	}
}

// narrow names the bucket that takes longest.
func narrow(calls []Calls) string {
	if len(calls) == 0 || calls[0].PerSecond == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s at %s)", calls[0].Bucket, words.Rate(calls[0].PerSecond))
}

// words says what a place costs, or will cost if it is chosen already.
func (c Choice) words(chosen bool, admins int) string {
	clean := fmt.Sprintf("%s, %s, to clean up", words.Plural(c.CleanUpCalls, "call"), words.Span(time.Duration(c.CleanUpSeconds*float64(time.Second))))
	if c.CleanUpCalls == 1 {
		clean = "1 call to clean up"
	}
	switch {
	case chosen && c.Place == Own:
		return fmt.Sprintf("It is in an app instance of its own: %s.", clean)
	case chosen:
		return fmt.Sprintf("It is in the shared app instance: %s.", clean)
	case c.Place == Own:
		return fmt.Sprintf("In an app instance of its own: %s more to make it, %s.", words.Plural(1+2*admins, "call"), clean)
	}
	return fmt.Sprintf("In the shared app instance: %s.", clean)
}

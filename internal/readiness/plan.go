package readiness

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
	"github.com/stagedoor/stagedoor/internal/readiness/forecast"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// PlanInput is a question about tickets that are not there yet, or about a show as it is.
type PlanInput struct {
	Event   id.Event  // "": a new show. Else its doors, zone, place and tickets count, unless the others say something else
	Tickets int       // that come in addition
	Doors   time.Time // zero: the event's
	Zone    string    // IANA name; "": the event's, or UTC
	Pace    string    // name of a preset, or calls a second over everything; "": the installation's
	Place   string    // own or shared; "": what the provisioner would choose
}

// Plan is what tickets take.
type Plan struct {
	Tickets      int        `json:"tickets" doc:"The tickets whose resources are still to be made."`
	DoorsAt      time.Time  `json:"doorsAt"`
	Zone         string     `json:"zone"`
	Pace         string     `json:"pace"`
	Limit        string     `json:"limit"`
	Seconds      float64    `json:"seconds" doc:"What the calls take if nothing else is made."`
	CallsLeft    []Calls    `json:"callsLeft" nullable:"false" doc:"By bucket, the scarcest first."`
	ReadyAt      *time.Time `json:"readyAt" doc:"If the tickets were imported now, behind the shows with earlier doors; null: never, at these limits, or nothing is left to be made."`
	SlackSeconds *float64   `json:"slackSeconds" doc:"From readyAt to doors; negative is too late."`
	ImportBy     *time.Time `json:"importBy" doc:"The tickets must be imported by then to be ready at doors; null: it is too late, or they are there already."`
	Place        string     `json:"place" enum:"own,shared"`
	Choices      []Choice   `json:"choices" nullable:"false" doc:"What the place costs, the chosen one first."`
	Sentences    []string   `json:"sentences" nullable:"false" doc:"All of it in plain words."`
	Warnings     []string   `json:"warnings" nullable:"false" doc:"Quotas of the provider that must be raised."`
}

// Choice is a place for a show, and what it costs.
type Choice struct {
	Place          string  `json:"place" enum:"own,shared"`
	Calls          int     `json:"calls" doc:"To make it all."`
	Seconds        float64 `json:"seconds"`
	CleanUpCalls   int     `json:"cleanUpCalls"`
	CleanUpSeconds float64 `json:"cleanUpSeconds"`
}

// The places by name.
const (
	Own    = "own"
	Shared = "shared"
)

const (
	// MaxTickets is more than anybody has sold.
	MaxTickets = 10_000_000
	// MaxRate is the most calls a second that can be asked about.
	MaxRate = 1_000_000
	// farthest is how far from now doors may be said to be: farther is a typing error.
	farthest = 10 * 365 * 24 * time.Hour
	// margin is what the forecast may be off, and planning takes: it is added before "import by" is said.
	margin    = 0.02
	minMargin = time.Minute
)

// Plan answers a what-if question: how long, and import by when.
func (b *Board) Plan(ctx context.Context, in PlanInput, now time.Time) (Plan, error) {
	if b.bad != nil {
		return Plan{}, b.bad
	}
	preset, err := presetOf(in.Pace, b.pace.Preset)
	if err != nil {
		return Plan{}, err
	}
	o, err := b.look(ctx, now.UTC())
	if err != nil {
		return Plan{}, err
	}
	if preset.Name != b.pace.Name {
		o.speeds = newSpeeds(preset, nil, 0)
	}
	q, err := o.question(in)
	if err != nil {
		return Plan{}, err
	}
	return q.answer(), nil
}

// presetOf finds a preset by name, or makes one of a rate.
func presetOf(text string, usual pace.Preset) (pace.Preset, error) {
	if text == "" || text == usual.Name {
		return usual, nil
	}
	number, _ := strings.CutSuffix(text, "/s")
	if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= MaxRate {
		return pace.Preset{Name: text, Limit: fmt.Sprintf("%d/s", n), Buckets: []pace.Bucket{{Name: "all", PerSecond: n}}, Ceilings: usual.Ceilings, Bearers: 1}, nil
	}
	p, err := pace.Named(text)
	if err != nil {
		return p, fault.New(fault.Invalid, "unknown_pace", "%s, or a number of calls a second such as 10/s", fault.As(err).Public).On("pace")
	}
	return p, nil
}

// question is a what-if question beside the state of the installation.
type question struct {
	*outlook
	show    show
	rest    rest // what the show needs without the new tickets
	tickets int  // new
	zone    *time.Location
	asked   string // place that was asked for
}

// question finds the show that is asked about, or makes one up, and takes it out of the others.
func (o *outlook) question(in PlanInput) (*question, error) {
	q := &question{outlook: o, show: show{id: "a new show", make: true}, rest: rest{work: work{}}, tickets: in.Tickets, zone: words.Zone(in.Zone), asked: in.Place}
	if in.Tickets < 0 || in.Tickets > MaxTickets {
		return nil, fault.New(fault.Invalid, "bad_tickets", "between 0 and %s tickets can be planned", words.Number(MaxTickets)).On("tickets")
	}
	if in.Place != "" && in.Place != Own && in.Place != Shared {
		return nil, fault.New(fault.Invalid, "bad_place", "a show is in an app instance of its own (own) or in the shared one (shared)").On("place")
	}
	if in.Zone != "" {
		if _, err := zoneOf(in.Zone); err != nil {
			return nil, err
		}
	}
	if in.Event != "" {
		i := slices.IndexFunc(o.shows, func(s show) bool { return s.id == in.Event || s.slug == string(in.Event) })
		if i < 0 || !o.shows[i].make {
			return nil, fault.New(fault.NotFound, "no_such_show", "there is no such show, or its chat is not to be made any more").On("event")
		}
		q.show, q.rest = o.shows[i], o.rests[i]
		o.shows, o.rests = slices.Delete(o.shows, i, i+1), slices.Delete(o.rests, i, i+1)
		if in.Zone == "" {
			q.zone = words.Zone(q.show.zone)
		}
	} else if in.Tickets == 0 {
		return nil, fault.New(fault.Invalid, "bad_tickets", "say how many tickets, or which event").On("tickets")
	}
	switch {
	case !in.Doors.IsZero() && in.Doors.Sub(o.now).Abs() > farthest:
		return nil, fault.New(fault.Invalid, "bad_doors", "doors are within %d years", int(farthest.Hours()/24/365)).On("doors")
	case !in.Doors.IsZero():
		q.show.doors = in.Doors.UnixMilli()
	case in.Event == "":
		return nil, fault.New(fault.Invalid, "bad_doors", "say when doors are").On("doors")
	}
	return q, nil
}

// own says where the show is going to be.
func (q *question) own() bool {
	switch {
	case q.show.placed > 0:
		return q.show.own()
	case q.asked != "":
		return q.asked == Own
	}
	return q.outlook.place(q.show, q.people()) == rule.Own
}

// people is how many tickets the show has in the end.
func (q *question) people() int { return q.rest.members + q.tickets }

// making is every call that is left, with the show in a place.
func (q *question) making(own bool) work {
	w := work{}
	if q.people() == 0 {
		return w // a show gets a channel with its first ticket
	}
	for op, n := range q.rest.work {
		w.add(op, n)
	}
	w.add("CreateAppInstanceUser", q.tickets)
	w.add("BatchCreateChannelMembership", batches(q.tickets, rule.FullBatch))
	if q.show.placed > 0 {
		return w
	}
	if w["CreateChannel"] == 0 {
		w.add("CreateChannel", 1)
	}
	if own {
		n := q.admins(own)
		w.add("CreateAppInstance", 1)
		w.add("CreateAppInstanceUser", n)
		w.add("CreateAppInstanceAdmin", n)
	}
	return w
}

// admins is how many accounts act in the show's place.
func (q *question) admins(own bool) int {
	if !own {
		return max(len(q.bearers[""]), rule.Admins(rule.Shared, q.people(), q.speeds.preset.Bearers))
	}
	return rule.Admins(rule.Own, q.people(), q.speeds.preset.Bearers)
}

// cleaning is every call that removing the show takes afterwards.
func (q *question) cleaning(own bool) work {
	if own {
		return work{"DeleteAppInstance": 1}
	}
	return work{"DeleteChannel": 1, "DeleteAppInstanceUser": q.people()}
}

func (q *question) at(own bool) where {
	if q.show.placed > 0 {
		return q.outlook.at(q.show)
	}
	s := q.show
	s.place, s.instance = "", ""
	if own {
		s.place = "of its own"
	} else if i := slices.IndexFunc(q.shows, func(o show) bool { return o.placed > 0 && !o.own() }); i >= 0 {
		s.instance = q.shows[i].instance
	}
	w := q.outlook.at(s)
	if n := q.admins(own); len(w.bearers) < n {
		w.bearers = make([]string, n)
	}
	return w
}

// alone is how long calls take when nothing else is made.
func (q *question) alone(w work, at where) time.Duration {
	load := q.speeds.load(w, at)
	return forecast.Run([]forecast.Work{{Needs: load}}, nil, q.speeds.rates)[0].In
}

func (q *question) choice(own bool) Choice {
	c := Choice{Place: Shared}
	if own {
		c.Place = Own
	}
	making, cleaning := q.making(own), q.cleaning(own)
	for _, n := range making {
		c.Calls += n
	}
	for _, n := range cleaning {
		c.CleanUpCalls += n
	}
	c.Seconds, c.CleanUpSeconds = q.alone(making, q.at(own)).Seconds(), q.alone(cleaning, q.at(own)).Seconds()
	return c
}

// ready is when the show is ready if its new tickets are imported at a time from now.
func (q *question) ready(load forecast.Load, from time.Duration) time.Duration {
	var works []forecast.Work
	var past []forecast.Load
	mine := -1
	add := func() {
		if mine < 0 {
			mine = len(works)
			works = append(works, forecast.Work{Needs: load, From: from})
		}
	}
	for i, s := range q.shows {
		l := q.speeds.load(q.rests[i].work, q.outlook.at(s))
		if !s.make {
			past = append(past, l)
			continue
		}
		if s.doors > q.show.doors {
			add()
		}
		works = append(works, forecast.Work{Needs: l})
	}
	add()
	return forecast.Run(works, past, q.speeds.rates)[mine].In
}

// importBy is the last moment, from now, at which the tickets can come and be ready at doors; negative: it has passed.
func (q *question) importBy(load forecast.Load, alone time.Duration) time.Duration {
	doors := time.UnixMilli(q.show.doors).Sub(q.now) - max(minMargin, time.Duration(margin*float64(alone)))
	if q.ready(load, 0) > doors {
		return -1
	}
	steps := int(doors/time.Minute) + 1
	late := sort.Search(steps, func(i int) bool { return q.ready(load, time.Duration(i)*time.Minute) > doors })
	return time.Duration(late-1) * time.Minute
}

func (q *question) answer() Plan {
	own := q.own()
	load := q.speeds.load(q.making(own), q.at(own))
	alone := q.alone(q.making(own), q.at(own))
	p := Plan{Tickets: q.tickets + q.rest.Unplanned, DoorsAt: time.UnixMilli(q.show.doors).UTC(), Zone: q.zone.String(), Pace: q.speeds.preset.Name,
		Limit: q.speeds.preset.Limit, CallsLeft: q.speeds.calls(load), Place: Shared, Choices: []Choice{q.choice(own)}, Sentences: []string{}, Warnings: []string{}}
	if own {
		p.Place = Own
	}
	if q.show.placed == 0 {
		p.Choices = append(p.Choices, q.choice(!own))
	}
	if p.Tickets = max(p.Tickets, q.rest.members-q.rest.made.members+q.tickets); alone == forecast.Never {
		p.Sentences = append(p.Sentences, "At these limits nothing is ever made.")
		return p
	}
	p.Seconds = alone.Seconds()
	if len(load) > 0 {
		at := q.now.Add(q.ready(load, 0))
		slack := p.DoorsAt.Sub(at).Seconds()
		p.ReadyAt, p.SlackSeconds = &at, &slack
	}
	if by := q.importBy(load, alone); q.tickets > 0 && by >= 0 {
		t := q.now.Add(by).Truncate(time.Minute)
		p.ImportBy = &t
	}
	q.words(&p, alone)
	return p
}

package readiness

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Status is what people may know about the provisioning, of all processes together.
type Status struct {
	Leader         *Leader   `json:"leader"`                    // nil while nobody leads
	CallsPerSecond float64   `json:"callsPerSecond"`            // measured over the last ten seconds
	Limit          string    `json:"limit"`                     // the preset's, for people: "10/s"
	Paused         bool      `json:"paused"`                    // by Pause
	Events         []Event   `json:"events" nullable:"false"`   // by doors, archived ones included until purged
	Failures       []Failure `json:"failures" nullable:"false"` // the first hundred
}

// Leader is who holds the lease.
type Leader struct {
	Holder string `json:"holder"`
	Epoch  int64  `json:"epoch"`
}

// State says how far an event's chat is.
type State string

// The states of an event's chat.
const (
	StateNone     State = "none"     // nothing is wanted
	StateMaking   State = "making"   // some of what is wanted is not made yet
	StateReady    State = "ready"    // all is made
	StateFailing  State = "failing"  // some is set aside: people should look at Failures
	StateDeleting State = "deleting" // the show is archived
	StateGone     State = "gone"     // nothing is left at the provider
)

// Event counts an event's resources: the channel, accounts, memberships, moderator roles.
type Event struct {
	EventID      id.Event   `json:"eventId"`
	Made         int        `json:"made"`
	ToMake       int        `json:"toMake"`
	ToDelete     int        `json:"toDelete"`
	Failed       int        `json:"failed"`
	Wanted       int        `json:"wanted"`
	ReadyAt      *time.Time `json:"readyAt"`      // estimate; nil when there is nothing to make or nobody makes it
	SlackSeconds *float64   `json:"slackSeconds"` // from ReadyAt to doors; negative is too late
	State        State      `json:"state"`
}

// Failure is one resource that could not be made or deleted.
type Failure struct {
	EventID   id.Event   `json:"eventId"`
	Kind      string     `json:"kind"`
	Subject   string     `json:"subject"` // the ticket, "" for the event's own
	Attempts  int        `json:"attempts"`
	Error     string     `json:"error"` // may be shown
	NextTryAt *time.Time `json:"nextTryAt"`
}

const (
	// statusFor is how long an answer of Status is good for: any number of waiting fans may ask.
	statusFor = time.Second
	// leaderSeen is how long after its last sign of life a leader is shown.
	leaderSeen  = 8 * time.Second
	maxFailures = 100
	// maxBatch is how many memberships one call makes.
	maxBatch = 100
	// freeRate is what an unlimited provider is expected to do, in calls a second, until something was measured.
	freeRate = 200
)

// Status reads the ledger. Any process may ask, leading or not; the answer may be a second old.
func (b *Board) Status(ctx context.Context, now time.Time) (Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if age := now.Sub(b.at); age >= 0 && age < statusFor && !b.at.IsZero() {
		return b.status, nil
	}
	s, err := b.readStatus(ctx, now.UTC())
	if err != nil {
		return Status{}, err
	}
	b.status, b.at = s, now
	return s, nil
}

func (b *Board) readStatus(ctx context.Context, now time.Time) (Status, error) {
	s := Status{Limit: b.cfg.Limit, Events: []Event{}, Failures: []Failure{}}
	leaders, err := db.All(ctx, b.cfg.DB, func(l *Leader) []any { return []any{&l.Holder, &l.Epoch} },
		"SELECT holder, epoch FROM lease WHERE name = $1 AND holder <> '' AND renewed_ms > $2", "provision", now.Add(-leaderSeen).UnixMilli())
	if err != nil {
		return s, err
	}
	if len(leaders) > 0 {
		s.Leader = &leaders[0]
	}
	if s.Paused, err = db.Value[bool](ctx, b.cfg.DB, "SELECT paused FROM installation WHERE one = 1"); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	const window = 10
	calls, err := db.Value[int64](ctx, b.cfg.DB, "SELECT COALESCE(sum(calls), 0) FROM pace_second WHERE second >= $1 AND second < $2",
		now.Unix()-window, now.Unix())
	if err != nil {
		return s, err
	}
	s.CallsPerSecond = float64(calls) / window
	if s.Events, err = b.eventStatus(ctx, s, now); err != nil {
		return s, err
	}
	s.Failures, err = b.failures(ctx)
	return s, err
}

func (b *Board) failures(ctx context.Context) ([]Failure, error) {
	type failing struct {
		Failure
		next int64
	}
	rows, err := db.All(ctx, b.cfg.DB, func(f *failing) []any {
		return []any{&f.EventID, &f.Kind, &f.Subject, &f.Attempts, &f.Error, &f.next}
	}, `SELECT event_id, kind, subject, attempts, error, next_try_ms FROM resource WHERE attempts > 0 AND error <> ''
		ORDER BY event_id, subject LIMIT $1`, maxFailures)
	out := []Failure{}
	for _, f := range rows {
		at := time.UnixMilli(f.next).UTC()
		f.NextTryAt = &at
		out = append(out, f.Failure)
	}
	return out, err
}

// tally counts ledger rows that are alike.
type tally struct {
	event  id.Event
	kind   string
	state  string
	want   bool
	task   string
	failed bool
	n      int
}

// eventStatus adds up the ledger per event and estimates, in the order of making, when each is ready.
func (b *Board) eventStatus(ctx context.Context, s Status, now time.Time) ([]Event, error) {
	shows, err := db.All(ctx, b.cfg.DB, func(s *show) []any { return []any{&s.ID, &s.Name, &s.Doors, &s.Make, &s.Retire} },
		"SELECT event_id, name, doors_ms, make, retire FROM wanted_event ORDER BY doors_ms, event_id")
	if err != nil {
		return nil, err
	}
	tallies, err := db.All(ctx, b.cfg.DB, func(t *tally) []any {
		return []any{&t.event, &t.kind, &t.state, &t.want, &t.task, &t.failed, &t.n}
	}, `SELECT event_id, kind, state, want, work, failed, count(*) FROM resource WHERE event_id <> ''
		GROUP BY failed, want, state, kind, work, event_id`)
	if err != nil {
		return nil, err
	}
	gap, err := b.currentGap(ctx, s)
	if err != nil {
		return nil, err
	}
	byEvent := map[id.Event][]tally{}
	for _, t := range tallies {
		byEvent[t.event] = append(byEvent[t.event], t)
	}
	out, ahead := []Event{}, 0
	for _, show := range shows {
		e, calls := count(show, byEvent[show.ID])
		if show.Make && calls > 0 {
			ahead += calls
			if s.Leader != nil && !s.Paused {
				at := now.Add(time.Duration(ahead) * gap)
				slack := time.UnixMilli(show.Doors).Sub(at).Seconds()
				e.ReadyAt, e.SlackSeconds = &at, &slack
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// count adds up one event and the calls that making its rest takes.
func count(s show, tallies []tally) (e Event, calls int) {
	e = Event{EventID: s.ID, State: StateNone}
	joins, left := 0, 0
	for _, t := range tallies {
		if t.want {
			e.Wanted += t.n
		}
		if t.failed {
			e.Failed += t.n
		}
		if t.state != "absent" {
			left += t.n
		}
		switch {
		case t.want && t.state == "made":
			e.Made += t.n
			if t.task == "rename" {
				calls += t.n
			}
		case t.want && s.Make:
			e.ToMake += t.n
			if t.kind == "membership" {
				joins += t.n
			} else {
				calls += t.n
			}
		case !t.want && t.state != "absent":
			e.ToDelete += t.n
		}
	}
	calls += (joins + maxBatch - 1) / maxBatch
	switch {
	case s.Retire && left > 0:
		e.State = StateDeleting
	case s.Retire:
		e.State = StateGone
	case e.Failed > 0:
		e.State = StateFailing
	case e.ToMake > 0:
		e.State = StateMaking
	case e.Made > 0:
		e.State = StateReady
	}
	return e, calls
}

// currentGap is the time one call takes at the present pace.
func (b *Board) currentGap(_ context.Context, s Status) (time.Duration, error) {
	if b.cfg.PerSecond > 0 {
		return time.Duration(float64(time.Second) / float64(b.cfg.PerSecond) * 1.015), nil
	}
	return time.Duration(float64(time.Second) / max(freeRate, s.CallsPerSecond)), nil
}

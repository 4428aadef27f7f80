package readiness

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
	"github.com/stagedoor/stagedoor/internal/readiness/forecast"
)

const (
	// leaderSeen is how long after its last sign of life a leader is shown: somebody else may lead after 6 s, and hears of
	// it within a second.
	leaderSeen = 8 * time.Second
	// window is how many seconds the calls a second are an average of.
	window      = 10
	maxFailures = 100
	// recently is how far back tickets are looked at one by one. A leader plans an import within a minute.
	recently = 10 * time.Minute
)

// outlook is everything a question is answered from.
type outlook struct {
	now    time.Time
	status Status
	shows  []show // by doors
	rests  []rest // of shows
	speeds *speeds

	places  int                   // app instances that are spoken for: the shared one always is
	bearers map[id.Event][]string // by place: the admin accounts that are wanted, "" for one that is not made yet
}

// read answers Status.
func (b *Board) read(ctx context.Context, now time.Time) (Status, error) {
	o, err := b.look(ctx, now)
	if err != nil {
		return Status{}, err
	}
	o.estimate()
	o.warn(b.pace.Ceilings)
	s := o.status
	for i, show := range o.shows {
		s.Events = append(s.Events, o.event(show, o.rests[i]))
	}
	s.Alarms, err = b.alarms(ctx)
	// A watcher ends it within ten seconds; until then nobody reads that a chat that is ready will be so after doors.
	s.Alarms = slices.DeleteFunc(s.Alarms, func(a Alarm) bool { return s.settled(a.key()) })
	return s, err
}

// look reads the tables.
func (b *Board) look(ctx context.Context, now time.Time) (*outlook, error) {
	o := &outlook{now: now, status: Status{Limit: b.pace.Limit, Events: []Event{}, Failures: []Failure{}, Rates: []Rate{}, Alarms: []Alarm{}, AskedAt: now}}
	lastSign, err := b.readLeader(ctx, &o.status, now)
	if err != nil {
		return nil, err
	}
	if err := b.readSpeed(ctx, o); err != nil {
		return nil, err
	}
	if o.shows, err = b.shows(ctx); err != nil {
		return nil, err
	}
	tallies, err := b.tallies(ctx)
	if err != nil {
		return nil, err
	}
	since := now.Add(-recently)
	if lastSign.Before(now.Add(-leaderSeen)) {
		since = lastSign.Add(-recently)
	}
	sold, err := b.tickets(ctx, since.UnixMilli())
	if err != nil {
		return nil, err
	}
	o.count(tallies, sold)
	if err := b.readPlaces(ctx, o); err != nil {
		return nil, err
	}
	o.status.Failures, err = b.failures(ctx)
	return o, err
}

// The range beside busy chooses the index (see 00002_provision.sql).
const flyingSQL = "SELECT event_id, kind, count(*) FROM resource WHERE busy AND epoch >= 0 GROUP BY event_id, kind"

// readLeader reads who leads and whether they may, and when a leader last gave a sign of life.
func (b *Board) readLeader(ctx context.Context, s *Status, now time.Time) (lastSign time.Time, err error) {
	type lease struct {
		Leader
		renewed int64
	}
	leaders, err := db.All(ctx, b.db, func(l *lease) []any { return []any{&l.Holder, &l.Epoch, &l.renewed} },
		"SELECT holder, epoch, renewed_ms FROM lease WHERE name = 'provision'")
	if err != nil {
		return lastSign, err
	}
	if len(leaders) > 0 {
		l := leaders[0]
		lastSign = time.UnixMilli(l.renewed)
		if age := now.Sub(lastSign); l.Holder != "" && age < leaderSeen {
			s.Leader = &Leader{Holder: l.Holder, Epoch: l.Epoch, AgeSeconds: max(0, age.Seconds())}
		}
	}
	s.Paused, err = db.Value[bool](ctx, b.db, "SELECT paused FROM installation WHERE one = 1")
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return lastSign, err
	}
	type flying struct {
		event id.Event
		kind  string
		n     int
	}
	busy, err := db.All(ctx, b.db, func(f *flying) []any { return []any{&f.event, &f.kind, &f.n} },
		flyingSQL)
	for _, f := range busy {
		if f.kind == "membership" {
			f.n = batches(f.n, rule.FullBatch)
		}
		s.InFlight += f.n
	}
	s.Drained = s.Paused && s.InFlight == 0
	return lastSign, err
}

// readSpeed reads how fast calls go.
func (b *Board) readSpeed(ctx context.Context, o *outlook) error {
	type lately struct{ calls, busy int }
	last, err := db.One(ctx, b.db, func(l *lately) []any { return []any{&l.calls, &l.busy} },
		"SELECT COALESCE(sum(calls), 0), count(*) FROM pace_second WHERE second >= $1 AND second < $2", o.now.Unix()-window, o.now.Unix())
	if err != nil {
		return err
	}
	o.status.CallsPerSecond = float64(last.calls) / window
	live, err := b.pace.Rates(ctx, b.db)
	if err != nil {
		return err
	}
	for _, r := range live {
		o.status.Rates = append(o.status.Rates, Rate{Bucket: r.Bucket, Of: r.Key, Limit: float64(r.Limit), Rate: r.Rate, Used: r.CallsLastSecond, Throttled: r.Throttled})
	}
	// What was as fast as a limit allowed says nothing about how fast the provider is without one.
	held, err := db.Value[int](ctx, b.db, "SELECT count(*) FROM pace WHERE used_us >= $1", o.now.Add(-window*time.Second).UnixMicro())
	if err != nil {
		return err
	}
	measured := 0.0
	if held == 0 {
		measured = float64(last.calls) / float64(max(1, last.busy))
	}
	o.speeds = newSpeeds(b.pace.Preset, live, measured)
	o.bearers, err = b.bearers(ctx)
	return err
}

// bearers reads the admin accounts of each place, which take turns.
func (b *Board) bearers(ctx context.Context) (map[id.Event][]string, error) {
	type bearer struct {
		place   id.Event
		subject string
		arn     string
	}
	rows, err := db.All(ctx, b.db, func(r *bearer) []any { return []any{&r.place, &r.subject, &r.arn} }, `
		SELECT DISTINCT a.event_id, a.subject, a.arn FROM placement p JOIN resource a ON a.event_id = p.place AND a.kind = 'admin_user'
		AND a.subject IN `+rule.AllAdmins+" WHERE p.placed_ms > 0 AND a.want")
	out := map[id.Event][]string{}
	for _, r := range rows {
		out[r.place] = append(out[r.place], r.arn)
	}
	return out, err
}

// readPlaces counts app instances.
func (b *Board) readPlaces(ctx context.Context, o *outlook) error {
	own, err := db.Value[int](ctx, b.db, "SELECT count(*) FROM placement WHERE place <> '' AND placed_ms > 0")
	if err != nil {
		return err
	}
	others, err := db.Value[int](ctx, b.db, "SELECT count(*) FROM seen_stranger WHERE kind = 'instance'")
	if err != nil {
		return err
	}
	o.places = own + others + 1
	used := own
	if slices.ContainsFunc(o.shows, func(s show) bool { return !s.own() && s.placed > 0 }) {
		used++
	}
	o.status.Places = Places{Used: used, Most: b.pace.Ceilings.Instances}
	return nil
}

// In the order of resource_failing: by any other, SQLite walks through the whole ledger to find that nothing has failed.
const failuresSQL = `SELECT event_id, kind, subject, attempts, error, next_try_ms FROM resource WHERE attempts > 0 AND error <> ''
	ORDER BY event_id, next_try_ms LIMIT $1`

func (b *Board) failures(ctx context.Context) ([]Failure, error) {
	type failing struct {
		Failure
		next int64
	}
	rows, err := db.All(ctx, b.db, func(f *failing) []any {
		return []any{&f.EventID, &f.Kind, &f.Subject, &f.Attempts, &f.Error, &f.next}
	}, failuresSQL, maxFailures)
	out := []Failure{}
	for _, f := range rows {
		at := time.UnixMilli(f.next).UTC()
		f.NextTryAt = &at
		out = append(out, f.Failure)
	}
	return out, err
}

// count adds up every show. What the shared app instance itself still needs is done for the first show in it.
func (o *outlook) count(tallies map[id.Event][]tally, sold map[id.Event]tickets) {
	base := tallies[""]
	for _, s := range o.shows {
		batch := rule.Batch(time.UnixMilli(s.doors), o.now)
		r := count(s, tallies[s.id], sold[s.id], batch)
		if s.make && !s.own() && s.placed > 0 && r.ToMake > 0 {
			for op, n := range count(show{make: true, placed: 1}, base, tickets{}, batch).work {
				r.work.add(op, n)
			}
			base = nil
		}
		o.rests = append(o.rests, r)
	}
}

// at says which limits count a show's calls.
func (o *outlook) at(s show) where {
	w := where{instance: string(s.instance), channel: string(s.channel), bearers: o.bearers[s.place]}
	if len(w.bearers) == 0 {
		w.bearers = []string{""}
	}
	if w.instance == "" {
		w.instance = "to be made for " + string(s.place)
	}
	if w.channel == "" {
		w.channel = "to be made for " + string(s.id)
	}
	return w
}

// estimate says when each show is ready. Nothing is ready by itself: without a leader, or paused, nobody knows.
func (o *outlook) estimate() {
	var making []int
	var works []forecast.Work
	var past []forecast.Load
	for i, s := range o.shows {
		r := &o.rests[i]
		load := o.speeds.load(r.work, o.at(s))
		r.CallsLeft = o.speeds.calls(load)
		switch {
		case len(load) == 0:
		case s.make:
			making, works = append(making, i), append(works, forecast.Work{Needs: load, From: o.waits(s, *r)})
		default:
			past = append(past, load)
		}
	}
	if o.status.Leader == nil || o.status.Paused {
		return
	}
	for n, ready := range forecast.Run(works, past, o.speeds.rates) {
		i := making[n]
		if ready.In == forecast.Never {
			continue
		}
		at := o.now.Add(ready.In)
		slack := time.UnixMilli(o.shows[i].doors).Sub(at).Seconds()
		r := &o.rests[i]
		r.ReadyAt, r.SlackSeconds, r.Bound = &at, &slack, ready.Bound.Bucket
	}
}

// waits is how long a show still waits for its place: where app instances are scarce, a small one does until a day before
// doors, because it might grow.
func (o *outlook) waits(s show, r rest) time.Duration {
	if s.placed > 0 || o.place(s, r.members) != rule.Wait {
		return 0
	}
	return time.UnixMilli(s.doors).Add(-rule.LastCall).Sub(o.now)
}

// place is where the provisioner puts a show with so many tickets now.
func (o *outlook) place(s show, tickets int) rule.Place {
	return rule.PlaceOf(time.UnixMilli(s.doors), o.now, tickets, o.places, rule.Instances(o.speeds.preset.Ceilings.Instances))
}

// event completes what people see of a show.
func (o *outlook) event(s show, r rest) Event {
	e := r.Event
	e.Name, e.Slug, e.TimeZone, e.DoorsAt = s.name, s.slug, s.zone, time.UnixMilli(s.doors).UTC()
	if s.placed > 0 {
		e.Place = &Place{Own: s.own(), InstanceARN: s.instance}
	}
	return e
}

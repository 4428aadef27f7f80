// Package sweep compares the ledger with what the provider really has, and puts the ledger right.
//
// The provider may lose something, somebody may delete or make something by hand, a leader that was stopped may still have
// sent a call, and a database may be an older copy. The sweep pages through the account's app instances, then place by place
// through administrators, channels, accounts, and each channel's people; what follows from its corrections is the planner's
// and the dispatcher's.
//
//	in the ledger  at the provider
//	made           not listed        vanished: the row becomes absent, and is made anew if it is wanted
//	absent         listed            found: the row becomes made, and is deleted if it is not wanted
//	no row         ours              found, as above; what no show's ledger can hold is deleted here (stranger.go)
//	no row         not ours          a stranger: reported, and never touched
//	another name   listed            the ledger takes the name over, and the account or channel is renamed if it wants another
//
// A list over many pages is no snapshot: what moves meanwhile may be missing in it or be there twice. So nothing rests on
// it that could do harm. What was touched lately is not judged (settling); to make something that is there is answered
// with Conflict, which means made; to delete something that is gone means gone. Only where a mistake would be dear, for
// app instances, channels and administrators, the provider is asked once more for that one thing.
package sweep

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/share"
)

const (
	// sweepEvery is how often a place is swept. What vanished from a show is back before most people notice; and with the
	// calls of one sweep spread over it a place of 10,000 tickets needs 0.7 of them a second.
	sweepEvery = 10 * time.Minute
	// settling is how long what happened at the provider may still be on its way: a call is answered within ten seconds or
	// not at all (chime.DefaultTimeout), and a list may lag. So long a new leader waits before it looks what the one
	// before it has left behind.
	settling = 15 * time.Second
	// sweepLook is how often the sweep looks what is due: somebody may have asked another process for it.
	sweepLook = 2 * time.Second
	// afterTrouble is how long a place rests that could not be swept to its end, unready one whose app instance is being made.
	// Who asks anew does not wait for that.
	afterTrouble = time.Minute
	unready      = 10 * time.Second
	// unreadyFor is how long an app instance may be unready until that is a trouble.
	unreadyFor = time.Minute
	// restarts is how often a pass begins anew at once when the provider does not know its page any more.
	restarts = 3
)

// wholeAccount is the place, in table sweep, of the list of all app instances.
const wholeAccount = id.Event("account")

// Ask asks for a pass over everything at the provider, now instead of later. Any process may ask; the leader does it in the
// background. How far it is stands in the view swept_place: an error there is one of a pass that began after Ask.
func Ask(ctx context.Context, d *db.DB) error {
	_, err := d.Exec(ctx, "INSERT INTO sweep (place, asked) SELECT place, 1 FROM ("+placesSQL+` UNION SELECT CAST($1 AS TEXT)) AS places WHERE TRUE
		ON CONFLICT (place) DO UPDATE SET asked = sweep.asked + 1, error = ''`, wholeAccount)
	return err
}

// Term is the term of leadership that a sweep belongs to, as far as it needs it. All fields are required.
type Term struct {
	DB           *db.DB
	Lease        *lease.Lease
	Epoch        int64
	Chime        *chime.Client // whose calls wait for their slots
	Pace         *pace.Pace
	Limited      bool // the provider has limits
	Installation string
	Log          *slog.Logger

	Changed  func(id.Event)       // the ledger of a show, or of the shared app instance, has changed
	Forget   func(place id.Event) // something about the app instance of a place has changed
	Pressure func() share.Pressure
	Answered func(error) // a call of the sweep has ended
}

// sweeper is the goroutine of a sweep. It owns its fields.
type sweeper struct {
	Term
	due   map[id.Event]time.Time // by place; none: not swept in this term
	seen  map[id.Event]time.Time // the last visit
	rests map[id.Event]time.Time // a place that is in trouble is left alone until then
	waits map[id.Event]time.Time // since when a place is unready
	share *share.Share
	calls int
	part  map[id.Event]tally // what passes have changed that did not get to their end
}

// Run sweeps until ctx ends or the database fails.
func Run(ctx context.Context, t Term) error {
	s := &sweeper{Term: t, due: map[id.Event]time.Time{}, seen: map[id.Event]time.Time{}, rests: map[id.Event]time.Time{}, waits: map[id.Event]time.Time{},
		share: share.New(t.DB, t.Pace, t.Limited, t.Pressure), part: map[id.Event]tally{}}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	share.Rest(ctx, settling)
	for ctx.Err() == nil {
		place, ok, err := s.next(ctx, time.Now())
		if err == nil && ok {
			err = s.visit(ctx, place)
		}
		if err != nil {
			return err
		}
		if !ok {
			share.Rest(ctx, sweepLook)
		}
	}
	return nil
}

// takeOver ends the passes of the leader before: whoever was heard and not served has to be heard again.
func (s *sweeper) takeOver(ctx context.Context) error {
	return s.Lease.Write(ctx, s.Epoch, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE sweep SET since_ms = 0, heard = CASE WHEN asked > done THEN done ELSE heard END WHERE since_ms > 0 OR asked > done")
		return err
	})
}

// placesSQL lists the app instances of ours that are there by the ledger and are not going.
const placesSQL = `SELECT event_id AS place FROM resource WHERE subject = '' AND kind = 'instance' AND state = 'made' AND event_id IN (
	SELECT place FROM placement WHERE placed_ms > 0 AND NOT leaving UNION SELECT '')`

// next chooses the place that was asked for and visited longest ago, else one that was not swept in this term, else the one that is
// due longest.
func (s *sweeper) next(ctx context.Context, now time.Time) (next id.Event, ok bool, err error) {
	one := func(p *id.Event) []any { return []any{p} }
	places, err := db.All(ctx, s.DB, one, placesSQL+" ORDER BY event_id")
	if err != nil {
		return "", false, err
	}
	asked, err := db.All(ctx, s.DB, one, "SELECT place FROM sweep WHERE asked > heard")
	if err != nil {
		return "", false, err
	}
	all := append([]id.Event{wholeAccount}, places...)
	longestAgo := func(among []id.Event, at map[id.Event]time.Time) (id.Event, bool, error) {
		if len(among) == 0 {
			return "", false, nil
		}
		return slices.MinFunc(among, func(a, b id.Event) int { return at[a].Compare(at[b]) }), true, nil
	}
	urgent := slices.DeleteFunc(slices.Clone(all), func(p id.Event) bool { return !slices.Contains(asked, p) })
	if len(urgent) > 0 {
		return longestAgo(urgent, s.seen)
	}
	return longestAgo(slices.DeleteFunc(all, func(p id.Event) bool { return now.Before(s.due[p]) || now.Before(s.rests[p]) }), s.due)
}

// census counts what is ours.
type census struct{ instances, users, channels, members, moderators int }

// pass is one pass over a place. It belongs to the sweeper's goroutine.
type pass struct {
	*sweeper
	place  id.Event
	base   ledger.Base
	bearer arn.ARN
	began  time.Time
	before int // calls of the sweep before it

	tally
	counted, ledger census
	moving          int // made, removed or in flight meanwhile
	strangers       int
	lodged          map[id.Event]int // accounts seen, by show
}

// tally is what was put right in the ledger.
type tally struct{ vanished, found, removed, renamed int }

// trouble is why a pass did not get to its end; the term goes on.
type trouble struct {
	err  error // nil: nothing that people should know
	rest time.Duration
}

func (t trouble) Error() string {
	if t.err == nil {
		return "not ready"
	}
	return t.err.Error()
}

func (t trouble) Unwrap() error { return t.err }

// errRefused says that the provider does not know a page any more.
var errRefused = fault.New(fault.Conflict, "sweep_page_refused", "The chat provider does not know the next page of a list.")

// visit sweeps one place.
func (s *sweeper) visit(ctx context.Context, place id.Event) error {
	s.seen[place] = time.Now()
	err := s.Lease.Write(ctx, s.Epoch, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO sweep (place, since_ms) VALUES ($1, $2)
			ON CONFLICT (place) DO UPDATE SET heard = sweep.asked, since_ms = excluded.since_ms`, place, time.Now().UnixMilli())
		return err
	})
	for n := 0; err == nil && n < restarts; n++ {
		p := &pass{sweeper: s, place: place, began: time.Now(), before: s.calls, lodged: map[id.Event]int{}, tally: s.part[place]}
		if err = p.through(ctx); err == nil {
			return p.finish(ctx)
		}
		if s.part[place] = p.tally; errors.Is(err, errRefused) {
			err = nil
		}
	}
	t := trouble{err: errRefused, rest: afterTrouble}
	if err != nil && !errors.As(err, &t) {
		return err
	}
	return s.giveUp(ctx, place, t)
}

// giveUp ends a visit that did not get to its end, and says why to people who should know: not if the place has gone under it,
// nor to somebody who has asked meanwhile, for whom the place is visited anew.
func (s *sweeper) giveUp(ctx context.Context, place id.Event, t trouble) (err error) {
	s.rests[place] = time.Now().Add(t.rest)
	s.sweepSoon(place)
	if t.err == nil {
		if t.err, err = s.whyUnready(ctx, place); err != nil {
			return err
		}
	}
	if chime.Missing(t.err) {
		s.sweepSoon(wholeAccount) // is the app instance still there?
	}
	n, err := db.Value[int](ctx, s.DB, "SELECT count(*) FROM ("+placesSQL+") AS places WHERE place = $1 OR $1 = $2", place, wholeAccount)
	if err != nil {
		return err
	}
	text := ""
	switch {
	case n == 0:
		delete(s.waits, place)
	case t.err != nil:
		s.Log.Warn("sweep", "place", place, "err", t.err)
		text = public(t.err)
	}
	return s.Lease.Write(ctx, s.Epoch, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE sweep SET since_ms = 0, error = CASE WHEN $1 <> '' AND heard >= asked THEN $1 ELSE error END WHERE place = $2", text, place)
		return err
	})
}

const unreadySQL = `SELECT failed, error FROM resource WHERE event_id = $1 AND subject = '' AND kind IN ('instance', 'admin_user', 'admin')
	AND state <> 'made' ORDER BY rank, kind DESC`

// whyUnready says why a place has no administrator, unless there will be one in a moment: the provider has refused what it
// needs for good, or it has been so for a while.
func (s *sweeper) whyUnready(ctx context.Context, place id.Event) (why, err error) {
	if s.waits[place].IsZero() {
		s.waits[place] = time.Now()
	}
	type missing struct {
		failed bool
		text   string
	}
	all, err := db.All(ctx, s.DB, func(m *missing) []any { return []any{&m.failed, &m.text} }, unreadySQL, place)
	all = slices.DeleteFunc(all, func(m missing) bool { return m.text == "" })
	switch long := time.Since(s.waits[place]) >= unreadyFor; {
	case err != nil:
		return nil, err
	case len(all) > 0 && (all[0].failed || long):
		return fault.New(fault.Unavailable, "sweep_no_admin", "Its administrator, who asks for lists, cannot be made: %s", all[0].text), nil
	case long:
		return fault.New(fault.Unavailable, "sweep_no_admin", "Its administrator, who asks for lists, is not made yet."), nil
	}
	return nil, nil
}

// through is one pass from its beginning to its end.
func (p *pass) through(ctx context.Context) error {
	if p.place == wholeAccount {
		return p.throughAccount(ctx)
	}
	return p.throughPlace(ctx)
}

// finish writes down what a complete pass has found, forgets strangers that are gone, and says when the next one is due.
func (p *pass) finish(ctx context.Context) error {
	now := time.Now()
	// A pass that takes long, because there is much or because others come first, is followed by a rest as long.
	delete(p.part, p.place)
	delete(p.waits, p.place)
	p.due[p.place] = p.began.Add(max(sweepEvery, 2*now.Sub(p.began)))
	c, l := p.counted, p.ledger
	differs := false
	for _, d := range []int{c.instances - l.instances, c.users - l.users, c.channels - l.channels, c.members - l.members, c.moderators - l.moderators} {
		differs = differs || max(d, -d) > p.moving
	}
	err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM stranger WHERE place = $1 AND seen_ms < $2", p.place, p.began.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE sweep SET began_ms = $1, finished_ms = $2, calls = $3, instances = $4, users = $5, channels = $6, members = $7,
			moderators = $8, ledger_instances = $9, ledger_users = $10, ledger_channels = $11, ledger_members = $12, ledger_moderators = $13,
			moving = $14, differs = $15, vanished = $16, found = $17, removed = $18, renamed = $19, strangers = $20, error = '', done = heard, since_ms = 0 WHERE place = $21`,
			p.began.UnixMilli(), now.UnixMilli(), p.calls-p.before, c.instances, c.users, c.channels, c.members, c.moderators,
			l.instances, l.users, l.channels, l.members, l.moderators, p.moving, differs, p.vanished, p.found, p.removed, p.renamed, p.strangers, p.place)
		return err
	})
	if err == nil && (differs || p.vanished+p.found+p.removed+p.renamed > 0) {
		p.Log.Info("sweep", "place", p.place, "vanished", p.vanished, "found", p.found, "removed", p.removed, "renamed", p.renamed, "differs", differs)
	}
	return err
}

// settled is the time before which something must have happened to be judged by an answer to what was asked at at.
func settled(at time.Time) int64 { return at.Add(-settling).UnixMilli() }

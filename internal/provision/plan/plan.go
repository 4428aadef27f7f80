// Package plan carries changes of events, tickets, names and bans into the ledger, and takes shows that are over out of it.
//
// A Planner follows hints at once and looks each second by itself; what no hint and no timestamp told it heals when it
// compares a show from end to end, every ten minutes. Look notes what has changed, Step does a chunk of what follows, the
// earliest show's first. Where a show is made follows from package rule (place.go), how it goes from retire.go.
package plan

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

const (
	// page is how many changes are noted at once: two columns of an index each.
	page = 5000
	// lookback covers tickets whose change was committed later than its timestamp says, or stamped by a slower clock.
	lookback      = 15 * time.Second
	lookbackEvery = 5 * time.Second
	// walkEvery is how often an event is compared from end to end: what no timestamp told us heals then.
	walkEvery = 10 * time.Minute
)

// cursor is a place in the order of changes.
type cursor struct {
	ms     int64
	ticket id.Ticket
}

// Term is the term of leadership that a planner belongs to, as far as it needs it. All fields but OnPurged are required.
type Term struct {
	DB       *db.DB
	Lease    *lease.Lease
	Epoch    int64
	Bus      *bus.Bus
	Pace     *pace.Pace
	Log      *slog.Logger
	OnPurged func(context.Context, id.Event) error // nothing is left of an archived show

	Publish func([]Show)         // the shows, by doors; they are not changed afterwards
	Changed func(id.Event)       // the ledger of a show has changed
	Wake    func()               // there may be work
	Forget  func(place id.Event) // something about the app instance of a place has changed
	Full    func() bool          // the account is believed to have no app instance left
}

// Planner carries changes of events, tickets, names and bans into the ledger. It owns its fields.
type Planner struct {
	Term
	shows          []Show // by doors
	tickets, names cursor
	looked         time.Time                           // last lookback
	behind         map[id.Event]map[id.Ticket]struct{} // changed and not yet compared; lost with the term, whose successor walks
	noted          int                                 // how many are behind
	walked         map[id.Event]time.Time              // last complete comparison
	walking        id.Event
	place          string // within the event that is walked
	again          bool   // the event that is walked changed behind place meanwhile: once more
	retiring       []Show // archived or leaving events of which another chunk may be retired
	purged         map[id.Event]bool
	unwanted       map[id.Event]id.Ticket // up to there nothing of an archived show is wanted any more
	passed         map[id.Event]bool      // not compared, because its archive is sealed
	emptied        map[id.Event]time.Time // when only accounts were left of a show, for the dispatcher to delete
	adopted        int                    // tickets, in this term
	measureAt      int                    // see measure
}

// New makes a planner; run starts it.
func New(t Term) *Planner {
	from := cursor{ms: time.Now().Add(-lookback).UnixMilli()}
	return &Planner{Term: t, tickets: from, names: from, looked: time.Now(), behind: map[id.Event]map[id.Ticket]struct{}{},
		walked: map[id.Event]time.Time{}, purged: map[id.Event]bool{},
		unwanted: map[id.Event]id.Ticket{}, emptied: map[id.Event]time.Time{}, passed: map[id.Event]bool{}}
}

// Run plans until ctx ends or the database fails. It follows hints at once and everything each second by itself: hints may
// be lost.
func (p *Planner) Run(ctx context.Context) error {
	hints, done := p.Bus.Subscribe(bus.TicketsChanged, bus.EventChanged, bus.NameChanged, bus.Banned)
	defer done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	always := make(chan struct{})
	close(always)
	if err := p.Look(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		more, err := p.Step(ctx)
		if err != nil {
			return err
		}
		var now <-chan struct{}
		if more {
			now = always // between two chunks: look whether something is more urgent
		}
		select {
		case h := <-hints:
			err = p.hear(ctx, h)
		case <-tick.C:
			err = p.Look(ctx)
		case <-now:
		case <-ctx.Done():
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hear follows one hint.
func (p *Planner) hear(ctx context.Context, h bus.Hint) error {
	if h.Ticket != "" && h.Event != "" {
		return p.Compare(ctx, h.Event, []id.Ticket{h.Ticket})
	}
	return p.Look(ctx)
}

// Look notes what changed since the last look; step compares it.
func (p *Planner) Look(ctx context.Context) error {
	if err := p.loadShows(ctx); err != nil {
		return err
	}
	if now := time.Now(); now.Sub(p.looked) >= lookbackEvery {
		p.looked = now
		if err := p.believeNoClock(ctx, now); err != nil {
			return err
		}
		back := now.Add(-lookback).UnixMilli()
		p.tickets.back(back)
		p.names.back(back)
	}
	for view, at := range map[string]*cursor{"wanted_by_ticket": &p.tickets, "wanted_by_name": &p.names} {
		if err := p.follow(ctx, view, at); err != nil {
			return err
		}
	}
	now := time.Now()
	shows := p.shows
	p.retiring = p.retiring[:0]
	for _, s := range shows {
		if !s.Retire {
			delete(p.purged, s.ID)
			delete(p.unwanted, s.ID)
			p.comeBack(s.ID)
		}
		switch {
		case s.Retire, s.Leaving:
			p.retiring = append(p.retiring, s)
		case s.Doors <= now.UnixMilli(): // nobody is banned before doors
			if err := p.followBans(ctx, s.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// comeBack lets a show be compared that was passed over while its archive was sealed.
func (p *Planner) comeBack(event id.Event) {
	if p.passed[event] {
		delete(p.passed, event)
		p.walkAnew(event)
	}
}

// farSQL finds events of which something is to be tried again after a time; the order has PostgreSQL take the index resource_failing.
const farSQL = `SELECT event_id FROM (SELECT event_id FROM placement UNION SELECT '') AS e WHERE (SELECT 1 FROM resource r
	WHERE r.event_id = e.event_id AND r.attempts > 0 AND r.error <> '' AND r.next_try_ms > $1 ORDER BY r.next_try_ms LIMIT 1) IS NOT NULL`

// believeNoClock lets rows be tried whose next attempt lies further ahead than any pause: the clock was set back.
func (p *Planner) believeNoClock(ctx context.Context, now time.Time) error {
	far := now.Add(2 * ledger.AsideMost).UnixMilli()
	events, err := db.All(ctx, p.DB, func(e *id.Event) []any { return []any{e} }, farSQL, far)
	if err != nil || len(events) == 0 {
		return err
	}
	return p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		for _, e := range events {
			_, err := tx.Exec("UPDATE resource SET next_try_ms = 0 WHERE event_id = $1 AND attempts > 0 AND error <> '' AND next_try_ms > $2", e, far)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Step does one chunk of the work that is left, the earliest show's first: a big import for a later show does not delay
// it. more says that there is another chunk.
func (p *Planner) Step(ctx context.Context) (more bool, err error) {
	if event, tickets := p.nextBehind(); len(tickets) > 0 {
		return true, p.Compare(ctx, event, tickets)
	}
	if n := len(p.retiring); n > 0 {
		again, err := p.retire(ctx, p.retiring[n-1])
		if !again {
			p.retiring = p.retiring[:n-1]
		}
		return true, err
	}
	return p.walk(ctx)
}

func (c *cursor) back(ms int64) {
	if c.ms > ms {
		*c = cursor{ms: ms}
	}
}

// loadShows reads the events, earliest doors first, and where their resources are.
func (p *Planner) loadShows(ctx context.Context) error {
	shows, err := db.All(ctx, p.DB, func(s *Show) []any {
		return []any{&s.ID, &s.Name, &s.Doors, &s.Make, &s.Retire, &s.Place, &s.Placed, &s.Round, &s.Leaving}
	}, `SELECT w.event_id, w.name, w.doors_ms, w.make, w.retire,
		COALESCE(p.place, ''), COALESCE(p.placed_ms, 0), COALESCE(p.round, 0), COALESCE(p.leaving, FALSE)
		FROM wanted_event w LEFT JOIN placement p ON p.event_id = w.event_id ORDER BY w.doors_ms, w.event_id`)
	if err != nil {
		return err
	}
	placed, err := p.placeShows(ctx, shows)
	if err != nil {
		return err
	}
	changed, err := p.followShows(ctx)
	if err != nil {
		return err
	}
	before := len(p.shows)
	p.shows = shows
	p.Publish(shows)
	for _, e := range placed {
		p.Changed(e)
	}
	if changed || before != len(shows) {
		p.Wake()
	}
	return nil
}

// showSQL finds shows whose own rows want something else than the show: a show that was un-cancelled keeps or gets back its
// channel, and a channel is called as its show.
const showSQL = `SELECT w.event_id, w.name FROM wanted_event w CROSS JOIN placement p CROSS JOIN resource r
	WHERE p.event_id = w.event_id AND NOT p.leaving AND r.event_id = w.event_id AND r.subject = '' AND r.kind = 'channel'
	AND ((NOT w.retire AND NOT r.want) OR (w.make AND r.want_name <> w.name))`

// followShows carries changes of shows into their own rows.
func (p *Planner) followShows(ctx context.Context) (changed bool, err error) {
	off, err := db.All(ctx, p.DB, func(s *Show) []any { return []any{&s.ID, &s.Name} }, showSQL)
	for _, s := range off {
		err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
			if left, err := ledger.Leaving(tx, s.ID); err != nil || left {
				return err
			}
			if _, err := tx.Exec("UPDATE resource SET want = TRUE, failed = FALSE, next_try_ms = 0 WHERE event_id = $1 AND kind IN ('instance', 'admin_user', 'admin', 'channel')",
				s.ID); err != nil {
				return err
			}
			if _, err := tx.Exec("UPDATE resource SET want_name = $1 WHERE event_id = $2 AND subject = '' AND kind = 'channel'", s.Name, s.ID); err != nil {
				return err
			}
			return ledger.Decide(tx, s.ID, ledger.AdminSubjects(1, rule.MaxAdmins)...)
		})
		if err != nil {
			return false, err
		}
		p.walkAnew(s.ID) // its people may be wanted again
		p.Changed(s.ID)
	}
	return len(off) > 0, err
}

type change struct {
	event  id.Event
	ticket id.Ticket
	at     int64
}

// follow notes the changes of one view up to its end.
func (p *Planner) follow(ctx context.Context, view string, at *cursor) error {
	for {
		changes, err := db.All(ctx, p.DB, func(c *change) []any { return []any{&c.event, &c.ticket, &c.at} }, `SELECT event_id, ticket_id, changed_ms
			FROM `+view+` WHERE (changed_ms, ticket_id) > ($1, $2) ORDER BY changed_ms, ticket_id LIMIT $3`, at.ms, at.ticket, page)
		if err != nil {
			return err
		}
		for _, c := range changes {
			p.note(c.event, c.ticket)
		}
		if len(changes) > 0 {
			last := changes[len(changes)-1]
			*at = cursor{last.at, last.ticket}
		}
		if len(changes) < page {
			return nil
		}
	}
}

// Who is banned and still wanted in the channel, and who is not banned any more and not wanted there. A question within the
// question is asked for each of the few: of a join the database may read the many. The range beside NOT want chooses the index
// (query_internal_test.go).
const bansSQL = `
SELECT b.ticket_id FROM banned_ticket b WHERE b.event_id = $1
  AND (SELECT r.want FROM resource r WHERE r.event_id = b.event_id AND r.subject = b.ticket_id AND r.kind = 'membership')
UNION ALL
SELECT r.subject FROM resource r WHERE r.event_id = $1 AND r.kind = 'membership' AND NOT r.want AND r.want < TRUE
  AND (SELECT w.member FROM wanted_ticket w WHERE w.event_id = r.event_id AND w.ticket_id = r.subject)`

// flickerSQL finds who was banned after being made a member and is wanted there again: if nobody was leading between ban
// and unban, the ledger never heard that the provider took the membership away.
const flickerSQL = `SELECT r.subject FROM ban_act a CROSS JOIN resource r
	WHERE a.event_id = $1 AND a.kind = 'ban' AND r.event_id = a.event_id AND r.subject = substr(a.user_id, 3) AND r.kind = 'membership'
	AND r.want AND r.state = 'made' AND NOT r.busy AND r.made_ms <= a.created_ms`

// followBans compares the bans of an event with its memberships.
func (p *Planner) followBans(ctx context.Context, event id.Event) error {
	off, err := p.some(ctx, bansSQL+" LIMIT $2", event)
	if err != nil {
		return err
	}
	if err := p.Compare(ctx, event, off); err != nil {
		return err
	}
	flickered, err := p.some(ctx, flickerSQL+" LIMIT $2", event)
	if err != nil || len(flickered) == 0 {
		return err
	}
	return p.change(ctx, event, flickered, `UPDATE resource SET state = 'unknown' WHERE event_id = $1 AND kind = 'membership' AND state = 'made' AND NOT busy
		AND subject IN (SELECT value ->> 's' FROM json_each($2))`)
}

// walk compares the next chunk of the event whose turn it is; more says that there is another chunk.
func (p *Planner) walk(ctx context.Context) (more bool, err error) {
	if p.walking == "" && !p.nextWalk(time.Now()) {
		return false, nil
	}
	type placed struct {
		ticket id.Ticket
		place  string
	}
	tickets, err := db.All(ctx, p.DB, func(t *placed) []any { return []any{&t.ticket, &t.place} }, `SELECT ticket_id, place FROM wanted_by_ticket
		WHERE event_id = $1 AND place > $2 ORDER BY place LIMIT $3`, p.walking, p.place, ledger.Chunk)
	if err != nil {
		return false, err
	}
	ids := make([]id.Ticket, len(tickets))
	for i, t := range tickets {
		ids[i] = t.ticket
	}
	if err := p.Compare(ctx, p.walking, ids); err != nil {
		return false, err
	}
	if len(tickets) < ledger.Chunk {
		if err := p.walkedThrough(ctx, p.walking); err != nil {
			return false, err
		}
		if p.again {
			delete(p.walked, p.walking)
		}
		p.walking, p.place, p.again = "", "", false
		return p.nextWalk(time.Now()), nil
	}
	p.place = tickets[len(tickets)-1].place
	return true, nil
}

const blockedSQL = `SELECT DISTINCT subject FROM resource
	WHERE event_id = $1 AND NOT want AND want < TRUE AND work = 'blocked' AND subject > $2 ORDER BY subject LIMIT $3`

// walkedThrough ends the comparison of an event: what is not wanted any more is decided once more, because what it waits
// for may have changed without it, and a large show gets further admins.
func (p *Planner) walkedThrough(ctx context.Context, event id.Event) error {
	for after := id.Ticket(""); ; {
		rest, err := db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, blockedSQL, event, after, ledger.Chunk)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			if err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error { return ledger.Decide(tx, event, rest...) }); err != nil {
				return err
			}
			after = rest[len(rest)-1]
		}
		if len(rest) < ledger.Chunk {
			break
		}
	}
	p.walked[event] = time.Now()
	return p.moreAdmins(ctx, event)
}

// nextWalk chooses the earliest event that was not compared for walkEvery.
func (p *Planner) nextWalk(now time.Time) bool {
	shows := p.shows
	for _, s := range shows {
		if at, ok := p.walked[s.ID]; !s.Retire && (!ok || now.Sub(at) >= walkEvery) {
			p.walking, p.place = s.ID, ""
			return true
		}
	}
	return false
}

// Compare brings the ledger's wants of some tickets of an event up to date, and writes only if something differs.
func (p *Planner) Compare(ctx context.Context, event id.Event, tickets []id.Ticket) error {
	if len(tickets) == 0 {
		return nil
	}
	off, err := db.All(ctx, p.DB, func(t *id.Ticket) []any { return []any{t} }, ledger.Drift, ledger.Bulk(tickets))
	if err != nil {
		return fmt.Errorf("compare tickets: %w", err)
	}
	if len(off) == 0 {
		return nil
	}
	retires := false
	err = p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) (err error) {
		if left, err := ledger.Leaving(tx, event); err != nil || left {
			return err // it is walked when nothing of it is left
		}
		if retires, err = ledger.Retiring(tx, event); err != nil || retires {
			return err
		}
		return ledger.Adopt(tx, p.Epoch, event, off)
	})
	if err != nil {
		return err
	}
	if retires {
		p.passed[event] = true
		return nil // that is retire's: here, everybody would be deleted one by one before what they are in
	}
	p.Changed(event)
	return p.measure(ctx, len(off))
}

// measure lets PostgreSQL look at the ledger's size as it grows: its own statistics come a minute late, and until then it
// believes an event to be a handful of rows and reads all of them for each chunk. SQLite plans by rule.
func (p *Planner) measure(ctx context.Context, adopted int) error {
	if p.DB.Dialect() != db.PostgreSQL {
		return nil
	}
	if p.adopted += adopted; p.adopted < p.measureAt {
		return nil
	}
	p.measureAt = 2 * max(p.adopted, ledger.Chunk)
	_, err := p.DB.Exec(ctx, "ANALYZE resource")
	return err
}

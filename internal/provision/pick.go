package provision

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

const (
	// upkeepTurn: one call in so many is upkeep (new names, removals, what is left of archived shows) of whoever waited
	// longest for it, whatever else there is to make.
	upkeepTurn = 20
	// slotsAhead is how many slots of one event a look can hand out where the provider has limits: at 50/s, three.
	slotsAhead = 4
)

// picker collects the next calls of one look at the ledger.
type picker struct {
	now    time.Time     // by the wall clock, as the ledger's times
	slots  time.Time     // the same moment by the pace's clock, which nobody sets
	latest time.Time     // calls whose slot is later are not taken now
	paces  pace.Snapshot // as it will be after the calls taken so far
	most   int
	rows   int // how many rows are worth reading at once
	calls  []call
	next   time.Time // the earliest slot that was too late; zero: none

	asked   asked          // what the show says that is being asked
	waiting ledger.Waiting // what it has to do
	claimed claimed        // by the shows before it
}

func (k *picker) full() bool { return len(k.calls) >= k.most }

// offer takes a call if it may start soon. Of several admins the one acts whose turn comes first.
func (k *picker) offer(c call) bool {
	if k.full() {
		return false
	}
	at := k.chooseBearer(&c)
	claims := k.paces.Claims(c.paced(), k.slots)
	if k.claimed.all(claims) {
		k.asked.yields = k.slots.Add(yieldFor)
		return false
	}
	if !k.inTime(at) {
		k.asked.claims = append(k.asked.claims, claims...)
		return false
	}
	k.paces.Take(c.paced(), at)
	k.calls = append(k.calls, c)
	return true
}

// inTime reports whether a slot is early enough, and remembers the first that is not.
func (k *picker) inTime(slot time.Time) bool {
	if !slot.After(k.latest) {
		return true
	}
	k.next = earlier(k.next, slot)
	return false
}

// free reports whether a call like c could be taken, without taking it.
func (k *picker) free(c call) bool {
	return !k.full() && k.inTime(k.chooseBearer(&c))
}

func (k *picker) chooseBearer(c *call) time.Time {
	r := c.first()
	switch r.Kind {
	case ledger.KindInstance, ledger.KindAdminUser, ledger.KindAdmin, ledger.KindUser: // no chat account acts
		return k.paces.Earliest(c.paced(), k.slots)
	case ledger.KindChannel, ledger.KindMembership, ledger.KindModerator:
	}
	if r.Task == ledger.TaskCreate && r.Kind == ledger.KindChannel || len(c.base.Bearers) < 2 {
		c.bearer = c.base.Admin // who makes a channel is its member: always the same
		return k.paces.Earliest(c.paced(), k.slots)
	}
	var first time.Time
	chosen := c.base.Admin
	for _, b := range c.base.Bearers {
		c.bearer = b
		if at := k.paces.Earliest(c.paced(), k.slots); first.IsZero() || at.Before(first) {
			first, chosen = at, b
		}
	}
	c.bearer = chosen
	return first
}

// singles offers one call for each row until one has to wait.
func (k *picker) singles(rows []ledger.Row, b ledger.Base, channel arn.ARN) {
	for _, r := range rows {
		if !k.offer(call{rows: []ledger.Row{r}, channel: channel, base: b}) {
			return
		}
	}
}

// pick returns up to most calls that may start before latest, and when the next one may if some had to wait. Shows at the
// door come first and take turns; then the others, earliest doors first; what archived shows leave behind comes last. A
// share is kept for upkeep (upkeepTurn). Every question it asks is answered by the index resource_todo; a show that has
// nothing to do is not asked again until something about it changes.
func (t *term) pick(ctx context.Context, latest time.Time, most int) (calls []call, next time.Time, err error) {
	paces, err := t.pace.Snapshot(ctx, t.db)
	if err != nil {
		return nil, next, err
	}
	k := &picker{now: time.Now(), slots: t.pace.Now(), latest: latest, paces: paces, most: most, rows: most}
	if t.limited {
		k.rows = min(most, slotsAhead)
	}
	door, later, retiring := t.order(k.now)
	t.turn++
	if t.others >= upkeepTurn-1 { // not every so many looks: most find no slot
		waiting := slices.Concat(later, retiring)
		t.longestFirst(waiting)
		if err := t.pickFrom(ctx, waiting, k, true, 1); err != nil {
			return nil, next, err
		}
		if len(k.calls) > 0 || k.next.IsZero() { // somebody had his turn, or nobody waits for one
			t.others = 0
		}
	}
	kept := len(k.calls)
	for _, shows := range [][]plan.Show{door, later, retiring} {
		if err := t.pickFrom(ctx, shows, k, false, most); err != nil {
			return nil, next, err
		}
	}
	t.others += len(k.calls) - kept
	return k.calls, k.next, nil
}

// order sorts the shows into those at the door, whoever waited longest first, those with later doors, and the archived.
func (t *term) order(now time.Time) (door, later, retiring []plan.Show) {
	t.mu.Lock()
	shows := t.shows
	t.mu.Unlock()
	for _, s := range shows {
		switch {
		case s.Retire:
			retiring = append(retiring, s)
		case s.Open(now):
			door = append(door, s)
		default:
			later = append(later, s)
		}
	}
	t.longestFirst(door)
	return door, later, retiring
}

func (t *term) longestFirst(shows []plan.Show) {
	slices.SortStableFunc(shows, func(a, b plan.Show) int { return cmp.Compare(t.served[a.ID], t.served[b.ID]) })
}

// pickFrom asks the shows in order until k has most calls or is full.
func (t *term) pickFrom(ctx context.Context, shows []plan.Show, k *picker, upkeep bool, most int) error {
	for _, s := range shows {
		stirs, until := t.resting(s.ID, k.now)
		if !until.IsZero() || !upkeep && k.slots.Before(t.asked[s.ID].yields) {
			k.skip(t.asked[s.ID], until, upkeep)
			continue
		}
		before, next := len(k.calls), k.next
		k.next, k.asked, k.waiting = time.Time{}, asked{}, ledger.Waiting{}
		if err := t.pickShow(ctx, s, k, upkeep); err != nil {
			return err
		}
		waits := k.next
		k.next = earlier(next, waits)
		if !upkeep {
			k.claimed.add(k.asked.claims)
		}
		switch {
		case len(k.calls) > before:
			t.served[s.ID] = t.turn
		case upkeep || k.full():
		case !k.asked.yields.IsZero():
			k.next = earlier(k.next, k.latest.Add(yieldFor))
		case !waits.IsZero():
			k.asked.waits = true
			t.sleep(s.ID, stirs, k.now.Add(min(waits.Sub(k.latest), idle))) // a slow bucket may become faster meanwhile
		default:
			t.rest(s.ID, stirs, k)
		}
		if !upkeep {
			t.asked[s.ID] = k.asked
		}
		if k.full() || len(k.calls) >= most {
			return nil
		}
	}
	return nil
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// The questions that pick asks again and again. Each is answered by an index of its own (query_test.go).
const (
	channelSQL = "SELECT arn, state FROM resource WHERE event_id = $1 AND subject = '' AND kind = 'channel'"
	flyingSQL  = "SELECT count(*) FROM (SELECT 1 FROM resource WHERE event_id = $1 AND busy AND epoch >= $2 ORDER BY epoch LIMIT 1) AS x"
)

// todo reads the first rows of an event that wait for a task and are due. Kinds that the provider has just refused for a
// reason that all of them share are left out, but for what somebody asks to be tried.
func (t *term) todo(ctx context.Context, event id.Event, what ledger.Task, now time.Time, most int) ([]ledger.Row, error) {
	rows, err := ledger.Todo(ctx, t.db, event, what, now, most)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.held) == 0 {
		return rows, err
	}
	return slices.DeleteFunc(rows, func(r ledger.Row) bool { return now.Before(t.held[heldKind{event, r.Kind, what}]) && !r.Retried() }), err
}

// own is todo for the show that is being asked.
func (t *term) own(ctx context.Context, s plan.Show, k *picker, what ledger.Task, most int) ([]ledger.Row, error) {
	if !k.waiting.Any(what) {
		return nil, nil
	}
	return t.todo(ctx, s.ID, what, k.now, most)
}

// pickShow offers the next calls of one event. Upkeep (new names, then removals) and making take turns in who is asked
// first, so that neither a wave of refunds nor a big import keeps the other waiting.
func (t *term) pickShow(ctx context.Context, s plan.Show, k *picker, upkeepOnly bool) error {
	if s.Placed == 0 && !s.Retire {
		return nil // the planner has not chosen its place yet
	}
	b, ready, err := t.baseOf(ctx, s.Placement)
	if err != nil {
		return err
	}
	if k.waiting, err = ledger.WaitingFor(ctx, t.db, s.ID, k.now); err != nil {
		return err
	}
	if ready && k.waiting.None() && s.Place != ledger.Shared { // a shared place may want further admins
		return nil
	}
	channel, err := db.One(ctx, t.db, func(r *channelRow) []any { return []any{&r.arn, &r.state} }, channelSQL, s.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	steps := []func() error{
		func() error { return t.pickUpkeep(ctx, s, k, b, channel) },
		func() error { return t.pickMaking(ctx, s, k, b, ready, channel) },
	}
	switch {
	case upkeepOnly, !s.Make, s.Leaving:
		steps = steps[:1]
	case t.turn%2 == 1:
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil || k.full() {
			return err
		}
	}
	return nil
}

// pickUpkeep offers new names, and removals: who lost the ticket or the right to be there; of an archived show the app
// instance, or the channel and then the accounts.
func (t *term) pickUpkeep(ctx context.Context, s plan.Show, k *picker, b ledger.Base, channel channelRow) error {
	if s.Make && !s.Leaving {
		renames, err := t.own(ctx, s, k, ledger.TaskRename, k.rows)
		if err != nil {
			return err
		}
		k.singles(renames, b, channel.arn)
	}
	removals, err := t.own(ctx, s, k, ledger.TaskDelete, k.rows)
	if err != nil {
		return err
	}
	switch {
	case s.Retire, s.Leaving: // all of it goes with its app instance or channel, also what was to go before
		removals = slices.DeleteFunc(removals, func(r ledger.Row) bool { return r.GoesAlong(s.Place) })
	default: // sealed for a moment, and wanted again or cancelled anew: there is no seal to let it go by
		removals = slices.DeleteFunc(removals, func(r ledger.Row) bool { return r.Kind == ledger.KindInstance || r.Kind == ledger.KindChannel })
	}
	if channel.arn == "" { // who was in the channel went with it
		removals = slices.DeleteFunc(removals, func(r ledger.Row) bool { return r.Kind == ledger.KindMembership || r.Kind == ledger.KindModerator })
	}
	k.singles(removals, b, channel.arn)
	return nil
}

// pickMaking offers what is missing, in the order of ranks.
func (t *term) pickMaking(ctx context.Context, s plan.Show, k *picker, b ledger.Base, ready bool, channel channelRow) error {
	if !ready {
		first, err := t.todo(ctx, s.Place, ledger.TaskCreate, k.now, 1)
		if err != nil || len(first) == 0 || first[0].Rank >= ledger.RankChannel {
			return err // it is in flight, or not yet due
		}
		b, _, err := t.baseOf(ctx, s.Placement) // again: what first needs may have been made just now
		k.singles(first, b, "")
		return err
	}
	if s.Place == ledger.Shared { // its further admins: whoever comes first asks for them
		admins, err := t.todo(ctx, ledger.Shared, ledger.TaskCreate, k.now, k.rows)
		if err != nil {
			return err
		}
		k.singles(admins, b, "")
	}
	creates, err := t.own(ctx, s, k, ledger.TaskCreate, k.rows)
	if err != nil {
		return err
	}
	if channel.state != ledger.Made {
		if len(creates) > 0 && creates[0].Kind == ledger.KindChannel {
			k.singles(creates[:1], b, "")
		}
		return nil // the channel is in flight or waits for its next attempt; people come after it
	}
	staff := slices.IndexFunc(creates, func(r ledger.Row) bool { return r.Rank > ledger.LastStaffRank })
	if staff < 0 {
		staff = len(creates)
	}
	if staff > 0 {
		k.singles(creates[:staff], b, channel.arn)
		return nil
	}
	if err := t.pickJoins(ctx, s, k, b, channel, len(creates)); err != nil {
		return err
	}
	k.singles(creates, b, channel.arn)
	return nil
}

// pickJoins offers one batch of memberships, if enough people wait for it or nobody else is coming.
func (t *term) pickJoins(ctx context.Context, s plan.Show, k *picker, b ledger.Base, channel channelRow, creates int) error {
	if !k.waiting.Join || !k.free(call{rows: []ledger.Row{{Event: s.ID, Kind: ledger.KindMembership, Task: ledger.TaskJoin}}, channel: channel.arn, base: b}) {
		return nil
	}
	joins, err := t.todo(ctx, s.ID, ledger.TaskJoin, k.now, rule.FullBatch)
	if err != nil || len(joins) == 0 {
		return err
	}
	open, enough := s.Open(k.now), rule.Batch(s.DoorsAt(), k.now)
	if len(joins) < enough && creates == 0 && !open {
		// The last accounts are on their way; their memberships fit into the same call.
		if flying, err := t.flyingOf(ctx, s.ID); err != nil || flying {
			return err
		}
	}
	if len(joins) >= enough || creates == 0 || joins[0].Rank <= ledger.LastStaffRank {
		k.offer(call{rows: joins, channel: channel.arn, base: b})
	}
	return nil
}

// flyingOf reports whether a call for an event waits for its answer.
func (t *term) flyingOf(ctx context.Context, event id.Event) (bool, error) {
	n, err := db.Value[int64](ctx, t.db, flyingSQL, event, t.epoch)
	return n > 0, err
}

type channelRow struct {
	arn   arn.ARN
	state ledger.State
}

// resting says until when an event need not be asked, zero for now, and how often it was stirred so far.
func (t *term) resting(event id.Event, now time.Time) (stirs int, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until = t.quiet[event]; !now.Before(until) {
		until = time.Time{}
	}
	return t.stirs[event], until
}

// rest lets an event sleep until its next failed row is due, unless it was stirred since it was asked. Whoever changes
// something about the event stirs it; the bound is for a change that nobody told us about.
func (t *term) rest(event id.Event, stirs int, k *picker) {
	const bound = 5 * time.Second
	until := k.now.Add(bound)
	if retry := k.waiting.Retry(); !retry.IsZero() && retry.Before(until) {
		until = retry
	}
	t.sleep(event, stirs, until)
}

// sleep lets an event not be asked until a time, unless it was stirred meanwhile.
func (t *term) sleep(event id.Event, stirs int, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stirs[event] == stirs {
		t.quiet[event] = until
	}
}

// stir undoes rest. What happens to the shared app instance stirs all shows in it.
func (t *term) stir(event id.Event) {
	t.mu.Lock()
	if event == ledger.Shared {
		for _, s := range t.shows {
			if s.Place == ledger.Shared {
				t.stirs[s.ID]++
				delete(t.quiet, s.ID)
			}
		}
	}
	t.stirs[event]++
	delete(t.quiet, event)
	t.mu.Unlock()
	t.nudge()
}

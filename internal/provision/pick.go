package provision

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// openBatch is how many people at a show with open doors wait together before their memberships are made. A full batch
// would cost 4 % fewer calls and let the first of them wait ten seconds at 10/s.
const openBatch = 20

// pick returns up to most calls that may be sent now, in the order of urgency: new names of people at open shows; then
// what the show with the earliest doors misses; what archived shows leave behind comes last. Every question it asks is
// answered by the index resource_todo; a show that has nothing to do is not asked again until something about it changes.
func (t *term) pick(ctx context.Context, now time.Time, most int) ([]call, error) {
	t.mu.Lock()
	shows := t.shows
	t.mu.Unlock()
	ready, work, err := t.pickBase(ctx, shows, now)
	if err != nil || !ready || len(work) > 0 {
		return work, err
	}
	for _, s := range shows {
		if s.open(now) {
			rows, err := t.todo(ctx, s.ID, taskRename, now, most)
			if err != nil || len(rows) > 0 {
				return t.single(rows, ""), err
			}
		}
	}
	for _, retired := range []bool{false, true} {
		for _, s := range shows {
			stirs, resting := t.resting(s.ID, now)
			if s.Retire != retired || resting {
				continue
			}
			if work, err := t.pickShow(ctx, s, now, most); err != nil || len(work) > 0 {
				return work, err
			}
			if err := t.rest(ctx, s.ID, stirs, now); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// pickBase makes sure that the installation's own resources stand: nothing else can be done before.
func (t *term) pickBase(ctx context.Context, shows []show, now time.Time) (ready bool, work []call, err error) {
	if t.base.admin != "" {
		return true, nil, nil
	}
	if !slices.ContainsFunc(shows, func(s show) bool { return s.Make || s.Retire }) {
		return false, nil, nil
	}
	if t.base.installation == "" {
		if t.base.installation, err = db.Value[string](ctx, t.db, "SELECT id FROM installation WHERE one = 1"); err != nil {
			return false, nil, err
		}
	}
	rows, err := db.All(ctx, t.db, (*row).fields, "SELECT "+rowColumns+" FROM resource WHERE event_id = $1 ORDER BY rank", installationID)
	if err != nil {
		return false, nil, err
	}
	b := t.base
	for _, r := range rows {
		if r.State != made {
			todo, err := t.todo(ctx, installationID, taskCreate, now, 3)
			if err != nil || len(todo) == 0 || todo[0].Kind != r.Kind {
				return false, nil, err // in flight, or not yet due
			}
			return false, []call{{rows: todo[:1], base: b}}, nil
		}
		switch r.Kind {
		case kindInstance:
			b.instance = r.ARN
		case kindAdminUser:
			b.admin = r.ARN
		default: // events have the others
		}
	}
	if len(rows) == 0 {
		return false, nil, nil // the planner has not been here yet
	}
	t.base = b
	return true, nil, nil
}

// The questions that pick asks again and again. Each is answered by an index of its own (plan_sqlite_test.go).
const (
	todoSQL = "SELECT " + rowColumns + ` FROM resource
		WHERE event_id = $1 AND work = $2 AND NOT busy AND work IN ('create', 'join', 'rename', 'delete') AND next_try_ms <= $3
		ORDER BY rank, next_try_ms, subject LIMIT $4`
	channelSQL = "SELECT arn, state FROM resource WHERE event_id = $1 AND subject = '' AND kind = 'channel'"
	flyingSQL  = "SELECT count(*) FROM (SELECT 1 FROM resource WHERE event_id = $1 AND busy AND epoch >= $2 LIMIT 1) AS x"
	dueSQL     = `SELECT COALESCE(min(next_try_ms), 0) FROM resource
		WHERE event_id = $1 AND attempts > 0 AND error <> '' AND NOT busy AND next_try_ms > $2`
)

// todo reads the first rows of an event that wait for a task and are due.
func (t *term) todo(ctx context.Context, event id.Event, what task, now time.Time, most int) ([]row, error) {
	return db.All(ctx, t.db, (*row).fields, todoSQL, event, what, now.UnixMilli(), most)
}

// pickShow returns the next calls of one event.
func (t *term) pickShow(ctx context.Context, s show, now time.Time, most int) ([]call, error) {
	channel, err := db.One(ctx, t.db, func(r *channelRow) []any { return []any{&r.arn, &r.state} }, channelSQL, s.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	// Who lost the ticket or the right to be there goes first; of an archived show the channel, then the accounts.
	removals, err := t.todo(ctx, s.ID, taskDelete, now, most)
	if err != nil || len(removals) > 0 || !s.Make {
		return t.single(removals, channel.arn), err
	}
	creates, err := t.todo(ctx, s.ID, taskCreate, now, most)
	if err != nil {
		return nil, err
	}
	if channel.state != made {
		if len(creates) == 0 || creates[0].Kind != kindChannel {
			return nil, nil // the channel is in flight or waits for its next attempt; people come after it
		}
		return t.single(creates[:1], ""), nil
	}
	if staff := slices.IndexFunc(creates, func(r row) bool { return r.Rank > lastStaffRank }); staff != 0 && len(creates) > 0 {
		if staff < 0 {
			staff = len(creates)
		}
		return t.single(creates[:staff], channel.arn), nil
	}
	joins, err := t.todo(ctx, s.ID, taskJoin, now, chime.MaxBatch)
	if err != nil {
		return nil, err
	}
	enough := chime.MaxBatch
	if s.open(now) {
		enough = openBatch
	}
	if len(joins) > 0 && len(joins) < enough && len(creates) == 0 && !s.open(now) {
		// The last accounts are on their way; their memberships fit into the same call.
		if flying, err := t.flyingOf(ctx, s.ID); err != nil || flying {
			return nil, err
		}
	}
	if len(joins) > 0 && (len(joins) >= enough || len(creates) == 0 || joins[0].Rank <= lastStaffRank) {
		return []call{{rows: joins, channel: channel.arn, base: t.base}}, nil
	}
	if len(creates) > 0 {
		return t.single(creates, channel.arn), nil
	}
	renames, err := t.todo(ctx, s.ID, taskRename, now, most)
	return t.single(renames, channel.arn), err
}

// flyingOf reports whether a call for an event waits for its answer.
func (t *term) flyingOf(ctx context.Context, event id.Event) (bool, error) {
	n, err := db.Value[int64](ctx, t.db, flyingSQL, event, t.epoch)
	return n > 0, err
}

type channelRow struct {
	arn   arn.ARN
	state state
}

// single makes one call of each row.
func (t *term) single(rows []row, channel arn.ARN) []call {
	var out []call
	for _, r := range rows {
		out = append(out, call{rows: []row{r}, channel: channel, base: t.base})
	}
	return out
}

// resting reports whether an event need not be asked now, and how often it was stirred so far.
func (t *term) resting(event id.Event, now time.Time) (stirs int, resting bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stirs[event], now.Before(t.quiet[event]) || now.Before(t.held[event])
}

// rest lets an event sleep until its next failed row is due, unless it was stirred since it was asked. Whoever changes
// something about the event stirs it; the bound is for a change that nobody told us about.
func (t *term) rest(ctx context.Context, event id.Event, stirs int, now time.Time) error {
	const bound = 5 * time.Second
	due, err := db.Value[int64](ctx, t.db, dueSQL, event, now.UnixMilli())
	if err != nil {
		return err
	}
	until := now.Add(bound)
	if at := time.UnixMilli(due); due > 0 && at.Before(until) {
		until = at
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stirs[event] == stirs {
		t.quiet[event] = until
	}
	return nil
}

// stir undoes rest.
func (t *term) stir(event id.Event) {
	t.mu.Lock()
	t.stirs[event]++
	delete(t.quiet, event)
	t.mu.Unlock()
	t.nudge()
}

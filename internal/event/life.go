package event

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// next is the picture of the package doc as data.
func next(from State) []State {
	switch from {
	case Scheduled:
		return []State{Open, Live, Ended}
	case Open:
		return []State{Scheduled, Live, Ended}
	case Live:
		return []State{Ended}
	case Ended:
		return []State{Scheduled, Open, Live, Archived}
	case Archived:
		return []State{Purged}
	case Purged:
		return nil
	}
	return nil
}

// to checks one step of the life cycle. Staying is no step and is refused.
func (s State) to(target State) error {
	if slices.Contains(next(s), target) {
		return nil
	}
	return fault.New(fault.Conflict, "event_state", "A show that is %s cannot become %s.", s, target)
}

// Over reports whether the show has ended, whatever happened to it since.
func (s State) Over() bool { return s == Ended || s == Archived || s == Purged }

// byClock is where a show that nobody touches stands.
func byClock(doors, start, now time.Time) State {
	switch {
	case !now.Before(start):
		return Live
	case !now.Before(doors):
		return Open
	default:
		return Scheduled
	}
}

// Start makes a show live now, before or after its time. Error: Conflict "event_state".
func (s *Store) Start(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(Event) State { return Live })
}

// End ends a show that is scheduled, open or live. Error: Conflict "event_state".
func (s *Store) End(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(Event) State { return Ended })
}

// Reopen undoes End until the show is archived: back to live if it ever was, else to what the clock says.
// Error: Conflict "event_state".
func (s *Store) Reopen(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(e Event) State {
		switch {
		case e.State != Ended:
			return e.State // staying is refused
		case !e.StartedAt.IsZero():
			return Live
		default:
			return byClock(e.DoorsAt, e.StartsAt, now)
		}
	})
}

// MarkArchived says that the history of an ended show is safe. Error: Conflict "event_state".
func (s *Store) MarkArchived(ctx context.Context, event id.Event, now time.Time) error {
	_, err := s.step(ctx, event, now, func(Event) State { return Archived })
	return err
}

// MarkPurged says that nothing of an archived show is left at the provider. Error: Conflict "event_state".
func (s *Store) MarkPurged(ctx context.Context, event id.Event, now time.Time) error {
	_, err := s.step(ctx, event, now, func(Event) State { return Purged })
	return err
}

// step moves one show to the state that target names. The UPDATE repeats the state it was decided on, so that of two
// processes with opposite wishes one gets a Conflict.
func (s *Store) step(ctx context.Context, event id.Event, now time.Time, target func(Event) State) (Event, error) {
	var e Event
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		if e, err = get(ctx, tx, "id", string(event)); err != nil {
			return err
		}
		from, to := e.State, target(e)
		if err := from.to(to); err != nil {
			return err
		}
		e.enter(to, now)
		n, err := tx.Exec(`UPDATE event SET state = $1, started_ms = $2, ended_ms = $3, updated_ms = $4 WHERE id = $5 AND state = $6`,
			string(e.State), unix(e.StartedAt), unix(e.EndedAt), unix(e.UpdatedAt), string(event), string(from))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "event_state", "The show has just been changed by somebody else.")
		}
		return err
	})
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// enter puts e into a state and keeps the times that belong to it.
func (e *Event) enter(to State, now time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	e.State, e.UpdatedAt = to, now
	if to == Live && e.StartedAt.IsZero() {
		e.StartedAt = now
	}
	if to == Ended {
		e.EndedAt = now
	}
}

// unix is the column's form of a time: Unix milliseconds, 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Advance opens doors and starts shows whose time has come and returns which changed. Call it every second; it writes
// only when something is due.
func (s *Store) Advance(ctx context.Context, now time.Time) (changed []id.Event, err error) {
	due, err := db.Value[int64](ctx, s.db, `SELECT count(*) FROM event
		WHERE (state = 'scheduled' AND doors_ms <= $1) OR (state IN ('scheduled', 'open') AND starts_ms <= $1)`, now.UnixMilli())
	if err != nil || due == 0 {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		one := func(e *id.Event) []any { return []any{e} }
		live, err := db.All(ctx, tx, one, `UPDATE event SET state = 'live', updated_ms = $1,
				started_ms = CASE WHEN started_ms = 0 THEN $1 ELSE started_ms END
			WHERE state IN ('scheduled', 'open') AND starts_ms <= $1 RETURNING id`, now.UnixMilli())
		if err != nil {
			return err
		}
		open, err := db.All(ctx, tx, one, `UPDATE event SET state = 'open', updated_ms = $1
			WHERE state = 'scheduled' AND doors_ms <= $1 RETURNING id`, now.UnixMilli())
		changed = append(live, open...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

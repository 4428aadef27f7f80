package event

import (
	"context"
	"errors"
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
		return []State{Open, Live, Ended, Cancelled}
	case Open:
		return []State{Scheduled, Live, Ended, Cancelled}
	case Live:
		return []State{Ended}
	case Ended:
		return []State{Scheduled, Open, Live, Archived}
	case Cancelled:
		return []State{Scheduled, Open, Live}
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
	return refused("A show that is %s cannot become %s.", s, target)
}

func refused(format string, args ...any) error {
	return fault.New(fault.Conflict, "event_state", format, args...)
}

// Over reports whether the show has ended, whatever happened to it since. A cancelled show has not: it may come back.
func (s State) Over() bool {
	switch s {
	case Ended, Archived, Purged:
		return true
	case Scheduled, Open, Live, Cancelled:
	}
	return false
}

// TakesTickets says whether anybody can still come in with a new ticket. Errors: Conflict "event_over", "event_cancelled".
func (e Event) TakesTickets() error {
	if e.State.Over() {
		return fault.New(fault.Conflict, "event_over", "This show is over: it takes no more tickets.")
	}
	if e.State == Cancelled {
		return fault.New(fault.Conflict, "event_cancelled", "This show is cancelled and takes no tickets. Un-cancel it first.")
	}
	return nil
}

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
	return s.step(ctx, event, now, func(_ *db.Tx, e Event) (State, error) {
		if e.State == Cancelled {
			return "", refused("A cancelled show cannot be started. Un-cancel it first.")
		}
		return Live, nil
	})
}

// End ends a show that is scheduled, open or live. Error: Conflict "event_state".
func (s *Store) End(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(*db.Tx, Event) (State, error) { return Ended, nil })
}

// Reopen undoes End until the show is archived: back to live if it ever was, else to what the clock says.
// Error: Conflict "event_state".
func (s *Store) Reopen(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(_ *db.Tx, e Event) (State, error) {
		switch {
		case e.State != Ended:
			return "", refused("A show that is %s cannot be reopened.", e.State)
		case !e.StartedAt.IsZero():
			return Live, nil
		default:
			return byClock(e.DoorsAt, e.StartsAt, now), nil
		}
	})
}

// Cancel calls a show off that has not begun. Errors: Conflict "event_running" for a live one, "event_state".
func (s *Store) Cancel(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(_ *db.Tx, e Event) (State, error) {
		if e.State == Live {
			return "", fault.New(fault.Conflict, "event_running", "The show is live: it can be ended, not cancelled.")
		}
		return Cancelled, nil
	})
}

// Uncancel takes Cancel back: the show is what the clock says. Errors: Conflict "event_state" for a show that is not cancelled,
// "start_passed" when it would have begun more than an hour ago: Update gives it a new time first; and "history_sealed" when
// something was said in its chat that is archived by now. That chat is let go, maybe gone, and nothing may be added to its archive.
func (s *Store) Uncancel(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return s.step(ctx, event, now, func(tx *db.Tx, e Event) (State, error) {
		if e.State != Cancelled {
			return "", refused("Only a cancelled show can be un-cancelled; this one is %s.", e.State)
		}
		if checkStart(e.StartsAt, now) != nil {
			return "", fault.New(fault.Conflict, "start_passed", "The start of the show lies in the past. Change its times first.")
		}
		said, err := db.Value[int64](ctx, tx, `SELECT COALESCE(max(messages), 0) FROM sealed_history
			WHERE event_id = $1 AND ended_ms = $2`, string(event), unix(e.EndedAt))
		if err == nil && said > 0 {
			err = fault.New(fault.Conflict, "history_sealed", "This show's chat was used, and its history is sealed. Please make a new show.")
		}
		return byClock(e.DoorsAt, e.StartsAt, now), err
	})
}

// MarkArchived says that the history of a show is sealed: an ended one becomes archived. A cancelled one stays cancelled; its
// seal alone lets its chat go. Errors: Conflict "event_state", "not_sealed" when no archive of this very end is.
func (s *Store) MarkArchived(ctx context.Context, event id.Event, now time.Time) error {
	return s.mark(ctx, event, now, func(tx *db.Tx, e Event) (State, error) {
		if e.State == Cancelled {
			return "", errStays
		}
		n, err := db.Value[int64](ctx, tx, "SELECT count(*) FROM sealed_history WHERE event_id = $1 AND ended_ms = $2", string(event), unix(e.EndedAt))
		if err == nil && n == 0 && e.State == Ended {
			err = fault.New(fault.Conflict, "not_sealed", "The chat's history since the last end of the show is not sealed.")
		}
		return Archived, err
	})
}

// MarkPurged says that nothing of a show is left at the provider: an archived one becomes purged. A cancelled one stays
// cancelled, and one that was un-cancelled meanwhile stays what it is: its chat is made anew. Error: Conflict "event_state"
// for a show that has ended and is not archived.
func (s *Store) MarkPurged(ctx context.Context, event id.Event, now time.Time) error {
	return s.mark(ctx, event, now, func(_ *db.Tx, e Event) (State, error) {
		switch e.State {
		case Cancelled, Scheduled, Open, Live:
			return "", errStays
		case Ended, Archived, Purged:
		}
		return Purged, nil
	})
}

// errStays ends a step that changes nothing.
var errStays = errors.New("the show stays what it is")

func (s *Store) mark(ctx context.Context, event id.Event, now time.Time, target func(*db.Tx, Event) (State, error)) error {
	if _, err := s.step(ctx, event, now, target); !errors.Is(err, errStays) {
		return err
	}
	return nil
}

// step moves one show to the state that target names. The UPDATE repeats the state it was decided on, so that of two
// processes with opposite wishes one gets a Conflict. An archive that is sealed at the same time waits, or was seen.
func (s *Store) step(ctx context.Context, event id.Event, now time.Time, target func(*db.Tx, Event) (State, error)) (Event, error) {
	var e Event
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Lock(event.Seal())
		if err != nil {
			return err
		}
		if e, err = get(ctx, tx, "id", string(event)); err != nil {
			return err
		}
		from := e.State
		to, err := target(tx, e)
		if err != nil {
			return err
		}
		if err := from.to(to); err != nil {
			return err
		}
		e.enter(to, now)
		n, err := tx.Exec(`UPDATE event SET state = $1, started_ms = $2, ended_ms = $3, updated_ms = $4 WHERE id = $5 AND state = $6`,
			string(e.State), unix(e.StartedAt), unix(e.EndedAt), unix(e.UpdatedAt), string(event), string(from))
		if err == nil && n == 0 {
			err = errRaced()
		}
		return err
	})
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

func errRaced() error {
	return refused("The show has just been changed by somebody else. Please look again.")
}

// enter puts e into a state and keeps the times that belong to it.
func (e *Event) enter(to State, now time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	stays := to == e.State
	e.State, e.UpdatedAt = to, now
	if to == Live && e.StartedAt.IsZero() {
		e.StartedAt = now
	}
	if stays || to != Ended && to != Cancelled {
		return
	}
	if !now.After(e.EndedAt) {
		now = e.EndedAt.Add(time.Millisecond) // an archive belongs to one end of a show
	}
	e.EndedAt = now
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

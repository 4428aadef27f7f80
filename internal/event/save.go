package event

import (
	"context"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Create checks the form and adds a show. A show whose time has come is open or live at once. Errors: Invalid with a
// field; Conflict "slug_taken" on the field slug, only for a slug that was asked for.
func (s *Store) Create(ctx context.Context, in Input, now time.Time) (Event, error) {
	e, err := in.check()
	if err != nil {
		return Event{}, err
	}
	if err := checkStart(e.StartsAt, now); err != nil {
		return Event{}, err
	}
	e.ID = id.NewEvent()
	e.enter(byClock(e.DoorsAt, e.StartsAt, now), now)
	e.CreatedAt = e.UpdatedAt
	asked := e.Slug != ""
	if !asked {
		e.Slug = makeSlug(e.Name)
	}
	base := e.Slug
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		for n := 1; n <= maxSuffix; n++ {
			e.Slug = suffixed(base, n)
			if reserved(e.Slug) {
				continue
			}
			added, err := insert(tx, e)
			if err != nil || added {
				return err
			}
			if asked {
				return errSlugTaken(base)
			}
		}
		return errSlugTaken(base)
	})
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// maxSuffix bounds the search for a free slug; nobody gives a thousand shows the same name without wanting to.
const maxSuffix = 1000

func errSlugTaken(slug string) error {
	return fault.New(fault.Conflict, "slug_taken", "Another event already has the address /e/%s.", slug).On("slug")
}

func insert(tx *db.Tx, e Event) (added bool, err error) {
	n, err := tx.Exec(`INSERT INTO event (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (slug) DO NOTHING`, string(e.ID), e.Slug, e.Name, e.Artist, e.Description, e.TimeZone, unix(e.DoorsAt), unix(e.StartsAt),
		e.StreamURL, e.Chat, string(e.State), unix(e.CreatedAt), unix(e.UpdatedAt), unix(e.StartedAt), unix(e.EndedAt))
	return n == 1, err
}

// Update replaces what the form says. Before the start the state follows the new times; a cancelled show stays cancelled. An
// empty slug keeps the old one, so that links that are out keep working when a show is renamed. Errors: as Create; NotFound
// "event_unknown"; Conflict "event_over" after the end, "event_running" for a new time or slug of a live show, "event_state"
// when another process was faster.
func (s *Store) Update(ctx context.Context, event id.Event, in Input, now time.Time) (Event, error) {
	want, err := in.check()
	if err != nil {
		return Event{}, err
	}
	var e Event
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		if e, err = get(ctx, tx, "id", string(event)); err != nil {
			return err
		}
		from := e
		if err := e.change(want, now); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE event SET slug = $1, name = $2, artist = $3, description = $4, time_zone = $5, doors_ms = $6,
				starts_ms = $7, stream_url = $8, chat = $9, state = $10, updated_ms = $11, started_ms = $12
				WHERE id = $13 AND state = $14 AND ended_ms = $15`,
			e.Slug, e.Name, e.Artist, e.Description, e.TimeZone, unix(e.DoorsAt), unix(e.StartsAt), e.StreamURL, e.Chat,
			string(e.State), unix(e.UpdatedAt), unix(e.StartedAt), string(event), string(from.State), unix(from.EndedAt))
		if db.IsDuplicate(err) {
			return errSlugTaken(e.Slug)
		}
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

// change puts the form's values into e where its state allows it.
func (e *Event) change(want Event, now time.Time) error {
	if e.State.Over() {
		return fault.New(fault.Conflict, "event_over", "The show is over and can no longer be changed.")
	}
	moved := !want.StartsAt.Equal(e.StartsAt) || !want.DoorsAt.Equal(e.DoorsAt)
	renamed := want.Slug != "" && want.Slug != e.Slug
	if e.State == Live && moved {
		return fault.New(fault.Conflict, "event_running", "The show is live: its times can no longer change.").On("startsAt")
	}
	if e.State == Live && renamed {
		return fault.New(fault.Conflict, "event_running", "The show is live: its address can no longer change.").On("slug")
	}
	if moved {
		if err := checkStart(want.StartsAt, now); err != nil {
			return err
		}
	}
	if renamed {
		e.Slug = want.Slug
	}
	e.Name, e.Artist, e.Description, e.TimeZone = want.Name, want.Artist, want.Description, want.TimeZone
	e.DoorsAt, e.StartsAt, e.StreamURL, e.Chat = want.DoorsAt, want.StartsAt, want.StreamURL, want.Chat
	state := e.State
	if clock := byClock(e.DoorsAt, e.StartsAt, now); state != Cancelled && clock != state && state.to(clock) == nil {
		state = clock
	}
	e.enter(state, now)
	return nil
}

// suffixed is the n-th try for a slug: the name itself, then name-2, name-3, … within the length limit.
func suffixed(base string, n int) string {
	if n == 1 {
		return base
	}
	tail := fmt.Sprintf("-%d", n)
	return base[:min(len(base), maxSlug-len(tail))] + tail
}

// Package event keeps shows and their life cycle.
//
//	             doors                 start                 end
//	scheduled ─────────► open ─────────────────► live ─────────────► ended ─► archived ─► purged
//	    ▲ │                ▲ │                    ▲                  │ │
//	    │ └──── start ─────┼─┼────────────────────┤                  │ │
//	    ├── moved later ───┼─┘                    │                  │ │
//	    ├──────────────────┼────── reopen ────────┼──────────────────┘ │
//	    │            end (from scheduled, open or live) ───────────────┘
//	    │                  │                      │
//	    └──────────────────┴──── un-cancel ───────┴─ cancelled ◄─ cancel (from scheduled or open)
//
// Doors and start come with the clock (Advance) or by hand (Start). Ending is always by hand: shows run over. Reopening
// is possible until the chat's history is archived; after that only purging is left. State.to is the one check of this
// picture.
//
// A cancelled show's chat is archived and deleted like an ended one's, but the show stays and can come back at any time, to
// what the clock says, as long as nothing was said in its chat that is sealed by then.
//
// An organizer writes local times and an IANA zone. A time that the clocks skip in spring is refused, because nobody can
// arrive at it. A time that happens twice in autumn means the first of the two: fans then come too early, never too late.
package event

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// State is where a show stands in its life.
type State string

// The states, in order of life; the last is beside it.
const (
	Scheduled State = "scheduled"
	Open      State = "open"
	Live      State = "live"
	Ended     State = "ended"
	Archived  State = "archived"
	Purged    State = "purged"
	Cancelled State = "cancelled"
)

// Event is one show. Times are absolute, in UTC and exact to the millisecond; a zero time means "not yet".
type Event struct {
	ID          id.Event
	Slug        string // of /e/{slug}
	Name        string
	Artist      string
	Description string // plain text, may be empty
	TimeZone    string // IANA name, for showing the times
	DoorsAt     time.Time
	StartsAt    time.Time
	StreamURL   string // http(s), or a path on this server, or empty: not known yet
	Chat        bool
	State       State
	CreatedAt   time.Time
	UpdatedAt   time.Time
	StartedAt   time.Time // first time it was live
	EndedAt     time.Time // last time it was ended or cancelled; later than the time before, whatever the clock did
}

// Input is an organizer's form. Times are local to TimeZone, in the form of <input type="datetime-local">.
type Input struct {
	Name        string // 1–120 characters
	Artist      string // 1–80 characters
	Description string // at most 4,000 characters
	TimeZone    string // "Europe/Berlin"
	StartsAt    string // "2026-11-22T20:00"
	DoorsAt     string // same form; not after StartsAt, at most 7 days before
	StreamURL   string // at most 2,000 characters; never fetched by us
	Chat        bool
	Slug        string // "" makes one from the name, or on Update keeps the old one
}

// Store keeps events in the database. Safe for concurrent use.
type Store struct{ db *db.DB }

// New returns the store of a migrated platform database.
func New(d *db.DB) *Store { return &Store{db: d} }

// columns in the order of fields.
const columns = `id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state,
	created_ms, updated_ms, started_ms, ended_ms`

func fields(e *Event) []any {
	return []any{&e.ID, &e.Slug, &e.Name, &e.Artist, &e.Description, &e.TimeZone, millis{&e.DoorsAt}, millis{&e.StartsAt},
		&e.StreamURL, &e.Chat, &e.State, millis{&e.CreatedAt}, millis{&e.UpdatedAt}, millis{&e.StartedAt}, millis{&e.EndedAt}}
}

// millis scans Unix milliseconds into a time; 0 is the zero time.
type millis struct{ t *time.Time }

func (m millis) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time column holds %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMilli(n).UTC()
	}
	return nil
}

// Get finds a show by its identifier. Error: NotFound "event_unknown".
func (s *Store) Get(ctx context.Context, event id.Event) (Event, error) {
	return get(ctx, s.db, "id", string(event))
}

// BySlug finds a show by the name in its address. Error: NotFound "event_unknown".
func (s *Store) BySlug(ctx context.Context, slug string) (Event, error) {
	return get(ctx, s.db, "slug", slug)
}

func get(ctx context.Context, q db.Querier, column, value string) (Event, error) {
	e, err := db.One(ctx, q, fields, "SELECT "+columns+" FROM event WHERE "+column+" = $1", value)
	if errors.Is(err, sql.ErrNoRows) {
		return Event{}, fault.New(fault.NotFound, "event_unknown", "There is no such event.")
	}
	return e, err
}

// List returns all shows, the latest start first.
func (s *Store) List(ctx context.Context) ([]Event, error) {
	return db.All(ctx, s.db, fields, "SELECT "+columns+" FROM event ORDER BY starts_ms DESC, id")
}

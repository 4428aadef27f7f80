// Package event keeps shows and their life cycle.
//
//	             doors                 start                 end
//	scheduled ─────────► open ─────────────────► live ─────────────► ended ─► archived ─► purged
//	    ▲ │                ▲ │                    ▲                  │ │
//	    │ └──── start ─────┼─┼────────────────────┤                  │ │
//	    ├── moved later ───┼─┘                    │                  │ │
//	    └──────────────────┴────── reopen ────────┴──────────────────┘ │
//	                 end (from scheduled, open or live) ───────────────┘
//
// Doors and start come with the clock (Advance) or by hand (Start). Ending is always by hand: shows run over. Reopening
// is possible until the chat's history is archived; after that only purging is left. State.to is the one check of this
// picture.
//
// An organizer writes local times and an IANA zone. A time that the clocks skip in spring is refused, because nobody can
// arrive at it. A time that happens twice in autumn means the first of the two: fans then come too early, never too late.
package event

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// State is where a show stands in its life.
type State string

// The states, in order of life.
const (
	Scheduled State = "scheduled"
	Open      State = "open"
	Live      State = "live"
	Ended     State = "ended"
	Archived  State = "archived"
	Purged    State = "purged"
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
	EndedAt     time.Time // last time it was ended
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

// Create checks the form and adds a show. Errors: Invalid with a field; Conflict "slug_taken" on the field slug.
func (s *Store) Create(ctx context.Context, in Input, now time.Time) (Event, error) {
	return Event{}, nil
}

// Update replaces what the form says. Before the start the state follows the new times. Errors: as Create; NotFound
// "event_unknown"; Conflict "event_over" after the end, "event_running" for a new start time or slug of a live show.
func (s *Store) Update(ctx context.Context, event id.Event, in Input, now time.Time) (Event, error) {
	return Event{}, nil
}

// Get finds a show by its identifier. Error: NotFound "event_unknown".
func (s *Store) Get(ctx context.Context, event id.Event) (Event, error) { return Event{}, nil }

// BySlug finds a show by the name in its address. Error: NotFound "event_unknown".
func (s *Store) BySlug(ctx context.Context, slug string) (Event, error) { return Event{}, nil }

// List returns all shows, the latest start first.
func (s *Store) List(ctx context.Context) ([]Event, error) { return nil, nil }

// Start makes a show live now, before or after its time. Error: Conflict "event_state".
func (s *Store) Start(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return Event{}, nil
}

// End ends a show that is scheduled, open or live. Error: Conflict "event_state".
func (s *Store) End(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return Event{}, nil
}

// Reopen undoes End until the show is archived: back to live if it ever was, else to what the clock says.
// Error: Conflict "event_state".
func (s *Store) Reopen(ctx context.Context, event id.Event, now time.Time) (Event, error) {
	return Event{}, nil
}

// MarkArchived says that the history of an ended show is safe. Error: Conflict "event_state".
func (s *Store) MarkArchived(ctx context.Context, event id.Event, now time.Time) error { return nil }

// MarkPurged says that nothing of an archived show is left at the provider. Error: Conflict "event_state".
func (s *Store) MarkPurged(ctx context.Context, event id.Event, now time.Time) error { return nil }

// Advance opens doors and starts shows whose time has come and returns which changed. Call it every second; it writes
// only when something is due.
func (s *Store) Advance(ctx context.Context, now time.Time) (changed []id.Event, err error) {
	return nil, nil
}

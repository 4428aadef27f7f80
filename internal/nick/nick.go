// Package nick gives every chat user of an event a name that nobody else has and nobody can mistake for another's.
package nick

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Person is who picks a name.
type Person struct {
	Event  id.Event
	Ticket id.Ticket
	Role   id.Role
	Artist string // the artist's name of the event, kept free for the artist
}

// Book keeps the nicknames. Safe for concurrent use, also by several processes on one database.
type Book struct{ db *db.DB }

// New returns the book of a migrated platform database.
func New(d *db.DB) *Book { return &Book{db: d} }

// Pick gives a person a name and returns it as it will be shown. A person may pick again: the old name becomes free.
// Errors: Invalid "nickname_invalid" on the field nickname, saying which rule; Conflict "nickname_taken".
func (b *Book) Pick(ctx context.Context, p Person, wanted string, now time.Time) (string, error) {
	return "", nil
}

// Of returns the nickname of a ticket, "" if it has none yet.
func (b *Book) Of(ctx context.Context, ticket id.Ticket) (string, error) { return "", nil }

// Suggest returns up to n friendly names that are free at the event now.
func (b *Book) Suggest(ctx context.Context, event id.Event, n int) ([]string, error) { return nil, nil }

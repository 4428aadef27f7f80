// Package nick gives every chat user of an event a name that nobody else has and nobody can mistake for another's.
//
// Two unique keys per event decide. The compare key (RFC 8266, PRECIS nickname profile) makes Mia and MIA the same
// person; the skeleton (UTS #39) makes Mia and Міа, written with a Cyrillic a, the same. A skeleton also keeps reserved
// words and the artist's name free. Badges come from the role of a ticket and never from a name, so a name that slips
// through deceives nobody who looks.
//
// A name can be changed as often as its owner likes; the old one is free at once. Old chat lines keep the name they
// were sent under.
package nick

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
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

// Pick gives a person a name and returns it as it will be shown: normalised, with single spaces. A person may pick
// again: the old name becomes free. Errors: Invalid "nickname_invalid" on the field nickname, saying which rule;
// Conflict "nickname_taken" on the same field.
func (b *Book) Pick(ctx context.Context, p Person, wanted string, now time.Time) (string, error) {
	n, err := read(wanted)
	if err != nil {
		return "", err
	}
	if err := n.reserved(p.Role, p.Artist); err != nil {
		return "", err
	}
	_, err = b.db.Exec(ctx, `INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (ticket_id) DO UPDATE SET name = excluded.name, compare_key = excluded.compare_key,
			skeleton = excluded.skeleton, updated_ms = excluded.updated_ms`,
		string(p.Ticket), string(p.Event), n.shown, n.compare, n.skeleton, now.UnixMilli())
	if db.IsDuplicate(err) {
		return "", fault.New(fault.Conflict, "nickname_taken", "Somebody has this name, or one that looks like it. Please choose another.").On("nickname")
	}
	if err != nil {
		return "", err
	}
	return n.shown, nil
}

// Of returns the nickname of a ticket, "" if it has none yet.
func (b *Book) Of(ctx context.Context, ticket id.Ticket) (string, error) {
	name, err := db.Value[string](ctx, b.db, "SELECT name FROM nickname WHERE ticket_id = $1", string(ticket))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, err
}

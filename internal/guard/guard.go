// Package guard lets one device at a time use a ticket. The newest device takes the seat in one atomic statement and
// gets a higher epoch; a device that lost the seat can take it back by hand.
package guard

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// A seat may move maxSwaps times within window; then it stays where it is until the window is over. Two people who
// share a ticket soon stop wrestling; one person with a phone and a laptop never notices.
const (
	maxSwaps = 5
	window   = time.Minute
)

// maxDevices is how many devices of one ticket are remembered: the oldest is forgotten first. It bounds the table, and
// a person has fewer.
const maxDevices = 20

// Session is what a device's token means now.
type Session struct {
	Event  id.Event
	Ticket id.Ticket
	Epoch  int64 // of the seat: grows with every change of holder
	Held   bool  // this device holds the seat
}

// Guard keeps devices and seats. Safe for concurrent use, also by several processes on one database.
type Guard struct{ db *db.DB }

// New returns the guard of a migrated platform database.
func New(d *db.DB) *Guard { return &Guard{db: d} }

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Holds says what a token means. Error: Unauthorized "not_admitted" for an unknown token.
func (g *Guard) Holds(ctx context.Context, token string) (Session, error) {
	return find(ctx, g.db, hash(token))
}

func find(ctx context.Context, q db.Querier, tokenHash string) (Session, error) {
	s, err := db.One(ctx, q, func(s *Session) []any { return []any{&s.Event, &s.Ticket, &s.Epoch, &s.Held} },
		`SELECT d.event_id, d.ticket_id, s.epoch, s.token_hash = d.token_hash
		FROM device d JOIN seat s ON s.ticket_id = d.ticket_id WHERE d.token_hash = $1`, tokenHash)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, fault.New(fault.Unauthorized, "not_admitted", "This device has not shown a ticket yet.")
	}
	return s, err
}

// Leave forgets a device; if it held the seat, the seat is free. An unknown token is no error.
func (g *Guard) Leave(ctx context.Context, token string) error {
	return g.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE seat SET token_hash = '', epoch = epoch + 1 WHERE token_hash = $1", hash(token)); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM device WHERE token_hash = $1", hash(token))
		return err
	})
}

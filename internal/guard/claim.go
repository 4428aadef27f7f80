package guard

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Claim registers a new device of a ticket and gives it the seat. The token is for the device's cookie; only its hash
// is stored. Error: Throttled "seat_flapping" with RetryAfter when the seat moved 5 times within a minute: then the
// device is not registered and the person shows the code again.
func (g *Guard) Claim(ctx context.Context, event id.Event, ticket id.Ticket, now time.Time) (token string, s Session, err error) {
	token = id.NewToken()
	err = g.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO device (token_hash, event_id, ticket_id, created_ms) VALUES ($1, $2, $3, $4)",
			hash(token), string(event), string(ticket), now.UnixMilli()); err != nil {
			return err
		}
		var err error
		if s, err = take(tx, event, ticket, hash(token), now); err != nil {
			return err
		}
		return forgetOldest(tx, ticket, hash(token))
	})
	if err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// TakeBack gives the seat to a device that showed the code before; for the device that holds it nothing changes.
// Errors: those of Holds and Claim.
func (g *Guard) TakeBack(ctx context.Context, token string, now time.Time) (Session, error) {
	var s Session
	err := g.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		if s, err = find(ctx, tx, hash(token)); err != nil || s.Held {
			return err
		}
		s, err = take(tx, s.Event, s.Ticket, hash(token), now)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// takeSQL is the atomic claim: one statement decides, counts the swap and hands out the epoch. It returns no row while
// the seat cools down. A window that begins in the future is over as well: the clock was set back.
const takeSQL = `INSERT INTO seat (ticket_id, event_id, epoch, token_hash, claimed_ms, swaps, window_ms)
	VALUES ($1, $2, 1, $3, $4, 0, $4)
	ON CONFLICT (ticket_id) DO UPDATE SET
		epoch = seat.epoch + 1,
		token_hash = excluded.token_hash,
		claimed_ms = excluded.claimed_ms,
		swaps = CASE
			WHEN seat.token_hash = '' THEN seat.swaps
			WHEN abs(excluded.claimed_ms - seat.window_ms) <= $5 THEN seat.swaps + 1
			ELSE 1 END,
		window_ms = CASE
			WHEN abs(excluded.claimed_ms - seat.window_ms) <= $5 THEN seat.window_ms
			ELSE excluded.claimed_ms END
	WHERE seat.token_hash = '' OR seat.swaps < $6 OR abs(excluded.claimed_ms - seat.window_ms) > $5
	RETURNING epoch`

func take(tx *db.Tx, event id.Event, ticket id.Ticket, tokenHash string, now time.Time) (Session, error) {
	epoch, err := db.Value[int64](tx.Context(), tx, takeSQL,
		string(ticket), string(event), tokenHash, now.UnixMilli(), window.Milliseconds(), maxSwaps)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, coolDown(tx, ticket, now)
	}
	return Session{Event: event, Ticket: ticket, Epoch: epoch, Held: true}, err
}

func coolDown(tx *db.Tx, ticket id.Ticket, now time.Time) error {
	began, err := db.Value[int64](tx.Context(), tx, "SELECT window_ms FROM seat WHERE ticket_id = $1", string(ticket))
	if err != nil {
		return err
	}
	wait := max(time.UnixMilli(began).Add(window).Sub(now)+time.Millisecond, time.Millisecond) // the window's last ms counts
	return fault.New(fault.Throttled, "seat_flapping",
		"This ticket moved between devices too often. It stays where it is for the next %d seconds.",
		int64((wait+time.Second-1)/time.Second)).After(wait)
}

// forgetOldest keeps the newest maxDevices of a ticket; the one that holds the seat is never among the forgotten.
func forgetOldest(tx *db.Tx, ticket id.Ticket, holder string) error {
	_, err := tx.Exec(`DELETE FROM device WHERE ticket_id = $1 AND token_hash <> $2 AND token_hash NOT IN
		(SELECT token_hash FROM device WHERE ticket_id = $1 ORDER BY created_ms DESC, token_hash LIMIT $3)`,
		string(ticket), holder, maxDevices)
	return err
}

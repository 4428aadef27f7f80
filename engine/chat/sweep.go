package chat

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// sweepChunk bounds how many rows one background write removes, so that it never holds the writer for long: about 20 ms.
const sweepChunk = 1000

// sweepEvery is how often Run looks for old work when nobody tells it of new: leftovers of a process that was killed.
const sweepEvery = 10 * time.Minute

func (c *Chat) sweepSoon() {
	select {
	case c.wake <- struct{}{}:
	default: // a sweep is due already
	}
}

// Run removes the rows of deleted app instances and channels and forgets old request tokens until ctx ends. It returns
// the first database error; running it again continues the work.
func (c *Chat) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		more, err := c.Sweep(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// Sweep does one bounded piece of what Run does and reports whether there is more.
func (c *Chat) Sweep(ctx context.Context) (more bool, err error) {
	for _, step := range []func(*db.Tx) (int64, error){c.sweepInstance, c.sweepChannel, sweepTokens} {
		err = c.db.Write(ctx, func(tx *db.Tx) error {
			n, err := step(tx)
			more = n > 0
			return err
		})
		if err != nil || more {
			return more, err
		}
	}
	return false, nil
}

// sweepInstance takes one deleted app instance a piece further: first its channels and users, then its own row.
func (c *Chat) sweepInstance(tx *db.Tx) (int64, error) {
	app, err := db.Value[string](tx.Context(), tx, `SELECT id FROM app_instance WHERE deleted_ms > 0 ORDER BY id LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	channels, err := db.All(tx.Context(), tx, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c WHERE c.app = $1 LIMIT 100`, app)
	if err != nil {
		return 0, err
	}
	for _, ch := range channels {
		if err := c.removeChannel(tx, c.named(ch)); err != nil {
			return 0, err
		}
	}
	if len(channels) > 0 {
		return int64(len(channels)), nil
	}
	if n, err := tx.Exec(`DELETE FROM app_instance_admin WHERE app = $1 AND member IN
 (SELECT member FROM app_instance_admin WHERE app = $1 LIMIT $2)`, app, sweepChunk); err != nil || n > 0 {
		return n, err
	}
	users, err := db.All(tx.Context(), tx, func(id *string) []any { return []any{id} },
		`DELETE FROM app_instance_user WHERE app = $1 AND id IN (SELECT id FROM app_instance_user WHERE app = $1 LIMIT $2) RETURNING id`,
		app, sweepChunk)
	if err != nil {
		return 0, err
	}
	if len(users) > 0 {
		gone := make([]arn.ARN, len(users))
		for i, id := range users {
			gone[i] = c.user(app, id)
		}
		c.announce(tx, Event{Type: EventUserDeleted, MessageType: System, Only: gone})
		return int64(len(users)), nil
	}
	return tx.Exec(`DELETE FROM app_instance WHERE id = $1`, app)
}

// sweepChannel takes one deleted channel a piece further.
func (c *Chat) sweepChannel(tx *db.Tx) (int64, error) {
	no, err := db.Value[int64](tx.Context(), tx, `SELECT no FROM removed_channel ORDER BY removed_ms LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, text := range []string{
		`DELETE FROM channel_message WHERE channel = $1 AND created_ms IN
 (SELECT created_ms FROM channel_message WHERE channel = $1 ORDER BY created_ms LIMIT $2)`,
		`DELETE FROM channel_membership WHERE channel = $1 AND member IN
 (SELECT member FROM channel_membership WHERE channel = $1 ORDER BY member LIMIT $2)`,
		`DELETE FROM channel_moderator WHERE channel = $1 AND member IN
 (SELECT member FROM channel_moderator WHERE channel = $1 ORDER BY member LIMIT $2)`,
		`DELETE FROM channel_ban WHERE channel = $1 AND member IN
 (SELECT member FROM channel_ban WHERE channel = $1 ORDER BY member LIMIT $2)`,
	} {
		if n, err := tx.Exec(text, no, sweepChunk); err != nil || n > 0 {
			return n, err
		}
	}
	return tx.Exec(`DELETE FROM removed_channel WHERE no = $1`, no)
}

func sweepTokens(tx *db.Tx) (int64, error) {
	return tx.Exec(`DELETE FROM client_request WHERE created_ms < $1 AND created_ms IN
 (SELECT created_ms FROM client_request WHERE created_ms < $1 ORDER BY created_ms LIMIT $2)`,
		time.Now().Add(-tokenLife).UnixMilli(), sweepChunk)
}

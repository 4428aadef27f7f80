package identity

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Retention says how many days the channels of an app instance keep their messages; 0 means for ever. Older messages
// are hidden at once, and deleted from DeleteMS (Unix ms) on: until then a longer retention brings them back.
type Retention struct{ Days, DeleteMS int64 }

// grace is how long hidden messages can still be brought back (developer guide, "Managing data retention").
const grace = 30 * 24 * time.Hour

// SetRetention replaces the retention of an app instance; days 0 clears it.
func (c *Identities) SetRetention(ctx context.Context, instance arn.ARN, days int64) (Retention, error) {
	r := Retention{Days: days}
	err := c.Write(ctx, func(tx *db.Tx) error {
		if _, err := c.InstanceIn(tx.Context(), tx, instance); err != nil {
			return err
		}
		now := core.NowMS()
		if r.DeleteMS = 0; days > 0 {
			r.DeleteMS = now + grace.Milliseconds()
		}
		_, err := tx.Exec(`UPDATE app_instance SET retention_days = $2, retention_delete_ms = $3, updated_ms = $4 WHERE id = $1`,
			instance.ID(), r.Days, r.DeleteMS, now)
		return err
	})
	return r, err
}

// Retention reads the retention of an app instance.
func (c *Identities) Retention(ctx context.Context, instance arn.ARN) (Retention, error) {
	if _, err := c.Instance(ctx, instance); err != nil {
		return Retention{}, err
	}
	return db.One(ctx, c.DB, func(r *Retention) []any { return []any{&r.Days, &r.DeleteMS} },
		`SELECT retention_days, retention_delete_ms FROM app_instance WHERE id = $1`, instance.ID())
}

// window is how many channels one write looks into for messages that have been hidden long enough: mostly there are none,
// and there may be very many channels.
const window = 1000

// SweepRetention is the step that deletes messages which have been hidden long enough. It goes through the channels in
// the order of their numbers, and begins again when it has come to the end.
func (c *Identities) SweepRetention(tx *db.Tx) (int64, error) {
	now, from := core.NowMS(), c.retained.Load()
	due, err := db.Value[bool](tx.Context(), tx,
		`SELECT EXISTS (SELECT 1 FROM app_instance WHERE retention_days > 0 AND retention_delete_ms <= $1 AND deleted_ms = 0)`, now)
	if err != nil || !due {
		return 0, err
	}
	to, err := db.Value[int64](tx.Context(), tx,
		`SELECT coalesce(max(no), 0) FROM (SELECT no FROM channel WHERE no > $1 ORDER BY no LIMIT $2) c`, from, window)
	if err != nil {
		return 0, err
	}
	gone, err := db.All(tx.Context(), tx, func(channel *int64) []any { return []any{channel} }, retainedSQL, now, core.SweepChunk, from, to)
	if err != nil {
		return 0, err
	}
	if err := stir(tx, gone); err != nil {
		return 0, err
	}
	if len(gone) == core.SweepChunk {
		return core.SweepChunk, nil // there may be more in the same channels
	}
	tx.AfterCommit(func() { c.retained.Store(to) })
	return to, nil // 0 at the end
}

// CROSS JOIN makes SQLite look into the channels one by one instead of at every message.
const retainedSQL = `DELETE FROM channel_message WHERE (channel, created_ms) IN (
 SELECT m.channel, m.created_ms FROM channel c CROSS JOIN app_instance i CROSS JOIN channel_message m
 WHERE c.no > $3 AND c.no <= $4 AND i.id = c.app AND i.retention_days > 0 AND i.retention_delete_ms <= $1 AND i.deleted_ms = 0
 AND m.channel = c.no AND m.created_ms < $1 - i.retention_days * 86400000 LIMIT $2) RETURNING channel`

// stir moves the clocks of channels whose messages the running write deletes, by which pages in memory are known to be old
// (engine/message): a longer retention, later, must not bring back from there what is gone.
func stir(tx *db.Tx, channels []int64) error {
	if len(channels) == 0 {
		return nil
	}
	keys := make([]string, len(channels))
	for i, no := range channels {
		keys[i] = core.Itoa(no)
	}
	_, err := tx.Exec(`UPDATE channel SET clock_ms = clock_ms + 1 WHERE no IN (SELECT CAST(j.key AS BIGINT) FROM json_each($1) j)`, core.Keys(keys))
	return err
}

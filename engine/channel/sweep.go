package channel

import (
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
)

// SweepInstances is the step that ends the channels of a deleted app instance.
func (c *Channels) SweepInstances(tx *db.Tx) (int64, error) {
	app, err := core.Ending(tx)
	if err != nil || app == "" {
		return 0, err
	}
	all, err := db.All(tx.Context(), tx, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c
WHERE c.app = $1 AND c.parent = 0 LIMIT 100`, app)
	if err != nil {
		return 0, err
	}
	for _, ch := range all {
		if err := c.remove(tx, c.named(ch)); err != nil {
			return 0, err
		}
	}
	return int64(len(all)), nil
}

// SweepRemoved is the step that takes one deleted channel a piece further. Its row is locked, for the same reason as in
// core.Ending.
func (c *Channels) SweepRemoved(tx *db.Tx) (int64, error) {
	no, err := db.Value[int64](tx.Context(), tx, `UPDATE removed_channel SET removed_ms = removed_ms WHERE no =
 (SELECT no FROM removed_channel ORDER BY no LIMIT 1) RETURNING no`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	room := int64(core.SweepChunk)
	for _, text := range []string{
		`DELETE FROM channel_message WHERE channel = $1 AND created_ms IN
 (SELECT created_ms FROM channel_message WHERE channel = $1 ORDER BY created_ms LIMIT $2)`,
		`DELETE FROM message_token WHERE channel = $1 AND (sender, token) IN
 (SELECT sender, token FROM message_token WHERE channel = $1 ORDER BY sender, token LIMIT $2)`,
		`DELETE FROM held_message WHERE channel = $1 AND message_id IN
 (SELECT message_id FROM held_message WHERE channel = $1 ORDER BY message_id LIMIT $2)`,
		`DELETE FROM flow_run WHERE id IN (SELECT id FROM flow_run WHERE channel = $1 LIMIT $2)`,
		`DELETE FROM channel_membership WHERE channel = $1 AND member IN
 (SELECT member FROM channel_membership WHERE channel = $1 ORDER BY member LIMIT $2)`,
		`DELETE FROM channel_moderator WHERE channel = $1 AND member IN
 (SELECT member FROM channel_moderator WHERE channel = $1 ORDER BY member LIMIT $2)`,
		`DELETE FROM channel_ban WHERE channel = $1 AND member IN
 (SELECT member FROM channel_ban WHERE channel = $1 ORDER BY member LIMIT $2)`,
	} {
		n, err := tx.Exec(text, no, room)
		if room -= n; err != nil || room <= 0 {
			return core.SweepChunk - room, err
		}
	}
	_, err = tx.Exec(`DELETE FROM removed_channel WHERE no = $1`, no)
	return 1, err
}

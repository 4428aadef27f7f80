package identity

import (
	"encoding/json"
	"strconv"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// SweepInstance is the step that takes one deleted app instance a piece further: its admins, its users, and once the
// other rooms have removed what is theirs, its own row.
func (c *Identities) SweepInstance(tx *db.Tx) (int64, error) {
	app, err := core.Ending(tx)
	if err != nil || app == "" {
		return 0, err
	}
	for _, text := range []string{
		`DELETE FROM app_instance_admin WHERE app = $1 AND member IN (SELECT member FROM app_instance_admin WHERE app = $1 LIMIT $2)`,
		`DELETE FROM resource_tag WHERE app = $1 AND (kind, id, key) IN (SELECT kind, id, key FROM resource_tag WHERE app = $1 LIMIT $2)`,
	} {
		if n, err := tx.Exec(text, app, core.SweepChunk); err != nil || n > 0 {
			return n, err
		}
	}
	if n, err := c.sweepUsers(tx, app); err != nil || n > 0 {
		return n, err
	}
	return tx.Exec(`DELETE FROM app_instance WHERE id = $1`, app)
}

// sweepUsers removes some users of a deleted app instance with their endpoints.
func (c *Identities) sweepUsers(tx *db.Tx, app string) (int64, error) {
	type row struct {
		id string
		no int64
	}
	users, err := db.All(tx.Context(), tx, func(u *row) []any { return []any{&u.id, &u.no} },
		`DELETE FROM app_instance_user WHERE app = $1 AND id IN (SELECT id FROM app_instance_user WHERE app = $1 LIMIT $2) RETURNING id, no`,
		app, core.SweepChunk)
	if err != nil || len(users) == 0 {
		return 0, err
	}
	gone, keys := make([]arn.ARN, len(users)), make(map[string]int, len(users))
	for i, u := range users {
		gone[i], keys[strconv.FormatInt(u.no, 10)] = c.UserARN(app, u.id), 0
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(`DELETE FROM app_instance_user_endpoint WHERE member IN (SELECT CAST(j.key AS BIGINT) FROM json_each($1) j)`,
		string(list)); err != nil {
		return 0, err
	}
	c.Announce(tx, core.Event{Type: core.EventUserDeleted, MessageType: core.System, Only: gone})
	return int64(len(users)), nil
}

package identity

import (
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// SweepInstance is the step that takes one deleted app instance a piece further: its admins, its users, and once the
// other rooms have removed what is theirs, its own row.
func (c *Identities) SweepInstance(tx *db.Tx) (int64, error) {
	app, err := db.Value[string](tx.Context(), tx, `SELECT id FROM app_instance WHERE deleted_ms > 0 ORDER BY id LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n, err := tx.Exec(`DELETE FROM app_instance_admin WHERE app = $1 AND member IN
 (SELECT member FROM app_instance_admin WHERE app = $1 LIMIT $2)`, app, core.SweepChunk); err != nil || n > 0 {
		return n, err
	}
	for _, text := range []string{
		`DELETE FROM app_instance_user_endpoint WHERE member IN
 (SELECT e.member FROM app_instance_user u JOIN app_instance_user_endpoint e ON e.member = u.no WHERE u.app = $1 LIMIT $2)`,
		`DELETE FROM resource_tag WHERE app = $1 AND (kind, id, key) IN (SELECT kind, id, key FROM resource_tag WHERE app = $1 LIMIT $2)`,
	} {
		if n, err := tx.Exec(text, app, core.SweepChunk); err != nil || n > 0 {
			return n, err
		}
	}
	users, err := db.All(tx.Context(), tx, func(id *string) []any { return []any{id} },
		`DELETE FROM app_instance_user WHERE app = $1 AND id IN (SELECT id FROM app_instance_user WHERE app = $1 LIMIT $2) RETURNING id`,
		app, core.SweepChunk)
	if err != nil {
		return 0, err
	}
	if len(users) > 0 {
		gone := make([]arn.ARN, len(users))
		for i, id := range users {
			gone[i] = c.UserARN(app, id)
		}
		c.Announce(tx, core.Event{Type: core.EventUserDeleted, MessageType: core.System, Only: gone})
		return int64(len(users)), nil
	}
	return tx.Exec(`DELETE FROM app_instance WHERE id = $1`, app)
}

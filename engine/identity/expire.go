package identity

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Expiration says after how many days since its creation a user is deleted; 0 means never. Until the background work
// comes to it – minutes, hours on the real service – the user looks alive, and the settings can still be changed.
type Expiration struct{ Days int64 }

const dayMS = 24 * 60 * 60 * 1000

func (e Expiration) at(createdMS int64) int64 {
	if e.Days == 0 {
		return 0
	}
	return createdMS + e.Days*dayMS
}

// SetExpiration replaces a user's expiration; the zero value clears it.
func (c *Identities) SetExpiration(ctx context.Context, user arn.ARN, e Expiration) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.person(tx.Context(), tx, user)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE app_instance_user SET expire_days = $2, expires_ms = $3, updated_ms = $4 WHERE no = $1`,
			u.No, e.Days, e.at(u.CreatedMS), core.NowMS())
		return err
	})
}

// SweepExpired is the step that deletes users whose time has come.
func (c *Identities) SweepExpired(tx *db.Tx) (int64, error) {
	type row struct {
		User
		app string
	}
	all, err := db.All(tx.Context(), tx, func(r *row) []any { return append(r.fields(), &r.app) },
		`SELECT `+userColumns+`, u.app FROM app_instance_user u JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
WHERE u.expires_ms > 0 AND u.expires_ms <= $1 ORDER BY u.expires_ms LIMIT 100`, core.NowMS())
	if err != nil {
		return 0, err
	}
	room := leaveChunk
	for _, r := range all {
		r.ARN = c.UserARN(r.app, r.ID)
		done, err := c.remove(tx, r.User, &room)
		switch {
		case core.IsGone(err): // somebody else was faster
		case err != nil:
			return 0, err
		case !done:
			return int64(len(all)), nil
		}
	}
	return int64(len(all)), nil
}

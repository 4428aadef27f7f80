package channel

import (
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/db"
)

// once is the ClientRequestToken of a channel. It is remembered as long as the channel lives, and goes with it: asking
// again afterwards makes another one.
type once struct{ token, body string }

// before returns the id of the channel that the token made earlier, "" if this is the first time.
func (o once) before(tx *db.Tx, maker int64) (string, error) {
	if o.token == "" {
		return "", nil
	}
	type row struct{ body, id string }
	got, err := db.One(tx.Context(), tx, func(r *row) []any { return []any{&r.body, &r.id} },
		`SELECT t.body, c.id FROM channel_token t JOIN channel c ON c.no = t.channel WHERE t.maker = $1 AND t.token = $2`, maker, o.token)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case got.body != o.body:
		return "", core.ErrTokenReused()
	}
	return got.id, nil
}

// remember keeps the channel for a repeat by its maker, the actor. When another node got in between, the insert fails as
// a duplicate, and Core.Write runs the whole write again.
func (o once) remember(tx *db.Tx, a role.Actor) error {
	if o.token == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO channel_token (maker, token, body, channel) VALUES ($1, $2, $3, $4)`, a.No, o.token, o.body, a.Channel)
	return err
}

package message

import (
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/db"
)

// once is the ClientRequestToken of a message. It is remembered as long as the channel lives: whoever repeats a line
// after a night without a network does not say it twice.
type once struct{ token, body string }

// before returns the id of the message that the token made earlier, "" if this is the first time.
func (o once) before(tx *db.Tx, a role.Actor) (string, error) {
	if o.token == "" {
		return "", nil
	}
	type row struct{ body, id string }
	got, err := db.One(tx.Context(), tx, func(r *row) []any { return []any{&r.body, &r.id} },
		`SELECT body, message_id FROM message_token WHERE channel = $1 AND sender = $2 AND token = $3`, a.Channel, a.No, o.token)
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

// remember keeps the message's id for a repeat. When another node got in between, the insert fails as a duplicate, and
// Core.Write runs the whole write again.
func (o once) remember(tx *db.Tx, a role.Actor, id string) error {
	if o.token == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO message_token (channel, sender, token, body, message_id) VALUES ($1, $2, $3, $4, $5)`,
		a.Channel, a.No, o.token, o.body, id)
	return err
}

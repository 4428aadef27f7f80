package core

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// tokenLife is how long a ClientRequestToken is remembered: long enough for a client that repeats a request after a
// night without a network.
const tokenLife = 24 * time.Hour

// Request identifies one asking: a repeat with the same token and body gets the first answer.
type Request struct {
	scope string // operation and who asked
	token string // ClientRequestToken; "" is never a repeat
	body  string // hash of what was asked
}

// NewRequest names an asking by its operation and who asks (scope), its ClientRequestToken and what is asked.
func NewRequest(scope, token string, body any) Request {
	return Request{scope: scope, token: token, body: Digest(body)}
}

// Digest is a hash of what is asked; body is a plain structure of strings, numbers and lists.
func Digest(body any) string {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // bodies are plain structures
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// ErrTokenReused says that a ClientRequestToken came back with another request.
func ErrTokenReused() error {
	return fault.New(fault.Conflict, "token_reused", "The ClientRequestToken was used before with a different request.")
}

// Before returns the answer that the request got earlier, "" if this is the first time.
func (r Request) Before(tx *db.Tx) (string, error) {
	if r.token == "" {
		return "", nil
	}
	type row struct{ body, answer string }
	got, err := db.One(tx.Context(), tx, func(r *row) []any { return []any{&r.body, &r.answer} },
		`SELECT body, answer FROM client_request WHERE scope = $1 AND token = $2`, r.scope, r.token)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case got.body != r.body:
		return "", ErrTokenReused()
	}
	return got.answer, nil
}

// Standing is Before for an answer that names a thing which still looks up: one that is gone is forgotten, so that asking
// again makes it again, and the answer is "".
func (r Request) Standing(tx *db.Tx, still func(answer string) error) (string, error) {
	answer, err := r.Before(tx)
	if err != nil || answer == "" {
		return "", err
	}
	switch err := still(answer); {
	case err == nil:
		return answer, nil
	case !IsGone(err):
		return "", err
	}
	return "", r.Forget(tx)
}

// Remember keeps the answer for a repeat. When another node got in between, the insert fails as a duplicate, and
// Core.Write runs the whole write again.
func (r Request) Remember(tx *db.Tx, answer string, now int64) error {
	if r.token == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO client_request (scope, token, body, answer, created_ms) VALUES ($1, $2, $3, $4, $5)`,
		r.scope, r.token, r.body, answer, now)
	return err
}

// Forget drops an answer that names something deleted since: asking again makes it again.
func (r Request) Forget(tx *db.Tx) error {
	_, err := tx.Exec(`DELETE FROM client_request WHERE scope = $1 AND token = $2`, r.scope, r.token)
	return err
}

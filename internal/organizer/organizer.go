// Package organizer signs people in to the console by one-time links.
//
// A link's secret travels behind the # of an address, so that it reaches no server log. Using it is one atomic UPDATE:
// of two people who follow the same link one gets in. Secrets are stored as SHA-256 only; they are 160 random bits, so
// that a slow hash would add nothing.
package organizer

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// How long secrets live: a link is used the day it is printed, a session lasts from set-up to the morning after a show.
const (
	LinkLife    = 24 * time.Hour
	SessionLife = 7 * 24 * time.Hour
)

// Organizer may use the console.
type Organizer struct {
	ID   id.Organizer
	Name string
}

// Store keeps organizers, links and sessions. Safe for concurrent use.
type Store struct{ db *db.DB }

// New returns the store of a migrated platform database.
func New(d *db.DB) *Store { return &Store{db: d} }

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func fields(o *Organizer) []any { return []any{&o.ID, &o.Name} }

// Ensure returns the organizer of that name and makes one if there is none.
func (s *Store) Ensure(ctx context.Context, name string, now time.Time) (Organizer, error) {
	if name == "" {
		return Organizer{}, fault.New(fault.Invalid, "invalid_name", "An organizer needs a name.").On("name")
	}
	var o Organizer
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO organizer (id, name, created_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
			string(id.NewOrganizer()), name, now.UnixMilli()); err != nil {
			return err
		}
		var err error
		o, err = db.One(ctx, tx, fields, "SELECT id, name FROM organizer WHERE name = $1", name)
		return err
	})
	return o, err
}

// NewLink makes the secret of a sign-in link, /console#sign-in=TOKEN, that works once within 24 hours. Links and
// sessions that have expired are forgotten by the way.
func (s *Store) NewLink(ctx context.Context, organizer id.Organizer, now time.Time) (token string, err error) {
	token = id.NewToken()
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		for _, table := range []string{"sign_in_link", "organizer_session"} {
			if _, err := tx.Exec("DELETE FROM "+table+" WHERE expires_ms <= $1", now.UnixMilli()); err != nil {
				return err
			}
		}
		_, err := tx.Exec("INSERT INTO sign_in_link (token_hash, organizer_id, expires_ms) VALUES ($1, $2, $3)",
			hash(token), string(organizer), now.Add(LinkLife).UnixMilli())
		return err
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// SignIn uses up a link's secret and returns the secret of a new session that lasts SessionLife. Error: Unauthorized
// "link_used_or_expired", the same for a link that never was.
func (s *Store) SignIn(ctx context.Context, link string, now time.Time) (session string, err error) {
	session = id.NewToken()
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		who, err := db.Value[string](ctx, tx, `UPDATE sign_in_link SET used_ms = $1
			WHERE token_hash = $2 AND used_ms = 0 AND expires_ms > $1 RETURNING organizer_id`, now.UnixMilli(), hash(link))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Unauthorized, "link_used_or_expired", "This sign-in link has been used or is too old. Ask for a new one.")
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO organizer_session (token_hash, organizer_id, expires_ms) VALUES ($1, $2, $3)",
			hash(session), who, now.Add(SessionLife).UnixMilli())
		return err
	})
	if err != nil {
		return "", err
	}
	return session, nil
}

// Session says whose session it is. Error: Unauthorized "not_signed_in".
func (s *Store) Session(ctx context.Context, session string, now time.Time) (Organizer, error) {
	o, err := db.One(ctx, s.db, fields, `SELECT o.id, o.name FROM organizer_session s JOIN organizer o ON o.id = s.organizer_id
		WHERE s.token_hash = $1 AND s.expires_ms > $2`, hash(session), now.UnixMilli())
	if errors.Is(err, sql.ErrNoRows) {
		return Organizer{}, fault.New(fault.Unauthorized, "not_signed_in", "Please sign in with a sign-in link.")
	}
	return o, err
}

// SignOut ends a session. An unknown one is no error.
func (s *Store) SignOut(ctx context.Context, session string) error {
	_, err := s.db.Exec(ctx, "DELETE FROM organizer_session WHERE token_hash = $1", hash(session))
	return err
}

package engine

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/db"
)

// secrets fills in the root key and returns the key that seals temporary credentials. What is not configured is made
// once and kept in the database, so that every node and every start knows the same.
func (e *Engine) secrets(ctx context.Context) (seal []byte, err error) {
	if (e.cfg.AccessKeyID == "") != (e.cfg.SecretAccessKey == "") {
		return nil, errors.New("AccessKeyID and SecretAccessKey must be given together")
	}
	if e.cfg.AccessKeyID == "" {
		if e.cfg.AccessKeyID, err = e.kept(ctx, "access_key_id", "AKIA"+base32.StdEncoding.EncodeToString(random(10))); err != nil {
			return nil, err
		}
		if e.cfg.SecretAccessKey, err = e.kept(ctx, "secret_access_key", base64.StdEncoding.EncodeToString(random(30))); err != nil {
			return nil, err
		}
	}
	text, err := e.kept(ctx, "seal_key", hex.EncodeToString(random(32)))
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(text)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return b
}

// sameNames refuses another region or account than those of the first start. Both are part of every ARN: under others,
// whatever the database holds would have names that nobody knows. AWS_REGION is easily another in another shell.
func (e *Engine) sameNames(ctx context.Context) error {
	for name, value := range map[string]string{"region": e.cfg.Region, "account": e.cfg.Account} {
		if was, err := e.kept(ctx, name, value); err != nil {
			return err
		} else if was != value {
			return fmt.Errorf("the database was made for the %s %s, not %s: it is in every ARN and cannot change", name, was, value)
		}
	}
	return nil
}

// kept stores a secret unless there is one, and returns the one that is there.
func (e *Engine) kept(ctx context.Context, name, fresh string) (string, error) {
	if _, err := e.db.Exec(ctx, `INSERT INTO engine_secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, fresh); err != nil {
		return "", err
	}
	return db.Value[string](ctx, e.db, `SELECT value FROM engine_secret WHERE name = $1`, name)
}

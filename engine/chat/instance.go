package chat

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Instance is an app instance: the walls around one set of users and channels.
type Instance struct {
	ARN                  arn.ARN
	Name, Metadata       string
	CreatedMS, UpdatedMS int64

	id string
}

// CreateInstance makes an app instance. The same token and input give the same ARN.
func (c *Chat) CreateInstance(ctx context.Context, token, name, metadata string) (arn.ARN, error) {
	req := newRequest("CreateAppInstance", token, []string{name, metadata})
	app := id.NewUUID()
	var made arn.ARN
	err := c.write(ctx, func(tx *db.Tx) error {
		now := nowMS()
		old, err := req.before(tx)
		if err != nil {
			return err
		}
		if made = arn.ARN(old); old != "" {
			switch _, err := c.Instance(tx.Context(), tx, made); {
			case err == nil:
				return nil
			case !isGone(err):
				return err
			}
			if err := req.forget(tx); err != nil {
				return err
			}
		}
		made = c.instanceARN(app)
		if _, err := tx.Exec(`INSERT INTO app_instance (id, name, metadata, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $4)`,
			app, name, metadata, now); err != nil {
			return err
		}
		return req.remember(tx, string(made), now)
	})
	return made, err
}

const instanceColumns = `id, name, metadata, created_ms, updated_ms`

func (c *Chat) instanceFields(i *Instance) []any {
	return []any{&i.id, &i.Name, &i.Metadata, &i.CreatedMS, &i.UpdatedMS}
}

// Instance reads an app instance; q is nil outside a write.
func (c *Chat) Instance(ctx context.Context, q db.Querier, instance arn.ARN) (Instance, error) {
	r, ok := c.find(instance, arn.KindAppInstance)
	if !ok {
		return Instance{}, errInstance()
	}
	i, err := db.One(ctx, c.orDB(q), c.instanceFields,
		`SELECT `+instanceColumns+` FROM app_instance WHERE id = $1 AND deleted_ms = 0`, r.app)
	if errors.Is(err, sql.ErrNoRows) {
		return i, errInstance()
	}
	i.ARN = instance
	return i, err
}

func (c *Chat) orDB(q db.Querier) db.Querier {
	if q == nil {
		return c.db
	}
	return q
}

// Instances lists every app instance of the account.
func (c *Chat) Instances(ctx context.Context, p Page) ([]Instance, string, error) {
	after, err := p.key("instances")
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.db, c.instanceFields, `SELECT `+instanceColumns+` FROM app_instance
WHERE id > $1 AND deleted_ms = 0 ORDER BY id LIMIT $2`, after, p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].ARN = c.instanceARN(all[i].id)
	}
	all, next := cut(all, p, "instances", func(i Instance) string { return i.id })
	return all, next, nil
}

// UpdateInstance replaces name and metadata.
func (c *Chat) UpdateInstance(ctx context.Context, instance arn.ARN, name, metadata string) error {
	r, ok := c.find(instance, arn.KindAppInstance)
	if !ok {
		return errInstance()
	}
	n, err := c.db.Exec(ctx, `UPDATE app_instance SET name = $2, metadata = $3, updated_ms = $4 WHERE id = $1 AND deleted_ms = 0`,
		r.app, name, metadata, nowMS())
	if err == nil && n == 0 {
		err = errInstance()
	}
	return err
}

// DeleteInstance ends an app instance at once: nothing inside can be used any more. The rows go in the background (Run).
func (c *Chat) DeleteInstance(ctx context.Context, instance arn.ARN) error {
	r, ok := c.find(instance, arn.KindAppInstance)
	if !ok {
		return errInstance()
	}
	err := c.write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(`UPDATE app_instance SET deleted_ms = $2 WHERE id = $1 AND deleted_ms = 0`, r.app, nowMS())
		if err == nil && n == 0 {
			err = errInstance()
		}
		return err
	})
	if err == nil {
		c.sweepSoon()
	}
	return err
}

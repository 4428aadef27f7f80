// Package identity is who there is: app instances, their users and their admins (API reference, Amazon Chime SDK
// Identity). These are operations of the account's developers: IAM alone decides about them, no role table.
package identity

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Identities is the room. Safe for concurrent use.
type Identities struct {
	*core.Core
	leave func(tx *db.Tx, u User, most int) (int, error)

	retained atomic.Int64 // channel.no up to which SweepRetention has come
}

// New makes the room. leave ends what a user is in the channels, in the write that deletes the user: at most so many
// memberships. It returns how many it found; 0 is the end.
func New(c *core.Core, leave func(tx *db.Tx, u User, most int) (int, error)) *Identities {
	return &Identities{Core: c, leave: leave}
}

// Instance is an app instance: the walls around one set of users and channels.
type Instance struct {
	ARN                  arn.ARN
	Name, Metadata       string
	CreatedMS, UpdatedMS int64

	id string
}

// CreateInstance makes an app instance. The same token and input give the same ARN.
func (c *Identities) CreateInstance(ctx context.Context, token, name, metadata string, tags ...tag.Tag) (arn.ARN, error) {
	req := core.NewRequest("CreateAppInstance", token, []any{name, metadata, tags})
	app := id.NewUUID()
	var made arn.ARN
	err := c.Write(ctx, func(tx *db.Tx) error {
		now := core.NowMS()
		old, err := req.Standing(tx, func(old string) error {
			_, err := c.InstanceIn(tx.Context(), tx, arn.ARN(old))
			return err
		})
		if made = arn.ARN(old); err != nil || old != "" {
			return err
		}
		if err := c.Fits(tx, quota.AppInstances, 1, `app_instance WHERE deleted_ms = 0`); err != nil {
			return err
		}
		made = c.InstanceARN(app)
		if _, err := tx.Exec(`INSERT INTO app_instance (id, name, metadata, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $4)`,
			app, name, metadata, now); err != nil {
			return err
		}
		if err := tag.Put(tx, app, arn.KindAppInstance, "", tags); err != nil {
			return err
		}
		return req.Remember(tx, string(made), now)
	})
	return made, err
}

const instanceColumns = `id, name, metadata, created_ms, updated_ms`

func (c *Identities) instanceFields(i *Instance) []any {
	return []any{&i.id, &i.Name, &i.Metadata, &i.CreatedMS, &i.UpdatedMS}
}

// Instance reads an app instance.
func (c *Identities) Instance(ctx context.Context, instance arn.ARN) (Instance, error) {
	return c.InstanceIn(ctx, c.DB, instance)
}

// InstanceIn is Instance inside a write.
func (c *Identities) InstanceIn(ctx context.Context, q db.Querier, instance arn.ARN) (Instance, error) {
	r, ok := c.Find(instance, arn.KindAppInstance)
	if !ok {
		return Instance{}, core.ErrInstance()
	}
	i, err := db.One(ctx, q, c.instanceFields,
		`SELECT `+instanceColumns+` FROM app_instance WHERE id = $1 AND deleted_ms = 0`, r.App)
	if errors.Is(err, sql.ErrNoRows) {
		return i, core.ErrInstance()
	}
	i.ARN = instance
	return i, err
}

// Instances lists every app instance of the account.
func (c *Identities) Instances(ctx context.Context, p core.Page) ([]Instance, string, error) {
	after, err := p.Key("instances")
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, c.instanceFields, `SELECT `+instanceColumns+` FROM app_instance
WHERE id > $1 AND deleted_ms = 0 ORDER BY id LIMIT $2`, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].ARN = c.InstanceARN(all[i].id)
	}
	all, next := core.Cut(all, p, "instances", func(i Instance) string { return i.id })
	return all, next, nil
}

// UpdateInstance replaces name and metadata.
func (c *Identities) UpdateInstance(ctx context.Context, instance arn.ARN, name, metadata string) error {
	r, ok := c.Find(instance, arn.KindAppInstance)
	if !ok {
		return core.ErrInstance()
	}
	n, err := c.DB.Exec(ctx, `UPDATE app_instance SET name = $2, metadata = $3, updated_ms = $4 WHERE id = $1 AND deleted_ms = 0`,
		r.App, name, metadata, core.NowMS())
	if err == nil && n == 0 {
		err = core.ErrInstance()
	}
	return err
}

// DeleteInstance ends an app instance at once: nothing inside can be used any more. The rows go in the background (Run).
func (c *Identities) DeleteInstance(ctx context.Context, instance arn.ARN) error {
	r, ok := c.Find(instance, arn.KindAppInstance)
	if !ok {
		return core.ErrInstance()
	}
	err := c.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(`UPDATE app_instance SET deleted_ms = $2 WHERE id = $1 AND deleted_ms = 0`, r.App, core.NowMS())
		if err == nil && n == 0 {
			err = core.ErrInstance()
		}
		return err
	})
	if err == nil {
		c.SweepSoon()
	}
	return err
}

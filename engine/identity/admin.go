package identity

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Admin is a user who may moderate every channel of the app instance, and more (engine/role).
type Admin struct {
	User      core.Identity
	CreatedMS int64

	no int64
	id string
}

// UserOf finds a user or bot who must belong to the app instance.
func (c *Identities) UserOf(ctx context.Context, q db.Querier, instance, user arn.ARN) (User, error) {
	if r, ok := c.FindUser(user); !ok || c.InstanceARN(r.App) != instance {
		return User{}, core.ErrUser()
	}
	return c.UserIn(ctx, q, user)
}

// CreateAdmin promotes a user; promoting twice is a Conflict.
func (c *Identities) CreateAdmin(ctx context.Context, instance, user arn.ARN) (core.Identity, error) {
	var who core.Identity
	err := c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.UserOf(tx.Context(), tx, instance, user)
		if err != nil {
			return err
		}
		who = u.Identity()
		if err := c.Fits(tx, quota.Admins, 1, `app_instance_admin WHERE app = $1 AND member <> $2`, instance.ID(), u.No); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO app_instance_admin (app, member, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			instance.ID(), u.No, core.NowMS())
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "admin_exists", "The user is an admin of the app instance already.")
		}
		return err
	})
	return who, err
}

const adminSQL = `SELECT a.member, u.id, u.name, a.created_ms FROM app_instance_admin a
JOIN app_instance_user u ON u.no = a.member JOIN app_instance i ON i.id = a.app AND i.deleted_ms = 0 WHERE a.app = $1 `

func (a *Admin) fields() []any { return []any{&a.no, &a.id, &a.User.Name, &a.CreatedMS} }

// Admin reads one promotion.
func (c *Identities) Admin(ctx context.Context, instance, user arn.ARN) (Admin, error) {
	u, err := c.UserOf(ctx, c.DB, instance, user)
	if err != nil {
		return Admin{}, err
	}
	a, err := db.One(ctx, c.DB, (*Admin).fields, adminSQL+`AND a.member = $2`, instance.ID(), u.No)
	if errors.Is(err, sql.ErrNoRows) {
		return a, errNoAdmin()
	}
	a.User.Arn = user
	return a, err
}

func errNoAdmin() error {
	return fault.New(fault.Denied, "admin", "The user is not an admin of the app instance.")
}

// Admins lists the admins of an app instance.
func (c *Identities) Admins(ctx context.Context, instance arn.ARN, p core.Page) ([]Admin, string, error) {
	if _, err := c.Instance(ctx, instance); err != nil {
		return nil, "", err
	}
	name := core.List("admins", string(instance))
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Admin).fields, adminSQL+`AND a.member > $2 ORDER BY a.member LIMIT $3`,
		instance.ID(), after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].User.Arn = c.UserARN(instance.ID(), all[i].id)
	}
	all, next := core.Cut(all, p, name, func(a Admin) string { return core.Itoa(a.no) })
	return all, next, nil
}

// DeleteAdmin takes the promotion back; the user stays.
func (c *Identities) DeleteAdmin(ctx context.Context, instance, user arn.ARN) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.UserOf(tx.Context(), tx, instance, user)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM app_instance_admin WHERE app = $1 AND member = $2`, instance.ID(), u.No)
		if err == nil && n == 0 {
			err = errNoAdmin()
		}
		return err
	})
}

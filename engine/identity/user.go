package identity

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// User is an app instance user, or a bot in the place of one.
type User struct {
	ARN                  arn.ARN
	Name, Metadata       string
	CreatedMS, UpdatedMS int64
	Expiration           Expiration

	ID string // in the tables
	No int64  // app_instance_user.no
}

// Identity is how others see u.
func (u User) Identity() core.Identity { return core.Identity{Arn: u.ARN, Name: u.Name} }

// NewUser is what CreateUser needs.
type NewUser struct {
	Instance           arn.ARN
	ID, Name, Metadata string
	Expiration         Expiration
	Tags               []tag.Tag
}

// same reports whether somebody who asks for in may have u.
func (in NewUser) same(u User) bool { return in.Name == u.Name && in.Metadata == u.Metadata }

// CreateUser makes a user under an id of the caller's choice. Creating the same user with the same name and metadata
// again succeeds, as on the real service, where applications do so at every login; other attributes are a Conflict.
func (c *Identities) CreateUser(ctx context.Context, token string, in NewUser) (arn.ARN, error) {
	req := core.NewRequest("CreateAppInstanceUser\n"+string(in.Instance), token, in)
	user := in.Instance.User(in.ID)
	return user, c.Write(ctx, func(tx *db.Tx) error {
		if _, err := c.InstanceIn(tx.Context(), tx, in.Instance); err != nil {
			return err
		}
		old, err := req.Before(tx)
		if err != nil {
			return err
		}
		switch u, err := c.UserIn(tx.Context(), tx, user); {
		case err == nil && (in.same(u) || old != ""): // or a late repeat, after an update: made by this very request
			return nil
		case err == nil:
			return fault.New(fault.Conflict, "user_exists", "The app instance user exists with other attributes.")
		case !core.IsGone(err):
			return err
		}
		if old != "" {
			if err := req.Forget(tx); err != nil {
				return err
			}
		}
		now := core.NowMS()
		if err := c.insertUser(tx, in, now); err != nil {
			return err
		}
		return req.Remember(tx, string(user), now)
	})
}

func (c *Identities) insertUser(tx *db.Tx, in NewUser, now int64) error {
	app := in.Instance.ID()
	if _, err := tx.Exec(`INSERT INTO app_instance_user (app, id, no, name, metadata, created_ms, updated_ms, expire_days, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)`, app, in.ID, core.NewNo(), in.Name, in.Metadata, now,
		in.Expiration.Days, in.Expiration.at(now)); err != nil {
		return err
	}
	if err := c.Counted(tx, quota.Users, "users", app, 1); err != nil {
		return err
	}
	return tag.Put(tx, app, arn.KindUser, in.ID, in.Tags)
}

const userColumns = `u.no, u.id, u.name, u.metadata, u.created_ms, u.updated_ms, u.expire_days`

func (u *User) fields() []any {
	return []any{&u.No, &u.ID, &u.Name, &u.Metadata, &u.CreatedMS, &u.UpdatedMS, &u.Expiration.Days}
}

// User reads a user; a Denied fault says that there is none.
func (c *Identities) User(ctx context.Context, user arn.ARN) (User, error) {
	return c.person(ctx, c.DB, user)
}

// person is UserIn for users alone.
func (c *Identities) person(ctx context.Context, q db.Querier, user arn.ARN) (User, error) {
	if !user.Is(arn.KindUser) {
		return User{}, core.ErrUser()
	}
	return c.UserIn(ctx, q, user)
}

// UserIn finds a user or bot.
func (c *Identities) UserIn(ctx context.Context, q db.Querier, user arn.ARN) (User, error) {
	r, ok := c.FindUser(user)
	if !ok {
		return User{}, core.ErrUser()
	}
	u, err := db.One(ctx, q, (*User).fields, `SELECT `+userColumns+` FROM app_instance_user u
JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0 WHERE u.app = $1 AND u.id = $2`, r.App, r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return u, core.ErrUser()
	}
	u.ARN = user
	return u, err
}

// CROSS JOIN makes SQLite begin with the few that are asked for.
const usersInSQL = `SELECT ` + userColumns + ` FROM json_each($2) j CROSS JOIN app_instance_user u
JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0 WHERE u.app = $1 AND u.id = j.key`

// UsersIn is UserIn for many users of one app instance, by their ids in the tables. Who does not exist is not in the answer.
func (c *Identities) UsersIn(ctx context.Context, q db.Querier, app string, ids []string) (map[string]User, error) {
	all, err := db.All(ctx, q, (*User).fields, usersInSQL, app, core.Keys(ids))
	out := make(map[string]User, len(all))
	for _, u := range all {
		u.ARN = c.UserARN(app, u.ID)
		out[u.ID] = u
	}
	return out, err
}

// Users lists the users of an app instance in the order of their ids.
func (c *Identities) Users(ctx context.Context, instance arn.ARN, p core.Page) ([]User, string, error) {
	if _, err := c.Instance(ctx, instance); err != nil {
		return nil, "", err
	}
	name := core.List("users", string(instance))
	after, err := p.Key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*User).fields, `SELECT `+userColumns+` FROM app_instance_user u
WHERE u.app = $1 AND u.kind = 'user' AND u.id > $2 ORDER BY u.id LIMIT $3`, instance.ID(), after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].ARN = instance.User(all[i].ID)
	}
	all, next := core.Cut(all, p, name, func(u User) string { return u.ID })
	return all, next, nil
}

// UpdateUser replaces name and metadata. Messages already sent keep the name they were sent under.
func (c *Identities) UpdateUser(ctx context.Context, user arn.ARN, name, metadata string) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.person(tx.Context(), tx, user)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE app_instance_user SET name = $2, metadata = $3, updated_ms = $4 WHERE no = $1`,
			u.No, name, metadata, core.NowMS())
		return err
	})
}

// DeleteUser removes a user with memberships, moderatorships, bans and adminship. The members left behind see the
// memberships end; messages stay and keep their sender. Who has very many memberships loses them in several writes, so
// that nobody waits long, and is there until the last of them: a call that fails in between can be repeated.
func (c *Identities) DeleteUser(ctx context.Context, user arn.ARN) error {
	return c.removing(ctx, func(tx *db.Tx) (User, error) { return c.person(tx.Context(), tx, user) })
}

// leaveChunk bounds how many memberships one write ends: each looks at the size of its channel and at its moderators, and
// all of them take some 30 ms.
const leaveChunk = 200

func (c *Identities) removing(ctx context.Context, find func(*db.Tx) (User, error)) error {
	for done := false; !done; {
		err := c.Write(ctx, func(tx *db.Tx) error {
			u, err := find(tx)
			if err != nil {
				return err
			}
			room := leaveChunk
			done, err = c.remove(tx, u, &room)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a user or bot with everything that hangs on it, unless there is no room for all memberships: then it is
// to be called again in another write. Of two who delete the user one is refused.
func (c *Identities) remove(tx *db.Tx, u User, room *int) (done bool, err error) {
	if done, err := c.leaveAll(tx, u, room); err != nil || !done {
		return false, err
	}
	// Now nobody adds the user to a channel any more. What was added or moved by another node meanwhile ends, too; the
	// channels came first, because whoever adds members locks them first.
	if n, err := tx.Exec(`UPDATE app_instance_user SET updated_ms = updated_ms WHERE no = $1`, u.No); err != nil || n == 0 {
		return false, cmp.Or(err, core.ErrUser())
	}
	if done, err := c.leaveAll(tx, u, room); err != nil || !done {
		return false, err
	}
	return true, c.removeRow(tx, u)
}

// leaveAll ends the memberships of a user until there are none, or no room.
func (c *Identities) leaveAll(tx *db.Tx, u User, room *int) (done bool, err error) {
	for *room > 0 {
		n, err := c.leave(tx, u, *room)
		if err != nil || n == 0 {
			return err == nil, err
		}
		*room -= n
	}
	return false, nil
}

func (c *Identities) removeRow(tx *db.Tx, u User) error {
	app := u.ARN.AppInstance().ID()
	if _, err := tx.Exec(`DELETE FROM app_instance_admin WHERE app = $1 AND member = $2`, app, u.No); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM app_instance_user_endpoint WHERE member = $1`, u.No); err != nil {
		return err
	}
	if err := tag.Drop(tx, app, kindOf(u.ARN), u.ARN.ID()); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM app_instance_user WHERE no = $1`, u.No); err != nil {
		return err
	}
	if u.ARN.Is(arn.KindUser) {
		if err := c.Counted(tx, quota.Users, "users", app, -1); err != nil {
			return err
		}
	}
	c.Announce(tx, core.Event{Type: core.EventUserDeleted, MessageType: core.System, Only: []arn.ARN{u.ARN}})
	return nil
}

func kindOf(a arn.ARN) arn.Kind {
	if a.Is(arn.KindBot) {
		return arn.KindBot
	}
	return arn.KindUser
}

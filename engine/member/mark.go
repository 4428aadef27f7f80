package member

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Mark is what moderators and bans have in common: a user is marked in a channel, by somebody, at some time.
type Mark struct {
	Channel         arn.ARN
	User, CreatedBy core.Identity
	CreatedMS       int64

	no     int64
	id, by string
}

// marks is one kind of Mark. The operations' names are the rows of the role table.
type marks struct{ table, create, describe, list, remove, created, removed, missing string }

func moderators() marks {
	return marks{"channel_moderator", "CreateChannelModerator", "DescribeChannelModerator", "ListChannelModerators",
		"DeleteChannelModerator", core.EventCreateModerator, core.EventDeleteModerator, "The user is not a moderator of this channel."}
}

func bans() marks {
	return marks{"channel_ban", "CreateChannelBan", "DescribeChannelBan", "ListChannelBans", "DeleteChannelBan",
		core.EventCreateBan, core.EventDeleteBan, "The user is not banned from this channel."}
}

// CreateModerator makes a user a moderator of the channel; who is one stays one. Banned users cannot become one. In an
// elastic channel promoting and demoting end the user's memberships.
func (c *Members) CreateModerator(ctx context.Context, bearer, channel, user arn.ARN) (Mark, error) {
	var made Mark
	err := c.Changing(ctx, moderators().create, bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), user)
		if err != nil {
			return err
		}
		who, err := c.InChannel(tx.Context(), tx, user, channel)
		if err != nil {
			return err
		}
		if who.Banned {
			return errBanned()
		}
		if a.Elastic && !who.Moderator {
			if err := c.leave(tx, a, u.No); err != nil {
				return err
			}
		}
		made, err = c.Promote(tx, a, u, core.NowMS())
		return err
	})
	return made, err
}

// Promote makes a user a moderator in the running write. Nothing is checked.
func (c *Members) Promote(tx *db.Tx, a role.Actor, u identity.User, now int64) (Mark, error) {
	if err := c.Fits(tx, quota.Moderators, 1, `channel_moderator WHERE channel = $1 AND member <> $2`, a.Channel, u.No); err != nil {
		return Mark{}, err
	}
	return c.insertMark(tx, moderators(), a, u, now)
}

// CreateBan bans a user from the channel for good and ends their membership. Admins and moderators of the channel
// cannot be banned.
func (c *Members) CreateBan(ctx context.Context, bearer, channel, user arn.ARN) (Mark, error) {
	var made Mark
	err := c.Changing(ctx, bans().create, bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), user)
		if err != nil {
			return err
		}
		who, err := c.InChannel(tx.Context(), tx, user, channel)
		if err != nil {
			return err
		}
		if who.Admin || who.Moderator {
			return fault.New(fault.Denied, "role", "Admins and moderators of the channel cannot be banned.")
		}
		if made, err = c.insertMark(tx, bans(), a, u, core.NowMS()); err != nil {
			return err
		}
		return c.leave(tx, a, u.No)
	})
	return made, err
}

func (c *Members) insertMark(tx *db.Tx, k marks, a role.Actor, u identity.User, now int64) (Mark, error) {
	n, err := tx.Exec(`INSERT INTO `+k.table+` (channel, member, by_id, by_name, created_ms)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, a.Channel, u.No, a.ID, a.Name, now)
	if err != nil {
		return Mark{}, err
	}
	m, err := c.mark(tx.Context(), tx, k, a, u)
	if err == nil && n > 0 {
		c.recordMark(tx, k.created, m)
	}
	return m, err
}

// recordMark tells streams of a mark; sessions are not told.
func (c *Members) recordMark(tx *db.Tx, event string, m Mark) {
	c.Record(tx, core.Event{Type: event, MessageType: core.System, Channel: m.Channel, Payload: wireOfMark(event, m)})
}

func (k marks) sql() string {
	return `SELECT m.member, u.id, u.name, m.by_id, m.by_name, m.created_ms FROM ` + k.table + ` m
JOIN app_instance_user u ON u.no = m.member WHERE m.channel = $1 `
}

func (m *Mark) fields() []any {
	return []any{&m.no, &m.id, &m.User.Name, &m.by, &m.CreatedBy.Name, &m.CreatedMS}
}

func (c *Members) markNamed(a role.Actor, m Mark) Mark {
	m.Channel = c.ChannelARN(a)
	m.User.Arn, m.CreatedBy.Arn = c.UserARN(a.App, m.id), c.UserARN(a.App, m.by)
	return m
}

func (c *Members) mark(ctx context.Context, q db.Querier, k marks, a role.Actor, u identity.User) (Mark, error) {
	m, err := db.One(ctx, q, (*Mark).fields, k.sql()+`AND m.member = $2`, a.Channel, u.No)
	if errors.Is(err, sql.ErrNoRows) {
		return m, fault.New(fault.NotFound, k.table, "%s", k.missing)
	}
	return c.markNamed(a, m), err
}

// Moderator reads one moderatorship.
func (c *Members) Moderator(ctx context.Context, bearer, channel, user arn.ARN) (Mark, error) {
	return c.describe(ctx, moderators(), bearer, channel, user)
}

// Ban reads one ban.
func (c *Members) Ban(ctx context.Context, bearer, channel, user arn.ARN) (Mark, error) {
	return c.describe(ctx, bans(), bearer, channel, user)
}

func (c *Members) describe(ctx context.Context, k marks, bearer, channel, user arn.ARN) (Mark, error) {
	a, err := c.Allowed(ctx, c.DB, k.describe, bearer, channel, false)
	if err != nil {
		return Mark{}, err
	}
	u, err := c.ids.UserOf(ctx, c.DB, c.InstanceARN(a.App), user)
	if err != nil {
		return Mark{}, err
	}
	return c.mark(ctx, c.DB, k, a, u)
}

// Moderators lists the moderators of a channel.
func (c *Members) Moderators(ctx context.Context, bearer, channel arn.ARN, p core.Page) ([]Mark, string, error) {
	return c.marked(ctx, moderators(), bearer, channel, p)
}

// Bans lists who is banned from a channel.
func (c *Members) Bans(ctx context.Context, bearer, channel arn.ARN, p core.Page) ([]Mark, string, error) {
	return c.marked(ctx, bans(), bearer, channel, p)
}

func (c *Members) marked(ctx context.Context, k marks, bearer, channel arn.ARN, p core.Page) ([]Mark, string, error) {
	a, err := c.Allowed(ctx, c.DB, k.list, bearer, channel, false)
	if err != nil {
		return nil, "", err
	}
	name := core.List(k.table, core.Itoa(a.Channel))
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Mark).fields, k.sql()+`AND m.member > $2 ORDER BY m.member LIMIT $3`,
		a.Channel, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i] = c.markNamed(a, all[i])
	}
	all, next := core.Cut(all, p, name, func(m Mark) string { return core.Itoa(m.no) })
	return all, next, nil
}

// DeleteModerator demotes a moderator; their membership stays, except in an elastic channel. Who is none stays none.
func (c *Members) DeleteModerator(ctx context.Context, bearer, channel, user arn.ARN) error {
	return c.unmark(ctx, moderators(), bearer, channel, user, func(tx *db.Tx, a role.Actor, member int64) error {
		if !a.Elastic {
			return nil
		}
		if moderates, err := c.moderates(tx, a, member); err != nil || !moderates {
			return err
		}
		return c.leave(tx, a, member)
	})
}

// DeleteBan lifts a ban. It does not bring the membership back.
func (c *Members) DeleteBan(ctx context.Context, bearer, channel, user arn.ARN) error {
	return c.unmark(ctx, bans(), bearer, channel, user, func(*db.Tx, role.Actor, int64) error { return nil })
}

func (c *Members) unmark(ctx context.Context, k marks, bearer, channel, user arn.ARN, before func(*db.Tx, role.Actor, int64) error) error {
	return c.Changing(ctx, k.remove, bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), user)
		if err != nil {
			return err
		}
		if err := before(tx, a, u.No); err != nil {
			return err
		}
		m, err := c.mark(tx.Context(), tx, k, a, u)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c.recordMark(tx, k.removed, m)
		_, err = tx.Exec(`DELETE FROM `+k.table+` WHERE channel = $1 AND member = $2`, a.Channel, u.No)
		return err
	})
}

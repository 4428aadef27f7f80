// Package channel is the places to talk: their life, their lists, and the channels of a user.
package channel

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Channels is the room. Safe for concurrent use.
type Channels struct {
	*role.Roles
	ids     *identity.Identities
	members *member.Members
}

// New makes the room.
func New(r *role.Roles, ids *identity.Identities, members *member.Members) *Channels {
	return &Channels{r, ids, members}
}

// Channel is a place to talk. Mode is UNRESTRICTED or RESTRICTED, Privacy PUBLIC or PRIVATE.
type Channel struct {
	ARN                                 arn.ARN
	Name, Mode, Privacy, Metadata       string
	CreatedBy                           core.Identity
	CreatedMS, UpdatedMS, LastMessageMS int64

	no             int64
	app, id, maker string
}

const channelColumns = `c.no, c.app, c.id, c.name, c.mode, c.privacy, c.metadata, c.by_id, c.by_name,
c.created_ms, c.updated_ms, c.last_message_ms`

func (ch *Channel) fields() []any {
	return []any{&ch.no, &ch.app, &ch.id, &ch.Name, &ch.Mode, &ch.Privacy, &ch.Metadata, &ch.maker, &ch.CreatedBy.Name,
		&ch.CreatedMS, &ch.UpdatedMS, &ch.LastMessageMS}
}

// named fills in the ARNs, which the database does not hold.
func (c *Channels) named(ch Channel) Channel {
	ch.ARN = c.InstanceARN(ch.app).Channel(ch.id)
	ch.CreatedBy.Arn = c.UserARN(ch.app, ch.maker)
	return ch
}

func (c *Channels) channel(ctx context.Context, q db.Querier, no int64) (Channel, error) {
	ch, err := db.One(ctx, q, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c WHERE c.no = $1`, no)
	if errors.Is(err, sql.ErrNoRows) {
		return ch, core.ErrChannel()
	}
	return c.named(ch), err
}

// NewChannel is what CreateChannel needs. Mode "" means UNRESTRICTED, Privacy "" means PUBLIC, ID "" means a UUID.
type NewChannel struct {
	Instance                          arn.ARN
	Name, Mode, Privacy, Metadata, ID string
	Members, Moderators               []arn.ARN
	Tags                              []tag.Tag
}

// CreateChannel makes a channel with the bearer as its first member and moderator.
func (c *Channels) CreateChannel(ctx context.Context, bearer arn.ARN, token string, in NewChannel) (arn.ARN, error) {
	req := core.NewRequest("CreateChannel\n"+string(bearer), token, in)
	if in.Mode == "" {
		in.Mode = "UNRESTRICTED"
	}
	if in.Privacy == "" {
		in.Privacy = "PUBLIC"
	}
	if in.ID == "" {
		in.ID = id.NewUUID()
	}
	var made arn.ARN
	err := c.Write(ctx, func(tx *db.Tx) error {
		a, err := c.InInstance(tx.Context(), tx, "CreateChannel", bearer, in.Instance)
		if err != nil {
			return err
		}
		old, err := req.Before(tx)
		if err != nil {
			return err
		}
		made = in.Instance.Channel(in.ID)
		if old != "" {
			switch there, err := c.exists(tx, arn.ARN(old)); {
			case err != nil:
				return err
			case there:
				made = arn.ARN(old)
				return nil
			}
			if err := req.Forget(tx); err != nil {
				return err
			}
		}
		if there, err := c.exists(tx, made); err != nil || there {
			return errors.Join(err, fault.New(fault.Conflict, "channel_exists", "A channel with this id exists."))
		}
		now := core.NowMS()
		if err := c.insertChannel(tx, a, in, now); err != nil {
			return err
		}
		return req.Remember(tx, string(made), now)
	})
	return made, err
}

func (c *Channels) exists(tx *db.Tx, channel arn.ARN) (bool, error) {
	r, _ := c.Find(channel, arn.KindChannel)
	return db.Value[bool](tx.Context(), tx, `SELECT EXISTS (SELECT 1 FROM channel WHERE app = $1 AND id = $2)`, r.App, r.ID)
}

func (c *Channels) insertChannel(tx *db.Tx, a role.Actor, in NewChannel, now int64) error {
	a.Channel, a.ChannelID = core.NewNo(), in.ID
	if _, err := tx.Exec(`INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		a.Channel, a.App, in.ID, in.Name, in.Mode, in.Privacy, in.Metadata, a.ID, a.Name, now); err != nil {
		return err
	}
	if err := c.Counted(tx, quota.Channels, "channels", a.App, 1); err != nil {
		return err
	}
	if err := tag.Put(tx, a.App, arn.KindChannel, in.ID, in.Tags); err != nil {
		return err
	}
	self := c.ARNOf(a)
	for _, m := range core.Unique(append([]arn.ARN{self}, in.Moderators...)) {
		u, err := c.ids.UserOf(tx.Context(), tx, in.Instance, m)
		if err != nil {
			return err
		}
		if _, err := c.members.Promote(tx, a, u, now); err != nil {
			return err
		}
	}
	for _, m := range core.Unique(append([]arn.ARN{self}, in.Members...)) {
		u, err := c.ids.UserOf(tx.Context(), tx, in.Instance, m)
		if err != nil {
			return err
		}
		if _, err := c.members.Add(tx, a, u, "DEFAULT", now); err != nil {
			return err
		}
	}
	return nil
}

// Channel reads a channel for somebody who may see it.
func (c *Channels) Channel(ctx context.Context, bearer, channel arn.ARN) (Channel, error) {
	a, err := c.Allowed(ctx, c.DB, "DescribeChannel", bearer, channel, false)
	if err != nil {
		return Channel{}, err
	}
	return c.channel(ctx, c.DB, a.Channel)
}

// List lists the channels of one privacy in an app instance: "" means PUBLIC, PRIVATE is for admins alone.
func (c *Channels) List(ctx context.Context, bearer, instance arn.ARN, privacy string, p core.Page) ([]Channel, string, error) {
	operation := "ListChannels"
	switch privacy {
	case "":
		privacy = "PUBLIC"
	case "PRIVATE":
		operation = role.PrivateChannels
	}
	a, err := c.InInstance(ctx, c.DB, operation, bearer, instance)
	if err != nil {
		return nil, "", err
	}
	name := core.List("channels", a.App, privacy)
	after, err := p.Key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c
WHERE c.app = $1 AND c.privacy = $2 AND c.id > $3 ORDER BY c.id LIMIT $4`, a.App, privacy, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i] = c.named(all[i])
	}
	all, next := core.Cut(all, p, name, func(ch Channel) string { return ch.id })
	return all, next, nil
}

// UpdateChannel changes what is not nil.
func (c *Channels) UpdateChannel(ctx context.Context, bearer, channel arn.ARN, name, mode, metadata *string) error {
	return c.Changing(ctx, "UpdateChannel", bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		if _, err := tx.Exec(`UPDATE channel SET name = coalesce($2, name), mode = coalesce($3, mode),
metadata = coalesce($4, metadata), updated_ms = $5 WHERE no = $1`, a.Channel, name, mode, metadata, core.NowMS()); err != nil {
			return err
		}
		ch, err := c.channel(tx.Context(), tx, a.Channel)
		if err != nil {
			return err
		}
		c.Announce(tx, core.Event{Type: core.EventUpdateChannel, MessageType: core.System, Channel: channel, Payload: WireOf[core.ISO](ch)})
		return nil
	})
}

// DeleteChannel ends a channel at once, with everything in it; the rows go in the background (Run).
func (c *Channels) DeleteChannel(ctx context.Context, bearer, channel arn.ARN) error {
	err := c.Changing(ctx, "DeleteChannel", bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		ch, err := c.channel(tx.Context(), tx, a.Channel)
		if err != nil {
			return err
		}
		return c.remove(tx, ch)
	})
	if err == nil {
		c.SweepSoon()
	}
	return err
}

// remove takes the channel's name away: from then on nothing leads to its rows.
func (c *Channels) remove(tx *db.Tx, ch Channel) error {
	if _, err := tx.Exec(`DELETE FROM channel WHERE no = $1`, ch.no); err != nil {
		return err
	}
	if err := c.Counted(tx, quota.Channels, "channels", ch.app, -1); err != nil {
		return err
	}
	if err := tag.Drop(tx, ch.app, arn.KindChannel, ch.id); err != nil {
		return err
	}
	c.Announce(tx, core.Event{Type: core.EventDeleteChannel, MessageType: core.System, Channel: ch.ARN, Payload: WireOf[core.ISO](ch), Gone: true})
	_, err := tx.Exec(`INSERT INTO removed_channel (no, removed_ms) VALUES ($1, $2)`, ch.no, core.NowMS())
	return err
}

// Package channel is the places to talk: their life, their lists, and the channels of a user.
package channel

import (
	"cmp"
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
	Flow                                arn.ARN // the channel flow, "" for none

	Elastic    Elastic    // zero: not an elastic channel
	Expiration Expiration // zero: never

	no             int64
	app, id, maker string
	flow           string // channel_flow.id
	lastInSubMS    int64
}

// Elastic is the structure ElasticChannelConfiguration.
type Elastic struct{ MaximumSubChannels, TargetMembershipsPerSubChannel, MinimumMembershipPercentage int }

// The subselect runs for elastic channels alone: what is said there is said in sub-channels.
const channelColumns = `c.no, c.app, c.id, c.name, c.mode, c.privacy, c.metadata, c.by_id, c.by_name,
c.created_ms, c.updated_ms, c.last_message_ms, c.max_subs, c.sub_target, c.sub_percent, c.expire_days, c.expire_by,
 coalesce((SELECT f.id FROM channel_flow f WHERE f.no = c.flow AND c.flow <> 0), ''),
CASE WHEN c.max_subs > 0 THEN coalesce((SELECT max(s.last_message_ms) FROM channel s WHERE s.parent = c.no AND s.parent > 0), 0) ELSE 0 END`

func (ch *Channel) fields() []any {
	return []any{&ch.no, &ch.app, &ch.id, &ch.Name, &ch.Mode, &ch.Privacy, &ch.Metadata, &ch.maker, &ch.CreatedBy.Name,
		&ch.CreatedMS, &ch.UpdatedMS, &ch.LastMessageMS, &ch.Elastic.MaximumSubChannels, &ch.Elastic.TargetMembershipsPerSubChannel,
		&ch.Elastic.MinimumMembershipPercentage, &ch.Expiration.Days, &ch.Expiration.Criterion, &ch.flow, &ch.lastInSubMS}
}

// named fills in the ARNs, which the database does not hold.
func (c *Channels) named(ch Channel) Channel {
	ch.LastMessageMS = max(ch.LastMessageMS, ch.lastInSubMS)
	ch.ARN = c.InstanceARN(ch.app).Channel(ch.id)
	ch.CreatedBy.Arn = c.UserARN(ch.app, ch.maker)
	if ch.flow != "" {
		ch.Flow = c.InstanceARN(ch.app).Child(arn.KindChannelFlow, ch.flow)
	}
	return ch
}

func (c *Channels) channel(ctx context.Context, q db.Querier, no int64) (Channel, error) {
	ch, err := db.One(ctx, q, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c WHERE c.no = $1`, no)
	if errors.Is(err, sql.ErrNoRows) {
		return ch, core.ErrChannel()
	}
	return c.named(ch), err
}

// NewChannel is what CreateChannel needs. Mode "" means UNRESTRICTED, of an elastic channel RESTRICTED; Privacy ""
// means PUBLIC, ID "" means a UUID.
type NewChannel struct {
	Instance                          arn.ARN
	Name, Mode, Privacy, Metadata, ID string
	Members, Moderators               []arn.ARN
	Elastic                           Elastic
	Expiration                        Expiration
	Tags                              []tag.Tag
}

// complete fills in what was left out and refuses what an elastic channel cannot be (developer guide, "Creating elastic
// channels").
func (in NewChannel) complete() (NewChannel, error) {
	elastic := in.Elastic != Elastic{}
	if in.Mode == "" {
		in.Mode = "UNRESTRICTED"
		if elastic {
			in.Mode = "RESTRICTED"
		}
	}
	if in.Privacy == "" {
		in.Privacy = "PUBLIC"
	}
	if in.ID == "" {
		in.ID = id.NewUUID()
	}
	switch {
	case elastic && in.Mode != "RESTRICTED":
		return in, errElasticMode()
	case elastic && len(in.Members) > 0:
		return in, fault.New(fault.Invalid, "elastic", "An elastic channel cannot be created with members.").On("MemberArns")
	}
	return in, nil
}

func errElasticMode() error {
	return fault.New(fault.Invalid, "elastic", "An elastic channel must be RESTRICTED.").On("Mode")
}

// CreateChannel makes a channel with the bearer as its first member and moderator; of an elastic channel as moderator
// alone, and with its first sub-channel. The same token with the same input answers the same channel as long as it lives.
func (c *Channels) CreateChannel(ctx context.Context, bearer arn.ARN, token string, in NewChannel) (arn.ARN, error) {
	asked := once{token: token, body: core.Digest(in)}
	in, err := in.complete()
	if err != nil {
		return "", err
	}
	var made arn.ARN
	err = c.Write(ctx, func(tx *db.Tx) error {
		a, err := c.InInstance(tx.Context(), tx, "CreateChannel", bearer, in.Instance)
		if err != nil {
			return err
		}
		old, err := asked.before(tx, a.No)
		if err != nil {
			return err
		}
		if old != "" {
			made = in.Instance.Channel(old)
			return nil
		}
		made = in.Instance.Channel(in.ID)
		if there, err := c.exists(tx, made); err != nil || there {
			return cmp.Or[error](err, fault.New(fault.Conflict, "channel_exists", "A channel with this id exists."))
		}
		now := core.NowMS()
		if a, err = c.insertChannel(tx, a, in, now); err != nil {
			return err
		}
		return asked.remember(tx, a)
	})
	return made, err
}

func (c *Channels) exists(tx *db.Tx, channel arn.ARN) (bool, error) {
	r, _ := c.Find(channel, arn.KindChannel)
	return db.Value[bool](tx.Context(), tx, `SELECT EXISTS (SELECT 1 FROM channel WHERE app = $1 AND id = $2)`, r.App, r.ID)
}

func (c *Channels) insertChannel(tx *db.Tx, a role.Actor, in NewChannel, now int64) (role.Actor, error) {
	a.Channel, a.ChannelID = core.NewNo(), in.ID
	a.Root, a.Elastic = a.Channel, in.Elastic != Elastic{}
	if _, err := tx.Exec(`INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms,
 max_subs, sub_target, sub_percent, expire_days, expire_by, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16)`,
		a.Channel, a.App, in.ID, in.Name, in.Mode, in.Privacy, in.Metadata, a.ID, a.Name, now,
		in.Elastic.MaximumSubChannels, in.Elastic.TargetMembershipsPerSubChannel, in.Elastic.MinimumMembershipPercentage,
		in.Expiration.Days, in.Expiration.Criterion, in.Expiration.due(now, 0)); err != nil {
		return a, err
	}
	if err := c.counted(tx, a, in); err != nil {
		return a, err
	}
	if err := tag.Put(tx, a.App, arn.KindChannel, in.ID, in.Tags); err != nil {
		return a, err
	}
	ch, err := c.channel(tx.Context(), tx, a.Channel)
	if err != nil {
		return a, err
	}
	c.Record(tx, core.Event{Type: core.EventCreateChannel, MessageType: core.System, Channel: ch.ARN, Payload: WireOf[core.ISO](ch)})
	return a, c.settle(tx, a, in, now)
}

// counted checks the quotas. What an elastic channel may grow to counts when it is made: it grows by itself.
func (c *Channels) counted(tx *db.Tx, a role.Actor, in NewChannel) error {
	if err := c.Counted(tx, quota.Channels, "channels", a.App, 1); err != nil || !a.Elastic {
		return err
	}
	if err := c.Limits.Check(quota.SubChannels, 0, in.Elastic.MaximumSubChannels); err != nil {
		return err
	}
	if err := c.Limits.Check(quota.SubChannelMemberships, 0, in.Elastic.TargetMembershipsPerSubChannel); err != nil {
		return err
	}
	return c.Fits(tx, quota.ElasticChannels, 1, `channel WHERE app = $1 AND max_subs > 0 AND no <> $2`, a.App, a.Channel)
}

// settle puts the first people into a new channel.
func (c *Channels) settle(tx *db.Tx, a role.Actor, in NewChannel, now int64) error {
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
	if a.Elastic {
		_, _, err := c.members.CreateSub(tx, a, false, now)
		return err
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
WHERE c.app = $1 AND c.privacy = $2 AND c.id > $3 AND c.parent = 0 ORDER BY c.id LIMIT $4`, a.App, privacy, after, p.Limit()+1)
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
		if a.Elastic && mode != nil && *mode != "RESTRICTED" {
			return errElasticMode()
		}
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

// remove takes the channel's name away, and those of its sub-channels: from then on nothing leads to their rows.
func (c *Channels) remove(tx *db.Tx, ch Channel) error {
	for _, text := range []string{
		`INSERT INTO removed_channel (no, removed_ms) SELECT no, $2 FROM channel WHERE parent = $1 AND parent > 0`,
		`INSERT INTO removed_channel (no, removed_ms) VALUES ($1, $2)`,
	} {
		if _, err := tx.Exec(text, ch.no, core.NowMS()); err != nil {
			return err
		}
	}
	subs, err := db.All(tx.Context(), tx, func(row *string) []any { return []any{row} },
		`DELETE FROM channel WHERE parent = $1 AND parent > 0 RETURNING id`, ch.no)
	if err != nil {
		return err
	}
	for _, text := range []string{`DELETE FROM channel_token WHERE channel = $1`, `DELETE FROM channel WHERE no = $1`} {
		if _, err := tx.Exec(text, ch.no); err != nil {
			return err
		}
	}
	if err := c.Counted(tx, quota.Channels, "channels", ch.app, -1); err != nil {
		return err
	}
	if err := tag.Drop(tx, ch.app, arn.KindChannel, ch.id); err != nil {
		return err
	}
	c.Announce(tx, core.Event{Type: core.EventDeleteChannel, MessageType: core.System, Channel: ch.ARN, Payload: WireOf[core.ISO](ch), Gone: true})
	for _, row := range subs {
		_, sub := core.SplitRow(row)
		c.Announce(tx, core.Event{Type: core.EventInside, Channel: core.InSub(ch.ARN, sub), Only: core.Nobody(), Gone: true})
	}
	return nil
}

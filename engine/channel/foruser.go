package channel

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// UserMembership is a membership seen from the member's side.
type UserMembership struct {
	Channel Channel
	Type    string
	Sub     string // SubChannelId, "" outside of elastic channels
	ReadMS  int64  // the read marker; 0 until it is set first

	place int64
	row   string
}

// MembershipsForUser lists the channels a user is a member of: one's own, or anybody's for an admin. user "" means the
// bearer.
func (c *Channels) MembershipsForUser(ctx context.Context, bearer, user arn.ARN, p core.Page) ([]UserMembership, string, error) {
	return c.forUser(ctx, "ListChannelMembershipsForAppInstanceUser", `channel_membership`, `m.type, m.read_ms`, bearer, user, p)
}

// ChannelsModeratedBy lists the channels a user moderates: one's own, or anybody's for an admin. user "" means the
// bearer. Type is empty in the answer.
func (c *Channels) ChannelsModeratedBy(ctx context.Context, bearer, user arn.ARN, p core.Page) ([]UserMembership, string, error) {
	return c.forUser(ctx, "ListChannelsModeratedByAppInstanceUser", `channel_moderator`, `'', 0`, bearer, user, p)
}

func (c *Channels) forUser(ctx context.Context, operation, table, kind string, bearer, user arn.ARN, p core.Page) ([]UserMembership, string, error) {
	if user == "" {
		user = bearer
	}
	a, err := c.Bearer(ctx, c.DB, bearer)
	if err != nil {
		return nil, "", err
	}
	if err := a.May(operation, user == bearer); err != nil {
		return nil, "", err
	}
	u, err := c.ids.UserOf(ctx, c.DB, c.InstanceARN(a.App), user)
	if err != nil {
		return nil, "", err
	}
	name := core.List(operation, core.Itoa(u.No))
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, func(m *UserMembership) []any {
		return append(m.Channel.fields(), &m.place, &m.row, &m.Type, &m.ReadMS)
	}, `SELECT `+channelColumns+`, p.no, p.id, `+kind+` FROM `+table+` m JOIN channel p ON p.no = m.channel
JOIN channel c ON c.no = CASE WHEN p.parent > 0 THEN p.parent ELSE p.no END
WHERE m.member = $1 AND m.channel > $2 ORDER BY m.channel LIMIT $3`, u.No, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].Channel = c.named(all[i].Channel)
		_, all[i].Sub = core.SplitRow(all[i].row)
	}
	all, next := core.Cut(all, p, name, func(m UserMembership) string { return core.Itoa(m.place) })
	return all, next, nil
}

// MembershipForUser reads a membership together with its channel: one's own, or anybody's for an admin.
func (c *Channels) MembershipForUser(ctx context.Context, bearer, channel, member arn.ARN) (UserMembership, error) {
	m, err := c.members.As(ctx, "DescribeChannelMembershipForAppInstanceUser", bearer, channel, member)
	if err != nil {
		return UserMembership{}, err
	}
	ch, err := c.channel(ctx, c.DB, m.Root)
	return UserMembership{Channel: ch, Type: m.Type, Sub: m.Sub, ReadMS: m.ReadMS}, err
}

// ChannelModeratedBy reads a channel that a user moderates; Denied if the user does not.
func (c *Channels) ChannelModeratedBy(ctx context.Context, bearer, channel, user arn.ARN) (Channel, error) {
	a, err := c.Allowed(ctx, c.DB, "DescribeChannelModeratedByAppInstanceUser", bearer, channel, bearer == user)
	if err != nil {
		return Channel{}, err
	}
	u, err := c.ids.UserOf(ctx, c.DB, c.InstanceARN(a.App), user)
	if err != nil {
		return Channel{}, err
	}
	is, err := db.Value[bool](ctx, c.DB,
		`SELECT EXISTS (SELECT 1 FROM channel_moderator WHERE channel = $1 AND member = $2)`, a.Channel, u.No)
	if err != nil {
		return Channel{}, err
	}
	if !is {
		return Channel{}, fault.New(fault.Denied, "moderator", "The user is not a moderator of this channel.")
	}
	return c.channel(ctx, c.DB, a.Channel)
}

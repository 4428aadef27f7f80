package chat

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// UserMembership is a membership seen from the member's side.
type UserMembership struct {
	Channel Channel
	Type    string
}

// MembershipsForUser lists the channels a user is a member of: one's own, or anybody's for an admin. user "" means the
// bearer.
func (c *Chat) MembershipsForUser(ctx context.Context, bearer, user arn.ARN, p Page) ([]UserMembership, string, error) {
	return c.forUser(ctx, "ListChannelMembershipsForAppInstanceUser", `channel_membership`, `m.type`, bearer, user, p)
}

// ChannelsModeratedBy lists the channels a user moderates: one's own, or anybody's for an admin. user "" means the
// bearer. Type is empty in the answer.
func (c *Chat) ChannelsModeratedBy(ctx context.Context, bearer, user arn.ARN, p Page) ([]UserMembership, string, error) {
	return c.forUser(ctx, "ListChannelsModeratedByAppInstanceUser", `channel_moderator`, `''`, bearer, user, p)
}

func (c *Chat) forUser(ctx context.Context, operation, table, kind string, bearer, user arn.ARN, p Page) ([]UserMembership, string, error) {
	if user == "" {
		user = bearer
	}
	a, err := c.bearer(ctx, c.db, bearer)
	if err != nil {
		return nil, "", err
	}
	if err := a.may(operation, user == bearer); err != nil {
		return nil, "", err
	}
	u, err := c.userOf(ctx, c.db, c.instanceARN(a.app), user)
	if err != nil {
		return nil, "", err
	}
	name := list(operation, itoa(u.no))
	after, err := p.keyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.db, func(m *UserMembership) []any { return append(m.Channel.fields(), &m.Type) },
		`SELECT `+channelColumns+`, `+kind+` FROM `+table+` m JOIN channel c ON c.no = m.channel
WHERE m.member = $1 AND m.channel > $2 ORDER BY m.channel LIMIT $3`, u.no, after, p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].Channel = c.named(all[i].Channel)
	}
	all, next := cut(all, p, name, func(m UserMembership) string { return itoa(m.Channel.no) })
	return all, next, nil
}

// MembershipForUser reads a membership together with its channel: one's own, or anybody's for an admin.
func (c *Chat) MembershipForUser(ctx context.Context, bearer, channel, member arn.ARN) (UserMembership, error) {
	m, err := c.membershipAs(ctx, "DescribeChannelMembershipForAppInstanceUser", bearer, channel, member)
	if err != nil {
		return UserMembership{}, err
	}
	ch, err := c.channel(ctx, c.db, m.channel)
	return UserMembership{Channel: ch, Type: m.Type}, err
}

// ChannelModeratedBy reads a channel that a user moderates; Denied if the user does not.
func (c *Chat) ChannelModeratedBy(ctx context.Context, bearer, channel, user arn.ARN) (Channel, error) {
	a, err := c.allowed(ctx, c.db, "DescribeChannelModeratedByAppInstanceUser", bearer, channel, bearer == user)
	if err != nil {
		return Channel{}, err
	}
	u, err := c.userOf(ctx, c.db, c.instanceARN(a.app), user)
	if err != nil {
		return Channel{}, err
	}
	is, err := db.Value[bool](ctx, c.db,
		`SELECT EXISTS (SELECT 1 FROM channel_moderator WHERE channel = $1 AND member = $2)`, a.channel, u.no)
	if err != nil {
		return Channel{}, err
	}
	if !is {
		return Channel{}, fault.New(fault.Denied, "moderator", "The user is not a moderator of this channel.")
	}
	return c.channel(ctx, c.db, a.channel)
}

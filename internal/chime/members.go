package chime

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// MaxBatch is how many members one BatchCreateMembership may carry (Amazon Chime SDK API reference).
const MaxBatch = 100

// MemberError says why one member of a batch was not added.
type MemberError struct {
	Member arn.ARN
	Err    error // a *fault.Error
}

// BatchCreateMembership adds up to MaxBatch users to a channel. A nil error means that everybody who is not in the
// returned list is a member now.
func (c *Client) BatchCreateMembership(ctx context.Context, bearer, channel arn.ARN, users []arn.ARN) ([]MemberError, error) {
	members := make([]string, len(users))
	for i, u := range users {
		members[i] = string(u)
	}
	in := &chimesdkmessaging.BatchCreateChannelMembershipInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
		MemberArns: members, Type: types.ChannelMembershipTypeDefault}
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.BatchCreateChannelMembership, in)
	if err != nil {
		return nil, err
	}
	var failed []MemberError
	for _, e := range out.Errors {
		m := meaningOf(string(e.ErrorCode), 0)
		failed = append(failed, MemberError{Member: arn.ARN(aws.ToString(e.MemberArn)),
			Err: fault.New(m.kind, m.code, "%s: %s", name(in), m.public)})
	}
	return failed, nil
}

// CreateMembership adds one user to a channel. Of a batch Amazon takes one a second and channel, of these fifteen: for the
// few who come late it is the faster way. The provider may answer a repeat with Conflict.
//
// Errors: Denied CodeForbidden or NotFound for a user or channel that does not exist, Denied CodeForbidden for somebody who
// is banned, Denied CodeLimit when the channel is full, Conflict.
func (c *Client) CreateMembership(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.CreateChannelMembership,
		&chimesdkmessaging.CreateChannelMembershipInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MemberArn: (*string)(&user), Type: types.ChannelMembershipTypeDefault})
	return err
}

// DeleteMembership removes a user from a channel.
func (c *Client) DeleteMembership(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.DeleteChannelMembership,
		&chimesdkmessaging.DeleteChannelMembershipInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MemberArn: (*string)(&user)})
	return err
}

// ListMemberships reads one page of a channel's members. next is "" for the first page.
func (c *Client) ListMemberships(ctx context.Context, bearer, channel arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.ListChannelMemberships,
		&chimesdkmessaging.ListChannelMembershipsInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[User]{}, err
	}
	p := Page[User]{Next: aws.ToString(out.NextToken)}
	for _, m := range out.ChannelMemberships {
		p.Items = append(p.Items, user(m.Member))
	}
	return p, nil
}

// CreateModerator gives a member the moderator's rights in one channel.
func (c *Client) CreateModerator(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.CreateChannelModerator,
		&chimesdkmessaging.CreateChannelModeratorInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			ChannelModeratorArn: (*string)(&user)})
	return err
}

// DeleteModerator takes the moderator's rights away; the membership stays.
func (c *Client) DeleteModerator(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.DeleteChannelModerator,
		&chimesdkmessaging.DeleteChannelModeratorInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			ChannelModeratorArn: (*string)(&user)})
	return err
}

// ListModerators reads one page of a channel's moderators, among them the admin that made it. next is "" for the first
// page.
//
// Errors: Denied CodeForbidden when the bearer is neither admin nor moderator, or the channel does not exist.
func (c *Client) ListModerators(ctx context.Context, bearer, channel arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.ListChannelModerators,
		&chimesdkmessaging.ListChannelModeratorsInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[User]{}, err
	}
	p := Page[User]{Next: aws.ToString(out.NextToken)}
	for _, m := range out.ChannelModerators {
		p.Items = append(p.Items, user(m.Moderator))
	}
	return p, nil
}

// CreateBan removes a user from a channel and keeps the user out until DeleteBan. Moderators and admins cannot be banned.
func (c *Client) CreateBan(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.CreateChannelBan,
		&chimesdkmessaging.CreateChannelBanInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MemberArn: (*string)(&user)})
	return err
}

// DeleteBan lifts a ban. It does not bring the membership back.
func (c *Client) DeleteBan(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel, User: user}, c.messaging.DeleteChannelBan,
		&chimesdkmessaging.DeleteChannelBanInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MemberArn: (*string)(&user)})
	return err
}

// ListBans reads one page of a channel's banned users. next is "" for the first page.
func (c *Client) ListBans(ctx context.Context, bearer, channel arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.ListChannelBans,
		&chimesdkmessaging.ListChannelBansInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
			MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[User]{}, err
	}
	p := Page[User]{Next: aws.ToString(out.NextToken)}
	for _, b := range out.ChannelBans {
		p.Items = append(p.Items, user(b.Member))
	}
	return p, nil
}

func user(i *types.Identity) User {
	if i == nil {
		return User{}
	}
	return User{ARN: arn.ARN(aws.ToString(i.Arn)), Name: aws.ToString(i.Name)}
}

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

// Every messaging operation acts as a chat account, the bearer; what it may do follows from its role in the channel.

// CreateChannel makes a channel that only members see (PRIVATE) and only admins and moderators add to (RESTRICTED). The
// bearer becomes its member and moderator. A Conflict means that a channel with this id exists.
func (c *Client) CreateChannel(ctx context.Context, bearer, instance arn.ARN, channelID, name, clientToken string) (arn.ARN, error) {
	out, err := call(ctx, c, "CreateChannel", func(ctx context.Context) (*chimesdkmessaging.CreateChannelOutput, error) {
		return c.messaging.CreateChannel(ctx, &chimesdkmessaging.CreateChannelInput{ChimeBearer: (*string)(&bearer),
			AppInstanceArn: (*string)(&instance), ChannelId: &channelID, Name: &name, ClientRequestToken: token(clientToken),
			Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate})
	})
	if err != nil {
		return "", err
	}
	return arn.ARN(aws.ToString(out.ChannelArn)), nil
}

// DeleteChannel deletes a channel with its members, messages and bans, at once and for ever.
func (c *Client) DeleteChannel(ctx context.Context, bearer, channel arn.ARN) error {
	_, err := call(ctx, c, "DeleteChannel", func(ctx context.Context) (*chimesdkmessaging.DeleteChannelOutput, error) {
		return c.messaging.DeleteChannel(ctx, &chimesdkmessaging.DeleteChannelInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel)})
	})
	return err
}

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
	const op = "BatchCreateChannelMembership"
	out, err := call(ctx, c, op, func(ctx context.Context) (*chimesdkmessaging.BatchCreateChannelMembershipOutput, error) {
		return c.messaging.BatchCreateChannelMembership(ctx, &chimesdkmessaging.BatchCreateChannelMembershipInput{
			ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel), MemberArns: members, Type: types.ChannelMembershipTypeDefault})
	})
	if err != nil {
		return nil, err
	}
	var failed []MemberError
	for _, e := range out.Errors {
		m := meaningOf(string(e.ErrorCode), 0)
		failed = append(failed, MemberError{Member: arn.ARN(aws.ToString(e.MemberArn)),
			Err: fault.New(m.kind, m.code, "%s: %s", op, m.public)})
	}
	return failed, nil
}

// DeleteMembership removes a user from a channel.
func (c *Client) DeleteMembership(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, "DeleteChannelMembership", func(ctx context.Context) (*chimesdkmessaging.DeleteChannelMembershipOutput, error) {
		return c.messaging.DeleteChannelMembership(ctx, &chimesdkmessaging.DeleteChannelMembershipInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), MemberArn: (*string)(&user)})
	})
	return err
}

// ListMemberships reads one page of a channel's members. next is "" for the first page.
func (c *Client) ListMemberships(ctx context.Context, bearer, channel arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, "ListChannelMemberships", func(ctx context.Context) (*chimesdkmessaging.ListChannelMembershipsOutput, error) {
		return c.messaging.ListChannelMemberships(ctx, &chimesdkmessaging.ListChannelMembershipsInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	})
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
	_, err := call(ctx, c, "CreateChannelModerator", func(ctx context.Context) (*chimesdkmessaging.CreateChannelModeratorOutput, error) {
		return c.messaging.CreateChannelModerator(ctx, &chimesdkmessaging.CreateChannelModeratorInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), ChannelModeratorArn: (*string)(&user)})
	})
	return err
}

// DeleteModerator takes the moderator's rights away; the membership stays.
func (c *Client) DeleteModerator(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, "DeleteChannelModerator", func(ctx context.Context) (*chimesdkmessaging.DeleteChannelModeratorOutput, error) {
		return c.messaging.DeleteChannelModerator(ctx, &chimesdkmessaging.DeleteChannelModeratorInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), ChannelModeratorArn: (*string)(&user)})
	})
	return err
}

// CreateBan removes a user from a channel and keeps the user out until DeleteBan. Moderators and admins cannot be banned.
func (c *Client) CreateBan(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, "CreateChannelBan", func(ctx context.Context) (*chimesdkmessaging.CreateChannelBanOutput, error) {
		return c.messaging.CreateChannelBan(ctx, &chimesdkmessaging.CreateChannelBanInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), MemberArn: (*string)(&user)})
	})
	return err
}

// DeleteBan lifts a ban. It does not bring the membership back.
func (c *Client) DeleteBan(ctx context.Context, bearer, channel, user arn.ARN) error {
	_, err := call(ctx, c, "DeleteChannelBan", func(ctx context.Context) (*chimesdkmessaging.DeleteChannelBanOutput, error) {
		return c.messaging.DeleteChannelBan(ctx, &chimesdkmessaging.DeleteChannelBanInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), MemberArn: (*string)(&user)})
	})
	return err
}

// ListBans reads one page of a channel's banned users. next is "" for the first page.
func (c *Client) ListBans(ctx context.Context, bearer, channel arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, "ListChannelBans", func(ctx context.Context) (*chimesdkmessaging.ListChannelBansOutput, error) {
		return c.messaging.ListChannelBans(ctx, &chimesdkmessaging.ListChannelBansInput{ChimeBearer: (*string)(&bearer),
			ChannelArn: (*string)(&channel), MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	})
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

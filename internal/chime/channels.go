package chime

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// Every messaging operation acts as a chat account, the bearer; what it may do follows from its role in the channel.
// What a bearer may not do, and most of what does not exist, is Denied with CodeForbidden (Amazon Chime SDK API
// reference: few messaging operations have a 404).

// Channel is a channel as the provider has it.
type Channel struct {
	ARN           arn.ARN
	Name          string
	Mode, Privacy string    // ours are RESTRICTED and PRIVATE
	Created       time.Time // zero in lists
}

// CreateChannel makes a channel that only members see (PRIVATE) and only admins and moderators add to (RESTRICTED). The
// bearer becomes its member and moderator. A Conflict means that a channel with this id exists.
func (c *Client) CreateChannel(ctx context.Context, bearer, instance arn.ARN, channelID, name, clientToken string) (arn.ARN, error) {
	out, err := call(ctx, c, Call{Instance: instance, Bearer: bearer}, c.messaging.CreateChannel,
		&chimesdkmessaging.CreateChannelInput{ChimeBearer: (*string)(&bearer), AppInstanceArn: (*string)(&instance), ChannelId: &channelID,
			Name: &name, ClientRequestToken: token(clientToken), Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate})
	if err != nil {
		return "", err
	}
	return arn.ARN(aws.ToString(out.ChannelArn)), nil
}

// RenameChannel gives a channel another name of 1–256 characters; everybody in it hears of it (UPDATE_CHANNEL). It may
// be repeated. Admins and the channel's moderators may.
//
// Errors: Invalid for a name that cannot be, Denied CodeForbidden for a channel that does not exist, Conflict while the
// channel is being changed.
func (c *Client) RenameChannel(ctx context.Context, bearer, channel arn.ARN, name string) error {
	// What is not given stays as it is (Mode and Metadata are optional in the model). The mode is given all the same: there
	// have been versions of the model that required it.
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.UpdateChannel,
		&chimesdkmessaging.UpdateChannelInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel), Name: &name,
			Mode: types.ChannelModeRestricted})
	return err
}

// DeleteChannel deletes a channel with its members, messages and bans, at once and for ever.
func (c *Client) DeleteChannel(ctx context.Context, bearer, channel arn.ARN) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.DeleteChannel,
		&chimesdkmessaging.DeleteChannelInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel)})
	return err
}

// DescribeChannel reads a channel. One that does not exist is Denied with CodeForbidden; there is no 404.
func (c *Client) DescribeChannel(ctx context.Context, bearer, channel arn.ARN) (Channel, error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.DescribeChannel,
		&chimesdkmessaging.DescribeChannelInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel)})
	if err != nil || out.Channel == nil {
		return Channel{}, err
	}
	ch := out.Channel
	return Channel{ARN: arn.ARN(aws.ToString(ch.ChannelArn)), Name: aws.ToString(ch.Name), Mode: string(ch.Mode), Privacy: string(ch.Privacy),
		Created: aws.ToTime(ch.CreatedTimestamp)}, nil
}

// ListChannels reads one page of all channels in an app instance. next is "" for the first page. The provider lists
// channels of one privacy at a time (ListChannels, Privacy: without it the public ones, and only admins may ask for the
// private ones): here the private ones come first, and the public ones, which are not ours, after them. A page may be
// empty without being the last one: the end is an empty Next.
//
// Errors: Denied CodeForbidden when the bearer is no admin, or the app instance does not exist.
func (c *Client) ListChannels(ctx context.Context, bearer, instance arn.ARN, next string) (Page[Channel], error) {
	const private, public = string(types.ChannelPrivacyPrivate), string(types.ChannelPrivacyPublic)
	privacy, at, resumed := strings.Cut(next, " ")
	if !resumed {
		privacy = private
	}
	out, err := call(ctx, c, Call{Instance: instance, Bearer: bearer}, c.messaging.ListChannels,
		&chimesdkmessaging.ListChannelsInput{ChimeBearer: (*string)(&bearer), AppInstanceArn: (*string)(&instance),
			Privacy: types.ChannelPrivacy(privacy), MaxResults: aws.Int32(maxPage), NextToken: url(at)})
	if err != nil {
		return Page[Channel]{}, err
	}
	var p Page[Channel]
	for _, ch := range out.Channels {
		p.Items = append(p.Items, Channel{ARN: arn.ARN(aws.ToString(ch.ChannelArn)), Name: aws.ToString(ch.Name), Mode: string(ch.Mode),
			Privacy: string(ch.Privacy)})
	}
	switch at := aws.ToString(out.NextToken); {
	case at != "":
		p.Next = privacy + " " + at
	case privacy == private:
		p.Next = public + " "
	}
	return p, nil
}

package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type channelArnOut struct{ ChannelArn arn.ARN }

func (o onChannel) channel() arn.ARN { return arn.ARN(o.ChannelArn) }

func arns(in []string) []arn.ARN { return each(in, func(s string) arn.ARN { return arn.ARN(s) }) }

func (s *server) createChannel(ctx context.Context, c rest.Call, in *createChannelIn) (any, error) {
	a, err := s.CreateChannel(ctx, c.Bearer, in.ClientRequestToken, channel.NewChannel{
		Instance: arn.ARN(in.AppInstanceArn), Name: in.Name, Mode: in.Mode, Privacy: in.Privacy, Metadata: in.Metadata,
		ID: in.ChannelId, Members: arns(in.MemberArns), Moderators: arns(in.ModeratorArns), Tags: in.tags(),
		Elastic: in.ElasticChannelConfiguration.settings(), Expiration: in.ExpirationSettings.settings(),
	})
	return channelArnOut{a}, err
}

type channelOut struct{ Channel channel.Wire[core.Epoch] }

func (s *server) describeChannel(ctx context.Context, c rest.Call, in *onChannel) (any, error) {
	ch, err := s.Channel(ctx, c.Bearer, in.channel())
	return channelOut{channel.WireOf[core.Epoch](ch)}, err
}

func (s *server) listChannels(ctx context.Context, c rest.Call, in *listChannelsIn) (any, error) {
	all, next, err := s.Channels.List(ctx, c.Bearer, arn.ARN(in.AppInstanceArn), in.Privacy, in.page())
	return struct {
		Channels  []channel.SummaryWire[core.Epoch]
		NextToken string `json:",omitempty"`
	}{each(all, channel.WireSummary[core.Epoch]), next}, err
}

func (s *server) updateChannel(ctx context.Context, c rest.Call, in *updateChannelIn) (any, error) {
	return channelArnOut{in.channel()}, s.UpdateChannel(ctx, c.Bearer, in.channel(), in.Name, in.Mode, in.Metadata)
}

func (s *server) deleteChannel(ctx context.Context, c rest.Call, in *onChannel) (any, error) {
	return empty{}, s.DeleteChannel(ctx, c.Bearer, in.channel())
}

func (s *server) describeChannelModeratedByAppInstanceUser(ctx context.Context, c rest.Call, in *forUser) (any, error) {
	ch, err := s.ChannelModeratedBy(ctx, c.Bearer, in.channel(), arn.ARN(in.AppInstanceUserArn))
	type summary struct {
		ChannelSummary channel.SummaryWire[core.Epoch]
	}
	return struct{ Channel summary }{summary{channel.WireSummary[core.Epoch](ch)}}, err
}

func (s *server) listChannelsModeratedByAppInstanceUser(ctx context.Context, c rest.Call, in *forUserPaged) (any, error) {
	all, next, err := s.ChannelsModeratedBy(ctx, c.Bearer, arn.ARN(in.AppInstanceUserArn), in.page())
	type summary struct {
		ChannelSummary channel.SummaryWire[core.Epoch]
	}
	return struct {
		Channels  []summary
		NextToken string `json:",omitempty"`
	}{each(all, func(m channel.UserMembership) summary { return summary{channel.WireSummary[core.Epoch](m.Channel)} }), next}, err
}

// getMessagingSessionEndpoint answers a bare host: clients add the scheme and /connect themselves.
func (s *server) getMessagingSessionEndpoint(_ context.Context, c rest.Call, _ *getMessagingSessionEndpointIn) (any, error) {
	type endpoint struct{ Url string } // the wire's name
	host := s.PublicHost
	if host == "" {
		host = c.Host
	}
	return struct{ Endpoint endpoint }{endpoint{host}}, nil
}

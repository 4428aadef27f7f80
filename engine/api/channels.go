package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type channelArnOut struct{ ChannelArn arn.ARN }

func (o onChannel) channel() arn.ARN { return arn.ARN(o.ChannelArn) }

func arns(in []string) []arn.ARN { return each(in, func(s string) arn.ARN { return arn.ARN(s) }) }

func (s *server) createChannel(ctx context.Context, c call, in *createChannelIn) (any, error) {
	a, err := s.cfg.Chat.CreateChannel(ctx, c.bearer, in.ClientRequestToken, chat.NewChannel{
		Instance: arn.ARN(in.AppInstanceArn), Name: in.Name, Mode: in.Mode, Privacy: in.Privacy, Metadata: in.Metadata,
		ID: in.ChannelId, Members: arns(in.MemberArns), Moderators: arns(in.ModeratorArns),
	})
	return channelArnOut{a}, err
}

type channelOut struct{ Channel chat.ChannelWire[chat.Epoch] }

func (s *server) describeChannel(ctx context.Context, c call, in *onChannel) (any, error) {
	ch, err := s.cfg.Chat.Channel(ctx, c.bearer, in.channel())
	return channelOut{chat.WireChannel[chat.Epoch](ch)}, err
}

func (s *server) listChannels(ctx context.Context, c call, in *listChannelsIn) (any, error) {
	all, next, err := s.cfg.Chat.Channels(ctx, c.bearer, arn.ARN(in.AppInstanceArn), in.Privacy, in.page())
	return struct {
		Channels  []chat.ChannelSummaryWire[chat.Epoch]
		NextToken string `json:",omitempty"`
	}{each(all, chat.WireChannelSummary[chat.Epoch]), next}, err
}

func (s *server) updateChannel(ctx context.Context, c call, in *updateChannelIn) (any, error) {
	return channelArnOut{in.channel()}, s.cfg.Chat.UpdateChannel(ctx, c.bearer, in.channel(), in.Name, in.Mode, in.Metadata)
}

func (s *server) deleteChannel(ctx context.Context, c call, in *onChannel) (any, error) {
	return empty{}, s.cfg.Chat.DeleteChannel(ctx, c.bearer, in.channel())
}

func (s *server) describeChannelModeratedByAppInstanceUser(ctx context.Context, c call, in *forUser) (any, error) {
	ch, err := s.cfg.Chat.ChannelModeratedBy(ctx, c.bearer, in.channel(), arn.ARN(in.AppInstanceUserArn))
	type summary struct {
		ChannelSummary chat.ChannelSummaryWire[chat.Epoch]
	}
	return struct{ Channel summary }{summary{chat.WireChannelSummary[chat.Epoch](ch)}}, err
}

func (s *server) listChannelsModeratedByAppInstanceUser(ctx context.Context, c call, in *forUserPaged) (any, error) {
	all, next, err := s.cfg.Chat.ChannelsModeratedBy(ctx, c.bearer, arn.ARN(in.AppInstanceUserArn), in.page())
	type summary struct {
		ChannelSummary chat.ChannelSummaryWire[chat.Epoch]
	}
	return struct {
		Channels  []summary
		NextToken string `json:",omitempty"`
	}{each(all, func(m chat.UserMembership) summary { return summary{chat.WireChannelSummary[chat.Epoch](m.Channel)} }), next}, err
}

// getMessagingSessionEndpoint answers a bare host: clients add the scheme and /connect themselves.
func (s *server) getMessagingSessionEndpoint(_ context.Context, c call, _ *getMessagingSessionEndpointIn) (any, error) {
	type endpoint struct{ Url string } // the wire's name
	host := s.cfg.PublicHost
	if host == "" {
		host = c.host
	}
	return struct{ Endpoint endpoint }{endpoint{host}}, nil
}

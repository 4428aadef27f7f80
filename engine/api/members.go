package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type memberOut struct {
	ChannelArn arn.ARN
	Member     chat.Identity
}

func (s *server) createChannelMembership(ctx context.Context, c call, in *createChannelMembershipIn) (any, error) {
	m, err := s.cfg.Chat.CreateMembership(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn), in.Type)
	return memberOut{m.Channel, m.Member}, err
}

func (s *server) batchCreateChannelMembership(ctx context.Context, c call, in *batchCreateChannelMembershipIn) (any, error) {
	kind := in.Type
	if kind == "" {
		kind = "DEFAULT"
	}
	made, failed, err := s.cfg.Chat.CreateMemberships(ctx, c.bearer, in.channel(), arns(in.MemberArns), kind)
	type batchError struct {
		MemberArn               arn.ARN
		ErrorCode, ErrorMessage string
	}
	return struct {
		BatchChannelMemberships chat.BatchMembershipsWire
		Errors                  []batchError
	}{made, each(failed, func(e chat.MemberError) batchError { return batchError{e.Member, e.Code, e.Message} })}, err
}

func (s *server) describeChannelMembership(ctx context.Context, c call, in *onMember) (any, error) {
	m, err := s.cfg.Chat.Membership(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn))
	return struct {
		ChannelMembership chat.MembershipWire[chat.Epoch]
	}{chat.WireMembership[chat.Epoch](m)}, err
}

func (s *server) listChannelMemberships(ctx context.Context, c call, in *listChannelMembershipsIn) (any, error) {
	all, next, err := s.cfg.Chat.Memberships(ctx, c.bearer, in.channel(), in.Type, in.page())
	type summary struct{ Member chat.Identity }
	return struct {
		ChannelArn         arn.ARN
		ChannelMemberships []summary
		NextToken          string `json:",omitempty"`
	}{in.channel(), each(all, func(m chat.Membership) summary { return summary{m.Member} }), next}, err
}

func (s *server) deleteChannelMembership(ctx context.Context, c call, in *onMember) (any, error) {
	return empty{}, s.cfg.Chat.DeleteMembership(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn))
}

type userMembershipOut struct {
	ChannelSummary                   chat.ChannelSummaryWire[chat.Epoch]
	AppInstanceUserMembershipSummary struct{ Type string }
}

func userMembership(m chat.UserMembership) userMembershipOut {
	out := userMembershipOut{ChannelSummary: chat.WireChannelSummary[chat.Epoch](m.Channel)}
	out.AppInstanceUserMembershipSummary.Type = m.Type
	return out
}

func (s *server) describeChannelMembershipForAppInstanceUser(ctx context.Context, c call, in *forUser) (any, error) {
	m, err := s.cfg.Chat.MembershipForUser(ctx, c.bearer, in.channel(), arn.ARN(in.AppInstanceUserArn))
	return struct{ ChannelMembership userMembershipOut }{userMembership(m)}, err
}

func (s *server) listChannelMembershipsForAppInstanceUser(ctx context.Context, c call, in *forUserPaged) (any, error) {
	all, next, err := s.cfg.Chat.MembershipsForUser(ctx, c.bearer, arn.ARN(in.AppInstanceUserArn), in.page())
	return struct {
		ChannelMemberships []userMembershipOut
		NextToken          string `json:",omitempty"`
	}{each(all, userMembership), next}, err
}

func (s *server) createChannelModerator(ctx context.Context, c call, in *createChannelModeratorIn) (any, error) {
	m, err := s.cfg.Chat.CreateModerator(ctx, c.bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
	return struct {
		ChannelArn       arn.ARN
		ChannelModerator chat.Identity
	}{m.Channel, m.User}, err
}

func (s *server) describeChannelModerator(ctx context.Context, c call, in *onModerator) (any, error) {
	m, err := s.cfg.Chat.Moderator(ctx, c.bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
	type moderator struct {
		Moderator        chat.Identity
		ChannelArn       arn.ARN
		CreatedTimestamp chat.Epoch
		CreatedBy        chat.Identity
	}
	return struct{ ChannelModerator moderator }{moderator{m.User, m.Channel, chat.Epoch(m.CreatedMS), m.CreatedBy}}, err
}

func (s *server) listChannelModerators(ctx context.Context, c call, in *pagedChannel) (any, error) {
	all, next, err := s.cfg.Chat.Moderators(ctx, c.bearer, in.channel(), in.page())
	type summary struct{ Moderator chat.Identity }
	return struct {
		ChannelArn        arn.ARN
		ChannelModerators []summary
		NextToken         string `json:",omitempty"`
	}{in.channel(), each(all, func(m chat.Mark) summary { return summary{m.User} }), next}, err
}

func (s *server) deleteChannelModerator(ctx context.Context, c call, in *onModerator) (any, error) {
	return empty{}, s.cfg.Chat.DeleteModerator(ctx, c.bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
}

func (s *server) createChannelBan(ctx context.Context, c call, in *createChannelBanIn) (any, error) {
	m, err := s.cfg.Chat.CreateBan(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn))
	return memberOut{m.Channel, m.User}, err
}

func (s *server) describeChannelBan(ctx context.Context, c call, in *onBanned) (any, error) {
	m, err := s.cfg.Chat.Ban(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn))
	type ban struct {
		Member           chat.Identity
		ChannelArn       arn.ARN
		CreatedTimestamp chat.Epoch
		CreatedBy        chat.Identity
	}
	return struct{ ChannelBan ban }{ban{m.User, m.Channel, chat.Epoch(m.CreatedMS), m.CreatedBy}}, err
}

func (s *server) listChannelBans(ctx context.Context, c call, in *pagedChannel) (any, error) {
	all, next, err := s.cfg.Chat.Bans(ctx, c.bearer, in.channel(), in.page())
	type summary struct{ Member chat.Identity }
	return struct {
		ChannelArn  arn.ARN
		ChannelBans []summary
		NextToken   string `json:",omitempty"`
	}{in.channel(), each(all, func(m chat.Mark) summary { return summary{m.User} }), next}, err
}

func (s *server) deleteChannelBan(ctx context.Context, c call, in *onBanned) (any, error) {
	return empty{}, s.cfg.Chat.DeleteBan(ctx, c.bearer, in.channel(), arn.ARN(in.MemberArn))
}

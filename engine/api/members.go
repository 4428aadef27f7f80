package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type memberOut struct {
	ChannelArn arn.ARN
	Member     core.Identity
}

func (s *server) createChannelMembership(ctx context.Context, c rest.Call, in *createChannelMembershipIn) (any, error) {
	m, err := s.CreateMembership(ctx, c.Bearer, in.place(in.SubChannelId), arn.ARN(in.MemberArn), in.Type)
	return struct {
		memberOut
		SubChannelId string `json:",omitempty"` // the wire's name
	}{memberOut{m.Channel, m.Member}, m.Sub}, err
}

func (s *server) batchCreateChannelMembership(ctx context.Context, c rest.Call, in *batchCreateChannelMembershipIn) (any, error) {
	kind := in.Type
	if kind == "" {
		kind = "DEFAULT"
	}
	made, failed, err := s.CreateMemberships(ctx, c.Bearer, in.place(in.SubChannelId), arns(in.MemberArns), kind)
	type batchError struct {
		MemberArn               arn.ARN
		ErrorCode, ErrorMessage string
	}
	return struct {
		BatchChannelMemberships member.BatchWire
		Errors                  []batchError
	}{made, each(failed, func(e member.MemberError) batchError { return batchError{e.Member, e.Code, e.Message} })}, err
}

func (s *server) describeChannelMembership(ctx context.Context, c rest.Call, in *onMembership) (any, error) {
	m, err := s.Membership(ctx, c.Bearer, in.place(in.SubChannelId), arn.ARN(in.MemberArn))
	return struct {
		ChannelMembership member.Wire[core.Epoch]
	}{member.WireOf[core.Epoch](m)}, err
}

func (s *server) listChannelMemberships(ctx context.Context, c rest.Call, in *listChannelMembershipsIn) (any, error) {
	all, next, err := s.Memberships(ctx, c.Bearer, in.place(in.SubChannelId), in.Type, in.page())
	type summary struct {
		Member              core.Identity
		ReadMarkerTimestamp core.Epoch `json:",omitzero"` // not in the model, but in the real service's answers
	}
	return struct {
		ChannelArn         arn.ARN
		ChannelMemberships []summary
		NextToken          string `json:",omitempty"`
	}{in.channel(), each(all, func(m member.Membership) summary { return summary{m.Member, core.Epoch(m.ReadMS)} }), next}, err
}

func (s *server) deleteChannelMembership(ctx context.Context, c rest.Call, in *onMembership) (any, error) {
	return empty{}, s.DeleteMembership(ctx, c.Bearer, in.place(in.SubChannelId), arn.ARN(in.MemberArn))
}

type userMembershipOut struct {
	ChannelSummary                   channel.SummaryWire[core.Epoch]
	AppInstanceUserMembershipSummary struct {
		Type                string
		ReadMarkerTimestamp core.Epoch `json:",omitzero"`
		SubChannelId        string     `json:",omitempty"` // the wire's name
	}
}

func userMembership(m channel.UserMembership) userMembershipOut {
	out := userMembershipOut{ChannelSummary: channel.WireSummary[core.Epoch](m.Channel)}
	of := &out.AppInstanceUserMembershipSummary
	of.Type, of.ReadMarkerTimestamp, of.SubChannelId = m.Type, core.Epoch(m.ReadMS), m.Sub
	return out
}

func (s *server) describeChannelMembershipForAppInstanceUser(ctx context.Context, c rest.Call, in *forUser) (any, error) {
	m, err := s.MembershipForUser(ctx, c.Bearer, in.channel(), arn.ARN(in.AppInstanceUserArn))
	return struct{ ChannelMembership userMembershipOut }{userMembership(m)}, err
}

func (s *server) listChannelMembershipsForAppInstanceUser(ctx context.Context, c rest.Call, in *forUserPaged) (any, error) {
	all, next, err := s.MembershipsForUser(ctx, c.Bearer, arn.ARN(in.AppInstanceUserArn), in.page())
	return struct {
		ChannelMemberships []userMembershipOut
		NextToken          string `json:",omitempty"`
	}{each(all, userMembership), next}, err
}

func (s *server) createChannelModerator(ctx context.Context, c rest.Call, in *createChannelModeratorIn) (any, error) {
	m, err := s.CreateModerator(ctx, c.Bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
	return struct {
		ChannelArn       arn.ARN
		ChannelModerator core.Identity
	}{m.Channel, m.User}, err
}

func (s *server) describeChannelModerator(ctx context.Context, c rest.Call, in *onModerator) (any, error) {
	m, err := s.Moderator(ctx, c.Bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
	type moderator struct {
		Moderator        core.Identity
		ChannelArn       arn.ARN
		CreatedTimestamp core.Epoch
		CreatedBy        core.Identity
	}
	return struct{ ChannelModerator moderator }{moderator{m.User, m.Channel, core.Epoch(m.CreatedMS), m.CreatedBy}}, err
}

func (s *server) listChannelModerators(ctx context.Context, c rest.Call, in *pagedChannel) (any, error) {
	all, next, err := s.Moderators(ctx, c.Bearer, in.channel(), in.page())
	type summary struct{ Moderator core.Identity }
	return struct {
		ChannelArn        arn.ARN
		ChannelModerators []summary
		NextToken         string `json:",omitempty"`
	}{in.channel(), each(all, func(m member.Mark) summary { return summary{m.User} }), next}, err
}

func (s *server) deleteChannelModerator(ctx context.Context, c rest.Call, in *onModerator) (any, error) {
	return empty{}, s.DeleteModerator(ctx, c.Bearer, in.channel(), arn.ARN(in.ChannelModeratorArn))
}

func (s *server) createChannelBan(ctx context.Context, c rest.Call, in *createChannelBanIn) (any, error) {
	m, err := s.CreateBan(ctx, c.Bearer, in.channel(), arn.ARN(in.MemberArn))
	return memberOut{m.Channel, m.User}, err
}

func (s *server) describeChannelBan(ctx context.Context, c rest.Call, in *onBanned) (any, error) {
	m, err := s.Ban(ctx, c.Bearer, in.channel(), arn.ARN(in.MemberArn))
	type ban struct {
		Member           core.Identity
		ChannelArn       arn.ARN
		CreatedTimestamp core.Epoch
		CreatedBy        core.Identity
	}
	return struct{ ChannelBan ban }{ban{m.User, m.Channel, core.Epoch(m.CreatedMS), m.CreatedBy}}, err
}

func (s *server) listChannelBans(ctx context.Context, c rest.Call, in *pagedChannel) (any, error) {
	all, next, err := s.Bans(ctx, c.Bearer, in.channel(), in.page())
	type summary struct{ Member core.Identity }
	return struct {
		ChannelArn  arn.ARN
		ChannelBans []summary
		NextToken   string `json:",omitempty"`
	}{in.channel(), each(all, func(m member.Mark) summary { return summary{m.User} }), next}, err
}

func (s *server) deleteChannelBan(ctx context.Context, c rest.Call, in *onBanned) (any, error) {
	return empty{}, s.DeleteBan(ctx, c.Bearer, in.channel(), arn.ARN(in.MemberArn))
}

package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// pushPreferences is the structure PushNotificationPreferences, in both directions.
type pushPreferences struct {
	AllowNotifications string `is:"AllowNotifications!"`
	FilterRule         string `is:"FilterRule" json:",omitempty"`
}

// preferences is the structure ChannelMembershipPreferences, in both directions.
type preferences struct {
	PushNotifications *pushPreferences `is:"Structure"`
}

type preferencesOut struct {
	ChannelArn  arn.ARN
	Member      core.Identity
	Preferences preferences
}

type putChannelMembershipPreferencesIn struct {
	onMember
	Preferences *preferences `is:"Structure!"`
}

func (s *server) preferencesOf(ctx context.Context, c rest.Call, on onMember) (any, error) {
	who := arn.ARN(on.MemberArn)
	p, err := s.PreferencesOf(ctx, c.Bearer, on.channel(), who)
	if err != nil {
		return nil, err
	}
	u, err := s.UserIn(ctx, s.DB, who) // or a bot
	return preferencesOut{on.channel(), u.Identity(), preferences{&pushPreferences{p.Allow, p.Rule}}}, err
}

func (s *server) getChannelMembershipPreferences(ctx context.Context, c rest.Call, in *onMember) (any, error) {
	return s.preferencesOf(ctx, c, *in)
}

func (s *server) putChannelMembershipPreferences(ctx context.Context, c rest.Call, in *putChannelMembershipPreferencesIn) (any, error) {
	var p member.Preferences
	if push := in.Preferences.PushNotifications; push != nil {
		p = member.Preferences{Allow: push.AllowNotifications, Rule: push.FilterRule}
	}
	if err := s.SetPreferences(ctx, c.Bearer, in.channel(), arn.ARN(in.MemberArn), p); err != nil {
		return nil, err
	}
	return s.preferencesOf(ctx, c, in.onMember)
}

func (s *server) updateChannelReadMarker(ctx context.Context, c rest.Call, in *onChannel) (any, error) {
	return channelArnOut{in.channel()}, s.Read(ctx, c.Bearer, in.channel())
}

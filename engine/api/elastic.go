package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// Where SubChannelId travels: in the body, or in the query of operations without one.
type (
	inSub struct {
		SubChannelId string `is:"SubChannelId"` // the wire's name
	}
	inSubQuery struct {
		SubChannelId string `wire:"query=sub-channel-id" is:"SubChannelId"` // the wire's name
	}
)

// place is the key of where the operation happens.
func (o onChannel) place(sub string) arn.ARN { return core.InSub(o.channel(), sub) }

type elasticIn struct {
	MaximumSubChannels             int `is:"MaximumSubChannels!"`
	TargetMembershipsPerSubChannel int `is:"TargetMembershipsPerSubChannel!"`
	MinimumMembershipPercentage    int `is:"MinimumMembershipPercentage!"`
}

// settings reads the configuration; nil is none.
func (in *elasticIn) settings() channel.Elastic {
	if in == nil {
		return channel.Elastic{}
	}
	return channel.Elastic(*in)
}

func (s *server) listSubChannels(ctx context.Context, c rest.Call, in *pagedChannel) (any, error) {
	all, next, err := s.SubChannels(ctx, c.Bearer, in.channel(), in.page())
	type summary struct {
		SubChannelId    string // the wire's name
		MembershipCount int64
	}
	return struct {
		ChannelArn  arn.ARN
		SubChannels []summary
		NextToken   string `json:",omitempty"`
	}{in.channel(), each(all, func(s member.Sub) summary { return summary{s.ID, s.Members} }), next}, err
}

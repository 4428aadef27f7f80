package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type expirationIn struct {
	ExpirationDays      int    `is:"ExpirationDays!"`
	ExpirationCriterion string `is:"ExpirationCriterion!"`
}

// settings reads the structure; nil is never.
func (in *expirationIn) settings() channel.Expiration {
	if in == nil {
		return channel.Expiration{}
	}
	return channel.Expiration{Days: in.ExpirationDays, Criterion: in.ExpirationCriterion}
}

// Needs is rest.Needy: settings at creation are settings put.
func (in createChannelIn) Needs() []string {
	if in.ExpirationSettings == nil {
		return nil
	}
	return []string{"PutChannelExpirationSettings"}
}

// Needs is rest.Needy, as for channels.
func (in createAppInstanceUserIn) Needs() []string {
	if in.ExpirationSettings == nil {
		return nil
	}
	return []string{"PutAppInstanceUserExpirationSettings"}
}

type putChannelExpirationSettingsIn struct {
	onChannel
	ExpirationSettings *expirationIn `is:"Structure"`
}

func (s *server) putChannelExpirationSettings(ctx context.Context, c rest.Call, in *putChannelExpirationSettingsIn) (any, error) {
	e := in.ExpirationSettings.settings()
	return struct {
		ChannelArn         arn.ARN
		ExpirationSettings *channel.ExpirationWire `json:",omitempty"`
	}{in.channel(), channel.WireExpiration(e)}, s.SetChannelExpiration(ctx, c.Bearer, in.channel(), e)
}

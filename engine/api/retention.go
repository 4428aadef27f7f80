package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type retentionSettings struct {
	ChannelRetentionSettings *channelRetention `is:"Structure" json:",omitempty"`
}

type channelRetention struct {
	RetentionDays int `is:"RetentionDays" json:",omitempty"`
}

type retentionOut struct {
	AppInstanceRetentionSettings retentionSettings
	InitiateDeletionTimestamp    core.Epoch `json:",omitzero"`
}

func writeRetention(r identity.Retention) retentionOut {
	out := retentionOut{InitiateDeletionTimestamp: core.Epoch(r.DeleteMS)}
	if r.Days > 0 {
		out.AppInstanceRetentionSettings.ChannelRetentionSettings = &channelRetention{int(r.Days)}
	}
	return out
}

func (s *server) getAppInstanceRetentionSettings(ctx context.Context, _ rest.Call, in *onInstance) (any, error) {
	r, err := s.Retention(ctx, arn.ARN(in.AppInstanceArn))
	return writeRetention(r), err
}

type putAppInstanceRetentionSettingsIn struct {
	onInstance
	AppInstanceRetentionSettings *retentionSettings `is:"Structure!"`
}

func (s *server) putAppInstanceRetentionSettings(ctx context.Context, _ rest.Call, in *putAppInstanceRetentionSettingsIn) (any, error) {
	days := 0
	if c := in.AppInstanceRetentionSettings.ChannelRetentionSettings; c != nil {
		days = c.RetentionDays
	}
	r, err := s.SetRetention(ctx, arn.ARN(in.AppInstanceArn), int64(days))
	return writeRetention(r), err
}

// userExpiration is the structure ExpirationSettings of the identity service.
type userExpiration struct {
	ExpirationDays      int    `is:"ExpirationDays!"`
	ExpirationCriterion string `is:"UserExpirationCriterion!"`
}

func (e *userExpiration) read() identity.Expiration {
	if e == nil {
		return identity.Expiration{}
	}
	return identity.Expiration{Days: int64(e.ExpirationDays)}
}

func writeUserExpiration(e identity.Expiration) *userExpiration {
	if e.Days == 0 {
		return nil
	}
	return &userExpiration{int(e.Days), "CREATED_TIMESTAMP"}
}

type putAppInstanceUserExpirationSettingsIn struct {
	onUser
	ExpirationSettings *userExpiration `is:"Structure"`
}

func (s *server) putAppInstanceUserExpirationSettings(ctx context.Context, _ rest.Call, in *putAppInstanceUserExpirationSettingsIn) (any, error) {
	err := s.SetExpiration(ctx, arn.ARN(in.AppInstanceUserArn), in.ExpirationSettings.read())
	return struct {
		AppInstanceUserArn string
		ExpirationSettings *userExpiration `json:",omitempty"`
	}{in.AppInstanceUserArn, in.ExpirationSettings}, err
}

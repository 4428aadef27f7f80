package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/engine/stream"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type streamingConfigurationIn struct {
	DataType    string `is:"MessagingDataType!"`
	ResourceArn string `is:"ChimeArn!"`
}

type putMessagingStreamingConfigurationsIn struct {
	onInstance
	StreamingConfigurations []streamingConfigurationIn `is:"StreamingConfigurationList!"`
}

// streamsOut leaves out an empty list: the model allows none.
type streamsOut struct {
	StreamingConfigurations []stream.Configuration `json:",omitempty"`
}

func (s *server) putMessagingStreamingConfigurations(ctx context.Context, _ rest.Call, in *putMessagingStreamingConfigurationsIn) (any, error) {
	all := each(in.StreamingConfigurations, func(c streamingConfigurationIn) stream.Configuration { return stream.Configuration(c) })
	return streamsOut{all}, s.PutConfigurations(ctx, arn.ARN(in.AppInstanceArn), all)
}

func (s *server) getMessagingStreamingConfigurations(ctx context.Context, _ rest.Call, in *onInstance) (any, error) {
	all, err := s.Configurations(ctx, arn.ARN(in.AppInstanceArn))
	return streamsOut{all}, err
}

func (s *server) deleteMessagingStreamingConfigurations(ctx context.Context, _ rest.Call, in *onInstance) (any, error) {
	return empty{}, s.DeleteConfigurations(ctx, arn.ARN(in.AppInstanceArn))
}

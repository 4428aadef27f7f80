package api

import (
	"context"
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type (
	onFlow struct {
		ChannelFlowArn string `wire:"path=channelFlowArn" is:"ChimeArn!"`
	}
	lambdaIn struct {
		ResourceArn    string `is:"LambdaFunctionArn!"`
		InvocationType string `is:"InvocationType!"`
	}
	processorConfigurationIn struct {
		Lambda lambdaIn `is:"LambdaConfiguration!"`
	}
	processorIn struct {
		Name           string                   `is:"NonEmptyResourceName!"`
		Configuration  processorConfigurationIn `is:"ProcessorConfiguration!"`
		ExecutionOrder int                      `is:"ChannelFlowExecutionOrder!"`
		FallbackAction string                   `is:"FallbackAction!"`
	}
	createChannelFlowIn struct {
		AppInstanceArn     string        `is:"ChimeArn!"`
		Processors         []processorIn `is:"ProcessorList!"`
		Name               string        `is:"NonEmptyResourceName!"`
		ClientRequestToken string        `is:"ClientRequestToken!"`
		tagged
	}
	updateChannelFlowIn struct {
		onFlow
		Processors []processorIn `is:"ProcessorList!"`
		Name       string        `is:"NonEmptyResourceName!"`
	}
	listChannelFlowsIn struct {
		AppInstanceArn string `wire:"query=app-instance-arn" is:"ChimeArn!"`
		paging
	}
	associateChannelFlowIn struct {
		onChannel
		ChannelFlowArn string `is:"ChimeArn!"`
	}
	disassociateChannelFlowIn struct {
		onChannel
		onFlow
	}
	listChannelsAssociatedIn struct {
		ChannelFlowArn string `wire:"query=channel-flow-arn" is:"ChimeArn!"`
		paging
	}
	callbackMessageIn struct {
		MessageId         string                 `is:"MessageId!"` // the wire's name
		Content           *string                `is:"NonEmptyContent"`
		Metadata          *string                `is:"Metadata"`
		PushNotification  pushNotificationIn     `is:"PushNotificationConfiguration"`
		MessageAttributes map[string]attributeIn `is:"MessageAttributeMap"`
		ContentType       *string                `is:"ContentType"`
		SubChannelId      *string                `is:"SubChannelId"` // the wire's name
	}
	channelFlowCallbackIn struct {
		onChannel
		CallbackId     string            `is:"CallbackIdType!"` // the wire's name
		DeleteResource bool              `is:"NonNullableBoolean"`
		ChannelMessage callbackMessageIn `is:"ChannelMessageCallback!"`
	}
)

func processors(in []processorIn) []flow.Processor {
	return each(in, func(p processorIn) flow.Processor {
		return flow.Processor{Name: p.Name, ExecutionOrder: p.ExecutionOrder, FallbackAction: p.FallbackAction,
			Configuration: flow.Configuration{Lambda: flow.Lambda(p.Configuration.Lambda)}}
	})
}

type flowArnOut struct{ ChannelFlowArn arn.ARN }

func (s *server) createChannelFlow(ctx context.Context, _ rest.Call, in *createChannelFlowIn) (any, error) {
	a, err := s.CreateFlow(ctx, in.ClientRequestToken, flow.NewFlow{Instance: arn.ARN(in.AppInstanceArn), Name: in.Name,
		Processors: processors(in.Processors), Tags: in.tags()})
	return flowArnOut{a}, err
}

type flowOut struct {
	ChannelFlowArn       arn.ARN
	Name                 string
	Processors           []flow.Processor
	CreatedTimestamp     core.Epoch `json:",omitzero"`
	LastUpdatedTimestamp core.Epoch `json:",omitzero"`
}

func (s *server) describeChannelFlow(ctx context.Context, _ rest.Call, in *onFlow) (any, error) {
	f, err := s.Flow(ctx, arn.ARN(in.ChannelFlowArn))
	return struct{ ChannelFlow flowOut }{flowOut{f.ARN, f.Name, f.Processors, core.Epoch(f.CreatedMS), core.Epoch(f.UpdatedMS)}}, err
}

func (s *server) listChannelFlows(ctx context.Context, _ rest.Call, in *listChannelFlowsIn) (any, error) {
	all, next, err := s.Flows.List(ctx, arn.ARN(in.AppInstanceArn), in.page())
	return struct {
		ChannelFlows []flowOut
		NextToken    string `json:",omitempty"`
	}{each(all, func(f flow.Flow) flowOut {
		return flowOut{ChannelFlowArn: f.ARN, Name: f.Name, Processors: f.Processors}
	}), next}, err
}

func (s *server) updateChannelFlow(ctx context.Context, _ rest.Call, in *updateChannelFlowIn) (any, error) {
	a := arn.ARN(in.ChannelFlowArn)
	return flowArnOut{a}, s.UpdateFlow(ctx, a, in.Name, processors(in.Processors))
}

func (s *server) deleteChannelFlow(ctx context.Context, _ rest.Call, in *onFlow) (any, error) {
	return empty{}, s.DeleteFlow(ctx, arn.ARN(in.ChannelFlowArn))
}

func (s *server) associateChannelFlow(ctx context.Context, c rest.Call, in *associateChannelFlowIn) (any, error) {
	return empty{}, s.Associate(ctx, c.Bearer, in.channel(), arn.ARN(in.ChannelFlowArn))
}

func (s *server) disassociateChannelFlow(ctx context.Context, c rest.Call, in *disassociateChannelFlowIn) (any, error) {
	return empty{}, s.Disassociate(ctx, c.Bearer, in.channel(), arn.ARN(in.ChannelFlowArn))
}

func (s *server) listChannelsAssociatedWithChannelFlow(ctx context.Context, _ rest.Call, in *listChannelsAssociatedIn) (any, error) {
	all, next, err := s.AssociatedWith(ctx, arn.ARN(in.ChannelFlowArn), in.page())
	return struct {
		Channels  []flow.Associated
		NextToken string `json:",omitempty"`
	}{each(all, func(a flow.Associated) flow.Associated { return a }), next}, err
}

func (s *server) channelFlowCallback(ctx context.Context, _ rest.Call, in *channelFlowCallbackIn) (any, error) {
	m := in.ChannelMessage
	a := message.Answer{MessageID: m.MessageId, Sub: m.SubChannelId, Deny: in.DeleteResource, Content: m.Content, ContentType: m.ContentType, Metadata: m.Metadata}
	if m.MessageAttributes != nil {
		text := attributes(m.MessageAttributes)
		a.Attributes = &text
	}
	return struct {
		ChannelArn arn.ARN
		CallbackId string // the wire's name
	}{in.channel(), in.CallbackId}, s.FlowCallback(ctx, in.channel(), in.CallbackId, a)
}

// attributes writes MessageAttributes as they are kept.
func attributes(in map[string]attributeIn) string {
	if len(in) == 0 {
		return ""
	}
	text, err := json.Marshal(in) // sorted keys: equal maps give equal text
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

package api

import (
	"cmp"
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type onEndpoint struct {
	onUser
	EndpointId string `wire:"path=endpointId" is:"String64!"` // the wire's name
}

type endpointAttributes struct {
	DeviceToken     string `is:"Token1600!"`
	VoipDeviceToken string `is:"Token1600" json:",omitempty"`
}

type endpointState struct{ Status string }

type endpointOut struct {
	AppInstanceUserArn   arn.ARN
	EndpointId           string // the wire's name
	Name                 string `json:",omitempty"`
	Type                 string
	ResourceArn          string              `json:",omitempty"`
	EndpointAttributes   *endpointAttributes `json:",omitempty"`
	CreatedTimestamp     core.Epoch          `json:",omitzero"`
	LastUpdatedTimestamp core.Epoch          `json:",omitzero"`
	AllowMessages        string
	EndpointState        endpointState
}

// endpointIDOut answers what was done to an endpoint.
type endpointIDOut struct {
	AppInstanceUserArn string
	EndpointId         string // the wire's name
}

type registerAppInstanceUserEndpointIn struct {
	onUser
	Name               string              `is:"Name1600"`
	Type               string              `is:"AppInstanceUserEndpointType!"`
	ResourceArn        string              `is:"ChimeArn!"`
	EndpointAttributes *endpointAttributes `is:"Structure!"`
	ClientRequestToken string              `is:"ClientRequestToken!"`
	AllowMessages      string              `is:"AllowMessages"`
}

func (s *server) registerAppInstanceUserEndpoint(ctx context.Context, _ rest.Call, in *registerAppInstanceUserEndpointIn) (any, error) {
	id, err := s.RegisterEndpoint(ctx, in.ClientRequestToken, arn.ARN(in.AppInstanceUserArn), identity.Endpoint{
		Name: in.Name, Type: in.Type, ResourceARN: in.ResourceArn, DeviceToken: in.EndpointAttributes.DeviceToken,
		VoipDeviceToken: in.EndpointAttributes.VoipDeviceToken, AllowMessages: cmp.Or(in.AllowMessages, "ALL")})
	return endpointIDOut{in.AppInstanceUserArn, id}, err
}

func (s *server) describeAppInstanceUserEndpoint(ctx context.Context, _ rest.Call, in *onEndpoint) (any, error) {
	user := arn.ARN(in.AppInstanceUserArn)
	e, err := s.Endpoint(ctx, user, in.EndpointId)
	out := endpointSummary(user)(e)
	out.ResourceArn, out.EndpointAttributes = e.ResourceARN, &endpointAttributes{e.DeviceToken, e.VoipDeviceToken}
	out.CreatedTimestamp, out.LastUpdatedTimestamp = core.Epoch(e.CreatedMS), core.Epoch(e.UpdatedMS)
	return struct{ AppInstanceUserEndpoint endpointOut }{out}, err
}

// endpointSummary writes an endpoint of the user as lists carry it. Nothing is ever delivered, so none becomes INACTIVE.
func endpointSummary(user arn.ARN) func(identity.Endpoint) endpointOut {
	return func(e identity.Endpoint) endpointOut {
		return endpointOut{AppInstanceUserArn: user, EndpointId: e.ID, Name: e.Name, Type: e.Type, AllowMessages: e.AllowMessages,
			EndpointState: endpointState{"ACTIVE"}}
	}
}

type listAppInstanceUserEndpointsIn struct {
	onUser
	paging
}

func (s *server) listAppInstanceUserEndpoints(ctx context.Context, _ rest.Call, in *listAppInstanceUserEndpointsIn) (any, error) {
	user := arn.ARN(in.AppInstanceUserArn)
	all, next, err := s.Endpoints(ctx, user, in.page())
	return struct {
		AppInstanceUserEndpoints []endpointOut
		NextToken                string `json:",omitempty"`
	}{each(all, endpointSummary(user)), next}, err
}

type updateAppInstanceUserEndpointIn struct {
	onEndpoint
	Name          *string `is:"Name1600"`
	AllowMessages *string `is:"AllowMessages"`
}

func (s *server) updateAppInstanceUserEndpoint(ctx context.Context, _ rest.Call, in *updateAppInstanceUserEndpointIn) (any, error) {
	err := s.UpdateEndpoint(ctx, arn.ARN(in.AppInstanceUserArn), in.EndpointId, in.Name, in.AllowMessages)
	return endpointIDOut{in.AppInstanceUserArn, in.EndpointId}, err
}

func (s *server) deregisterAppInstanceUserEndpoint(ctx context.Context, _ rest.Call, in *onEndpoint) (any, error) {
	return empty{}, s.DeregisterEndpoint(ctx, arn.ARN(in.AppInstanceUserArn), in.EndpointId)
}

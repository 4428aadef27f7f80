package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// The developer operations of the identity service. NextToken is left out of the last page of every list.

// empty is the answer of operations that answer nothing.
type empty struct{}

type instanceOut struct {
	AppInstanceArn       arn.ARN
	Name                 string
	Metadata             string     `json:",omitempty"`
	CreatedTimestamp     core.Epoch `json:",omitzero"`
	LastUpdatedTimestamp core.Epoch `json:",omitzero"`
}

type instanceArnOut struct{ AppInstanceArn arn.ARN }

func (p paging) page() core.Page { return core.Page{Max: p.MaxResults, Token: p.NextToken} }

func (s *server) createAppInstance(ctx context.Context, _ rest.Call, in *createAppInstanceIn) (any, error) {
	a, err := s.CreateInstance(ctx, in.ClientRequestToken, in.Name, in.Metadata, in.tags()...)
	return instanceArnOut{a}, err
}

func (s *server) describeAppInstance(ctx context.Context, _ rest.Call, in *onInstance) (any, error) {
	i, err := s.Instance(ctx, arn.ARN(in.AppInstanceArn))
	return struct{ AppInstance instanceOut }{instanceOut{i.ARN, i.Name, i.Metadata, core.Epoch(i.CreatedMS), core.Epoch(i.UpdatedMS)}}, err
}

func (s *server) listAppInstances(ctx context.Context, _ rest.Call, in *paging) (any, error) {
	all, next, err := s.Instances(ctx, in.page())
	return struct {
		AppInstances []instanceOut
		NextToken    string `json:",omitempty"`
	}{each(all, func(i identity.Instance) instanceOut {
		return instanceOut{AppInstanceArn: i.ARN, Name: i.Name, Metadata: i.Metadata}
	}), next}, err
}

// each writes a list; an empty one is [], never null.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

func (s *server) updateAppInstance(ctx context.Context, _ rest.Call, in *updateAppInstanceIn) (any, error) {
	a := arn.ARN(in.AppInstanceArn)
	return instanceArnOut{a}, s.UpdateInstance(ctx, a, in.Name, in.Metadata)
}

func (s *server) deleteAppInstance(ctx context.Context, _ rest.Call, in *onInstance) (any, error) {
	return empty{}, s.DeleteInstance(ctx, arn.ARN(in.AppInstanceArn))
}

type userOut struct {
	AppInstanceUserArn   arn.ARN
	Name                 string
	Metadata             string          `json:",omitempty"`
	CreatedTimestamp     core.Epoch      `json:",omitzero"`
	LastUpdatedTimestamp core.Epoch      `json:",omitzero"`
	ExpirationSettings   *userExpiration `json:",omitempty"`
}

type userArnOut struct{ AppInstanceUserArn arn.ARN }

func (s *server) createAppInstanceUser(ctx context.Context, _ rest.Call, in *createAppInstanceUserIn) (any, error) {
	a, err := s.CreateUser(ctx, in.ClientRequestToken, identity.NewUser{Instance: arn.ARN(in.AppInstanceArn),
		ID: in.AppInstanceUserId, Name: in.Name, Metadata: in.Metadata, Expiration: in.ExpirationSettings.read(), Tags: in.tags()})
	return userArnOut{a}, err
}

func (s *server) describeAppInstanceUser(ctx context.Context, _ rest.Call, in *onUser) (any, error) {
	u, err := s.User(ctx, arn.ARN(in.AppInstanceUserArn))
	return struct{ AppInstanceUser userOut }{userOut{u.ARN, u.Name, u.Metadata, core.Epoch(u.CreatedMS),
		core.Epoch(u.UpdatedMS), writeUserExpiration(u.Expiration)}}, err
}

func (s *server) listAppInstanceUsers(ctx context.Context, _ rest.Call, in *listAppInstanceUsersIn) (any, error) {
	all, next, err := s.Users(ctx, arn.ARN(in.AppInstanceArn), in.page())
	return struct {
		AppInstanceArn   string
		AppInstanceUsers []userOut
		NextToken        string `json:",omitempty"`
	}{in.AppInstanceArn, each(all, func(u identity.User) userOut {
		return userOut{AppInstanceUserArn: u.ARN, Name: u.Name, Metadata: u.Metadata}
	}), next}, err
}

func (s *server) updateAppInstanceUser(ctx context.Context, _ rest.Call, in *updateAppInstanceUserIn) (any, error) {
	a := arn.ARN(in.AppInstanceUserArn)
	return userArnOut{a}, s.UpdateUser(ctx, a, in.Name, in.Metadata)
}

func (s *server) deleteAppInstanceUser(ctx context.Context, _ rest.Call, in *onUser) (any, error) {
	return empty{}, s.DeleteUser(ctx, arn.ARN(in.AppInstanceUserArn))
}

func (s *server) createAppInstanceAdmin(ctx context.Context, _ rest.Call, in *createAppInstanceAdminIn) (any, error) {
	who, err := s.CreateAdmin(ctx, arn.ARN(in.AppInstanceArn), arn.ARN(in.AppInstanceAdminArn))
	return struct {
		AppInstanceAdmin core.Identity
		AppInstanceArn   string
	}{who, in.AppInstanceArn}, err
}

func (s *server) describeAppInstanceAdmin(ctx context.Context, _ rest.Call, in *onAdmin) (any, error) {
	a, err := s.Admin(ctx, arn.ARN(in.AppInstanceArn), arn.ARN(in.AppInstanceAdminArn))
	type admin struct {
		Admin            core.Identity
		AppInstanceArn   string
		CreatedTimestamp core.Epoch
	}
	return struct{ AppInstanceAdmin admin }{admin{a.User, in.AppInstanceArn, core.Epoch(a.CreatedMS)}}, err
}

func (s *server) listAppInstanceAdmins(ctx context.Context, _ rest.Call, in *pagedInstance) (any, error) {
	all, next, err := s.Admins(ctx, arn.ARN(in.AppInstanceArn), in.page())
	type admin struct{ Admin core.Identity }
	return struct {
		AppInstanceArn    string
		AppInstanceAdmins []admin
		NextToken         string `json:",omitempty"`
	}{in.AppInstanceArn, each(all, func(a identity.Admin) admin { return admin{a.User} }), next}, err
}

func (s *server) deleteAppInstanceAdmin(ctx context.Context, _ rest.Call, in *onAdmin) (any, error) {
	return empty{}, s.DeleteAdmin(ctx, arn.ARN(in.AppInstanceArn), arn.ARN(in.AppInstanceAdminArn))
}

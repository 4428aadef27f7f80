package provisiontest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// story is what one provider answered to one thing after the other.
type story struct {
	ctx  context.Context
	id   *identity.Client
	msg  *messaging.Client
	told []string
}

func newStory(ctx context.Context, url string, key aws.Credentials, wire http.RoundTripper) *story {
	c := aws.Config{Region: "us-east-1", HTTPClient: &http.Client{Transport: wire}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })}
	if url != "" {
		c.BaseEndpoint = &url
	}
	return &story{ctx: ctx, id: identity.NewFromConfig(c), msg: messaging.NewFromConfig(c)}
}

// note writes down how a call ended: errors are known by their status and the name of the exception.
func (s *story) note(what string, err error) {
	line := what + ": ok"
	if err != nil {
		var api smithy.APIError
		var response *smithyhttp.ResponseError
		line = what + ": " + err.Error()
		if errors.As(err, &api) && errors.As(err, &response) {
			line = fmt.Sprintf("%s: %d %s", what, response.HTTPStatusCode(), api.ErrorCode())
		}
	}
	s.told = append(s.told, line)
}

// play tells a little story about everything that the double knows.
func (s *story) play() []string {
	ctx, p := s.ctx, aws.String
	instance := func(name, token string) *string {
		out, err := s.id.CreateAppInstance(ctx, &identity.CreateAppInstanceInput{Name: p(name), ClientRequestToken: p(token)})
		s.note("app instance "+name+" "+token, err)
		if err != nil {
			return p("")
		}
		return out.AppInstanceArn
	}
	a := instance("one", "t1")
	again, other := instance("one", "t1"), instance("one", "t2")
	instance("two", "t1")
	s.told = append(s.told, fmt.Sprint("same token same app instance: ", *a == *again, ", other token other: ", *a != *other))
	user := func(in *string, id, name, token string) *string {
		_, err := s.id.CreateAppInstanceUser(ctx, &identity.CreateAppInstanceUserInput{AppInstanceArn: in, AppInstanceUserId: p(id), Name: p(name), ClientRequestToken: p(token)})
		s.note("user "+id+" "+name+" "+token, err)
		return p(*in + "/user/" + id)
	}
	admin, ann, bob := user(a, "admin", "Admin", "u1"), user(a, "ann", "Ann", "u2"), user(a, "bob", "Bob", "u3")
	user(a, "ann", "Ann", "u4")
	user(a, "ann", "Anna", "u5")
	user(p(*a+"0"), "ann", "Ann", "u6")
	nobody := p(*a + "/user/nobody")
	for _, who := range []*string{admin, admin, nobody} {
		_, err := s.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: a, AppInstanceAdminArn: who})
		s.note("admin", err)
	}
	rename := func(who *string, name string) {
		_, err := s.id.UpdateAppInstanceUser(ctx, &identity.UpdateAppInstanceUserInput{AppInstanceUserArn: who, Name: p(name), Metadata: p("")})
		s.note("rename "+name, err)
	}
	rename(ann, "Anna")
	rename(nobody, "No")
	channel := func(bearer *string, id, name, token string) *string {
		_, err := s.msg.CreateChannel(ctx, &messaging.CreateChannelInput{ChimeBearer: bearer, AppInstanceArn: a, ChannelId: p(id), Name: p(name),
			ClientRequestToken: p(token), Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate})
		s.note("channel "+id+" "+name+" "+token, err)
		return p(*a + "/channel/" + id)
	}
	c := channel(admin, "c", "Show", "c1")
	channel(admin, "c", "Show", "c1")
	channel(admin, "c", "Show", "c2")
	channel(nobody, "d", "Show", "c3")
	s.people(a, c, admin, ann, bob, nobody)
	s.ends(a, c, admin, ann, bob, nobody)
	return s.told
}

// people come and go.
func (s *story) people(a, c, admin, ann, bob, nobody *string) {
	ctx := s.ctx
	no := aws.String(*a + "/channel/no")
	batch := func(bearer, channel *string, who ...string) {
		out, err := s.msg.BatchCreateChannelMembership(ctx, &messaging.BatchCreateChannelMembershipInput{ChimeBearer: bearer, ChannelArn: channel, MemberArns: who})
		s.note("batch", err)
		if err == nil {
			for _, e := range out.Errors {
				s.told = append(s.told, "  "+string(e.ErrorCode))
			}
		}
	}
	batch(admin, c, *ann, *nobody)
	batch(admin, c, *ann, *ann)
	batch(admin, no, *ann)
	batch(nobody, c, *ann)
	single := func(who *string) {
		_, err := s.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChimeBearer: admin, ChannelArn: c, MemberArn: who, Type: types.ChannelMembershipTypeDefault})
		s.note("membership", err)
	}
	single(bob)
	single(bob)
	single(nobody)
	for _, in := range []*string{c, no} {
		_, err := s.msg.DescribeChannelModerator(ctx, &messaging.DescribeChannelModeratorInput{ChimeBearer: admin, ChannelArn: in, ChannelModeratorArn: bob})
		s.note("is bob a moderator", err)
	}
	moderator := func(who *string) {
		_, err := s.msg.CreateChannelModerator(ctx, &messaging.CreateChannelModeratorInput{ChimeBearer: admin, ChannelArn: c, ChannelModeratorArn: who})
		s.note("moderator", err)
	}
	moderator(ann)
	moderator(ann)
	moderator(nobody)
	ban := func(who *string) {
		_, err := s.msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChimeBearer: admin, ChannelArn: c, MemberArn: who})
		s.note("ban", err)
	}
	ban(ann)
	ban(bob)
	ban(bob)
	ban(nobody)
	single(bob)
	batch(admin, c, *bob)
	_, err := s.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChimeBearer: admin, ChannelArn: c, MemberArn: bob})
	s.note("is bob a member", err)
	_, err = s.msg.DescribeChannelBan(ctx, &messaging.DescribeChannelBanInput{ChimeBearer: admin, ChannelArn: c, MemberArn: bob})
	s.note("is bob banned", err)
	s.lists(a, c, admin)
	for _, who := range []*string{bob, bob, nobody} {
		_, err = s.msg.DeleteChannelBan(ctx, &messaging.DeleteChannelBanInput{ChimeBearer: admin, ChannelArn: c, MemberArn: who})
		s.note("unban", err)
	}
	batch(admin, c, *bob)
}

func (s *story) lists(a, c, admin *string) {
	ctx := s.ctx
	members, err := s.msg.ListChannelMemberships(ctx, &messaging.ListChannelMembershipsInput{ChimeBearer: admin, ChannelArn: c})
	s.note("members", err)
	var names []string
	for _, m := range members.ChannelMemberships {
		names = append(names, *m.Member.Name)
	}
	moderators, err := s.msg.ListChannelModerators(ctx, &messaging.ListChannelModeratorsInput{ChimeBearer: admin, ChannelArn: c})
	s.note("moderators", err)
	for _, m := range moderators.ChannelModerators {
		names = append(names, "moderator "+*m.Moderator.Name)
	}
	bans, err := s.msg.ListChannelBans(ctx, &messaging.ListChannelBansInput{ChimeBearer: admin, ChannelArn: c})
	s.note("bans", err)
	for _, m := range bans.ChannelBans {
		names = append(names, "banned "+*m.Member.Name)
	}
	admins, err := s.id.ListAppInstanceAdmins(ctx, &identity.ListAppInstanceAdminsInput{AppInstanceArn: a})
	s.note("admins", err)
	for _, m := range admins.AppInstanceAdmins {
		names = append(names, "admin "+*m.Admin.Name)
	}
	private, err := s.msg.ListChannels(ctx, &messaging.ListChannelsInput{ChimeBearer: admin, AppInstanceArn: a, Privacy: types.ChannelPrivacyPrivate})
	s.note("private channels", err)
	for _, m := range private.Channels {
		names = append(names, "private "+*m.Name)
	}
	public, err := s.msg.ListChannels(ctx, &messaging.ListChannelsInput{ChimeBearer: admin, AppInstanceArn: a})
	s.note("public channels", err)
	users, err := s.id.ListAppInstanceUsers(ctx, &identity.ListAppInstanceUsersInput{AppInstanceArn: a})
	s.note("users", err)
	for _, u := range users.AppInstanceUsers {
		names = append(names, "user "+*u.Name)
	}
	one, err := s.id.ListAppInstanceUsers(ctx, &identity.ListAppInstanceUsersInput{AppInstanceArn: a, MaxResults: aws.Int32(1)})
	s.note("first page", err)
	rest, err := s.id.ListAppInstanceUsers(ctx, &identity.ListAppInstanceUsersInput{AppInstanceArn: a, NextToken: one.NextToken})
	s.note("second page", err)
	slices.Sort(names)
	s.told = append(s.told, fmt.Sprint(len(public.Channels), " public; ", len(one.AppInstanceUsers), "+", len(rest.AppInstanceUsers), " users; ", strings.Join(names, ", ")))
}

// ends are how things go away.
func (s *story) ends(a, c, admin, ann, bob, nobody *string) {
	ctx := s.ctx
	for _, who := range []*string{ann, bob, nobody} {
		_, err := s.msg.DeleteChannelModerator(ctx, &messaging.DeleteChannelModeratorInput{ChimeBearer: admin, ChannelArn: c, ChannelModeratorArn: who})
		s.note("no moderator", err)
	}
	for _, who := range []*string{ann, ann, nobody} {
		_, err := s.msg.DeleteChannelMembership(ctx, &messaging.DeleteChannelMembershipInput{ChimeBearer: admin, ChannelArn: c, MemberArn: who})
		s.note("no member", err)
	}
	_, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChimeBearer: admin, ChannelArn: c})
	s.note("describe channel", err)
	for range 2 {
		_, err := s.id.DescribeAppInstanceUser(ctx, &identity.DescribeAppInstanceUserInput{AppInstanceUserArn: bob})
		s.note("describe user", err)
		_, err = s.id.DeleteAppInstanceUser(ctx, &identity.DeleteAppInstanceUserInput{AppInstanceUserArn: bob})
		s.note("delete user", err)
	}
	for range 2 {
		_, err := s.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChimeBearer: admin, ChannelArn: c})
		s.note("delete channel", err)
	}
	_, err = s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChimeBearer: admin, ChannelArn: c})
	s.note("describe no channel", err)
	for range 2 {
		_, err := s.id.DeleteAppInstanceAdmin(ctx, &identity.DeleteAppInstanceAdminInput{AppInstanceArn: a, AppInstanceAdminArn: admin})
		s.note("no admin", err)
	}
	for range 2 {
		_, err := s.id.DescribeAppInstance(ctx, &identity.DescribeAppInstanceInput{AppInstanceArn: a})
		s.note("describe app instance", err)
		_, err = s.id.DeleteAppInstance(ctx, &identity.DeleteAppInstanceInput{AppInstanceArn: a})
		s.note("delete app instance", err)
	}
	_, err = s.id.DescribeAppInstanceUser(ctx, &identity.DescribeAppInstanceUserInput{AppInstanceUserArn: ann})
	s.note("ann went with it", err)
}

// What the double answers, the engine answers too: both are judged by Amazon's reference, and neither by the provisioner.
func TestTheDoubleAnswersAsTheEngineDoes(t *testing.T) {
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	server := httptest.NewServer(e)
	defer server.Close()
	c := e.Credentials()
	key := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	want := newStory(t.Context(), server.URL, key, http.DefaultTransport).play()

	double := provisiontest.New()
	overTCP := httptest.NewServer(provisiontest.New().Handler("tcp"))
	defer overTCP.Close()
	for how, s := range map[string]*story{
		"in process": newStory(t.Context(), "", key, double.Wire(nil)),
		"over TCP":   newStory(t.Context(), overTCP.URL, key, http.DefaultTransport),
	} {
		got := s.play()
		for i, line := range want {
			if i >= len(got) || got[i] != line {
				t.Errorf("%s: line %d: the engine says %q, the double %q", how, i, line, got[min(i, len(got)-1)])
			}
		}
	}
	if len(want) < 70 {
		t.Errorf("the story has only %d lines", len(want))
	}
	for _, call := range double.Calls() {
		if strings.Contains(call.Op, " ") {
			t.Errorf("the double does not know %q", call.Op)
		}
	}
}

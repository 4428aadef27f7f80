package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	identitytypes "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// The operations of the slice through the AWS SDK over TCP: typed results and typed exceptions.

func (w *world) equal(what string, got, want any) {
	w.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (w *world) recent(what string, at *time.Time) {
	w.Helper()
	if at == nil || time.Since(*at).Abs() > time.Minute {
		w.Errorf("%s: %v is not now", what, at)
	}
}

func TestAppInstancesThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := &identity.CreateAppInstanceInput{Name: aws.String("Théâtre"), Metadata: aws.String("m"), ClientRequestToken: aws.String("tok")}
	made, err := w.id.CreateAppInstance(ctx, in)
	w.ok(err)
	again, err := w.id.CreateAppInstance(ctx, in)
	w.ok(err)
	w.equal("same token", *again.AppInstanceArn, *made.AppInstanceArn)
	in.Name = aws.String("other")
	_, err = w.id.CreateAppInstance(ctx, in)
	is[*identitytypes.ConflictException](w, err)

	got, err := w.id.DescribeAppInstance(ctx, &identity.DescribeAppInstanceInput{AppInstanceArn: made.AppInstanceArn})
	w.ok(err)
	w.equal("name", *got.AppInstance.Name, "Théâtre")
	w.recent("created", got.AppInstance.CreatedTimestamp)
	_, err = w.id.UpdateAppInstance(ctx, &identity.UpdateAppInstanceInput{AppInstanceArn: made.AppInstanceArn, Name: aws.String("new"), Metadata: aws.String("")})
	w.ok(err)
	first, err := w.id.ListAppInstances(ctx, &identity.ListAppInstancesInput{MaxResults: aws.Int32(1)})
	w.ok(err)
	rest, err := w.id.ListAppInstances(ctx, &identity.ListAppInstancesInput{NextToken: first.NextToken})
	w.ok(err)
	w.equal("instances", len(first.AppInstances)+len(rest.AppInstances), 2)
	if rest.NextToken != nil {
		w.Error("a token after the last page")
	}
	_, err = w.id.DeleteAppInstance(ctx, &identity.DeleteAppInstanceInput{AppInstanceArn: made.AppInstanceArn})
	w.ok(err)
	_, err = w.id.DescribeAppInstance(ctx, &identity.DescribeAppInstanceInput{AppInstanceArn: made.AppInstanceArn})
	is[*identitytypes.ForbiddenException](w, err)
}

func TestUsersThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := &identity.CreateAppInstanceUserInput{AppInstanceArn: &w.app, AppInstanceUserId: aws.String("f-tk:1@x_y.z"), Name: aws.String("Zoë 🎸"), Metadata: aws.String("m")}
	made, err := w.id.CreateAppInstanceUser(ctx, in)
	w.ok(err)
	w.equal("ARN", *made.AppInstanceUserArn, w.app+"/user/f-tk:1@x_y.z")
	in.ClientRequestToken = nil // the SDK has filled one in
	_, err = w.id.CreateAppInstanceUser(ctx, in)
	w.ok(err)
	in.Name, in.ClientRequestToken = aws.String("another"), nil
	_, err = w.id.CreateAppInstanceUser(ctx, in)
	is[*identitytypes.ConflictException](w, err)
	_, err = w.id.UpdateAppInstanceUser(ctx, &identity.UpdateAppInstanceUserInput{AppInstanceUserArn: made.AppInstanceUserArn, Name: aws.String("Zoe"), Metadata: aws.String("")})
	w.ok(err)
	got, err := w.id.DescribeAppInstanceUser(ctx, &identity.DescribeAppInstanceUserInput{AppInstanceUserArn: made.AppInstanceUserArn})
	w.ok(err)
	w.equal("name", *got.AppInstanceUser.Name, "Zoe")
	w.recent("updated", got.AppInstanceUser.LastUpdatedTimestamp)

	var names []string
	pages := identity.NewListAppInstanceUsersPaginator(w.id, &identity.ListAppInstanceUsersInput{AppInstanceArn: &w.app, MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		w.ok(err)
		for _, u := range page.AppInstanceUsers {
			names = append(names, *u.Name)
		}
	}
	w.equal("users", strings.Join(names, ","), "Name of admin,Name of ann,Name of bob,Name of eve,Zoe,Name of mod")
	_, err = w.id.DeleteAppInstanceUser(ctx, &identity.DeleteAppInstanceUserInput{AppInstanceUserArn: made.AppInstanceUserArn})
	w.ok(err)
	_, err = w.id.DescribeAppInstanceUser(ctx, &identity.DescribeAppInstanceUserInput{AppInstanceUserArn: made.AppInstanceUserArn})
	is[*identitytypes.ForbiddenException](w, err)
}

func TestAdminsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made, err := w.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.eve})
	w.ok(err)
	w.equal("name", *made.AppInstanceAdmin.Name, "Name of eve")
	_, err = w.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.eve})
	is[*identitytypes.ConflictException](w, err)
	got, err := w.id.DescribeAppInstanceAdmin(ctx, &identity.DescribeAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.eve})
	w.ok(err)
	w.recent("created", got.AppInstanceAdmin.CreatedTimestamp)
	all, err := w.id.ListAppInstanceAdmins(ctx, &identity.ListAppInstanceAdminsInput{AppInstanceArn: &w.app})
	w.ok(err)
	w.equal("admins", len(all.AppInstanceAdmins), 2)
	_, err = w.id.DeleteAppInstanceAdmin(ctx, &identity.DeleteAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.eve})
	w.ok(err)
	_, err = w.id.DescribeAppInstanceAdmin(ctx, &identity.DescribeAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.eve})
	is[*identitytypes.ForbiddenException](w, err)
}

func TestChannelsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("Backstage"), ChannelId: aws.String("ev-1:a@b"),
		Privacy: types.ChannelPrivacyPrivate, Mode: types.ChannelModeRestricted, Metadata: aws.String("m"), ModeratorArns: []string{w.bob}}
	made, err := w.msg.CreateChannel(ctx, in)
	w.ok(err)
	w.equal("ARN", *made.ChannelArn, w.app+"/channel/ev-1:a@b")
	in.ClientRequestToken = nil // the SDK has filled one in
	_, err = w.msg.CreateChannel(ctx, in)
	is[*types.ConflictException](w, err)
	_, err = w.msg.UpdateChannel(ctx, &messaging.UpdateChannelInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.bob, Name: aws.String("Green room")})
	w.ok(err)
	got, err := w.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod})
	w.ok(err)
	ch := got.Channel
	w.equal("channel", fmt.Sprint(*ch.Name, ch.Mode, ch.Privacy, *ch.Metadata, *ch.CreatedBy.Name), "Green roomRESTRICTEDPRIVATEmName of mod")
	w.recent("created", ch.CreatedTimestamp)
	if ch.LastMessageTimestamp != nil {
		w.Error("a message time without a message")
	}
	public, err := w.msg.ListChannels(ctx, &messaging.ListChannelsInput{AppInstanceArn: &w.app, ChimeBearer: &w.eve})
	w.ok(err)
	w.equal("public channels", len(public.Channels), 1)
	private, err := w.msg.ListChannels(ctx, &messaging.ListChannelsInput{AppInstanceArn: &w.app, ChimeBearer: &w.admin, Privacy: types.ChannelPrivacyPrivate})
	w.ok(err)
	w.equal("private channel", *private.Channels[0].ChannelArn, *made.ChannelArn)
	mine, err := w.msg.ListChannelsModeratedByAppInstanceUser(ctx, &messaging.ListChannelsModeratedByAppInstanceUserInput{ChimeBearer: &w.bob})
	w.ok(err)
	w.equal("moderated", *mine.Channels[0].ChannelSummary.Name, "Green room")
	one, err := w.msg.DescribeChannelModeratedByAppInstanceUser(ctx, &messaging.DescribeChannelModeratedByAppInstanceUserInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.bob, AppInstanceUserArn: &w.bob})
	w.ok(err)
	w.equal("moderated one", *one.Channel.ChannelSummary.ChannelArn, *made.ChannelArn)
	_, err = w.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod})
	w.ok(err)
	_, err = w.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod})
	is[*types.ForbiddenException](w, err)
}

func TestMembershipsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := &messaging.CreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.eve, Type: types.ChannelMembershipTypeDefault}
	made, err := w.msg.CreateChannelMembership(ctx, in)
	w.ok(err)
	w.equal("member", *made.Member.Name, "Name of eve")
	_, err = w.msg.CreateChannelMembership(ctx, in)
	w.ok(err)
	in.Type = types.ChannelMembershipTypeHidden
	_, err = w.msg.CreateChannelMembership(ctx, in)
	is[*types.ConflictException](w, err)
	unknown := w.app + "/user/nobody"
	batch, err := w.msg.BatchCreateChannelMembership(ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod,
		MemberArns: []string{w.admin, w.eve, unknown}})
	w.ok(err)
	w.equal("batch", len(batch.BatchChannelMemberships.Members), 2)
	w.equal("batch errors", fmt.Sprint(len(batch.Errors), " ", *batch.Errors[0].MemberArn, " ", batch.Errors[0].ErrorCode), "1 "+unknown+" Forbidden")
	got, err := w.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.eve, MemberArn: &w.eve})
	w.ok(err)
	w.equal("invited by", *got.ChannelMembership.InvitedBy.Name, "Name of mod")
	w.recent("created", got.ChannelMembership.CreatedTimestamp)
	all, err := w.msg.ListChannelMemberships(ctx, &messaging.ListChannelMembershipsInput{ChannelArn: &w.channel, ChimeBearer: &w.eve, MaxResults: aws.Int32(50)})
	w.ok(err)
	w.equal("members", len(all.ChannelMemberships), 5)
	mine, err := w.msg.ListChannelMembershipsForAppInstanceUser(ctx, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: &w.eve})
	w.ok(err)
	w.equal("mine", *mine.ChannelMemberships[0].ChannelSummary.ChannelArn, w.channel)
	one, err := w.msg.DescribeChannelMembershipForAppInstanceUser(ctx, &messaging.DescribeChannelMembershipForAppInstanceUserInput{ChannelArn: &w.channel, ChimeBearer: &w.eve, AppInstanceUserArn: &w.eve})
	w.ok(err)
	w.equal("type", one.ChannelMembership.AppInstanceUserMembershipSummary.Type, "DEFAULT")
	_, err = w.msg.DeleteChannelMembership(ctx, &messaging.DeleteChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.eve, MemberArn: &w.eve})
	w.ok(err)
	_, err = w.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.eve})
	is[*types.NotFoundException](w, err)
}

func TestModeratorsAndBansThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.msg.CreateChannelModerator(ctx, &messaging.CreateChannelModeratorInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, ChannelModeratorArn: &w.bob})
	w.ok(err)
	mod, err := w.msg.DescribeChannelModerator(ctx, &messaging.DescribeChannelModeratorInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, ChannelModeratorArn: &w.bob})
	w.ok(err)
	w.equal("promoted by", *mod.ChannelModerator.CreatedBy.Name, "Name of mod")
	mods, err := w.msg.ListChannelModerators(ctx, &messaging.ListChannelModeratorsInput{ChannelArn: &w.channel, ChimeBearer: &w.bob})
	w.ok(err)
	w.equal("moderators", len(mods.ChannelModerators), 2)
	_, err = w.msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.DeleteChannelModerator(ctx, &messaging.DeleteChannelModeratorInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, ChannelModeratorArn: &w.bob})
	w.ok(err)

	ban, err := w.msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	w.equal("banned", *ban.Member.Arn, w.bob)
	got, err := w.msg.DescribeChannelBan(ctx, &messaging.DescribeChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	w.recent("banned", got.ChannelBan.CreatedTimestamp)
	bans, err := w.msg.ListChannelBans(ctx, &messaging.ListChannelBansInput{ChannelArn: &w.channel, ChimeBearer: &w.mod})
	w.ok(err)
	w.equal("bans", len(bans.ChannelBans), 1)
	_, err = w.msg.SendChannelMessage(ctx, line(w.bob, w.channel, "hello?"))
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &w.bob})
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.DeleteChannelBan(ctx, &messaging.DeleteChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	_, err = w.msg.DescribeChannelBan(ctx, &messaging.DescribeChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	is[*types.NotFoundException](w, err)
}

func TestMessagesThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := line(w.ann, w.channel, "{\"v\":1,\"text\":\"Grüße 👋\"}")
	in.Metadata, in.ContentType, in.ClientRequestToken = aws.String("meta"), aws.String("application/json"), aws.String("tok-1")
	in.MessageAttributes = map[string]types.MessageAttributeValue{"kind": {StringValues: []string{"line"}}}
	sent, err := w.msg.SendChannelMessage(ctx, in)
	w.ok(err)
	w.equal("status", sent.Status.Value, "SENT")
	again, err := w.msg.SendChannelMessage(ctx, in)
	w.ok(err)
	w.equal("same token", *again.MessageId, *sent.MessageId)
	got, err := w.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: sent.MessageId})
	w.ok(err)
	m := got.ChannelMessage
	w.equal("message", fmt.Sprint(*m.Content, *m.Metadata, *m.ContentType, m.Persistence, m.Type, *m.Sender.Name, m.Redacted, m.MessageAttributes["kind"].StringValues),
		*in.Content+"metaapplication/jsonPERSISTENTSTANDARDName of annfalse [line]")
	status, err := w.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MessageId: sent.MessageId})
	w.ok(err)
	w.equal("own status", status.Status.Value, "SENT")
	_, err = w.msg.UpdateChannelMessage(ctx, &messaging.UpdateChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MessageId: sent.MessageId, Content: aws.String("edited")})
	w.ok(err)
	second := w.send(w.bob, w.channel, "two")
	list, err := w.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &w.eve, SortOrder: types.SortOrderAscending, NotBefore: m.CreatedTimestamp})
	w.ok(err)
	w.equal("history", fmt.Sprint(len(list.ChannelMessages), " ", *list.ChannelMessages[0].Content, " ", *list.ChannelMessages[1].MessageId), "2 edited "+second)
	w.recent("edited", list.ChannelMessages[0].LastEditedTimestamp)
	_, err = w.msg.RedactChannelMessage(ctx, &messaging.RedactChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MessageId: sent.MessageId})
	w.ok(err)
	got, err = w.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: sent.MessageId})
	w.ok(err)
	if m := got.ChannelMessage; !m.Redacted || m.Content != nil || m.Metadata != nil || m.MessageAttributes != nil {
		w.Errorf("redacted: %+v", m)
	}
	_, err = w.msg.DeleteChannelMessage(ctx, &messaging.DeleteChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.admin, MessageId: sent.MessageId})
	w.ok(err)
	_, err = w.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: sent.MessageId})
	is[*types.NotFoundException](w, err)
}

func TestTheSessionEndpointIsTheHostThatWasCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.msg.GetMessagingSessionEndpoint(t.Context(), &messaging.GetMessagingSessionEndpointInput{})
	w.ok(err)
	w.equal("endpoint", "http://"+*got.Endpoint.Url, w.url)
}

// The model's list of tags has at least one entry; a resource without tags once answered an empty one.
func TestAResourceWithoutTagsAnswersNoTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.msg.ListTagsForResource(t.Context(), &messaging.ListTagsForResourceInput{ResourceARN: &w.channel})
	w.ok(err)
	w.equal("tags", len(got.Tags), 0)
}

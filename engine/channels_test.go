package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	identitytypes "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/coder/websocket"
)

// Settings, search, preferences, read markers and elastic channels through the AWS SDK over TCP.

func TestExpirationSettingsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	e := &types.ExpirationSettings{ExpirationDays: aws.Int32(30), ExpirationCriterion: types.ExpirationCriterionLastMessageTimestamp}
	made, err := w.msg.CreateChannel(ctx, &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("x"), ExpirationSettings: e})
	w.ok(err)
	described := func() *types.ExpirationSettings {
		got, err := w.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod})
		w.ok(err)
		return got.Channel.ExpirationSettings
	}
	if got := described(); got == nil || *got.ExpirationDays != 30 || got.ExpirationCriterion != e.ExpirationCriterion {
		t.Errorf("settings: %+v", got)
	}
	e.ExpirationCriterion = types.ExpirationCriterionCreatedTimestamp
	put, err := w.msg.PutChannelExpirationSettings(ctx, &messaging.PutChannelExpirationSettingsInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.admin, ExpirationSettings: e})
	w.ok(err)
	w.equal("criterion", put.ExpirationSettings.ExpirationCriterion, e.ExpirationCriterion)
	put, err = w.msg.PutChannelExpirationSettings(ctx, &messaging.PutChannelExpirationSettingsInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod})
	w.ok(err)
	if put.ExpirationSettings != nil || described() != nil {
		t.Error("the settings were not cleared")
	}
	_, err = w.msg.PutChannelExpirationSettings(ctx, &messaging.PutChannelExpirationSettingsInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.ann, ExpirationSettings: e})
	is[*types.ForbiddenException](w, err)
	e.ExpirationDays = aws.Int32(5476)
	_, err = w.msg.PutChannelExpirationSettings(ctx, &messaging.PutChannelExpirationSettingsInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod, ExpirationSettings: e})
	is[*types.BadRequestException](w, err)
	if res, body := w.raw("PUT", "/channels/"+url.PathEscape(*made.ChannelArn)+"/expiration-settings", w.mod, `{"ExpirationSettings":{"ExpirationDays":1}}`); res.StatusCode != 400 {
		t.Errorf("without a criterion: %d %s", res.StatusCode, body)
	}
}

func TestAChannelWithExpirationNeedsTheRightToSetIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.ann, Name: aws.String("x"),
		ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(1), ExpirationCriterion: types.ExpirationCriterionCreatedTimestamp}}
	for actions, allowed := range map[string]bool{`"chime:CreateChannel"`: false, `"chime:CreateChannel","chime:PutChannelExpirationSettings"`: true} {
		_, msg := w.assume(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":%q}]}`, actions, w.ann))
		in.ClientRequestToken = nil
		_, err := msg.CreateChannel(t.Context(), in)
		if got := code(err); allowed && got != "" || !allowed && (got != "AccessDeniedException" || !strings.Contains(err.Error(), "chime:PutChannelExpirationSettings")) {
			t.Errorf("with %s: %v", actions, err)
		}
		plain := &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.ann, Name: aws.String("x")}
		_, err = msg.CreateChannel(t.Context(), plain)
		w.ok(err)
	}
}

func TestAUserWithExpirationNeedsTheRightToSetIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for actions, allowed := range map[string]bool{`"chime:CreateAppInstanceUser"`: false, `"chime:CreateAppInstanceUser","chime:PutAppInstanceUserExpirationSettings"`: true} {
		users, _ := w.assume(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"*"}]}`, actions))
		_, err := users.CreateAppInstanceUser(t.Context(), &identity.CreateAppInstanceUserInput{AppInstanceArn: &w.app, AppInstanceUserId: aws.String("brief"), Name: aws.String("x"),
			ExpirationSettings: &identitytypes.ExpirationSettings{ExpirationDays: aws.Int32(1), ExpirationCriterion: identitytypes.ExpirationCriterionCreatedTimestamp}})
		if got := code(err); allowed && got != "" || !allowed && got != "AccessDeniedException" {
			t.Errorf("with %s: %v", actions, err)
		}
	}
}

func TestSearchChannelsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.open("more", types.ChannelPrivacyPrivate, types.ChannelModeRestricted)
	in := &messaging.SearchChannelsInput{ChimeBearer: &w.ann, MaxResults: aws.Int32(1), Fields: []types.SearchField{
		{Key: types.SearchFieldKeyMembers, Operator: types.SearchFieldOperatorIncludes, Values: []string{w.bob, w.ann}}}}
	var found []string
	for pages := messaging.NewSearchChannelsPaginator(w.msg, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		w.ok(err)
		for _, ch := range page.Channels {
			found = append(found, *ch.Name)
		}
	}
	w.equal("found", len(found), 2)
	in.ChimeBearer = &w.eve
	none, err := w.msg.SearchChannels(ctx, in)
	w.ok(err)
	w.equal("found by a stranger", len(none.Channels), 0)
	in.ChimeBearer = nil
	_, err = w.msg.SearchChannels(ctx, in)
	is[*types.UnauthorizedClientException](w, err)
	for _, body := range []string{`{}`, `{"Fields":[]}`, `{"Fields":[{"Key":"MEMBERS","Operator":"EQUALS","Values":[]}]}`, `{"Fields":[{"Key":"NAME","Operator":"EQUALS","Values":["a"]}]}`,
		`{"Fields":[{"Key":"MEMBERS","Operator":"LIKE","Values":["a"]}]}`, `{"Fields":[{"Key":"MEMBERS","Operator":"EQUALS","Values":["a"]}]}`,
		`{"Fields":[{"Key":"MEMBERS","Operator":"EQUALS","Values":["a"` + strings.Repeat(`,"a"`, 20) + `]}]}`} {
		if res, text := w.raw("POST", "/channels?operation=search", w.ann, body); res.StatusCode != 400 {
			t.Errorf("%s: %d %s", body, res.StatusCode, text)
		}
	}
}

func TestPreferencesThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	get := func(who string) (*messaging.GetChannelMembershipPreferencesOutput, error) {
		return w.msg.GetChannelMembershipPreferences(ctx, &messaging.GetChannelMembershipPreferencesInput{ChannelArn: &w.channel, MemberArn: &w.ann, ChimeBearer: &who})
	}
	got, err := get(w.ann)
	w.ok(err)
	w.equal("before", got.Preferences.PushNotifications.AllowNotifications, types.AllowNotificationsAll)
	in := &messaging.PutChannelMembershipPreferencesInput{ChannelArn: &w.channel, MemberArn: &w.ann, ChimeBearer: &w.ann, Preferences: &types.ChannelMembershipPreferences{
		PushNotifications: &types.PushNotificationPreferences{AllowNotifications: types.AllowNotificationsFiltered, FilterRule: aws.String(`{"type":[{"anything-but":["Room"]}]}`)}}}
	put, err := w.msg.PutChannelMembershipPreferences(ctx, in)
	w.ok(err)
	w.equal("member", *put.Member.Name, "Name of ann")
	got, err = get(w.ann)
	w.ok(err)
	w.equal("after", *got.Preferences.PushNotifications.FilterRule, *in.Preferences.PushNotifications.FilterRule)
	w.equal("channel", *got.ChannelArn, w.channel)
	_, err = get(w.admin)
	is[*types.ForbiddenException](w, err)
	in.Preferences.PushNotifications.FilterRule = aws.String(`{"type":"Room"}`)
	_, err = w.msg.PutChannelMembershipPreferences(ctx, in)
	is[*types.BadRequestException](w, err)
}

func TestReadMarkersThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	marker := func() *types.AppInstanceUserMembershipSummary {
		got, err := w.msg.DescribeChannelMembershipForAppInstanceUser(ctx, &messaging.DescribeChannelMembershipForAppInstanceUserInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, AppInstanceUserArn: &w.ann})
		w.ok(err)
		return got.ChannelMembership.AppInstanceUserMembershipSummary
	}
	if at := marker().ReadMarkerTimestamp; at != nil {
		t.Errorf("a read marker before it was set: %v", at)
	}
	out, err := w.msg.UpdateChannelReadMarker(ctx, &messaging.UpdateChannelReadMarkerInput{ChannelArn: &w.channel, ChimeBearer: &w.ann})
	w.ok(err)
	w.equal("channel", *out.ChannelArn, w.channel)
	w.recent("read", marker().ReadMarkerTimestamp)
	all, err := w.msg.ListChannelMembershipsForAppInstanceUser(ctx, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: &w.ann})
	w.ok(err)
	w.recent("read, in the list", all.ChannelMemberships[0].AppInstanceUserMembershipSummary.ReadMarkerTimestamp)
	_, body := w.raw("GET", "/channels/"+url.PathEscape(w.channel)+"/memberships", w.ann, "")
	if strings.Count(body, `"ReadMarkerTimestamp":1`) != 1 {
		t.Errorf("the roster: %s", body)
	}
	_, err = w.msg.UpdateChannelReadMarker(ctx, &messaging.UpdateChannelReadMarkerInput{ChannelArn: &w.channel, ChimeBearer: &w.eve})
	is[*types.ForbiddenException](w, err)
}

// hall opens an elastic channel of at most two sub-channels of four, and returns its first one.
func (w *world) hall() (channel, sub string) {
	w.Helper()
	out, err := w.msg.CreateChannel(w.Context(), &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("hall"),
		Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate, ElasticChannelConfiguration: &types.ElasticChannelConfiguration{
			MaximumSubChannels: aws.Int32(2), TargetMembershipsPerSubChannel: aws.Int32(4), MinimumMembershipPercentage: aws.Int32(40)}})
	w.ok(err)
	subs, err := w.msg.ListSubChannels(w.Context(), &messaging.ListSubChannelsInput{ChannelArn: out.ChannelArn, ChimeBearer: &w.mod})
	w.ok(err)
	w.equal("sub-channels", len(subs.SubChannels), 1)
	return *out.ChannelArn, *subs.SubChannels[0].SubChannelId
}

func (w *world) join(channel, who string, sub *string) string {
	w.Helper()
	out, err := w.msg.CreateChannelMembership(w.Context(), &messaging.CreateChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &w.mod,
		MemberArn: &who, Type: types.ChannelMembershipTypeDefault, SubChannelId: sub})
	w.ok(err)
	return *out.SubChannelId
}

// heard reads the next frame, which must be of that event, and returns the SubChannelId in its payload.
func (w *world) heard(conn *websocket.Conn, event string) (sub string) {
	w.Helper()
	f := w.expect(conn, event)
	var in struct{ ChannelArn, SubChannelId string }
	w.ok(json.Unmarshal([]byte(f.Payload), &in))
	return in.SubChannelId
}

// until reads frames up to the one of that event and reason: a session that has just begun may still hear what happened
// just before it.
func (w *world) until(conn *websocket.Conn, event, reason string) (sub string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			w.Fatalf("waiting for %s %s: %v", event, reason, err)
		}
		var f frame
		w.ok(json.Unmarshal(text, &f))
		if f.Headers["x-amz-chime-event-type"] == event && f.Headers["x-amz-chime-event-reason"] == reason {
			var in struct{ SubChannelId string }
			w.ok(json.Unmarshal([]byte(f.Payload), &in))
			return in.SubChannelId
		}
	}
}

func TestAnElasticChannelThroughTheSDKAndOnTheSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	hall, first := w.hall()
	ann, bob, mod := w.connect(w.ann), w.connect(w.bob), w.connect(w.mod)
	w.join(hall, w.mod, &first)
	w.heard(mod, "CREATE_CHANNEL_MEMBERSHIP")
	w.equal("ann's sub-channel", w.join(hall, w.ann, nil), first)
	for _, conn := range []*websocket.Conn{ann, mod} {
		sub := w.heard(conn, "CREATE_CHANNEL_MEMBERSHIP")
		w.equal("joined", sub, first)
	}
	in := line(w.ann, hall, "hello")
	_, err := w.msg.SendChannelMessage(ctx, in)
	is[*types.BadRequestException](w, err)
	in.SubChannelId, in.ClientRequestToken = &first, nil
	sent, err := w.msg.SendChannelMessage(ctx, in)
	w.ok(err)
	w.equal("sent to", *sent.SubChannelId, first)
	for _, conn := range []*websocket.Conn{ann, mod} {
		sub := w.heard(conn, "CREATE_CHANNEL_MESSAGE")
		w.equal("heard", sub, first)
	}
	w.messagesOf(hall, first, *sent.MessageId)
	w.heard(ann, "UPDATE_CHANNEL_MESSAGE")
	w.heard(mod, "UPDATE_CHANNEL_MESSAGE")
	others, err := w.msg.ListChannelMembershipsForAppInstanceUser(ctx, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: &w.ann})
	w.ok(err)
	w.equal("memberships", len(others.ChannelMemberships), 2)

	// Three more fill the first sub-channel, bob opens the second; its share is two, so somebody is moved to him.
	for _, id := range []string{"c", "d", "e"} {
		w.join(hall, w.user(id), nil)
		w.heard(ann, "CREATE_CHANNEL_MEMBERSHIP")
		w.heard(mod, "CREATE_CHANNEL_MEMBERSHIP")
	}
	second := w.join(hall, w.bob, nil)
	w.equal("bob's sub-channel", w.heard(bob, "CREATE_CHANNEL_MEMBERSHIP"), second)
	_, err = w.msg.UpdateChannel(ctx, &messaging.UpdateChannelInput{ChannelArn: &hall, ChimeBearer: &w.mod, Name: aws.String("new")})
	w.ok(err)
	w.heard(bob, "UPDATE_CHANNEL")
	w.heard(mod, "UPDATE_CHANNEL")

	_, err = w.msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChannelArn: &hall, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	w.heard(bob, "DELETE_CHANNEL_MEMBERSHIP")
	_, err = w.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChannelArn: &hall, ChimeBearer: &w.mod})
	w.ok(err)
	_, err = w.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &hall, ChimeBearer: &w.mod})
	is[*types.ForbiddenException](w, err)
}

// waitForSubs lists the sub-channels once their sizes are as wanted, in order.
func (w *world) waitForSubs(hall, sizes string) []types.SubChannelSummary {
	w.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		all, err := w.msg.ListSubChannels(w.Context(), &messaging.ListSubChannelsInput{ChannelArn: &hall, ChimeBearer: &w.mod})
		w.ok(err)
		var have []int32
		for _, s := range all.SubChannels {
			have = append(have, *s.MembershipCount)
		}
		slices.Sort(have)
		if fmt.Sprint(have) == sizes {
			return all.SubChannels
		}
		if time.Now().After(end) {
			w.Fatalf("sub-channels of %v, want %s", have, sizes)
		}
	}
}

// messagesOf reads one message in every way.
func (w *world) messagesOf(hall, sub, id string) {
	w.Helper()
	ctx := w.Context()
	one, err := w.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &hall, ChimeBearer: &w.ann, MessageId: &id, SubChannelId: &sub})
	w.ok(err)
	w.equal("message in", *one.ChannelMessage.SubChannelId, sub)
	all, err := w.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &hall, ChimeBearer: &w.mod, SubChannelId: &sub})
	w.ok(err)
	w.equal("history", fmt.Sprint(len(all.ChannelMessages), *all.SubChannelId), fmt.Sprint(1, sub))
	_, err = w.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &hall, ChimeBearer: &w.ann, MessageId: &id, SubChannelId: &sub})
	w.ok(err)
	edited, err := w.msg.UpdateChannelMessage(ctx, &messaging.UpdateChannelMessageInput{ChannelArn: &hall, ChimeBearer: &w.ann, MessageId: &id, SubChannelId: &sub, Content: aws.String("new")})
	w.ok(err)
	w.equal("edited in", *edited.SubChannelId, sub)
}

func TestTheEndOfASubChannelReachesWhoWasInIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	hall, first := w.hall()
	for _, who := range []string{w.ann, w.bob, w.user("c"), w.user("d"), w.eve} {
		w.join(hall, who, nil)
	}
	second := ""
	for _, s := range w.waitForSubs(hall, "[2 3]") {
		if *s.SubChannelId != first {
			second = *s.SubChannelId
		}
	}
	w.join(hall, w.mod, &second)
	mod := w.connect(w.mod)
	var inSecond []string
	roster, err := w.msg.ListChannelMemberships(ctx, &messaging.ListChannelMembershipsInput{ChannelArn: &hall, ChimeBearer: &w.mod, SubChannelId: &second})
	w.ok(err)
	for _, m := range roster.ChannelMemberships {
		if *m.Member.Arn != w.mod {
			inSecond = append(inSecond, *m.Member.Arn)
		}
	}
	stays := w.connect(inSecond[1])
	_, err = w.msg.DeleteChannelMembership(ctx, &messaging.DeleteChannelMembershipInput{ChannelArn: &hall, ChimeBearer: &w.mod, MemberArn: &inSecond[0]})
	w.ok(err)
	w.equal("ended with", w.until(mod, "DELETE_CHANNEL_MEMBERSHIP", "subchannel_DELETED"), second)
	for w.until(stays, "UPDATE_CHANNEL_MEMBERSHIP", "") != first { // the one before moved them here
	}
	in := line(inSecond[1], hall, "hello from the other one")
	in.SubChannelId = &first
	_, err = w.msg.SendChannelMessage(ctx, in)
	w.ok(err)
	w.equal("said in", w.until(stays, "CREATE_CHANNEL_MESSAGE", ""), first)
	_, err = w.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChannelArn: &hall, ChimeBearer: &w.mod})
	w.ok(err)
	w.until(stays, "DELETE_CHANNEL", "")
}

// A bot set its preferences, and was answered that it does not exist.
func TestABotHasPreferencesLikeAnyMember(t *testing.T) {
	w := newWorld(t)
	bot, err := w.id.CreateAppInstanceBot(t.Context(), &identity.CreateAppInstanceBotInput{AppInstanceArn: &w.app, Name: aws.String("Bot"),
		Configuration: &identitytypes.Configuration{Lex: &identitytypes.LexConfiguration{LocaleId: aws.String("en_US"),
			LexBotAliasArn: aws.String("arn:aws:lex:us-east-1:123456789012:bot-alias/ABCDEFGHIJ/ABCDEFGHIJ")}}})
	w.ok(err)
	_, err = w.msg.CreateChannelMembership(t.Context(), &messaging.CreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod,
		MemberArn: bot.AppInstanceBotArn, Type: types.ChannelMembershipTypeDefault})
	w.ok(err)
	out, err := w.msg.PutChannelMembershipPreferences(t.Context(), &messaging.PutChannelMembershipPreferencesInput{ChannelArn: &w.channel,
		ChimeBearer: bot.AppInstanceBotArn, MemberArn: bot.AppInstanceBotArn, Preferences: &types.ChannelMembershipPreferences{
			PushNotifications: &types.PushNotificationPreferences{AllowNotifications: types.AllowNotificationsNone}}})
	w.ok(err)
	w.equal("member", *out.Member.Arn+" "+*out.Member.Name, *bot.AppInstanceBotArn+" Bot")
}

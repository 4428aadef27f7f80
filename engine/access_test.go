package engine_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// fanPolicy is what a ticket holder gets: one user, one channel.
func fanPolicy(user, channel string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage","chime:ListChannelMessages","chime:GetChannelMessage","chime:DescribeChannel"],"Resource":[%q,%q]},
{"Effect":"Allow","Action":"chime:GetMessagingSessionEndpoint","Resource":"*"}]}`, user, channel)
}

func TestNobodyActsAsAnotherOrElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	other := w.open("other", types.ChannelPrivacyPublic, types.ChannelModeUnrestricted)
	id, msg := w.assume(fanPolicy(w.ann, w.channel))
	_, err := msg.SendChannelMessage(ctx, line(w.ann, w.channel, "mine"))
	w.ok(err)
	_, err = msg.GetMessagingSessionEndpoint(ctx, &messaging.GetMessagingSessionEndpointInput{})
	w.ok(err)

	refused := map[string]func() error{
		"another bearer": func() error { _, err := msg.SendChannelMessage(ctx, line(w.bob, w.channel, "as bob")); return err },
		"the moderator as bearer": func() error {
			_, err := msg.SendChannelMessage(ctx, line(w.mod, w.channel, "as mod"))
			return err
		},
		"another channel": func() error { _, err := msg.SendChannelMessage(ctx, line(w.ann, other, "there")); return err },
		"another channel's history": func() error {
			_, err := msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &other, ChimeBearer: &w.ann})
			return err
		},
		"an operation that was not given": func() error {
			_, err := msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MemberArn: &w.bob})
			return err
		},
		"a developer operation": func() error {
			_, err := id.CreateAppInstanceUser(ctx, &identity.CreateAppInstanceUserInput{AppInstanceArn: &w.app, AppInstanceUserId: aws.String("x"), Name: aws.String("x")})
			return err
		},
		"renaming another user": func() error {
			_, err := id.UpdateAppInstanceUser(ctx, &identity.UpdateAppInstanceUserInput{AppInstanceUserArn: &w.bob, Name: aws.String("x"), Metadata: aws.String("")})
			return err
		},
	}
	for name, try := range refused {
		if got := code(try()); got != "AccessDeniedException" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestABearerThatDoesNotExistIsUnauthorizedEvenForTheRootKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, who := range []string{w.app + "/user/nobody", w.app, "arn:aws:chime:us-east-1:999999999999:app-instance/x/user/ann", "nonsense"} {
		_, err := w.msg.SendChannelMessage(t.Context(), line(who, w.channel, "boo"))
		is[*types.UnauthorizedClientException](w, err)
	}
}

func TestChannelsAndUsersOfAnotherAppInstanceAreOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	out, err := w.id.CreateAppInstance(ctx, &identity.CreateAppInstanceInput{Name: aws.String("other")})
	w.ok(err)
	home := w.app
	w.app = *out.AppInstanceArn
	stranger := w.user("admin")
	w.app = home
	_, err = w.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: out.AppInstanceArn, AppInstanceAdminArn: &stranger})
	w.ok(err)
	_, err = w.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &stranger})
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.ListChannels(ctx, &messaging.ListChannelsInput{AppInstanceArn: &w.app, ChimeBearer: &stranger})
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &stranger, Type: "DEFAULT"})
	is[*types.ForbiddenException](w, err)
	_, err = w.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &stranger})
	if code(err) != "ForbiddenException" {
		t.Errorf("an admin from elsewhere: %v", err)
	}
}

package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine/role"
)

// published is the developer guide's table "Authorization by role", read by hand, for admin, moderator, member and
// stranger (a user of the app instance who is nothing in the channel):
//
//	A allowed   - denied   P only in a public channel   U only in an unrestricted channel
//	O only on oneself or one's own message              o oneself everywhere, others where unrestricted
//	J only oneself, only into a public and unrestricted channel
//
// What the table leaves out is taken from the page of the operation in the API reference.
//
// The admin and the moderator of the table are not members, so sending is denied to them.
const published = `
CreateChannel                               A A A A
UpdateChannel                               A A - -
DescribeChannel                             A A A P
DeleteChannel                               A A - -
ListChannels                                A A A A
ListChannels:PRIVATE                        A - - -
CreateChannelMembership                     A A U J
BatchCreateChannelMembership                A A U J
DeleteChannelMembership                     A A o -
DescribeChannelMembership                   A A A P
ListChannelMemberships                      A A A P
ListChannelMemberships:HIDDEN               A A - -
UpdateChannelReadMarker                     - - A -
GetChannelMembershipPreferences             - - O -
PutChannelMembershipPreferences             - - O -
ListSubChannels                             A A - -
PutChannelExpirationSettings                A A - -
SearchChannels                              A A A A
ListChannelMembershipsForAppInstanceUser    A O O O
DescribeChannelMembershipForAppInstanceUser A - O -
ListChannelsModeratedByAppInstanceUser      A O O O
DescribeChannelModeratedByAppInstanceUser   A O - -
CreateChannelModerator                      A A - -
DeleteChannelModerator                      A A - -
DescribeChannelModerator                    A A - -
ListChannelModerators                       A A - -
CreateChannelBan                            A A - -
DeleteChannelBan                            A A - -
DescribeChannelBan                          A A - -
ListChannelBans                             A A - -
AssociateChannelFlow                        A A - -
DisassociateChannelFlow                     A A - -
SendChannelMessage                          - - A -
GetChannelMessage                           A A A P
ListChannelMessages                         A A A P
GetChannelMessageStatus                     - - O -
UpdateChannelMessage                        - - O -
RedactChannelMessage                        A A O -
DeleteChannelMessage                        A - - -
`

// cell is one case: who does what to whom in which kind of channel.
type cell struct {
	operation, role string
	open, own       bool // public and unrestricted, or private and restricted; on oneself or on bob
	grant           byte
}

func (c cell) allowed() bool {
	switch c.grant {
	case 'A':
		return true
	case 'P', 'U':
		return c.open
	case 'O':
		return c.own
	case 'o':
		return c.own || c.open
	case 'J':
		return c.own && c.open
	}
	return false
}

func cells() []cell {
	var out []cell
	for row := range strings.Lines(strings.TrimSpace(published)) {
		f := strings.Fields(row)
		for i, role := range []string{"admin", "moderator", "member", "stranger"} {
			for _, open := range []bool{true, false} {
				for _, own := range []bool{true, false} {
					if c := (cell{f[0], role, open, own, f[i+1][0]}); c.possible() {
						out = append(out, c)
					}
				}
			}
		}
	}
	return out
}

// possible leaves out cells whose refusal would have another reason than the role: being banned or moderating oneself
// has none of its own, and only members own messages or can be described as members. Of what is always allowed it
// leaves the case that is hardest to allow.
func (c cell) possible() bool {
	switch {
	case c.grant == 'A' && (c.open || c.own):
		return false
	case strings.Contains(c.operation, "Ban"), strings.HasPrefix(c.operation, "DescribeChannelModeratedBy") && c.grant == 'A':
		return !c.own
	case strings.HasSuffix(c.operation, "ChannelMessageStatus"), c.operation == "UpdateChannelMessage", c.operation == "RedactChannelMessage":
		return !c.own || c.role == "member"
	case c.operation == "DescribeChannelMembership", c.operation == "DescribeChannelMembershipForAppInstanceUser":
		return !c.own || c.role == "member"
	}
	return true
}

func TestEveryRuleHasARowInThePublishedTable(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for row := range strings.Lines(strings.TrimSpace(published)) {
		rows[strings.Fields(row)[0]] = true
	}
	for operation := range role.Rules {
		if !rows[operation] {
			t.Errorf("%s has no row", operation)
		}
	}
	for operation := range rows {
		if _, ruled := role.Rules[operation]; !ruled {
			t.Errorf("%s has no rule", operation)
		}
	}
}

func TestEveryCellOfThePublishedRoleTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, c := range cells() {
		t.Run(fmt.Sprintf("%s by %s open=%v own=%v", c.operation, c.role, c.open, c.own), func(t *testing.T) {
			w.T = t
			got := code(w.try(c, fmt.Sprint("ch-", i)))
			if c.allowed() && got != "" || !c.allowed() && got != "ForbiddenException" {
				t.Errorf("answer %q, allowed should be %v", got, c.allowed())
			}
		})
	}
}

// try prepares a channel of its own for the cell and makes the one call.
func (w *world) try(c cell, id string) error {
	privacy, mode := types.ChannelPrivacyPublic, types.ChannelModeUnrestricted
	if !c.open {
		privacy, mode = types.ChannelPrivacyPrivate, types.ChannelModeRestricted
	}
	channel := w.open(id, privacy, mode)
	ctx := w.Context()
	if c.role == "moderator" { // the table's moderator is no member
		_, err := w.msg.DeleteChannelMembership(ctx, &chimesdkmessaging.DeleteChannelMembershipInput{ChannelArn: &channel, MemberArn: &w.mod, ChimeBearer: &w.mod})
		w.ok(err)
	}
	who := map[string]string{"admin": w.admin, "moderator": w.mod, "member": w.ann, "stranger": w.eve}[c.role]
	whom, author := w.bob, w.bob
	if c.own {
		whom = who
		if c.role == "member" {
			author = who
		}
	}
	message := ""
	switch {
	case c.operation == "ListSubChannels":
		channel = w.openElastic()
	case strings.Contains(c.operation, "Message"):
		message = w.send(author, channel, "hello")
	case strings.HasPrefix(c.operation, "DescribeChannelModerat") && !c.own, strings.HasPrefix(c.operation, "DescribeChannelModerator") && c.role != "moderator":
		_, err := w.msg.CreateChannelModerator(ctx, &chimesdkmessaging.CreateChannelModeratorInput{ChannelArn: &channel, ChimeBearer: &w.mod, ChannelModeratorArn: &w.bob})
		w.ok(err)
		if strings.HasPrefix(c.operation, "DescribeChannelModerator") {
			whom = w.bob
		}
	case c.operation == "DescribeChannelBan":
		_, err := w.msg.CreateChannelBan(ctx, &chimesdkmessaging.CreateChannelBanInput{ChannelArn: &channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
		w.ok(err)
	case strings.Contains(c.operation, "CreateChannelMembership") && !c.own:
		whom = w.user("new-" + id)
	}
	return w.call(c.operation, who, channel, whom, message)
}

// call makes one call of the table.
func (w *world) call(operation, who, channel, whom, message string) (err error) {
	ctx := w.Context()
	switch operation {
	case "UpdateChannel":
		_, err = w.msg.UpdateChannel(ctx, &chimesdkmessaging.UpdateChannelInput{ChannelArn: &channel, ChimeBearer: &who, Name: aws.String("new")})
	case "DescribeChannel":
		_, err = w.msg.DescribeChannel(ctx, &chimesdkmessaging.DescribeChannelInput{ChannelArn: &channel, ChimeBearer: &who})
	case "DeleteChannel":
		_, err = w.msg.DeleteChannel(ctx, &chimesdkmessaging.DeleteChannelInput{ChannelArn: &channel, ChimeBearer: &who})
	case "ListChannels":
		_, err = w.msg.ListChannels(ctx, &chimesdkmessaging.ListChannelsInput{AppInstanceArn: &w.app, ChimeBearer: &who})
	case "ListChannels:PRIVATE":
		_, err = w.msg.ListChannels(ctx, &chimesdkmessaging.ListChannelsInput{AppInstanceArn: &w.app, ChimeBearer: &who, Privacy: types.ChannelPrivacyPrivate})
	case "CreateChannel":
		_, err = w.msg.CreateChannel(ctx, &chimesdkmessaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &who, Name: aws.String("new")})
	case "ListSubChannels", "SearchChannels", "PutChannelExpirationSettings", "UpdateChannelReadMarker", "GetChannelMembershipPreferences", "PutChannelMembershipPreferences":
		return w.callSettings(operation, who, channel, whom)
	case "AssociateChannelFlow", "DisassociateChannelFlow":
		return w.callFlow(operation, who, channel)
	default:
		if strings.Contains(operation, "Message") {
			return w.callMessage(operation, who, channel, message)
		}
		if strings.Contains(operation, "Moderat") || strings.Contains(operation, "Ban") {
			return w.callMark(operation, who, channel, whom)
		}
		return w.callMembership(operation, who, channel, whom)
	}
	return err
}

// openElastic is an elastic channel with the members of the others.
func (w *world) openElastic() string {
	w.Helper()
	channel, _ := w.hall()
	for _, who := range []string{w.ann, w.bob} {
		w.join(channel, who, nil)
	}
	return channel
}

func (w *world) callSettings(operation, who, channel, whom string) (err error) {
	ctx := w.Context()
	switch operation {
	case "ListSubChannels":
		_, err = w.msg.ListSubChannels(ctx, &chimesdkmessaging.ListSubChannelsInput{ChannelArn: &channel, ChimeBearer: &who})
	case "SearchChannels":
		_, err = w.msg.SearchChannels(ctx, &chimesdkmessaging.SearchChannelsInput{ChimeBearer: &who, Fields: []types.SearchField{
			{Key: types.SearchFieldKeyMembers, Operator: types.SearchFieldOperatorIncludes, Values: []string{whom}}}})
	case "PutChannelExpirationSettings":
		_, err = w.msg.PutChannelExpirationSettings(ctx, &chimesdkmessaging.PutChannelExpirationSettingsInput{ChannelArn: &channel, ChimeBearer: &who,
			ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(1), ExpirationCriterion: types.ExpirationCriterionCreatedTimestamp}})
	case "UpdateChannelReadMarker":
		_, err = w.msg.UpdateChannelReadMarker(ctx, &chimesdkmessaging.UpdateChannelReadMarkerInput{ChannelArn: &channel, ChimeBearer: &who})
	case "GetChannelMembershipPreferences":
		_, err = w.msg.GetChannelMembershipPreferences(ctx, &chimesdkmessaging.GetChannelMembershipPreferencesInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "PutChannelMembershipPreferences":
		_, err = w.msg.PutChannelMembershipPreferences(ctx, &chimesdkmessaging.PutChannelMembershipPreferencesInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom,
			Preferences: &types.ChannelMembershipPreferences{PushNotifications: &types.PushNotificationPreferences{AllowNotifications: types.AllowNotificationsNone}}})
	}
	return err
}

func (w *world) callMembership(operation, who, channel, whom string) (err error) {
	ctx := w.Context()
	switch operation {
	case "CreateChannelMembership":
		_, err = w.msg.CreateChannelMembership(ctx, &chimesdkmessaging.CreateChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom, Type: "DEFAULT"})
	case "BatchCreateChannelMembership":
		_, err = w.msg.BatchCreateChannelMembership(ctx, &chimesdkmessaging.BatchCreateChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &who, MemberArns: []string{whom}})
	case "DeleteChannelMembership":
		_, err = w.msg.DeleteChannelMembership(ctx, &chimesdkmessaging.DeleteChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "DescribeChannelMembership":
		_, err = w.msg.DescribeChannelMembership(ctx, &chimesdkmessaging.DescribeChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "ListChannelMemberships", "ListChannelMemberships:HIDDEN":
		in := &chimesdkmessaging.ListChannelMembershipsInput{ChannelArn: &channel, ChimeBearer: &who}
		if strings.HasSuffix(operation, "HIDDEN") {
			in.Type = types.ChannelMembershipTypeHidden
		}
		_, err = w.msg.ListChannelMemberships(ctx, in)
	case "ListChannelMembershipsForAppInstanceUser":
		_, err = w.msg.ListChannelMembershipsForAppInstanceUser(ctx, &chimesdkmessaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: &who, AppInstanceUserArn: &whom})
	case "DescribeChannelMembershipForAppInstanceUser":
		_, err = w.msg.DescribeChannelMembershipForAppInstanceUser(ctx, &chimesdkmessaging.DescribeChannelMembershipForAppInstanceUserInput{ChannelArn: &channel, ChimeBearer: &who, AppInstanceUserArn: &whom})
	default:
		w.Fatalf("no call for %s", operation)
	}
	return err
}

func (w *world) callMark(operation, who, channel, whom string) (err error) {
	ctx := w.Context()
	switch operation {
	case "ListChannelsModeratedByAppInstanceUser":
		_, err = w.msg.ListChannelsModeratedByAppInstanceUser(ctx, &chimesdkmessaging.ListChannelsModeratedByAppInstanceUserInput{ChimeBearer: &who, AppInstanceUserArn: &whom})
	case "DescribeChannelModeratedByAppInstanceUser":
		_, err = w.msg.DescribeChannelModeratedByAppInstanceUser(ctx, &chimesdkmessaging.DescribeChannelModeratedByAppInstanceUserInput{ChannelArn: &channel, ChimeBearer: &who, AppInstanceUserArn: &whom})
	case "CreateChannelModerator":
		_, err = w.msg.CreateChannelModerator(ctx, &chimesdkmessaging.CreateChannelModeratorInput{ChannelArn: &channel, ChimeBearer: &who, ChannelModeratorArn: &whom})
	case "DeleteChannelModerator":
		_, err = w.msg.DeleteChannelModerator(ctx, &chimesdkmessaging.DeleteChannelModeratorInput{ChannelArn: &channel, ChimeBearer: &who, ChannelModeratorArn: &whom})
	case "DescribeChannelModerator":
		_, err = w.msg.DescribeChannelModerator(ctx, &chimesdkmessaging.DescribeChannelModeratorInput{ChannelArn: &channel, ChimeBearer: &who, ChannelModeratorArn: &whom})
	case "ListChannelModerators":
		_, err = w.msg.ListChannelModerators(ctx, &chimesdkmessaging.ListChannelModeratorsInput{ChannelArn: &channel, ChimeBearer: &who})
	case "CreateChannelBan":
		_, err = w.msg.CreateChannelBan(ctx, &chimesdkmessaging.CreateChannelBanInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "DeleteChannelBan":
		_, err = w.msg.DeleteChannelBan(ctx, &chimesdkmessaging.DeleteChannelBanInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "DescribeChannelBan":
		_, err = w.msg.DescribeChannelBan(ctx, &chimesdkmessaging.DescribeChannelBanInput{ChannelArn: &channel, ChimeBearer: &who, MemberArn: &whom})
	case "ListChannelBans":
		_, err = w.msg.ListChannelBans(ctx, &chimesdkmessaging.ListChannelBansInput{ChannelArn: &channel, ChimeBearer: &who})
	default:
		w.Fatalf("no call for %s", operation)
	}
	return err
}

func (w *world) callMessage(operation, who, channel, message string) (err error) {
	ctx := w.Context()
	switch operation {
	case "SendChannelMessage":
		_, err = w.msg.SendChannelMessage(ctx, line(who, channel, "hi"))
	case "GetChannelMessage":
		_, err = w.msg.GetChannelMessage(ctx, &chimesdkmessaging.GetChannelMessageInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &message})
	case "ListChannelMessages":
		_, err = w.msg.ListChannelMessages(ctx, &chimesdkmessaging.ListChannelMessagesInput{ChannelArn: &channel, ChimeBearer: &who})
	case "GetChannelMessageStatus":
		_, err = w.msg.GetChannelMessageStatus(ctx, &chimesdkmessaging.GetChannelMessageStatusInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &message})
	case "UpdateChannelMessage":
		_, err = w.msg.UpdateChannelMessage(ctx, &chimesdkmessaging.UpdateChannelMessageInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &message, Content: aws.String("new")})
	case "RedactChannelMessage":
		_, err = w.msg.RedactChannelMessage(ctx, &chimesdkmessaging.RedactChannelMessageInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &message})
	case "DeleteChannelMessage":
		_, err = w.msg.DeleteChannelMessage(ctx, &chimesdkmessaging.DeleteChannelMessageInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &message})
	default:
		w.Fatalf("no call for %s", operation)
	}
	return err
}

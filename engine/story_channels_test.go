package engine_test

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// Channels, members and what is said, in the story.

// as is the bearer of that name.
func (s *story) as(id string) *string { return aws.String(s.user[id]) }

func (s *story) opensChannels() {
	ctx := s.Context()
	_, err := s.msg.GetMessagingSessionEndpoint(ctx, &messaging.GetMessagingSessionEndpointInput{})
	s.ok(err)
	in := &messaging.CreateChannelInput{AppInstanceArn: &s.house, ChimeBearer: s.as("usher"), Name: aws.String("Foyer"), ChannelId: aws.String("ev-1:a@b"),
		Mode: types.ChannelModeUnrestricted, Privacy: types.ChannelPrivacyPublic, Metadata: aws.String("m"), ClientRequestToken: aws.String("token-1"),
		MemberArns: []string{s.user["ann"], s.user["ben"]}, ModeratorArns: []string{s.user["director"]}, Tags: []types.Tag{{Key: aws.String("floor"), Value: aws.String("0")}},
		ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(10), ExpirationCriterion: types.ExpirationCriterionLastMessageTimestamp}}
	made, err := s.msg.CreateChannel(ctx, in)
	s.ok(err)
	s.foyer = *made.ChannelArn
	s.equal("ARN", s.foyer, s.house+"/channel/ev-1:a@b")
	again, err := s.msg.CreateChannel(ctx, in)
	s.ok(err)
	s.equal("the same asked twice", *again.ChannelArn, s.foyer)
	tags, err := s.msg.ListTagsForResource(ctx, &messaging.ListTagsForResourceInput{ResourceARN: &s.foyer})
	s.ok(err)
	s.equal("tags", *tags.Tags[0].Key+*tags.Tags[0].Value, "floor0")
	backstage, err := s.msg.CreateChannel(ctx, &messaging.CreateChannelInput{AppInstanceArn: &s.house, ChimeBearer: s.as("usher"), Name: aws.String("Stage"), ChannelId: aws.String("stage"),
		Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate, Metadata: aws.String("n"), MemberArns: []string{s.user["ann"]}})
	s.ok(err)
	s.stage = *backstage.ChannelArn
	updated, err := s.msg.UpdateChannel(ctx, &messaging.UpdateChannelInput{ChannelArn: &s.foyer, ChimeBearer: s.as("director"), Name: aws.String("The foyer"),
		Mode: types.ChannelModeUnrestricted, Metadata: aws.String("open")})
	s.ok(err)
	s.equal("updated", *updated.ChannelArn, s.foyer)
	put, err := s.msg.PutChannelExpirationSettings(ctx, &messaging.PutChannelExpirationSettingsInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"),
		ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(3), ExpirationCriterion: types.ExpirationCriterionCreatedTimestamp}})
	s.ok(err)
	s.equal("expiration", fmt.Sprint(*put.ChannelArn, *put.ExpirationSettings.ExpirationDays, put.ExpirationSettings.ExpirationCriterion), s.foyer+"3CREATED_TIMESTAMP")
	got, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.foyer, ChimeBearer: s.as("cat")})
	s.ok(err)
	ch := got.Channel
	s.equal("channel", fmt.Sprint(*ch.ChannelArn, *ch.Name, ch.Mode, ch.Privacy, *ch.Metadata, *ch.CreatedBy.Arn, *ch.CreatedBy.Name, *ch.ExpirationSettings.ExpirationDays),
		s.foyer+"The foyer"+"UNRESTRICTED"+"PUBLIC"+"open"+s.user["usher"]+"Name of usher"+"3")
	s.recent("created", ch.CreatedTimestamp)
	s.recent("updated", ch.LastUpdatedTimestamp)
}

func (s *story) fillsThem() {
	ctx := s.Context()
	made, err := s.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MemberArn: s.as("cat"),
		Type: types.ChannelMembershipTypeDefault})
	s.ok(err)
	s.equal("member", *made.ChannelArn+*made.Member.Arn+*made.Member.Name, s.foyer+s.user["cat"]+"Name of cat")
	nobody := s.house + "/user/nobody"
	batch, err := s.msg.BatchCreateChannelMembership(ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"),
		MemberArns: []string{s.user["dan"], s.user["eve"], nobody}, Type: types.ChannelMembershipTypeDefault})
	s.ok(err)
	b := batch.BatchChannelMemberships
	s.equal("batch", fmt.Sprint(*b.ChannelArn, *b.InvitedBy.Name, b.Type, len(b.Members), *b.Members[1].Name), s.foyer+"Name of usher"+"DEFAULT"+"2"+"Name of eve")
	s.equal("not in the batch", fmt.Sprint(len(batch.Errors), *batch.Errors[0].MemberArn, batch.Errors[0].ErrorCode), "1"+nobody+"Forbidden")
	hidden, err := s.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &s.stage, ChimeBearer: s.as("usher"), MemberArn: s.as("dan"),
		Type: types.ChannelMembershipTypeHidden})
	s.ok(err)
	s.equal("hidden", *hidden.Member.Name, "Name of dan")
	secret, err := s.msg.ListChannelMemberships(ctx, &messaging.ListChannelMembershipsInput{ChannelArn: &s.stage, ChimeBearer: s.as("usher"), Type: types.ChannelMembershipTypeHidden})
	s.ok(err)
	s.equal("hidden members", len(secret.ChannelMemberships), 1)
	got, err := s.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MemberArn: s.as("cat")})
	s.ok(err)
	m := got.ChannelMembership
	s.equal("membership", fmt.Sprint(*m.ChannelArn, *m.Member.Arn, *m.Member.Name, *m.InvitedBy.Arn, *m.InvitedBy.Name, m.Type),
		s.foyer+s.user["cat"]+"Name of cat"+s.user["usher"]+"Name of usher"+"DEFAULT")
	s.recent("joined", m.CreatedTimestamp)
	count := 0
	for pages := messaging.NewListChannelMembershipsPaginator(s.msg, &messaging.ListChannelMembershipsInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MaxResults: aws.Int32(4)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		s.equal("members of", *page.ChannelArn, s.foyer)
		count += len(page.ChannelMemberships)
	}
	s.equal("members", count, 6)
	_, err = s.msg.DeleteChannelMembership(ctx, &messaging.DeleteChannelMembershipInput{ChannelArn: &s.foyer, ChimeBearer: s.as("dan"), MemberArn: s.as("dan")})
	s.ok(err)
	_, err = s.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MemberArn: s.as("dan")})
	is[*types.NotFoundException](s.world, err)
}

func (s *story) moderates() {
	ctx := s.Context()
	made, err := s.msg.CreateChannelModerator(ctx, &messaging.CreateChannelModeratorInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), ChannelModeratorArn: s.as("ben")})
	s.ok(err)
	s.equal("moderator", *made.ChannelArn+*made.ChannelModerator.Arn+*made.ChannelModerator.Name, s.foyer+s.user["ben"]+"Name of ben")
	got, err := s.msg.DescribeChannelModerator(ctx, &messaging.DescribeChannelModeratorInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), ChannelModeratorArn: s.as("ben")})
	s.ok(err)
	m := got.ChannelModerator
	s.equal("moderator", fmt.Sprint(*m.ChannelArn, *m.Moderator.Arn, *m.Moderator.Name, *m.CreatedBy.Arn, *m.CreatedBy.Name), s.foyer+s.user["ben"]+"Name of ben"+s.user["usher"]+"Name of usher")
	s.recent("promoted", m.CreatedTimestamp)
	whole, err := s.msg.ListChannelModerators(ctx, &messaging.ListChannelModeratorsInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher")})
	s.ok(err)
	count := 0
	for pages := messaging.NewListChannelModeratorsPaginator(s.msg, &messaging.ListChannelModeratorsInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MaxResults: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		s.equal("moderators of", *page.ChannelArn, s.foyer)
		count += len(page.ChannelModerators)
	}
	s.equal("moderators", count, len(whole.ChannelModerators))
	_, err = s.msg.DeleteChannelModerator(ctx, &messaging.DeleteChannelModeratorInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), ChannelModeratorArn: s.as("ben")})
	s.ok(err)

	for _, id := range []string{"eve", "dan"} {
		banned, err := s.msg.CreateChannelBan(ctx, &messaging.CreateChannelBanInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MemberArn: s.as(id)})
		s.ok(err)
		s.equal("banned", *banned.ChannelArn+*banned.Member.Arn+*banned.Member.Name, s.foyer+s.user[id]+"Name of "+id)
	}
	ban, err := s.msg.DescribeChannelBan(ctx, &messaging.DescribeChannelBanInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MemberArn: s.as("eve")})
	s.ok(err)
	b := ban.ChannelBan
	s.equal("ban", fmt.Sprint(*b.ChannelArn, *b.Member.Arn, *b.Member.Name, *b.CreatedBy.Arn, *b.CreatedBy.Name), s.foyer+s.user["eve"]+"Name of eve"+s.user["usher"]+"Name of usher")
	s.recent("banned", b.CreatedTimestamp)
	bans, err := s.msg.ListChannelBans(ctx, &messaging.ListChannelBansInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MaxResults: aws.Int32(1)})
	s.ok(err)
	more, err := s.msg.ListChannelBans(ctx, &messaging.ListChannelBansInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MaxResults: aws.Int32(1), NextToken: bans.NextToken})
	s.ok(err)
	both, err := s.msg.ListChannelBans(ctx, &messaging.ListChannelBansInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher")})
	s.ok(err)
	s.equal("bans", len(bans.ChannelBans)+len(more.ChannelBans), len(both.ChannelBans))
	_, err = s.msg.SendChannelMessage(ctx, line(s.user["eve"], s.foyer, "let me in"))
	is[*types.ForbiddenException](s.world, err)
	_, err = s.msg.DeleteChannelBan(ctx, &messaging.DeleteChannelBanInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MemberArn: s.as("eve")})
	s.ok(err)
}

// say sends a line with everything that a line may have.
func (s *story) speak(id, channel, text string) *messaging.SendChannelMessageOutput {
	s.Helper()
	in := line(s.user[id], channel, text)
	in.Metadata, in.ContentType = aws.String("meta"), aws.String("text/plain")
	in.MessageAttributes = map[string]types.MessageAttributeValue{"kind": {StringValues: []string{"line", "loud"}}}
	in.PushNotification = &types.PushNotificationConfiguration{Title: aws.String("Foyer"), Body: aws.String(text), Type: types.PushNotificationTypeDefault}
	out, err := s.msg.SendChannelMessage(s.Context(), in)
	s.ok(err)
	return out
}

func (s *story) talks() {
	ctx := s.Context()
	began := time.Now().Add(-time.Minute)
	first := s.speak("ann", s.foyer, "Bravo 👏")
	s.equal("sent", fmt.Sprint(*first.ChannelArn, first.Status.Value), s.foyer+"SENT")
	s.speak("ben", s.foyer, "Encore!")
	edited, err := s.msg.UpdateChannelMessage(ctx, &messaging.UpdateChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MessageId: first.MessageId,
		Content: aws.String("Bravi"), Metadata: aws.String("beta"), ContentType: aws.String("text/markdown")})
	s.ok(err)
	s.equal("edited", fmt.Sprint(*edited.ChannelArn, *edited.MessageId, edited.Status.Value), s.foyer+*first.MessageId+"SENT")
	got, err := s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("cat"), MessageId: first.MessageId})
	s.ok(err)
	m := got.ChannelMessage
	s.equal("message", fmt.Sprint(*m.ChannelArn, *m.MessageId, *m.Content, *m.Metadata, *m.ContentType, m.Type, m.Persistence, *m.Sender.Arn, *m.Sender.Name, m.Redacted, m.Status.Value, m.MessageAttributes["kind"].StringValues),
		fmt.Sprint(s.foyer, *first.MessageId, "Bravi", "beta", "text/markdown", "STANDARD", "PERSISTENT", s.user["ann"], "Ann 🎭", false, "SENT", []string{"line", "loud"}))
	s.recent("sent", m.CreatedTimestamp)
	s.recent("edited", m.LastEditedTimestamp)
	s.recent("updated", m.LastUpdatedTimestamp)
	status, err := s.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MessageId: first.MessageId})
	s.ok(err)
	s.equal("status", status.Status.Value, "SENT")
	in := &messaging.ListChannelMessagesInput{ChannelArn: &s.foyer, ChimeBearer: s.as("cat"), MaxResults: aws.Int32(1), SortOrder: types.SortOrderAscending,
		NotBefore: &began, NotAfter: aws.Time(time.Now().Add(time.Minute))}
	var texts []string
	for pages := messaging.NewListChannelMessagesPaginator(s.msg, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		s.equal("history of", *page.ChannelArn, s.foyer)
		for _, m := range page.ChannelMessages {
			texts = append(texts, *m.Sender.Name, *m.Content, *m.Metadata, *m.ContentType, m.MessageAttributes["kind"].StringValues[1], string(m.Status.Value), string(m.Type))
		}
	}
	s.equal("history", fmt.Sprintf("%q", texts), `["Ann 🎭" "Bravi" "beta" "text/markdown" "loud" "SENT" "STANDARD" "Name of ben" "Encore!" "meta" "text/plain" "loud" "SENT" "STANDARD"]`)

	third := s.speak("cat", s.foyer, "spam")
	redacted, err := s.msg.RedactChannelMessage(ctx, &messaging.RedactChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), MessageId: third.MessageId})
	s.ok(err)
	s.equal("redacted", *redacted.ChannelArn+*redacted.MessageId, s.foyer+*third.MessageId)
	got, err = s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MessageId: third.MessageId})
	s.ok(err)
	if m := got.ChannelMessage; !m.Redacted || m.Content != nil {
		s.Errorf("redacted: %+v", m)
	}
	_, err = s.msg.DeleteChannelMessage(ctx, &messaging.DeleteChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("director"), MessageId: third.MessageId})
	s.ok(err)
	_, err = s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MessageId: third.MessageId})
	is[*types.NotFoundException](s.world, err)
}

// talksInPrivate is a line for one person, and one that is not kept.
func (s *story) talksInPrivate() {
	ctx := s.Context()
	in := line(s.user["ann"], s.foyer, "psst")
	in.Target = []types.Target{{MemberArn: s.as("ben")}}
	sent, err := s.msg.SendChannelMessage(ctx, in)
	s.ok(err)
	got, err := s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ben"), MessageId: sent.MessageId})
	s.ok(err)
	s.equal("target", *got.ChannelMessage.Target[0].MemberArn, s.user["ben"])
	list, err := s.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ben")})
	s.ok(err)
	s.equal("target", *list.ChannelMessages[0].Target[0].MemberArn, s.user["ben"])
	for _, who := range []string{"cat", "director"} {
		_, err = s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.foyer, ChimeBearer: s.as(who), MessageId: sent.MessageId})
		is[*types.ForbiddenException](s.world, err)
	}
	blink := line(s.user["ann"], s.foyer, `{"Typing":"Indicator"}`)
	blink.Type, blink.Persistence = types.ChannelMessageTypeControl, types.ChannelMessagePersistenceTypeNonPersistent
	_, err = s.msg.SendChannelMessage(ctx, blink)
	s.ok(err)
	after, err := s.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ben")})
	s.ok(err)
	s.equal("not kept", len(after.ChannelMessages), len(list.ChannelMessages))
}

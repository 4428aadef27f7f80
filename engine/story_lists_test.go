package engine_test

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// Lists, settings, flows, streams and the elastic channel, in the story.

// summary is what a list says about a channel.
func summary(c *types.ChannelSummary) string {
	return fmt.Sprint(*c.ChannelArn, *c.Name, c.Mode, c.Privacy, *c.Metadata, c.LastMessageTimestamp != nil)
}

// looksAround lists channels in every way.
func (s *story) looksAround() {
	ctx := s.Context()
	for name, privacy := range map[string]types.ChannelPrivacy{"Bar": types.ChannelPrivacyPublic, "Wings": types.ChannelPrivacyPrivate} {
		_, err := s.msg.CreateChannel(ctx, &messaging.CreateChannelInput{AppInstanceArn: &s.house, ChimeBearer: s.as("ann"), Name: &name, ChannelId: &name, Privacy: privacy,
			Metadata: aws.String("x"), MemberArns: []string{s.user["ben"]}})
		s.ok(err)
	}
	_, err := s.msg.ListChannels(ctx, &messaging.ListChannelsInput{AppInstanceArn: &s.house, ChimeBearer: s.as("dan")})
	s.ok(err)
	foyer := s.foyer + "The foyer" + "UNRESTRICTED" + "PUBLIC" + "open" + "true"
	var all []string
	for pages := messaging.NewListChannelsPaginator(s.msg, &messaging.ListChannelsInput{AppInstanceArn: &s.house, ChimeBearer: s.as("dan"), MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		for _, c := range page.Channels {
			all = append(all, *c.Name)
			if *c.ChannelArn == s.foyer {
				s.equal("foyer", summary(&c), foyer)
			}
		}
	}
	s.equal("public channels", fmt.Sprint(slices.Sorted(slices.Values(all))), "[Bar The foyer]")
	private, err := s.msg.ListChannels(ctx, &messaging.ListChannelsInput{AppInstanceArn: &s.house, ChimeBearer: s.as("director"), Privacy: types.ChannelPrivacyPrivate, MaxResults: aws.Int32(1)})
	s.ok(err)
	s.equal("private channels", fmt.Sprint(len(private.Channels), private.NextToken != nil), "1 true")
	mine, err := s.msg.ListChannelsModeratedByAppInstanceUser(ctx, &messaging.ListChannelsModeratedByAppInstanceUserInput{ChimeBearer: s.as("usher"), AppInstanceUserArn: s.as("usher"), MaxResults: aws.Int32(1)})
	s.ok(err)
	rest, err := s.msg.ListChannelsModeratedByAppInstanceUser(ctx, &messaging.ListChannelsModeratedByAppInstanceUserInput{ChimeBearer: s.as("usher"), MaxResults: aws.Int32(1), NextToken: mine.NextToken})
	s.ok(err)
	both, err := s.msg.ListChannelsModeratedByAppInstanceUser(ctx, &messaging.ListChannelsModeratedByAppInstanceUserInput{ChimeBearer: s.as("usher")})
	s.ok(err)
	s.equal("moderated", len(mine.Channels)+len(rest.Channels), len(both.Channels))
	one, err := s.msg.DescribeChannelModeratedByAppInstanceUser(ctx, &messaging.DescribeChannelModeratedByAppInstanceUserInput{ChannelArn: &s.foyer, ChimeBearer: s.as("usher"), AppInstanceUserArn: s.as("usher")})
	s.ok(err)
	s.equal("moderated", summary(one.Channel.ChannelSummary), foyer)
	full, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.foyer, ChimeBearer: s.as("cat")})
	s.ok(err)
	s.recent("the last message", full.Channel.LastMessageTimestamp)
	in := &messaging.SearchChannelsInput{ChimeBearer: s.as("ann"), MaxResults: aws.Int32(1), Fields: []types.SearchField{
		{Key: types.SearchFieldKeyMembers, Operator: types.SearchFieldOperatorIncludes, Values: []string{s.user["ann"], s.user["ben"]}}}}
	_, err = s.msg.SearchChannels(ctx, &messaging.SearchChannelsInput{ChimeBearer: s.as("ann"), Fields: in.Fields})
	s.ok(err)
	found := map[string]bool{}
	for pages := messaging.NewSearchChannelsPaginator(s.msg, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		for _, c := range page.Channels {
			found[*c.Name] = true
			if *c.ChannelArn == s.foyer {
				s.equal("found", summary(&c), foyer)
			}
		}
	}
	s.equal("found", fmt.Sprint(found), "map[Bar:true The foyer:true Wings:true]")
}

// remembers how far ann has read.
func (s *story) remembers() {
	ctx := s.Context()
	out, err := s.msg.UpdateChannelReadMarker(ctx, &messaging.UpdateChannelReadMarkerInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann")})
	s.ok(err)
	s.equal("read in", *out.ChannelArn, s.foyer)
	one, err := s.msg.DescribeChannelMembershipForAppInstanceUser(ctx, &messaging.DescribeChannelMembershipForAppInstanceUserInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), AppInstanceUserArn: s.as("ann")})
	s.ok(err)
	s.equal("type", one.ChannelMembership.AppInstanceUserMembershipSummary.Type, "DEFAULT")
	s.recent("read", one.ChannelMembership.AppInstanceUserMembershipSummary.ReadMarkerTimestamp)
	s.equal("channel", summary(one.ChannelMembership.ChannelSummary), s.foyer+"The foyer"+"UNRESTRICTED"+"PUBLIC"+"open"+"true")
	_, err = s.msg.ListChannelMembershipsForAppInstanceUser(ctx, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: s.as("ann")})
	s.ok(err)
	count := 0
	for pages := messaging.NewListChannelMembershipsForAppInstanceUserPaginator(s.msg, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: s.as("director"), AppInstanceUserArn: s.as("ann"), MaxResults: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		count += len(page.ChannelMemberships)
	}
	s.equal("ann's channels", count, 4)

	rule := `{"kind":["line"]}`
	set, err := s.msg.PutChannelMembershipPreferences(ctx, &messaging.PutChannelMembershipPreferencesInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MemberArn: s.as("ann"),
		Preferences: &types.ChannelMembershipPreferences{PushNotifications: &types.PushNotificationPreferences{AllowNotifications: types.AllowNotificationsFiltered, FilterRule: &rule}}})
	s.ok(err)
	s.equal("preferences", fmt.Sprint(*set.ChannelArn, *set.Member.Arn, *set.Member.Name, set.Preferences.PushNotifications.AllowNotifications, *set.Preferences.PushNotifications.FilterRule),
		s.foyer+s.user["ann"]+"Ann 🎭"+"FILTERED"+rule)
	got, err := s.msg.GetChannelMembershipPreferences(ctx, &messaging.GetChannelMembershipPreferencesInput{ChannelArn: &s.foyer, ChimeBearer: s.as("ann"), MemberArn: s.as("ann")})
	s.ok(err)
	s.equal("preferences", fmt.Sprint(*got.ChannelArn, *got.Member.Name, got.Preferences.PushNotifications.AllowNotifications, *got.Preferences.PushNotifications.FilterRule),
		s.foyer+"Ann 🎭"+"FILTERED"+rule)
}

// reads makes the channel flow: a processor reads along.
func (s *story) reads() {
	ctx := s.Context()
	made, err := s.msg.CreateChannelFlow(ctx, &messaging.CreateChannelFlowInput{AppInstanceArn: &s.house, Name: aws.String("calm"), ClientRequestToken: aws.String("token-1"),
		Processors: []types.Processor{step("polite", 1, types.FallbackActionAbort)}, Tags: []types.Tag{{Key: aws.String("kind"), Value: aws.String("flow")}}})
	s.ok(err)
	_, err = s.msg.CreateChannelFlow(ctx, &messaging.CreateChannelFlowInput{AppInstanceArn: &s.house, Name: aws.String("spare"), Processors: []types.Processor{step("polite", 1, types.FallbackActionContinue)}})
	s.ok(err)
	updated, err := s.msg.UpdateChannelFlow(ctx, &messaging.UpdateChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn, Name: aws.String("calmer"), Processors: []types.Processor{step("polite", 2, types.FallbackActionAbort)}})
	s.ok(err)
	s.equal("flow", *updated.ChannelFlowArn, *made.ChannelFlowArn)
	got, err := s.msg.DescribeChannelFlow(ctx, &messaging.DescribeChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	s.ok(err)
	f, p := got.ChannelFlow, got.ChannelFlow.Processors[0]
	s.equal("flow", fmt.Sprint(*f.ChannelFlowArn, *f.Name, *p.Name, *p.ExecutionOrder, p.FallbackAction, *p.Configuration.Lambda.ResourceArn, p.Configuration.Lambda.InvocationType),
		*made.ChannelFlowArn+"calmer"+"polite"+"2"+"ABORT"+lambda("polite")+"ASYNC")
	s.recent("made", f.CreatedTimestamp)
	s.recent("updated", f.LastUpdatedTimestamp)
	_, err = s.msg.ListChannelFlows(ctx, &messaging.ListChannelFlowsInput{AppInstanceArn: &s.house})
	s.ok(err)
	names := map[string]bool{}
	for pages := messaging.NewListChannelFlowsPaginator(s.msg, &messaging.ListChannelFlowsInput{AppInstanceArn: &s.house, MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		for _, f := range page.ChannelFlows {
			names[*f.Name] = true
			if *f.Name == "spare" {
				_, err = s.msg.DeleteChannelFlow(ctx, &messaging.DeleteChannelFlowInput{ChannelFlowArn: f.ChannelFlowArn})
				s.ok(err)
			}
		}
	}
	s.equal("flows", fmt.Sprint(names), "map[calmer:true spare:true]")
	for _, channel := range []*string{&s.stage, &s.foyer} {
		_, err = s.msg.AssociateChannelFlow(ctx, &messaging.AssociateChannelFlowInput{ChannelArn: channel, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: s.as("usher")})
		s.ok(err)
	}
	with, err := s.msg.ListChannelsAssociatedWithChannelFlow(ctx, &messaging.ListChannelsAssociatedWithChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn, MaxResults: aws.Int32(1)})
	s.ok(err)
	more, err := s.msg.ListChannelsAssociatedWithChannelFlow(ctx, &messaging.ListChannelsAssociatedWithChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn, MaxResults: aws.Int32(1), NextToken: with.NextToken})
	s.ok(err)
	both, err := s.msg.ListChannelsAssociatedWithChannelFlow(ctx, &messaging.ListChannelsAssociatedWithChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	s.ok(err)
	s.equal("channels with the flow", len(with.Channels)+len(more.Channels), len(both.Channels))
	ch, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.stage, ChimeBearer: s.as("usher")})
	s.ok(err)
	s.equal("the channel's flow", *ch.Channel.ChannelFlowArn, *made.ChannelFlowArn)
	_, err = s.msg.DisassociateChannelFlow(ctx, &messaging.DisassociateChannelFlowInput{ChannelArn: &s.foyer, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: s.as("usher")})
	s.ok(err)
}

// filters lets one line go, changed, and another not.
func (s *story) filters() {
	ctx := s.Context()
	sent := s.speak("ann", s.stage, "merde")
	s.equal("held", sent.Status.Value, "PENDING")
	i := s.next(s.processor)
	out, err := s.msg.ChannelFlowCallback(ctx, &messaging.ChannelFlowCallbackInput{CallbackId: &i.CallbackId, ChannelArn: &s.stage, ChannelMessage: &types.ChannelMessageCallback{
		MessageId: sent.MessageId, Content: aws.String("break a leg"), ContentType: aws.String("text/plain"), Metadata: aws.String("polite"),
		MessageAttributes: map[string]types.MessageAttributeValue{"kind": {StringValues: []string{"polite"}}},
		PushNotification:  &types.PushNotificationConfiguration{Title: aws.String("Stage"), Body: aws.String("…"), Type: types.PushNotificationTypeVoip}}})
	s.ok(err)
	s.equal("callback", *out.CallbackId+*out.ChannelArn, i.CallbackId+s.stage)
	got, err := s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.stage, ChimeBearer: s.as("usher"), MessageId: sent.MessageId})
	s.ok(err)
	s.equal("changed", fmt.Sprint(*got.ChannelMessage.Content, *got.ChannelMessage.Metadata, got.ChannelMessage.Status.Value), "break a leg"+"polite"+"SENT")

	sent = s.speak("ann", s.stage, "never")
	i = s.next(s.processor)
	_, err = s.msg.ChannelFlowCallback(ctx, &messaging.ChannelFlowCallbackInput{CallbackId: &i.CallbackId, ChannelArn: &s.stage, DeleteResource: true,
		ChannelMessage: &types.ChannelMessageCallback{MessageId: sent.MessageId}})
	s.ok(err)
	status, err := s.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &s.stage, ChimeBearer: s.as("ann"), MessageId: sent.MessageId})
	s.ok(err)
	s.equal("denied", status.Status.Value, "DENIED")

	// A processor that is nowhere: why the line failed is told again when it is sent again.
	ch, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.stage, ChimeBearer: s.as("usher")})
	s.ok(err)
	_, err = s.msg.UpdateChannelFlow(ctx, &messaging.UpdateChannelFlowInput{ChannelFlowArn: ch.Channel.ChannelFlowArn, Name: aws.String("nowhere"), Processors: []types.Processor{step("nobody", 1, types.FallbackActionAbort)}})
	s.ok(err)
	in := line(s.user["ann"], s.stage, "lost")
	in.ClientRequestToken = aws.String("token-lost")
	sent, err = s.msg.SendChannelMessage(ctx, in)
	s.ok(err)
	s.becomes(s.user["ann"], s.stage, *sent.MessageId, types.ChannelMessageStatusFailed)
	status, err = s.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &s.stage, ChimeBearer: s.as("ann"), MessageId: sent.MessageId})
	s.ok(err)
	again, err := s.msg.SendChannelMessage(ctx, in)
	s.ok(err)
	for _, got := range []*types.ChannelMessageStatusStructure{status.Status, again.Status} {
		s.equal("why", fmt.Sprint(got.Value, aws.ToString(got.Detail)), "FAILED"+"The processor does not exist.")
	}
}

func (s *story) archives() {
	ctx := s.Context()
	want := []types.StreamingConfiguration{{DataType: types.MessagingDataTypeChannel, ResourceArn: aws.String(stream("channels"))},
		{DataType: types.MessagingDataTypeChannelMessage, ResourceArn: aws.String(stream("lines"))}}
	put, err := s.msg.PutMessagingStreamingConfigurations(ctx, &messaging.PutMessagingStreamingConfigurationsInput{AppInstanceArn: &s.house, StreamingConfigurations: want})
	s.ok(err)
	got, err := s.msg.GetMessagingStreamingConfigurations(ctx, &messaging.GetMessagingStreamingConfigurationsInput{AppInstanceArn: &s.house})
	s.ok(err)
	for _, have := range [][]types.StreamingConfiguration{put.StreamingConfigurations, got.StreamingConfigurations} {
		s.equal("streams", fmt.Sprint(len(have), have[0].DataType, *have[0].ResourceArn, have[1].DataType, *have[1].ResourceArn),
			"2Channel"+stream("channels")+"ChannelMessage"+stream("lines"))
	}
	s.speak("ann", s.foyer, "for the archive")
	_, err = s.msg.DeleteMessagingStreamingConfigurations(ctx, &messaging.DeleteMessagingStreamingConfigurationsInput{AppInstanceArn: &s.house})
	s.ok(err)
	got, err = s.msg.GetMessagingStreamingConfigurations(ctx, &messaging.GetMessagingStreamingConfigurationsInput{AppInstanceArn: &s.house})
	s.ok(err)
	s.equal("no streams", len(got.StreamingConfigurations), 0)
}

// growsAHall opens an elastic channel and fills more than one sub-channel.
func (s *story) growsAHall() {
	ctx := s.Context()
	made, err := s.msg.CreateChannel(ctx, &messaging.CreateChannelInput{AppInstanceArn: &s.house, ChimeBearer: s.as("usher"), Name: aws.String("Hall"), Metadata: aws.String("m"),
		Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate, ElasticChannelConfiguration: &types.ElasticChannelConfiguration{
			MaximumSubChannels: aws.Int32(3), TargetMembershipsPerSubChannel: aws.Int32(2), MinimumMembershipPercentage: aws.Int32(40)}})
	s.ok(err)
	s.hall = *made.ChannelArn
	got, err := s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher")})
	s.ok(err)
	e := got.Channel.ElasticChannelConfiguration
	s.equal("elastic", fmt.Sprint(*e.MaximumSubChannels, *e.TargetMembershipsPerSubChannel, *e.MinimumMembershipPercentage), "3 2 40")
	first, err := s.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MemberArn: s.as("ann"), Type: types.ChannelMembershipTypeDefault})
	s.ok(err)
	s.row = *first.SubChannelId
	for _, members := range [][]string{{s.user["ben"]}, {s.user["cat"], s.user["dan"]}} {
		batch, err := s.msg.BatchCreateChannelMembership(ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MemberArns: members})
		s.ok(err)
		s.equal("in the hall", len(batch.BatchChannelMemberships.Members), len(members))
		if len(members) == 1 && batch.BatchChannelMemberships.SubChannelId == nil { // of several members it might be one of several
			s.Error("a batch of one in no sub-channel")
		}
	}
	_, err = s.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MemberArn: s.as("usher"), Type: types.ChannelMembershipTypeDefault, SubChannelId: &s.row})
	s.ok(err)
	_, err = s.msg.ListSubChannels(ctx, &messaging.ListSubChannelsInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher")})
	s.ok(err)
	rows := map[string]int32{}
	for pages := messaging.NewListSubChannelsPaginator(s.msg, &messaging.ListSubChannelsInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		s.equal("sub-channels of", *page.ChannelArn, s.hall)
		for _, sub := range page.SubChannels {
			rows[*sub.SubChannelId] = *sub.MembershipCount
		}
	}
	if len(rows) < 2 || rows[s.row] == 0 {
		s.Errorf("sub-channels: %v", rows)
	}
	m, err := s.msg.DescribeChannelMembership(ctx, &messaging.DescribeChannelMembershipInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MemberArn: s.as("usher"), SubChannelId: &s.row})
	s.ok(err)
	s.equal("row", *m.ChannelMembership.SubChannelId, s.row)
	members, err := s.msg.ListChannelMemberships(ctx, &messaging.ListChannelMembershipsInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), SubChannelId: &s.row})
	s.ok(err)
	s.equal("in the row", len(members.ChannelMemberships), rows[s.row])
	one, err := s.msg.DescribeChannelMembershipForAppInstanceUser(ctx, &messaging.DescribeChannelMembershipForAppInstanceUserInput{ChannelArn: &s.hall, ChimeBearer: s.as("director"), AppInstanceUserArn: s.as("ann")})
	s.ok(err)
	all, err := s.msg.ListChannelMembershipsForAppInstanceUser(ctx, &messaging.ListChannelMembershipsForAppInstanceUserInput{ChimeBearer: s.as("ann")})
	s.ok(err)
	for _, c := range all.ChannelMemberships {
		if *c.ChannelSummary.ChannelArn == s.hall {
			s.equal("ann's row", *c.AppInstanceUserMembershipSummary.SubChannelId, *one.ChannelMembership.AppInstanceUserMembershipSummary.SubChannelId)
		}
	}
}

func (s *story) talksInTheHall() {
	ctx := s.Context()
	in := line(s.user["usher"], s.hall, "the second act begins")
	in.SubChannelId = &s.row
	sent, err := s.msg.SendChannelMessage(ctx, in)
	s.ok(err)
	s.equal("row", *sent.SubChannelId, s.row)
	edited, err := s.msg.UpdateChannelMessage(ctx, &messaging.UpdateChannelMessageInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MessageId: sent.MessageId, SubChannelId: &s.row, Content: aws.String("now")})
	s.ok(err)
	s.equal("row", *edited.SubChannelId, s.row)
	_, err = s.msg.GetChannelMessageStatus(ctx, &messaging.GetChannelMessageStatusInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MessageId: sent.MessageId, SubChannelId: &s.row})
	s.ok(err)
	got, err := s.msg.GetChannelMessage(ctx, &messaging.GetChannelMessageInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MessageId: sent.MessageId, SubChannelId: &s.row})
	s.ok(err)
	s.equal("row", *got.ChannelMessage.SubChannelId, s.row)
	list, err := s.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), SubChannelId: &s.row})
	s.ok(err)
	s.equal("row", *list.SubChannelId+*list.ChannelMessages[0].Content, s.row+"now")
	redacted, err := s.msg.RedactChannelMessage(ctx, &messaging.RedactChannelMessageInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MessageId: sent.MessageId, SubChannelId: &s.row})
	s.ok(err)
	s.equal("row", *redacted.SubChannelId, s.row)
	_, err = s.msg.DeleteChannelMessage(ctx, &messaging.DeleteChannelMessageInput{ChannelArn: &s.hall, ChimeBearer: s.as("director"), MessageId: sent.MessageId, SubChannelId: &s.row})
	s.ok(err)
	_, err = s.msg.DeleteChannelMembership(ctx, &messaging.DeleteChannelMembershipInput{ChannelArn: &s.hall, ChimeBearer: s.as("usher"), MemberArn: s.as("usher"), SubChannelId: &s.row})
	s.ok(err)
}

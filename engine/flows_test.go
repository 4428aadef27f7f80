package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// callFlow is the part of the role table's test about flows.
func (w *world) callFlow(operation, who, channel string) error {
	ctx := w.Context()
	made, err := w.msg.CreateChannelFlow(ctx, &messaging.CreateChannelFlowInput{AppInstanceArn: &w.app, Name: aws.String("f"),
		Processors: []types.Processor{step("p", 1, "ABORT")}})
	w.ok(err)
	in := &messaging.AssociateChannelFlowInput{ChannelArn: &channel, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: &w.mod}
	if operation == "AssociateChannelFlow" {
		in.ChimeBearer = &who
		_, err = w.msg.AssociateChannelFlow(ctx, in)
		return err
	}
	_, err = w.msg.AssociateChannelFlow(ctx, in)
	w.ok(err)
	_, err = w.msg.DisassociateChannelFlow(ctx, &messaging.DisassociateChannelFlowInput{ChannelArn: &channel, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: &who})
	return err
}

func TestChannelFlowsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := &messaging.CreateChannelFlowInput{AppInstanceArn: &w.app, Name: aws.String("calm"), ClientRequestToken: aws.String("tok"),
		Processors: []types.Processor{step("b", 2, "CONTINUE"), step("a", 1, "ABORT")}}
	made, err := w.msg.CreateChannelFlow(ctx, in)
	w.ok(err)
	again, err := w.msg.CreateChannelFlow(ctx, in)
	w.ok(err)
	w.equal("same token", *again.ChannelFlowArn, *made.ChannelFlowArn)
	in.Name = aws.String("other")
	_, err = w.msg.CreateChannelFlow(ctx, in)
	is[*types.ConflictException](w, err)
	in.Processors[1].ExecutionOrder, in.ClientRequestToken = aws.Int32(2), nil
	_, err = w.msg.CreateChannelFlow(ctx, in)
	is[*types.BadRequestException](w, err)

	got, err := w.msg.DescribeChannelFlow(ctx, &messaging.DescribeChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	w.ok(err)
	f := got.ChannelFlow
	w.equal("flow", fmt.Sprint(*f.Name, len(f.Processors), *f.Processors[0].Name, *f.Processors[0].ExecutionOrder, f.Processors[0].FallbackAction,
		*f.Processors[0].Configuration.Lambda.ResourceArn), "calm2b2CONTINUE"+lambda("b"))
	w.recent("created", f.CreatedTimestamp)
	w.flow(w.open("second", "PUBLIC", "UNRESTRICTED"), step("c", 1, "ABORT"))
	first, err := w.msg.ListChannelFlows(ctx, &messaging.ListChannelFlowsInput{AppInstanceArn: &w.app, MaxResults: aws.Int32(1)})
	w.ok(err)
	rest, err := w.msg.ListChannelFlows(ctx, &messaging.ListChannelFlowsInput{AppInstanceArn: &w.app, NextToken: first.NextToken})
	w.ok(err)
	w.equal("flows", len(first.ChannelFlows)+len(rest.ChannelFlows), 2)

	associate := &messaging.AssociateChannelFlowInput{ChannelArn: &w.channel, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: &w.mod}
	for range 2 {
		_, err = w.msg.AssociateChannelFlow(ctx, associate)
		w.ok(err)
	}
	associate.ChannelFlowArn = first.ChannelFlows[0].ChannelFlowArn
	if *associate.ChannelFlowArn == *made.ChannelFlowArn {
		associate.ChannelFlowArn = rest.ChannelFlows[0].ChannelFlowArn
	}
	_, err = w.msg.AssociateChannelFlow(ctx, associate)
	is[*types.ConflictException](w, err)
	associate.ChannelFlowArn = aws.String(w.app + "/channel-flow/none")
	_, err = w.msg.AssociateChannelFlow(ctx, associate)
	is[*types.NotFoundException](w, err)
	ch, err := w.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &w.channel, ChimeBearer: &w.ann})
	w.ok(err)
	w.equal("flow of the channel", aws.ToString(ch.Channel.ChannelFlowArn), *made.ChannelFlowArn)
	with, err := w.msg.ListChannelsAssociatedWithChannelFlow(ctx, &messaging.ListChannelsAssociatedWithChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	w.ok(err)
	w.equal("channels of the flow", fmt.Sprint(len(with.Channels), *with.Channels[0].ChannelArn, with.Channels[0].Privacy), "1"+w.channel+"PUBLIC")

	_, err = w.msg.UpdateChannelFlow(ctx, &messaging.UpdateChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn, Name: aws.String("calmer"), Processors: []types.Processor{step("z", 1, "ABORT")}})
	w.ok(err)
	got, err = w.msg.DescribeChannelFlow(ctx, &messaging.DescribeChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	w.ok(err)
	w.equal("updated", fmt.Sprint(*got.ChannelFlow.Name, *got.ChannelFlow.Processors[0].Name), "calmerz")
	remove := &messaging.DeleteChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn}
	_, err = w.msg.DeleteChannelFlow(ctx, remove)
	is[*types.ConflictException](w, err)
	disassociate := &messaging.DisassociateChannelFlowInput{ChannelArn: &w.channel, ChannelFlowArn: made.ChannelFlowArn, ChimeBearer: &w.mod}
	_, err = w.msg.DisassociateChannelFlow(ctx, disassociate)
	w.ok(err)
	_, err = w.msg.DisassociateChannelFlow(ctx, disassociate)
	is[*types.NotFoundException](w, err)
	_, err = w.msg.DeleteChannelFlow(ctx, remove)
	w.ok(err)
	_, err = w.msg.DescribeChannelFlow(ctx, &messaging.DescribeChannelFlowInput{ChannelFlowArn: made.ChannelFlowArn})
	is[*types.ForbiddenException](w, err)
}

func TestAHeldLineIsItsSendersAloneUntilTheProcessorLetsItGo(t *testing.T) {
	t.Parallel()
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	w.flow(w.channel, step("p", 1, "ABORT"))
	ann, bob := w.connect(w.ann), w.connect(w.bob)

	in := line(w.ann, w.channel, "first")
	in.Metadata, in.ClientRequestToken = aws.String("m"), aws.String("tok")
	sent, err := w.msg.SendChannelMessage(t.Context(), in)
	w.ok(err)
	again, err := w.msg.SendChannelMessage(t.Context(), in)
	w.ok(err)
	w.equal("repeat", fmt.Sprint(*again.MessageId, again.Status.Value), *sent.MessageId+"PENDING")
	w.expect(ann, "PENDING_CREATE_CHANNEL_MESSAGE")
	i := w.next(p)
	m := i.ChannelMessage
	w.equal("event", fmt.Sprint(i.EventType, m.MessageId, m.ChannelArn, m.Content, m.Metadata, m.Persistence, m.Type, m.Sender, m.LastEditedTimestamp),
		fmt.Sprint("CHANNEL_MESSAGE_EVENT", *sent.MessageId, w.channel, "first", "m", "PERSISTENT", "STANDARD", struct{ Arn, Name string }{w.ann, "Name of ann"}, ""))
	if !strings.HasSuffix(m.CreatedTimestamp, "Z") || len(i.CallbackId) < 32 || len(i.CallbackId) > 64 {
		t.Errorf("event %+v", i)
	}

	w.equal("status", w.status(w.ann, w.channel, m.MessageId), "PENDING")
	_, err = w.msg.GetChannelMessageStatus(t.Context(), &messaging.GetChannelMessageStatusInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: &m.MessageId})
	is[*types.ForbiddenException](w, err)
	_, err = w.msg.GetChannelMessage(t.Context(), &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: &m.MessageId})
	is[*types.NotFoundException](w, err)
	own, err := w.msg.GetChannelMessage(t.Context(), &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MessageId: &m.MessageId})
	w.ok(err)
	w.equal("own", fmt.Sprint(*own.ChannelMessage.Content, own.ChannelMessage.Status.Value), "firstPENDING")
	w.equal("history", w.texts(w.ann, w.channel), []string(nil))

	// A CONTROL line passes by, and so comes before the line that was sent before it.
	control := line(w.bob, w.channel, "passes")
	control.Type = "CONTROL"
	passed, err := w.msg.SendChannelMessage(t.Context(), control)
	w.ok(err)
	w.equal("status of CONTROL", passed.Status.Value, "SENT")
	w.expect(ann, "CREATE_CHANNEL_MESSAGE")
	w.expect(bob, "CREATE_CHANNEL_MESSAGE")

	w.ok(w.callback(i, aws.String("altered"), false))
	for _, f := range []frame{w.expect(ann, "CREATE_CHANNEL_MESSAGE"), w.expect(bob, "CREATE_CHANNEL_MESSAGE")} {
		var got struct {
			MessageId, Content, Metadata string
			Status                       struct{ Value string }
		}
		w.ok(json.Unmarshal([]byte(f.Payload), &got))
		w.equal("frame", got, struct {
			MessageId, Content, Metadata string
			Status                       struct{ Value string }
		}{m.MessageId, "altered", "m", struct{ Value string }{"SENT"}})
	}
	all := w.lines(w.bob, w.channel)
	if len(all) != 2 || *all[1].MessageId != m.MessageId || !all[1].CreatedTimestamp.After(*all[0].CreatedTimestamp) {
		t.Errorf("history %+v", all)
	}
	w.equal("status", w.status(w.ann, w.channel, m.MessageId), "SENT")
	got, err := w.msg.GetChannelMessage(t.Context(), &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.bob, MessageId: &m.MessageId})
	w.ok(err)
	w.equal("by its id", *got.ChannelMessage.Content, "altered")
	_, err = w.msg.RedactChannelMessage(t.Context(), &messaging.RedactChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MessageId: &m.MessageId})
	w.ok(err)
	is[*types.ConflictException](w, w.callback(i, nil, false))
	i.CallbackId = strings.Repeat("0", 40) + "-0"
	is[*types.ForbiddenException](w, w.callback(i, nil, false))
}

func TestADeniedLineAndABannedSendersLineNeverAppear(t *testing.T) {
	t.Parallel()
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	w.flow(w.channel, step("p", 1, "CONTINUE"))
	ann, bob := w.connect(w.ann), w.connect(w.bob)
	id := w.say(w.ann, w.channel, "rude")
	w.expect(ann, "PENDING_CREATE_CHANNEL_MESSAGE")
	w.ok(w.callback(w.next(p), nil, true))
	w.expect(ann, "DENIED_CREATE_CHANNEL_MESSAGE")
	w.equal("status", w.status(w.ann, w.channel, id), "DENIED")
	ch, err := w.msg.DescribeChannel(t.Context(), &messaging.DescribeChannelInput{ChannelArn: &w.channel, ChimeBearer: &w.bob})
	w.ok(err)
	w.equal("time of the last message", ch.Channel.LastMessageTimestamp, (*time.Time)(nil))
	_, err = w.msg.GetChannelMessage(t.Context(), &messaging.GetChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MessageId: &id})
	is[*types.NotFoundException](w, err)

	w.say(w.ann, w.channel, "about to be banned")
	w.expect(ann, "PENDING_CREATE_CHANNEL_MESSAGE")
	held := w.next(p)
	_, err = w.msg.CreateChannelBan(t.Context(), &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.ann})
	w.ok(err)
	w.expect(ann, "DELETE_CHANNEL_MEMBERSHIP")
	w.expect(bob, "DELETE_CHANNEL_MEMBERSHIP") // and nothing before it
	w.ok(w.callback(held, nil, false))
	w.expect(ann, "FAILED_CREATE_CHANNEL_MESSAGE")
	w.equal("history", w.texts(w.bob, w.channel), []string(nil))
	w.say(w.bob, w.channel, "mark")
	w.expect(bob, "PENDING_CREATE_CHANNEL_MESSAGE") // and nothing of ann's before it
}

func TestAnEditIsHeldAndTheOldTextStays(t *testing.T) {
	t.Parallel()
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	id := w.send(w.ann, w.channel, "old")
	w.flow(w.channel, step("p", 1, "ABORT"))
	ann, bob := w.connect(w.ann), w.connect(w.bob)
	edit := func(text string) {
		out, err := w.msg.UpdateChannelMessage(t.Context(), &messaging.UpdateChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.ann, MessageId: &id, Content: &text})
		w.ok(err)
		w.equal("status of an edit", out.Status.Value, "PENDING")
		w.expect(ann, "PENDING_UPDATE_CHANNEL_MESSAGE")
	}
	edit("new")
	i := w.next(p)
	if i.ChannelMessage.MessageId != id || i.ChannelMessage.Content != "new" || i.ChannelMessage.LastEditedTimestamp == "" {
		t.Errorf("event %+v", i)
	}
	w.equal("held", w.texts(w.bob, w.channel), []string{"old"})
	w.ok(w.callback(i, nil, true))
	w.expect(ann, "DENIED_UPDATE_CHANNEL_MESSAGE")
	w.equal("denied", w.texts(w.bob, w.channel), []string{"old"})

	edit("overtaken")
	overtaken := w.next(p)
	edit("newest")
	w.ok(w.callback(w.next(p), aws.String("newest, altered"), false))
	w.expect(bob, "UPDATE_CHANNEL_MESSAGE")
	w.expect(ann, "UPDATE_CHANNEL_MESSAGE")
	w.ok(w.callback(overtaken, nil, false))
	w.equal("released", w.texts(w.bob, w.channel), []string{"newest, altered"})
	w.equal("status", w.status(w.ann, w.channel, id), "SENT")

	edit("after the moderator")
	late := w.next(p)
	_, err := w.msg.RedactChannelMessage(t.Context(), &messaging.RedactChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MessageId: &id})
	w.ok(err)
	w.expect(bob, "REDACT_CHANNEL_MESSAGE")
	w.ok(w.callback(late, nil, false))
	w.equal("redacted stays redacted", w.texts(w.bob, w.channel), []string{""})
}

func TestProcessorsRunInTheirOrderEachWithWhatTheOneBeforeMade(t *testing.T) {
	t.Parallel()
	first, second := newProcessor(t), newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("first"): first.URL, lambda("second"): second.URL}, nil))
	flow := w.flow(w.channel, step("second", 3, "ABORT"), step("first", 1, "ABORT"))
	id := w.say(w.ann, w.channel, "a")
	one := w.next(first)
	_, err := w.msg.UpdateChannelFlow(t.Context(), &messaging.UpdateChannelFlowInput{ChannelFlowArn: &flow, Name: aws.String("n"), Processors: []types.Processor{step("first", 1, "ABORT")}})
	w.ok(err) // counts for later lines
	w.ok(w.callback(one, aws.String("b"), false))
	two := w.next(second)
	w.equal("second sees", two.ChannelMessage.Content, "b")
	is[*types.ConflictException](w, w.callback(one, aws.String("x"), false))
	w.equal("status", w.status(w.ann, w.channel, id), "PENDING")
	w.ok(w.callback(two, aws.String("c"), false))
	w.equal("history", w.texts(w.bob, w.channel), []string{"c"})
	w.say(w.ann, w.channel, "later")
	w.ok(w.callback(w.next(first), nil, false))
	w.equal("history", w.texts(w.bob, w.channel), []string{"c", "later"})
}

func TestFallbackDecidesWhenAProcessorFailsAndOneThatHangsHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	broken := newReceiver(t, func([]byte) int { return http.StatusInternalServerError })
	release := make(chan struct{})
	hangs := newReceiver(t, func([]byte) int { <-release; return http.StatusOK })
	t.Cleanup(func() { close(release) })
	works := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("broken"): broken.URL, lambda("hangs"): hangs.URL, lambda("works"): works.URL}, nil))
	room := func(name string, p types.Processor) string {
		channel := w.open(name, "PUBLIC", "UNRESTRICTED")
		w.flow(channel, p)
		return channel
	}
	hanging := room("hanging", step("hangs", 1, "ABORT"))
	for i := range 30 {
		w.say(w.ann, hanging, fmt.Sprint(i))
	}
	aborts, goesOn := room("aborts", step("broken", 1, "ABORT")), room("goes-on", step("broken", 1, "CONTINUE"))
	nowhere, fine := room("nowhere", step("unknown", 1, "ABORT")), room("fine", step("works", 1, "ABORT"))
	aborted, went := w.say(w.ann, aborts, "aborted"), w.say(w.ann, goesOn, "went on")
	lost, good := w.say(w.ann, nowhere, "nowhere"), w.say(w.ann, fine, "fine")
	w.ok(w.callback(w.next(works), nil, false))
	w.becomes(w.ann, fine, good, "SENT")
	w.becomes(w.ann, nowhere, lost, "FAILED")
	w.becomes(w.ann, aborts, aborted, "FAILED")
	w.becomes(w.ann, goesOn, went, "SENT")
	w.equal("history", fmt.Sprint(w.texts(w.bob, aborts), w.texts(w.bob, goesOn), w.texts(w.bob, nowhere), w.texts(w.bob, hanging)), "[] [went on] [] []")
}

func TestALineOfASubChannelComesBackIntoItsSubChannel(t *testing.T) {
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	made, err := w.msg.CreateChannel(t.Context(), &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("hall"),
		Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPublic, ElasticChannelConfiguration: &types.ElasticChannelConfiguration{
			MaximumSubChannels: aws.Int32(2), TargetMembershipsPerSubChannel: aws.Int32(10), MinimumMembershipPercentage: aws.Int32(10)}})
	w.ok(err)
	in, err := w.msg.CreateChannelMembership(t.Context(), &messaging.CreateChannelMembershipInput{ChannelArn: made.ChannelArn, ChimeBearer: &w.mod, MemberArn: &w.ann, Type: "DEFAULT"})
	w.ok(err)
	w.flow(*made.ChannelArn, step("p", 1, "ABORT"))
	say := line(w.ann, *made.ChannelArn, "from the hall")
	say.SubChannelId = in.SubChannelId
	sent, err := w.msg.SendChannelMessage(t.Context(), say)
	w.ok(err)
	w.equal("sent", fmt.Sprint(sent.Status.Value, *sent.SubChannelId), "PENDING"+*in.SubChannelId)
	w.ok(w.callback(w.next(p), nil, false))
	got, err := w.msg.ListChannelMessages(t.Context(), &messaging.ListChannelMessagesInput{ChannelArn: made.ChannelArn, SubChannelId: in.SubChannelId, ChimeBearer: &w.ann})
	w.ok(err)
	if len(got.ChannelMessages) != 1 || *got.ChannelMessages[0].MessageId != *sent.MessageId {
		t.Errorf("in the sub-channel: %+v", got.ChannelMessages)
	}
}

// An edit that a flow held, and that was overtaken by a newer one after the flow was taken from the channel, came last all
// the same and undid the newer one. And a repeat of the line was answered with what had become of its edit.
func TestAHeldEditNeverUndoesANewerOneAndARepeatAnswersForTheLine(t *testing.T) {
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	flow := w.flow(w.channel, step("p", 1, "ABORT"))
	in := line(w.ann, w.channel, "first")
	in.ClientRequestToken = aws.String("tok")
	sent, err := w.msg.SendChannelMessage(t.Context(), in)
	w.ok(err)
	w.ok(w.callback(w.next(p), nil, false))
	edit := func(text string) types.ChannelMessageStatus {
		w.Helper()
		out, err := w.msg.UpdateChannelMessage(t.Context(), &messaging.UpdateChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.ann,
			MessageId: sent.MessageId, Content: &text})
		w.ok(err)
		return out.Status.Value
	}
	w.equal("held", edit("rude"), types.ChannelMessageStatusPending)
	w.ok(w.callback(w.next(p), nil, true))
	again, err := w.msg.SendChannelMessage(t.Context(), in)
	w.ok(err)
	w.equal("repeat", fmt.Sprint(*again.MessageId, again.Status.Value), *sent.MessageId+"SENT")

	w.equal("held", edit("older"), types.ChannelMessageStatusPending)
	older := w.next(p)
	_, err = w.msg.DisassociateChannelFlow(t.Context(), &messaging.DisassociateChannelFlowInput{ChannelArn: &w.channel, ChannelFlowArn: &flow, ChimeBearer: &w.mod})
	w.ok(err)
	w.equal("direct", edit("newer"), types.ChannelMessageStatusSent)
	w.ok(w.callback(older, nil, false))
	w.equal("history", w.texts(w.bob, w.channel), []string{"newer"})
}

// A held line was let go to a target who had been banned meanwhile.
func TestAHeldLineForSomebodyWhoHasLeftFails(t *testing.T) {
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	w.flow(w.channel, step("p", 1, "CONTINUE"))
	ann, bob := w.connect(w.ann), w.connect(w.bob)
	in := line(w.ann, w.channel, "psst")
	in.Target = []types.Target{{MemberArn: &w.bob}}
	_, err := w.msg.SendChannelMessage(t.Context(), in)
	w.ok(err)
	held := w.next(p)
	w.expect(ann, "PENDING_CREATE_CHANNEL_MESSAGE")
	_, err = w.msg.CreateChannelBan(t.Context(), &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	w.expect(bob, "DELETE_CHANNEL_MEMBERSHIP")
	w.expect(ann, "DELETE_CHANNEL_MEMBERSHIP")
	w.ok(w.callback(held, nil, false))
	w.expect(ann, "FAILED_CREATE_CHANNEL_MESSAGE")
	w.equal("history", w.texts(w.ann, w.channel), []string(nil))
}

// A processor could give a line more attributes than a sender may.
func TestAProcessorIsHeldToTheSizeOfAttributes(t *testing.T) {
	p := newProcessor(t)
	w := newWorldWith(t, hooked(map[string]string{lambda("p"): p.URL}, nil))
	w.flow(w.channel, step("p", 1, "ABORT"))
	w.say(w.ann, w.channel, "plain")
	i := w.next(p)
	long := strings.Repeat("x", 512)
	_, err := w.msg.ChannelFlowCallback(t.Context(), &messaging.ChannelFlowCallbackInput{CallbackId: &i.CallbackId, ChannelArn: &w.channel,
		ChannelMessage: &types.ChannelMessageCallback{MessageId: &i.ChannelMessage.MessageId,
			MessageAttributes: map[string]types.MessageAttributeValue{"a": {StringValues: []string{long, long}}}}})
	is[*types.BadRequestException](w, err)
}

package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

func kinesis(name string) string { return "arn:aws:kinesis:us-east-1:123456789012:stream/" + name }

var (
	talkStream = kinesis("chime-messaging-talk")
	roomStream = kinesis("chime-messaging-rooms")
)

// record is one line of a stream.
type record struct {
	EventType string
	Payload   struct {
		ChannelArn, Content, CreatedTimestamp, Name string
		Redacted                                    bool
		Member, Moderator                           struct{ Name string }
	}
}

// said is what a test expects of a record.
func (r record) said() string {
	p := r.Payload
	return strings.TrimSpace(r.EventType + " " + p.Content + p.Name + strings.TrimPrefix(p.Member.Name+p.Moderator.Name, "Name of "))
}

// tape collects the records of a webhook and checks that what comes again is what came before.
type tape struct {
	mu   sync.Mutex
	seen map[string]bool
	all  []record
}

func (p *tape) take(t *testing.T, lines []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	fresh := false
	for l := range bytes.Lines(lines) {
		if p.seen[string(l)] {
			if fresh {
				t.Errorf("after something new comes again %s", l)
			}
			continue
		}
		fresh, p.seen[string(l)] = true, true
		var r record
		if err := json.Unmarshal(l, &r); err != nil {
			t.Errorf("%v: %s", err, l)
		}
		p.all = append(p.all, r)
	}
}

// of lists what was said of a channel.
func (p *tape) of(channel string) (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.all {
		if r.Payload.ChannelArn == channel {
			all = append(all, r.said())
		}
	}
	return all
}

// stream sends both kinds of events of the app instance somewhere.
func (w *world) stream(talk, rooms string) {
	w.Helper()
	_, err := w.msg.PutMessagingStreamingConfigurations(w.Context(), &messaging.PutMessagingStreamingConfigurationsInput{AppInstanceArn: &w.app,
		StreamingConfigurations: []types.StreamingConfiguration{
			{DataType: types.MessagingDataTypeChannelMessage, ResourceArn: &talk}, {DataType: types.MessagingDataTypeChannel, ResourceArn: &rooms}}})
	w.ok(err)
}

func TestStreamingConfigurationsThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, hooked(nil, map[string]string{talkStream: "file:" + filepath.Join(t.TempDir(), "talk"), kinesis("other"): "file:/dev/null"}))
	put := func(app string, all ...types.StreamingConfiguration) error {
		_, err := w.msg.PutMessagingStreamingConfigurations(t.Context(), &messaging.PutMessagingStreamingConfigurationsInput{AppInstanceArn: &app, StreamingConfigurations: all})
		return err
	}
	get := func() int {
		out, err := w.msg.GetMessagingStreamingConfigurations(t.Context(), &messaging.GetMessagingStreamingConfigurationsInput{AppInstanceArn: &w.app})
		w.ok(err)
		return len(out.StreamingConfigurations)
	}
	talk := types.StreamingConfiguration{DataType: types.MessagingDataTypeChannelMessage, ResourceArn: &talkStream}
	w.equal("before", get(), 0)
	is[*types.NotFoundException](w, put(w.app, types.StreamingConfiguration{DataType: talk.DataType, ResourceArn: aws.String(kinesis("chime-messaging-unknown"))}))
	is[*types.BadRequestException](w, put(w.app, types.StreamingConfiguration{DataType: talk.DataType, ResourceArn: aws.String(kinesis("other"))}))
	is[*types.BadRequestException](w, put(w.app, talk, talk))
	is[*types.NotFoundException](w, put("arn:aws:chime:us-east-1:000000000000:app-instance/none", talk))
	w.equal("refused", get(), 0)
	w.ok(put(w.app, talk, types.StreamingConfiguration{DataType: types.MessagingDataTypeChannel, ResourceArn: &talkStream}))
	w.equal("two", get(), 2)
	w.ok(put(w.app, talk))
	w.equal("one", get(), 1)
	_, err := w.msg.DeleteMessagingStreamingConfigurations(t.Context(), &messaging.DeleteMessagingStreamingConfigurationsInput{AppInstanceArn: &w.app})
	w.ok(err)
	w.equal("deleted", get(), 0)
	none := "arn:aws:chime:us-east-1:000000000000:app-instance/none"
	_, err = w.msg.GetMessagingStreamingConfigurations(t.Context(), &messaging.GetMessagingStreamingConfigurationsInput{AppInstanceArn: &none})
	is[*types.NotFoundException](w, err)
}

// everything does one of each thing that a stream tells of.
func (w *world) everything() (channel string) {
	ctx := w.Context()
	channel = w.open("all", "PUBLIC", "UNRESTRICTED")
	eve := w.user("eve")
	_, err := w.msg.CreateChannelMembership(ctx, &messaging.CreateChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &w.mod, MemberArn: &eve, Type: "HIDDEN"})
	w.ok(err)
	_, err = w.msg.BatchCreateChannelMembership(ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &channel, ChimeBearer: &w.mod, MemberArns: []string{w.ann, w.user("joe")}})
	w.ok(err)
	_, err = w.msg.UpdateChannel(ctx, &messaging.UpdateChannelInput{ChannelArn: &channel, ChimeBearer: &w.mod, Name: aws.String("<renamed>")})
	w.ok(err)
	w.ok(w.callMark("CreateChannelModerator", w.mod, channel, w.ann))
	w.ok(w.callMark("DeleteChannelModerator", w.mod, channel, w.ann))
	w.ok(w.callMark("DeleteChannelModerator", w.mod, channel, w.ann)) // was none: nothing happens
	w.ok(w.callMark("CreateChannelBan", w.mod, channel, eve))
	w.ok(w.callMark("DeleteChannelBan", w.mod, channel, eve))
	a, b := w.send(w.ann, channel, "a"), w.send(w.bob, channel, "b")
	w.ok(w.callMessage("UpdateChannelMessage", w.ann, channel, a))
	w.ok(w.callMessage("RedactChannelMessage", w.mod, channel, b))
	_, err = w.id.CreateAppInstanceAdmin(ctx, adminOf(w.app, w.mod))
	w.ok(err)
	w.ok(w.callMessage("DeleteChannelMessage", w.mod, channel, a))
	w.ok(w.callMembership("DeleteChannelMembership", w.bob, channel, w.bob))
	_, err = w.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChannelArn: &channel, ChimeBearer: &w.mod})
	w.ok(err)
	return channel
}

func TestEverythingReachesTheStreamsOnceMoreRatherThanNever(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		var talk tape
		away := func([]byte) int { return http.StatusServiceUnavailable }
		hook := newReceiver(t, away)
		path := filepath.Join(t.TempDir(), "rooms.jsonl")
		cfg := hooked(nil, map[string]string{talkStream: hook.URL + "/talk?a=b%2Fc", roomStream: "file:" + path})
		cfg.Database = url
		w, o := bareWorld(t), &opened{}
		w.begin(o, cfg)
		defer func() { o.close(w) }()
		w.people()
		w.send(w.ann, w.channel, "before the stream")
		w.stream(talkStream, roomStream)
		all := w.everything() // while the webhook is away
		for i := range 20 {
			w.send(w.ann, w.channel, fmt.Sprint(i))
		}
		o.close(w)
		if err := appendTo(path, `{"EventType":"CREATE_CHANNEL","Pay`+strings.Repeat("x", 100_000)); err != nil { // torn by a power cut
			t.Fatal(err)
		}
		n := 0
		hook.become(func(lines []byte) int { // takes every batch, but the answer is lost now and then
			talk.take(t, lines)
			if n++; n%2 == 1 {
				return http.StatusBadGateway
			}
			return http.StatusOK
		})
		w.begin(o, cfg)
		w.send(w.ann, w.channel, "last")
		w.ok(w.callMembership("DeleteChannelMembership", w.bob, w.channel, w.bob))

		wantRoom := []string{"last"}
		for i := 19; i >= 0; i-- {
			wantRoom = append([]string{fmt.Sprint(i)}, wantRoom...)
		}
		want := "CREATE_CHANNEL_MESSAGE " + strings.Join(wantRoom, ",CREATE_CHANNEL_MESSAGE ")
		w.eventually("the last line at the webhook", func() bool { return strings.HasSuffix(strings.Join(talk.of(w.channel), ","), " last") })
		w.equal("lines of the room", strings.Join(talk.of(w.channel), ","), want)
		w.equal("messages", strings.Join(talk.of(all), ","), "CREATE_CHANNEL_MESSAGE a,CREATE_CHANNEL_MESSAGE b,UPDATE_CHANNEL_MESSAGE new,"+
			"REDACT_CHANNEL_MESSAGE,DELETE_CHANNEL_MESSAGE")
		var rooms tape
		w.eventually("the last departure in the file", func() bool {
			text, err := os.ReadFile(path)
			w.ok(err)
			rooms = tape{}
			if bytes.HasSuffix(text, []byte("\n")) {
				rooms.take(t, text)
			}
			return len(rooms.of(w.channel)) == 1
		})
		w.equal("channel", strings.Join(rooms.of(all), ","), "CREATE_CHANNEL all,CREATE_CHANNEL_MODERATOR mod,"+
			"CREATE_CHANNEL_MEMBERSHIP mod,CREATE_CHANNEL_MEMBERSHIP ann,CREATE_CHANNEL_MEMBERSHIP bob,CREATE_CHANNEL_MEMBERSHIP eve,"+
			"CREATE_CHANNEL_MEMBERSHIP joe,UPDATE_CHANNEL <renamed>,CREATE_CHANNEL_MODERATOR ann,DELETE_CHANNEL_MODERATOR ann,"+
			"CREATE_CHANNEL_BAN eve,DELETE_CHANNEL_MEMBERSHIP eve,DELETE_CHANNEL_BAN eve,DELETE_CHANNEL_MEMBERSHIP bob,DELETE_CHANNEL <renamed>")
		for _, r := range rooms.all {
			if !strings.HasSuffix(r.Payload.CreatedTimestamp, "Z") {
				t.Errorf("time in %+v", r)
			}
		}
	})
}

func TestAStreamThatHangsHoldsNobodyUpAndADeletedAppInstanceIsTold(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var rooms tape
	hangs := newReceiver(t, func([]byte) int { <-release; return http.StatusOK })
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	works := newReceiver(t, func(lines []byte) int { rooms.take(t, lines); return http.StatusOK })
	w := newWorldWith(t, hooked(nil, map[string]string{talkStream: hangs.URL, roomStream: works.URL}))
	w.stream(talkStream, roomStream)
	bob := w.connect(w.bob)
	for i := range 50 {
		w.send(w.ann, w.channel, fmt.Sprint(i))
		w.expect(bob, "CREATE_CHANNEL_MESSAGE")
	}
	_, err := w.id.DeleteAppInstance(t.Context(), instanceOf(w.app))
	w.ok(err)
	w.eventually("the end of the channel", func() bool { return strings.Join(rooms.of(w.channel), ",") == "DELETE_CHANNEL room" })
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return err
}

package engine_test

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	idtypes "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/db"
)

// scene is a world in which there is one of everything, so that an input can be wrong in one way only.
type scene struct {
	*world
	database    string
	names       modeltest.Names
	line, empty string // messages of the moderator in the channel; empty is redacted
	phone       string // bob's endpoint
	hall        string // an elastic channel
	spare       string // a channel flow that no channel has
	quiet       string // the channel that has names.Flow, of two steps
	processor   *processor
	done        invocation // the first step of a line there that has been answered
}

func newScene(t *testing.T, database string) *scene {
	t.Helper()
	ctx := t.Context()
	s := &scene{database: database, processor: newProcessor(t)}
	w := newWorldWith(t, s.config(t, quota.Limits{}))
	s.world = w
	s.names = modeltest.Names{Instance: w.app, User: w.bob, Channel: w.channel, Bearer: w.mod}
	bot, err := w.id.CreateAppInstanceBot(ctx, &identity.CreateAppInstanceBotInput{AppInstanceArn: &w.app, Configuration: &idtypes.Configuration{Lex: &idtypes.LexConfiguration{
		LexBotAliasArn: aws.String("arn:aws:lex:us-east-1:000000000000:bot-alias/AAAAAAAAAA/AAAAAAAAAA"), LocaleId: aws.String("en_US"), RespondsTo: idtypes.RespondsToStandardMessages}}})
	w.ok(err)
	s.names.Bot = *bot.AppInstanceBotArn
	phone, err := w.id.RegisterAppInstanceUserEndpoint(ctx, &identity.RegisterAppInstanceUserEndpointInput{AppInstanceUserArn: &w.bob, Type: idtypes.AppInstanceUserEndpointTypeApns,
		ResourceArn: aws.String("arn:aws:mobiletargeting:us-east-1:000000000000:apps/a"), EndpointAttributes: &idtypes.EndpointAttributes{DeviceToken: aws.String("device")}})
	w.ok(err)
	s.phone = *phone.EndpointId
	s.quiet = w.open("other", "PUBLIC", "UNRESTRICTED")
	s.names.Flow = w.flow(s.quiet, step("p", 1, "ABORT"), step("p", 2, "ABORT"))
	spare, err := w.msg.CreateChannelFlow(ctx, &messaging.CreateChannelFlowInput{AppInstanceArn: &w.app, Name: aws.String("spare"), Processors: []types.Processor{step("p", 1, "ABORT")}})
	w.ok(err)
	s.spare = *spare.ChannelFlowArn
	hall, err := w.msg.CreateChannel(ctx, &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("hall"), Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate,
		ElasticChannelConfiguration: &types.ElasticChannelConfiguration{MaximumSubChannels: aws.Int32(2), TargetMembershipsPerSubChannel: aws.Int32(2), MinimumMembershipPercentage: aws.Int32(1)}})
	w.ok(err)
	s.hall = *hall.ChannelArn
	s.line, s.empty = w.send(w.mod, w.channel, "a"), w.send(w.mod, w.channel, "b")
	_, err = w.msg.RedactChannelMessage(ctx, &messaging.RedactChannelMessageInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MessageId: &s.empty})
	w.ok(err)
	return s
}

// config is that of an engine on the scene's database. The stream of modeltest's samples leads to a file.
func (s *scene) config(t *testing.T, limits quota.Limits) engine.Config {
	cfg := hooked(map[string]string{lambda("p"): s.processor.URL}, map[string]string{stream("sample"): "file:" + filepath.Join(t.TempDir(), "stream")})
	cfg.Database, cfg.Limits = s.database, limits
	return cfg
}

// copied is the scene in an engine of its own, on a copy of the SQLite file of an engine that was closed.
func (s *scene) copied(t *testing.T, file string, limits quota.Limits) *scene {
	t.Helper()
	parts, err := readDatabase(file)
	if err != nil {
		t.Fatal(err)
	}
	mine, w, o := *s, *s.world, &opened{}
	mine.world, mine.database = &w, writeDatabase(t, parts)
	w.T, w.judge = t, bareWorld(t).judge
	w.begin(o, mine.config(t, limits))
	t.Cleanup(func() { o.close(&w) })
	return &mine
}

// sample is an input about what is there, such that it would succeed.
func (s *scene) sample(o *modeltest.Operation, names modeltest.Names) map[string]any {
	in := o.Sample(names)
	if has, _ := o.Bearer(); has {
		in["ChimeBearer"] = names.Bearer
	}
	for member, v := range map[string]any{"MessageId": s.line, "EndpointId": s.phone,
		"Fields": []any{map[string]any{"Key": "MEMBERS", "Operator": "INCLUDES", "Values": []any{names.Bearer}}},
	} {
		if _, has := in[member]; has {
			in[member] = v
		}
	}
	if strings.HasSuffix(o.Name, "ChannelMembershipPreferences") {
		in["MemberArn"] = names.Bearer // one's own
	}
	return in
}

// with is a copy of an input with other members, given as name and value in turn.
func with(in map[string]any, members ...any) map[string]any {
	out := maps.Clone(in)
	for i := 0; i < len(members); i += 2 {
		out[fmt.Sprint(members[i])] = members[i+1]
	}
	return out
}

func some(inputs ...map[string]any) iter.Seq[map[string]any] { return slices.Values(inputs) }

func (s *scene) asItShould(o *modeltest.Operation) iter.Seq[map[string]any] {
	return some(s.sample(o, s.names))
}

func (s *scene) forbiddenByTheModel(o *modeltest.Operation) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		for v := range o.Violations(s.names) {
			if v.Raw == "" && !yield(v.Input) {
				return
			}
		}
	}
}

func (s *scene) bySomebodyUnknown(o *modeltest.Operation) iter.Seq[map[string]any] {
	if has, _ := o.Bearer(); !has {
		return some()
	}
	return some(with(s.sample(o, s.names), "ChimeBearer", s.app+"/user/nobody"))
}

// nothing are names of what does not exist, for somebody who does.
func (s *scene) nothing() modeltest.Names {
	none := s.app + "0"
	return modeltest.Names{Instance: none, User: none + "/user/nobody", Bot: none + "/bot/none", Channel: none + "/channel/none", Flow: none + "/channel-flow/none", Bearer: s.mod}
}

func (s *scene) denied(o *modeltest.Operation) iter.Seq[map[string]any] {
	stranger := s.names
	stranger.Bearer = s.eve
	all := []map[string]any{s.sample(o, stranger), s.sample(o, s.nothing())}
	if slices.Contains(o.Optional(), "AppInstanceUserArn") {
		all = append(all, with(s.sample(o, stranger), "AppInstanceUserArn", s.ann))
	}
	return some(all...)
}

// aboutNothing speaks of one thing that is not there, and of somebody who is nothing in the channel.
func (s *scene) aboutNothing(o *modeltest.Operation) iter.Seq[map[string]any] {
	channel, user, flow, stranger := s.names, s.names, s.names, s.names
	channel.Channel, user.User, flow.Flow, stranger.User = s.app+"/channel/none", s.app+"/user/nobody", s.app+"/channel-flow/none", s.eve
	all := []map[string]any{s.sample(o, s.nothing()), s.sample(o, channel), s.sample(o, user), s.sample(o, flow), s.sample(o, stranger)}
	if in := s.sample(o, s.names); in["MessageId"] != nil {
		all = append(all, with(in, "MessageId", "none"))
	}
	return some(all...)
}

// twice asks for the same again, for something else with the same token, and for what contradicts what is there.
func (s *scene) twice(o *modeltest.Operation) iter.Seq[map[string]any] {
	in := s.sample(o, s.names)
	all := []map[string]any{in, in}
	for _, member := range []string{"Name", "Content", "Metadata"} {
		if text, is := in[member].(string); is {
			all = append(all, with(in, member, text+"x"), with(in, member, text+"y", "ClientRequestToken", "another"))
		}
	}
	switch o.Name {
	case "RegisterAppInstanceUserEndpoint", "CreateAppInstanceBot":
		all = append(all, with(in, "Name", "another"))
	case "CreateChannelBan": // bob has become a moderator meanwhile
		all = []map[string]any{with(in, "MemberArn", s.eve), with(in, "MemberArn", s.eve)}
	case "CreateChannel":
		all = append(all, with(in, "ChannelId", "room", "ClientRequestToken", "another"))
	case "CreateChannelMembership":
		all = append(all, with(in, "Type", "HIDDEN"))
	case "UpdateChannelMessage":
		all = append(all, with(in, "MessageId", s.empty))
	case "ChannelFlowCallback":
		m := s.done.ChannelMessage
		all = append(all, with(in, "ChannelArn", m.ChannelArn, "CallbackId", s.done.CallbackId, "ChannelMessage", map[string]any{"MessageId": m.MessageId}))
	case "AssociateChannelFlow":
		all = append(all, with(in, "ChannelFlowArn", s.spare))
	}
	return some(all...)
}

// onceMore asks for one more of what there is already as many as there may be.
func (s *scene) onceMore(o *modeltest.Operation) iter.Seq[map[string]any] {
	names := s.names
	names.User = s.eve
	in := s.sample(o, names)
	switch o.Name {
	case "TagResource":
		tags := func(prefix string) (all []any) {
			for i := range 50 {
				all = append(all, map[string]any{"Key": fmt.Sprint(prefix, i), "Value": "x"})
			}
			return all
		}
		return some(with(in, "Tags", tags("a")), with(in, "Tags", tags("b")))
	case "RegisterAppInstanceUserEndpoint":
		in["AppInstanceUserArn"] = s.bob
	}
	return some(in)
}

// answers answers the first of two steps of a line, so that it waits for the second.
func (s *scene) answers() {
	s.say(s.mod, s.quiet, "held")
	s.done = s.next(s.processor)
	s.ok(s.callback(s.done, nil, false))
}

func (s *scene) oneCall() {
	_, err := s.msg.GetMessagingSessionEndpoint(s.Context(), &messaging.GetMessagingSessionEndpointInput{})
	s.ok(err)
}

func (s *scene) closing() { s.ok(s.e.Close(s.Context())) }

// tablesAreGone renames every table behind the engine's back.
func (s *scene) tablesAreGone() {
	list := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if !strings.HasPrefix(s.database, "sqlite:") {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`
	}
	d, err := db.Open(s.Context(), s.database)
	s.ok(err)
	names, err := db.All(s.Context(), d, func(name *string) []any { return []any{name} }, list)
	s.ok(err)
	for _, name := range names {
		_, err := d.Exec(s.Context(), `ALTER TABLE `+name+` RENAME TO gone_`+name)
		s.ok(err)
	}
	s.ok(d.Close())
}

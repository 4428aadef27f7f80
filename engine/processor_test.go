package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// The receivers of the flow and stream tests: programs of other people, who have the root key and check who calls them.

const (
	hookKey, hookSecret = "AKIAHOOKS", "secret of the hooks"
	patience            = time.Minute // of a test for something that takes milliseconds
)

func lambda(name string) string { return "arn:aws:lambda:us-east-1:123456789012:function:" + name }

// invocation is the event of Amazon's documentation.
type invocation struct {
	EventType, CallbackId string
	ChannelMessage        struct {
		MessageId, ChannelArn, Content, Metadata, Persistence, Type, CreatedTimestamp, LastEditedTimestamp string
		Sender                                                                                             struct{ Arn, Name string }
		Target                                                                                             []any
	}
}

// receiver is an HTTP server that takes nothing without a good signature.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(body []byte) int // HTTP status
}

func newReceiver(t *testing.T, answer func(body []byte) int) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return // the engine was stopped in the middle
		}
		key, _, err := sigv4.VerifyHeader(q, body, "chime", func(key, _ string) (string, error) {
			if key != hookKey {
				return "", sigv4.UnknownKey()
			}
			return hookSecret, nil
		}, time.Now())
		if err != nil || key != hookKey {
			t.Errorf("a request that is not the engine's: %v", err)
		}
		r.mu.Lock()
		f := r.answer
		r.mu.Unlock()
		w.WriteHeader(f(body))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) become(answer func(body []byte) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// processor is a receiver that accepts every invocation and hands it to the test.
type processor struct {
	*receiver
	calls chan invocation
}

func newProcessor(t *testing.T) *processor {
	p := &processor{calls: make(chan invocation, 1000)}
	p.receiver = newReceiver(t, p.accept)
	return p
}

func (p *processor) accept(body []byte) int {
	var i invocation
	if err := json.Unmarshal(body, &i); err != nil {
		return http.StatusBadRequest
	}
	p.calls <- i
	return http.StatusAccepted
}

// next waits for an invocation.
func (w *world) next(p *processor) invocation {
	w.Helper()
	select {
	case i := <-p.calls:
		return i
	case <-time.After(patience):
		w.Fatal("the processor was not invoked")
	}
	return invocation{}
}

// hooked is an engine whose Lambda functions are those processors and whose streams are those sinks.
func hooked(lambdas map[string]string, streams map[string]string) engine.Config {
	return engine.Config{AccessKeyID: hookKey, SecretAccessKey: hookSecret, Processors: lambdas, Streams: streams}
}

func step(name string, order int32, fallback types.FallbackAction) types.Processor {
	return types.Processor{Name: &name, ExecutionOrder: &order, FallbackAction: fallback, Configuration: &types.ProcessorConfiguration{
		Lambda: &types.LambdaConfiguration{ResourceArn: aws.String(lambda(name)), InvocationType: types.InvocationTypeAsync}}}
}

// flow makes a channel flow and gives it to a channel.
func (w *world) flow(channel string, processors ...types.Processor) string {
	w.Helper()
	out, err := w.msg.CreateChannelFlow(w.Context(), &messaging.CreateChannelFlowInput{AppInstanceArn: &w.app, Name: aws.String("flow"), Processors: processors})
	w.ok(err)
	_, err = w.msg.AssociateChannelFlow(w.Context(), &messaging.AssociateChannelFlowInput{ChannelArn: &channel, ChannelFlowArn: out.ChannelFlowArn, ChimeBearer: &w.mod})
	w.ok(err)
	return *out.ChannelFlowArn
}

// say sends a line that a flow must hold.
func (w *world) say(who, channel, text string) string {
	w.Helper()
	out, err := w.msg.SendChannelMessage(w.Context(), line(who, channel, text))
	w.ok(err)
	if out.Status == nil || out.Status.Value != types.ChannelMessageStatusPending {
		w.Errorf("sent %q: %+v", text, out.Status)
	}
	return *out.MessageId
}

// callback answers an invocation; text nil leaves it as it is.
func (w *world) callback(i invocation, text *string, deny bool) error {
	_, err := w.msg.ChannelFlowCallback(w.Context(), &messaging.ChannelFlowCallbackInput{CallbackId: &i.CallbackId, ChannelArn: &i.ChannelMessage.ChannelArn,
		DeleteResource: deny, ChannelMessage: &types.ChannelMessageCallback{MessageId: &i.ChannelMessage.MessageId, Content: text}})
	return err
}

// status asks how a message fares, as its sender.
func (w *world) status(who, channel, id string) types.ChannelMessageStatus {
	w.Helper()
	out, err := w.msg.GetChannelMessageStatus(w.Context(), &messaging.GetChannelMessageStatusInput{ChannelArn: &channel, ChimeBearer: &who, MessageId: &id})
	w.ok(err)
	return out.Status.Value
}

// becomes waits until a message fares so.
func (w *world) becomes(who, channel, id string, want types.ChannelMessageStatus) {
	w.Helper()
	w.eventually("status "+string(want), func() bool { return w.status(who, channel, id) == want })
}

func (w *world) eventually(what string, is func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if is() {
			return
		}
	}
	w.Fatalf("never: %s", what)
}

// lines reads a history as a member, oldest first.
func (w *world) lines(who, channel string) []types.ChannelMessageSummary {
	w.Helper()
	out, err := w.msg.ListChannelMessages(w.Context(), &messaging.ListChannelMessagesInput{ChannelArn: &channel, ChimeBearer: &who, SortOrder: types.SortOrderAscending})
	w.ok(err)
	return out.ChannelMessages
}

func (w *world) texts(who, channel string) (all []string) {
	w.Helper()
	for _, m := range w.lines(who, channel) {
		all = append(all, aws.ToString(m.Content))
	}
	return all
}

// bareWorld is a world whose engine begin starts.
func bareWorld(t *testing.T) *world {
	return &world{T: t, judge: modeltest.Transport(t, http.DefaultTransport)}
}

// opened is an engine on a database that a test closes and opens again.
type opened struct {
	e      *engine.Engine
	server *httptest.Server
}

func (o *opened) close(w *world) {
	w.Helper()
	if o.e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.e.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		w.Error(err)
	}
	o.server.Close()
	o.e = nil
}

func adminOf(app, user string) *identity.CreateAppInstanceAdminInput {
	return &identity.CreateAppInstanceAdminInput{AppInstanceArn: &app, AppInstanceAdminArn: &user}
}

func instanceOf(app string) *identity.DeleteAppInstanceInput {
	return &identity.DeleteAppInstanceInput{AppInstanceArn: &app}
}

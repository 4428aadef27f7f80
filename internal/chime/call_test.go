package chime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

var (
	admin   = instance.User("admin")
	channel = instance.Channel("ev1")
	person  = instance.User("f-tk1")
)

// everyCall has one call of each method and what the pace must hear of it. Instance is always the test's own, but for
// those that act outside all of them.
var everyCall = map[string]struct {
	do   func(context.Context, *chime.Client)
	want chime.Call
}{
	"CreateAppInstance":   {func(ctx context.Context, c *chime.Client) { _, _ = c.CreateAppInstance(ctx, "n", "token") }, chime.Call{}},
	"ListAppInstances":    {func(ctx context.Context, c *chime.Client) { _, _ = c.ListAppInstances(ctx, "") }, chime.Call{}},
	"DescribeAppInstance": {func(ctx context.Context, c *chime.Client) { _, _ = c.DescribeAppInstance(ctx, instance) }, inside("", "", "")},
	"DeleteAppInstance":   {func(ctx context.Context, c *chime.Client) { _ = c.DeleteAppInstance(ctx, instance) }, inside("", "", "")},
	"CreateUser":          {func(ctx context.Context, c *chime.Client) { _, _ = c.CreateUser(ctx, instance, "f-tk1", "n", "token") }, inside("", "", person)},
	"RenameUser":          {func(ctx context.Context, c *chime.Client) { _ = c.RenameUser(ctx, person, "n") }, inside("", "", person)},
	"DeleteUser":          {func(ctx context.Context, c *chime.Client) { _ = c.DeleteUser(ctx, person) }, inside("", "", person)},
	"DescribeUser":        {func(ctx context.Context, c *chime.Client) { _, _ = c.DescribeUser(ctx, person) }, inside("", "", person)},
	"ListUsers":           {func(ctx context.Context, c *chime.Client) { _, _ = c.ListUsers(ctx, instance, "") }, inside("", "", "")},
	"CreateAdmin":         {func(ctx context.Context, c *chime.Client) { _ = c.CreateAdmin(ctx, instance, admin) }, inside("", "", admin)},
	"DeleteAdmin":         {func(ctx context.Context, c *chime.Client) { _ = c.DeleteAdmin(ctx, instance, admin) }, inside("", "", admin)},
	"ListAdmins":          {func(ctx context.Context, c *chime.Client) { _, _ = c.ListAdmins(ctx, instance, "") }, inside("", "", "")},

	"CreateChannel": {func(ctx context.Context, c *chime.Client) {
		_, _ = c.CreateChannel(ctx, admin, instance, "ev1", "n", "token")
	}, inside(admin, "", "")},
	"RenameChannel":   {func(ctx context.Context, c *chime.Client) { _ = c.RenameChannel(ctx, admin, channel, "n") }, inside(admin, channel, "")},
	"DeleteChannel":   {func(ctx context.Context, c *chime.Client) { _ = c.DeleteChannel(ctx, admin, channel) }, inside(admin, channel, "")},
	"DescribeChannel": {func(ctx context.Context, c *chime.Client) { _, _ = c.DescribeChannel(ctx, admin, channel) }, inside(admin, channel, "")},
	"ListChannels":    {func(ctx context.Context, c *chime.Client) { _, _ = c.ListChannels(ctx, admin, instance, "") }, inside(admin, "", "")},

	"BatchCreateMembership": {func(ctx context.Context, c *chime.Client) {
		_, _ = c.BatchCreateMembership(ctx, admin, channel, []arn.ARN{person})
	}, inside(admin, channel, "")},
	"CreateMembership": {func(ctx context.Context, c *chime.Client) { _ = c.CreateMembership(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"DeleteMembership": {func(ctx context.Context, c *chime.Client) { _ = c.DeleteMembership(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"ListMemberships":  {func(ctx context.Context, c *chime.Client) { _, _ = c.ListMemberships(ctx, admin, channel, "") }, inside(admin, channel, "")},
	"CreateModerator":  {func(ctx context.Context, c *chime.Client) { _ = c.CreateModerator(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"DeleteModerator":  {func(ctx context.Context, c *chime.Client) { _ = c.DeleteModerator(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"ListModerators":   {func(ctx context.Context, c *chime.Client) { _, _ = c.ListModerators(ctx, admin, channel, "") }, inside(admin, channel, "")},
	"CreateBan":        {func(ctx context.Context, c *chime.Client) { _ = c.CreateBan(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"DeleteBan":        {func(ctx context.Context, c *chime.Client) { _ = c.DeleteBan(ctx, admin, channel, person) }, inside(admin, channel, person)},
	"ListBans":         {func(ctx context.Context, c *chime.Client) { _, _ = c.ListBans(ctx, admin, channel, "") }, inside(admin, channel, "")},

	"SendMessage": {func(ctx context.Context, c *chime.Client) { _, _ = c.SendMessage(ctx, admin, channel, "hi", "token") }, inside(admin, channel, "")},
	"GetMessage":  {func(ctx context.Context, c *chime.Client) { _, _ = c.GetMessage(ctx, admin, channel, "m1") }, inside(admin, channel, "")},
	"ListMessages": {func(ctx context.Context, c *chime.Client) {
		_, _ = c.ListMessages(ctx, admin, channel, chime.ListInput{})
	}, inside(admin, channel, "")},
	"RedactMessage":   {func(ctx context.Context, c *chime.Client) { _ = c.RedactMessage(ctx, admin, channel, "m1") }, inside(admin, channel, "")},
	"SessionEndpoint": {func(ctx context.Context, c *chime.Client) { _, _ = c.SessionEndpoint(ctx) }, chime.Call{}},
}

func inside(bearer, channel, user arn.ARN) chime.Call {
	return chime.Call{Instance: instance, Bearer: bearer, Channel: channel, User: user}
}

// notPaced are the methods that are no call to Chime, or are made of calls that are tested here.
var notPaced = map[string]bool{"As": true, "Paced": true, "Region": true, "FindAppInstance": true, "AssumeUser": true}

func TestThePaceHearsOfEveryCallAndWhatItTouches(t *testing.T) {
	methods := reflect.TypeFor[*chime.Client]()
	for i := range methods.NumMethod() {
		if m := methods.Method(i).Name; everyCall[m].do == nil && !notPaced[m] {
			t.Errorf("%s: say in everyCall what the pace must hear of it", m)
		}
	}
	for method, c := range everyCall {
		t.Run(method, func(t *testing.T) {
			var sent string // as the SDK names the operation
			w := roundTrip(func(r *http.Request) (*http.Response, error) {
				sent = awsmiddleware.GetOperationName(r.Context())
				return exception(404, "NotFound").RoundTrip(r)
			})
			var heard []chime.Call
			paced := client(w).Paced(func(ctx context.Context, call chime.Call, send func(context.Context) error) error {
				if sent != "" {
					t.Error("sent before its turn")
				}
				heard = append(heard, call)
				return send(ctx)
			})
			c.do(t.Context(), paced.As(chime.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s"}))
			want := c.want
			if want.Op = sent; sent == "" || len(heard) != 1 || heard[0] != want {
				t.Errorf("heard %+v of %q, want %+v", heard, sent, want)
			}
		})
	}
}

func TestEveryCallIsHeardOfWithItsOutcome(t *testing.T) {
	var heard []string
	count := func(op string, err error) {
		heard = append(heard, fmt.Sprint(op, " ", fault.As(err) == nil, " ", fault.Is(err, fault.Throttled)))
	}
	ok := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	for _, w := range []http.RoundTripper{ok, exception(429, "Throttled")} {
		c := chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "A", SecretAccessKey: "s", HTTP: w, Heard: count})
		_ = c.DeleteUser(t.Context(), person)
		_, _ = c.As(chime.Credentials{AccessKeyID: "B", SecretAccessKey: "s"}).AssumeUser(t.Context(), person, channel, id.Fan, time.Hour)
	}
	if len(heard) != 4 || heard[0] != "DeleteAppInstanceUser true false" || heard[2] != "DeleteAppInstanceUser false true" || !strings.HasPrefix(heard[1], "AssumeRole ") {
		t.Errorf("%q", heard)
	}
}

func TestSTSHasALimitOfItsOwnAndDoesNotWait(t *testing.T) {
	w := exception(403, "AccessDenied")
	c := client(w).Paced(func(context.Context, chime.Call, func(context.Context) error) error {
		return errors.New("somebody waits")
	})
	_, err := c.AssumeUser(t.Context(), person, channel, id.Fan, time.Hour)
	if len(w.seen) != 1 || fault.HasCode(err, chime.CodeNotSent) {
		t.Errorf("%d requests, %v", len(w.seen), err)
	}
}

func TestTheDeadlineBeginsWithTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := client(&wire{hang: true}).Paced(func(ctx context.Context, _ chime.Call, send func(context.Context) error) error {
			<-time.After(time.Minute)
			return send(ctx)
		})
		err := c.DeleteUser(t.Context(), person)
		if !fault.HasCode(err, chime.CodeAway) || time.Since(began) != time.Minute+chime.DefaultTimeout {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}

// The provisioner repeats what was not sent without asking what became of it, and resolves what may have been done by
// looking. Nothing that may have arrived must therefore ever read as not sent.
func TestWhatWasNotSentIsToldFromWhatMayHaveArrived(t *testing.T) {
	closed := listen(t)
	_ = closed.Close()
	mute := listen(t) // takes a request and hangs up
	go func() {
		for {
			conn, err := mute.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_ = conn.Close()
		}
	}()
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	nowhere := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "chat.invalid", IsNotFound: true}}
	}}
	noWay := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	refused := func(context.Context, chime.Call, func(context.Context) error) error {
		return fault.New(fault.Throttled, "", "Not now.").After(time.Minute)
	}
	for name, c := range map[string]struct {
		client *chime.Client
		ctx    context.Context
		code   string
	}{
		"refused":                     {at("http://"+closed.Addr().String(), nil), t.Context(), chime.CodeNotSent},
		"no such host":                {at("http://chat.invalid", nowhere), t.Context(), chime.CodeNotSent},
		"somebody else's certificate": {at(stranger.URL, nil), t.Context(), chime.CodeNotSent},
		"no connection in time":       {at("http://chat.invalid", noWay), t.Context(), chime.CodeNotSent},
		"given up before":             {client(&wire{status: 204}), over, chime.CodeNotSent},
		"its turn never came":         {client(&wire{status: 204}).Paced(refused), t.Context(), chime.CodeNotSent},
		"hung up":                     {at("http://"+mute.Addr().String(), nil), t.Context(), chime.CodeAway},
		"a transport that says nothing": {client(roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("connection refused")
		})), t.Context(), chime.CodeAway},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.client.DeleteUser(c.ctx, person)
			if !fault.Is(err, fault.Unavailable) || !fault.HasCode(err, c.code) {
				t.Errorf("%v, want %s", err, c.code)
			}
			if name == "its turn never came" && fault.As(err).RetryAfter != time.Minute {
				t.Errorf("comes back after %v", fault.As(err).RetryAfter)
			}
		})
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func at(base string, w http.RoundTripper) *chime.Client {
	return chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "AKID", SecretAccessKey: secret, HTTP: w, IdentityURL: base,
		MessagingURL: base, Timeout: time.Second})
}

// net/http sends a GET a second time when the connection that it had kept breaks before the answer. The provider had
// counted the first one, and the second one came without a slot.
func TestACallIsOneRequestAlsoWhenItsConnectionBreaks(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || len(b) > 0 || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			t.Errorf("a GET with a body: %q, %v, length %d, %v", b, err, r.ContentLength, r.TransferEncoding)
		}
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler) // hangs up
		}
		_, _ = w.Write([]byte(`{"AppInstanceUsers":[]}`))
	}))
	defer server.Close()
	c := at(server.URL, nil)
	if _, err := c.ListUsers(t.Context(), instance, ""); err != nil {
		t.Fatal(err)
	}
	_, err := c.ListUsers(t.Context(), instance, "")
	if n := requests.Load(); n != 2 || !fault.HasCode(err, chime.CodeAway) {
		t.Errorf("%d requests for two calls, %v", n, err)
	}
}

func TestWhatTheSDKItselfRefusesIsInvalidAndNotTriedAgain(t *testing.T) {
	w := &wire{status: 200}
	err := client(w).DeleteChannel(t.Context(), admin, "")
	if !fault.Is(err, fault.Invalid) || !fault.HasCode(err, chime.CodeBadRequest) || len(w.seen) != 0 {
		t.Errorf("%v after %d requests", err, len(w.seen))
	}
}

func TestListChannelsShowsThePrivateOnesAndThenThePublicOnes(t *testing.T) {
	answers := map[string]string{
		"PRIVATE ":    `{"Channels":[{"ChannelArn":"arn:1","Name":"one","Mode":"RESTRICTED","Privacy":"PRIVATE"}],"NextToken":"a b"}`,
		"PRIVATE a b": `{"Channels":[]}`,
		"PUBLIC ":     `{"Channels":[{"ChannelArn":"arn:2","Privacy":"PUBLIC"}],"NextToken":"c"}`,
		"PUBLIC c":    `{"Channels":[{"ChannelArn":"arn:3","Privacy":"PUBLIC"}]}`,
	}
	var asked []string
	c := client(roundTrip(func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		asked = append(asked, q.Get("privacy")+" "+q.Get("next-token"))
		if q.Get("app-instance-arn") != string(instance) || q.Get("max-results") != "50" {
			t.Errorf("asked %v", q)
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r,
			Body: io.NopCloser(strings.NewReader(answers[asked[len(asked)-1]]))}, nil
	}))
	var got []arn.ARN
	for next, end := "", false; !end; end = next == "" {
		p, err := c.ListChannels(t.Context(), admin, instance, next)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range p.Items {
			got = append(got, ch.ARN)
		}
		next = p.Next
	}
	if !reflect.DeepEqual(got, []arn.ARN{"arn:1", "arn:2", "arn:3"}) || len(asked) != 4 {
		t.Errorf("%v after asking %q", got, asked)
	}
}

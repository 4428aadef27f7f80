package chime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	instance = arn.ARN("arn:aws:chime:us-east-1:000000000000:app-instance/5a1c")
	secret   = "the-secret-key"
)

// wire answers every request with one canned answer and keeps the requests.
type wire struct {
	status int
	header http.Header
	body   string
	hang   bool
	seen   []*http.Request
	bodies []string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.seen = append(w.seen, r)
	var b []byte
	if r.Body != nil {
		b, _ = io.ReadAll(r.Body)
	}
	w.bodies = append(w.bodies, string(b))
	if w.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	h := w.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: w.status, Header: h, Body: io.NopCloser(strings.NewReader(w.body)), Request: r}, nil
}

func client(w http.RoundTripper) *chime.Client {
	return chime.New(chime.Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE000000", SecretAccessKey: secret, HTTP: w,
		UserRole: "arn:aws:iam::000000000000:role/user", ModeratorRole: "arn:aws:iam::000000000000:role/moderator"})
}

func exception(status int, name string) *wire {
	return &wire{status: status, header: http.Header{"X-Amzn-Errortype": {name + "Exception"}},
		body: fmt.Sprintf(`{"Code":%q,"Message":"inner words"}`, strings.TrimSuffix(name, "Client"))}
}

func TestEveryProviderErrorHasItsKindAndIsTriedOnce(t *testing.T) {
	for _, c := range []struct {
		status int
		name   string
		kind   fault.Kind
		code   string
	}{
		{400, "BadRequest", fault.Invalid, chime.CodeBadRequest},
		{400, "ResourceLimitExceeded", fault.Denied, chime.CodeLimit},
		{401, "UnauthorizedClient", fault.Denied, chime.CodeUnknown},
		{403, "Forbidden", fault.Denied, chime.CodeForbidden},
		{403, "AccessDenied", fault.Denied, chime.CodeNoAccess},
		{404, "NotFound", fault.NotFound, chime.CodeNotFound},
		{409, "Conflict", fault.Conflict, chime.CodeConflict},
		{429, "ThrottledClient", fault.Throttled, chime.CodeThrottled},
		{400, "Throttling", fault.Throttled, chime.CodeThrottled},
		{500, "ServiceFailure", fault.Unavailable, chime.CodeAway},
		{503, "ServiceUnavailable", fault.Unavailable, chime.CodeAway},
		{502, "Unheard", fault.Unavailable, chime.CodeAway},
		{429, "Unheard", fault.Throttled, chime.CodeThrottled},
	} {
		t.Run(fmt.Sprint(c.status, c.name), func(t *testing.T) {
			w := exception(c.status, c.name)
			err := client(w).CreateAdmin(t.Context(), instance, instance.User("admin"))
			f := fault.As(err)
			if f == nil || f.Kind != c.kind || f.Code != c.code {
				t.Fatalf("got %#v, want %v %s", err, c.kind, c.code)
			}
			if strings.Contains(f.Public, "inner words") {
				t.Errorf("the provider's own words are public: %q", f.Public)
			}
			if len(w.seen) != 1 {
				t.Errorf("%d calls; retries belong to provision", len(w.seen))
			}
		})
	}
}

func TestNoAnswerAndHalfAnAnswerCountAsUnavailable(t *testing.T) {
	for name, w := range map[string]http.RoundTripper{
		"refused":   roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }),
		"html page": &wire{status: 502, body: "<html>bad gateway"},
		"half json": &wire{status: 201, body: `{"AppInstanceUser`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(w).CreateUser(t.Context(), instance, "f-tk1", "Guest", "token-1")
			if !fault.Is(err, fault.Unavailable) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAHungProviderIsGivenUpAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := client(&wire{hang: true}).DeleteUser(t.Context(), instance.User("f-tk1"))
		if !fault.Is(err, fault.Unavailable) || time.Since(began) != chime.DefaultTimeout {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}

func TestMessagingCallsCarryTheBearerAndTheEscapedChannel(t *testing.T) {
	w := &wire{status: 200, body: `{"BatchChannelMemberships":{},"Errors":[
		{"MemberArn":"arn:x","ErrorCode":"Throttled","ErrorMessage":"m"},{"MemberArn":"arn:y","ErrorCode":"ResourceLimitExceeded"}]}`}
	channel, admin := instance.Channel("ev1"), instance.User("admin")
	failed, err := client(w).BatchCreateMembership(t.Context(), admin, channel, []arn.ARN{instance.User("f-1"), instance.User("f-2")})
	if err != nil {
		t.Fatal(err)
	}
	if len(failed) != 2 || !fault.Is(failed[0].Err, fault.Throttled) || !fault.HasCode(failed[1].Err, chime.CodeLimit) || failed[1].Member != "arn:y" {
		t.Errorf("member errors: %+v", failed)
	}
	r := w.seen[0]
	if got := r.Header.Get("x-amz-chime-bearer"); got != string(admin) {
		t.Errorf("bearer %q", got)
	}
	if r.URL.Host != "messaging-chime.us-east-1.amazonaws.com" || r.URL.Query().Get("operation") != "batch-create" ||
		!strings.Contains(r.URL.EscapedPath(), "%2Fchannel%2Fev1/memberships") {
		t.Errorf("address %s", r.URL)
	}
}

func TestFindAppInstanceReadsAllPages(t *testing.T) {
	pages := 0
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		body := `{"AppInstances":[{"AppInstanceArn":"arn:other","Name":"other"}],"NextToken":"n1"}`
		if pages++; r.URL.Query().Get("next-token") == "n1" {
			body = `{"AppInstances":[{"AppInstanceArn":"arn:ours","Name":"ours"}]}`
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	got, ok, err := client(rt).FindAppInstance(t.Context(), "ours")
	if got != "arn:ours" || !ok || err != nil || pages != 2 {
		t.Fatalf("%v %v %v after %d pages", got, ok, err, pages)
	}
	if _, ok, err := client(rt).FindAppInstance(t.Context(), "nobody's"); ok || err != nil {
		t.Fatalf("found what is not there: %v %v", ok, err)
	}
}

func TestSessionPolicyIsOneUserAndOneChannel(t *testing.T) {
	const answer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
		<AccessKeyId>ASIAEXAMPLE000000</AccessKeyId><SecretAccessKey>s3cr3t</SecretAccessKey><SessionToken>t0k3n</SessionToken>
		<Expiration>2026-11-22T21:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	user, channel := instance.User("m-tk1"), instance.Channel("ev1")
	for role, may := range map[id.Role]bool{id.Fan: false, id.Artist: false, id.Moderator: true} {
		w := &wire{status: 200, body: answer, header: http.Header{"Content-Type": {"text/xml"}}}
		k, err := client(w).AssumeUser(t.Context(), user, channel, role, time.Hour)
		if err != nil || k.SessionToken != "t0k3n" || k.Expires.IsZero() {
			t.Fatalf("%v %v", k, err)
		}
		form, err := url.ParseQuery(w.bodies[0])
		if err != nil {
			t.Fatal(err)
		}
		text := form.Get("Policy")
		var p struct {
			Statement []struct{ Action, Resource []string }
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil || len(text) > 2048 {
			t.Fatalf("policy of %d characters: %v", len(text), err)
		}
		if r := p.Statement[0].Resource; len(r) != 2 || r[0] != string(user) || r[1] != string(channel) {
			t.Errorf("resources %v", r)
		}
		if got := strings.Contains(text, "RedactChannelMessage"); got != may {
			t.Errorf("%s may redact: %v", role, got)
		}
		if got := strings.HasSuffix(form.Get("RoleArn"), "moderator"); got != may {
			t.Errorf("%s has role %s", role, form.Get("RoleArn"))
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	cfg := chime.Config{Region: "us-east-1", SecretAccessKey: secret, SessionToken: secret}
	k := chime.Credentials{AccessKeyID: "ASIA", SecretAccessKey: secret, SessionToken: secret}
	var log strings.Builder
	l := slog.New(slog.NewTextHandler(&log, nil))
	l.Log(context.Background(), slog.LevelInfo, "x", "cfg", cfg, "k", k)
	if all := log.String() + fmt.Sprintf("%v %+v %#v %v %+v %#v", cfg, cfg, cfg, k, k, k); strings.Contains(all, secret) {
		t.Fatal(all)
	}
}

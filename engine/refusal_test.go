package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// bench is an engine that is called in process, by requests that no SDK would make.
type bench struct {
	*testing.T
	e      *engine.Engine
	root   aws.Credentials
	signer *v4.Signer
	names  modeltest.Names
}

const benchHost = "http://engine.test"

// newBench makes an engine that holds nothing: the resources of its samples do not exist, so that no sample does harm.
func newBench(t *testing.T) *bench {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{Database: newDatabase(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	c := e.Credentials()
	app := "arn:aws:chime:" + e.Region() + ":" + e.Account() + ":app-instance/none"
	return &bench{T: t, e: e, signer: v4.NewSigner(), root: aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey},
		names: modeltest.Names{Instance: app, User: app + "/user/ann", Bot: app + "/bot/bot", Channel: app + "/channel/room",
			Flow: app + "/channel-flow/flow", Bearer: app + "/user/mod"}}
}

// sign signs a request as an SDK does. A signer remembers the key that it derived for an access key, whatever the secret.
func (b *bench) sign(t *testing.T, r *http.Request, body []byte, c aws.Credentials, at time.Time) {
	t.Helper()
	sum, signer := sha256.Sum256(body), b.signer
	if c != b.root {
		signer = v4.NewSigner()
	}
	if err := signer.SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), "chime", b.e.Region(), at); err != nil {
		t.Fatal(err)
	}
}

// answer is what the engine said.
type answer struct {
	status  int
	name    string // of the exception
	message string // the whole body
	wrong   []string
}

// serve calls the engine and holds its answer against the model.
func (b *bench) serve(o *modeltest.Operation, r *http.Request, body []byte) answer {
	res, text := b.roundTrip(r, body)
	return answer{res.StatusCode, res.Header.Get("x-amzn-ErrorType"), string(text), o.CheckAnswer(res, text, nil)}
}

func (b *bench) roundTrip(r *http.Request, body []byte) (*http.Response, []byte) {
	r.RequestURI = r.URL.RequestURI()
	r.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	b.e.ServeHTTP(w, r)
	return w.Result(), w.Body.Bytes()
}

// RoundTrip lets an SDK call the engine in process.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	res, _ := b.roundTrip(r, body)
	return res, nil
}

// assume returns credentials under an inline policy.
func (b *bench) assume(t *testing.T, policy string) aws.Credentials {
	t.Helper()
	cfg := config(benchHost, b.root)
	cfg.HTTPClient = &http.Client{Transport: b}
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::000000000000:role/Test"), RoleSessionName: aws.String("test"), Policy: &policy})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken}
}

// each runs f for every operation of both services, some at a time.
func (b *bench) each(f func(t *testing.T, o *modeltest.Operation)) {
	b.Run("operations", func(t *testing.T) {
		for _, o := range modeltest.Operations() {
			t.Run(o.Key(), func(t *testing.T) {
				t.Parallel()
				f(t, o)
			})
		}
	})
}

// tally demands that there were many.
func (b *bench) tally(what string, n, least int64) {
	b.Logf("%d %s", n, what)
	if n < least {
		b.Errorf("%d %s, want %d", n, what, least)
	}
}

func TestTheEngineRefusesWhateverTheModelForbids(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var refused atomic.Int64
	b.each(func(t *testing.T, o *modeltest.Operation) {
		for v := range o.Violations(b.names) {
			r, body, err := v.Request(o, benchHost)
			if err != nil {
				t.Fatal(err)
			}
			b.sign(t, r, body, b.root, time.Now())
			got := b.serve(o, r, body)
			switch {
			case v.In == modeltest.InHeader && got.status == http.StatusUnauthorized: // Amazon's word for a bad bearer
			case got.status != http.StatusBadRequest || got.name != "BadRequestException":
				t.Errorf("%s: %d %s", v.Name, got.status, got.message)
			}
			if len(got.wrong) > 0 {
				t.Errorf("%s: %v", v.Name, got.wrong)
			}
			refused.Add(1)
		}
	})
	b.tally("refused", refused.Load(), 20_000)
}

// Without this a refusal above could be for another reason than the violation.
func TestTheEngineTakesEverySampleOfTheModel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var taken atomic.Int64
	b.each(func(t *testing.T, o *modeltest.Operation) {
		inputs := map[string]map[string]any{"required members": o.Sample(b.names)}
		for _, member := range o.Optional() {
			if member != "NextToken" { // opaque: only the engine makes one
				inputs[member] = o.Sample(b.names, member)
			}
		}
		for with, input := range inputs {
			r, body, err := o.Request(benchHost, input)
			if err != nil {
				t.Fatal(err)
			}
			b.sign(t, r, body, b.root, time.Now())
			got := b.serve(o, r, body)
			taken.Add(1)
			if got.status == http.StatusBadRequest || len(got.wrong) > 0 {
				t.Errorf("%s: %d %s %v", with, got.status, got.message, got.wrong)
			}
		}
	})
	b.tally("taken", taken.Load(), 150)
}

func TestEveryOperationAsksIAM(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var denied atomic.Int64
	b.each(func(t *testing.T, o *modeltest.Operation) {
		const allow = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%a,"Resource":%r}%s]}`
		policy := func(action, resource, more string) string {
			return strings.NewReplacer("%a", action, "%r", resource, "%s", more).Replace(allow)
		}
		call := func(policy string) answer {
			r, body, err := o.Request(benchHost, o.Sample(b.names))
			if err != nil {
				t.Fatal(err)
			}
			b.sign(t, r, body, b.assume(t, policy), time.Now())
			return b.serve(o, r, body)
		}
		it := `"chime:` + o.Name + `"`
		for name, p := range map[string]string{
			"nothing of it": policy(`["chime:Connect","sts:*","chime:`+o.Name+`X"]`, `"*"`, ""),
			"denied":        policy(`"*"`, `"*"`, `,{"Effect":"Deny","Action":`+it+`,"Resource":"*"}`),
			"elsewhere":     policy(it, `"`+strings.Replace(b.names.Instance, "/none", "/other", 1)+`*"`, ""),
			"all but it":    policy(`"*"`, `"*"`, `,{"Effect":"Deny","Action":["`+strings.ToUpper("chime:"+o.Name[:len(o.Name)-1])+`?"],"Resource":"*"}`),
		} {
			got := call(p)
			denied.Add(1)
			if got.status != http.StatusForbidden || got.name != "AccessDeniedException" || len(got.wrong) > 0 {
				t.Errorf("%s: %d %s %v", name, got.status, got.message, got.wrong)
			}
		}
		if got := call(policy(it, `"*"`, "")); got.name == "AccessDeniedException" {
			t.Errorf("allowed, and still: %s", got.message)
		}
	})
	b.tally("denied", denied.Load(), 4*81)
}

// forgeries are signed requests that were changed, or signed by somebody else.
func (b *bench) forgeries() map[string]func(t *testing.T, r *http.Request, body []byte) []byte {
	signed := func(c aws.Credentials, late time.Duration, then func(r *http.Request, body []byte) []byte) func(*testing.T, *http.Request, []byte) []byte {
		return func(t *testing.T, r *http.Request, body []byte) []byte {
			b.sign(t, r, body, c, time.Now().Add(late))
			return then(r, body)
		}
	}
	same := func(_ *http.Request, body []byte) []byte { return body }
	header := func(name string, change func(string) string) func(r *http.Request, body []byte) []byte {
		return func(r *http.Request, body []byte) []byte {
			r.Header.Set(name, change(r.Header.Get(name)))
			return body
		}
	}
	flip := func(s string) string { // the last digit of the signature
		if strings.HasSuffix(s, "0") {
			return s[:len(s)-1] + "1"
		}
		return s[:len(s)-1] + "0"
	}
	token := b.root
	token.SessionToken = "bm9wZQ"
	return map[string]func(t *testing.T, r *http.Request, body []byte) []byte{
		"unsigned":               func(_ *testing.T, _ *http.Request, body []byte) []byte { return body },
		"another secret":         signed(aws.Credentials{AccessKeyID: b.root.AccessKeyID, SecretAccessKey: "x" + b.root.SecretAccessKey}, 0, same),
		"an unknown key":         signed(aws.Credentials{AccessKeyID: "AKIAUNKNOWN", SecretAccessKey: b.root.SecretAccessKey}, 0, same),
		"a made-up token":        signed(token, 0, same),
		"an old signature":       signed(b.root, -6*time.Minute, same),
		"a signature of later":   signed(b.root, 6*time.Minute, same),
		"a changed signature":    signed(b.root, 0, header("Authorization", flip)),
		"a changed body":         signed(b.root, 0, func(_ *http.Request, body []byte) []byte { return append(slices.Clone(body), ' ') }),
		"another bearer":         signed(b.root, 0, header(modeltest.BearerHeader, func(s string) string { return s + "x" })),
		"another date":           signed(b.root, 0, header("X-Amz-Date", func(string) string { return time.Now().Add(time.Minute).UTC().Format("20060102T150405Z") })),
		"another host":           signed(b.root, 0, func(r *http.Request, body []byte) []byte { r.Host = "other.test"; return body }),
		"an additional query":    signed(b.root, 0, func(r *http.Request, body []byte) []byte { r.URL.RawQuery += "&x=1"; return body }),
		"a token after the fact": signed(b.root, 0, header("X-Amz-Security-Token", func(string) string { return "x" })),
	}
}

func TestNoOperationTakesAForgedSignature(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	forgeries := b.forgeries()
	b.each(func(t *testing.T, o *modeltest.Operation) {
		for name, forge := range forgeries {
			r, body, err := o.Request(benchHost, o.Sample(b.names))
			if err != nil {
				t.Fatal(err)
			}
			body = forge(t, r, body)
			if got := b.serve(o, r, body); got.status != http.StatusForbidden || got.name == "AccessDeniedException" || got.name == "ForbiddenException" || len(got.wrong) > 0 {
				t.Errorf("%s: %d %s %s %v", name, got.status, got.name, got.message, got.wrong)
			}
		}
	})
}

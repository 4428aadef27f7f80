package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// raw signs and sends a request by hand: what an SDK would never send.
func (w *world) raw(method, path, who, body string) (*http.Response, string) {
	w.Helper()
	return w.do(w.signed(method, path, who, body))
}

// signed is a request with the root key's signature.
func (w *world) signed(method, path, who, body string) *http.Request {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	w.ok(err)
	if who != "" {
		r.Header.Set("x-amz-chime-bearer", who)
	}
	sum := sha256.Sum256([]byte(body))
	c := w.e.Credentials()
	w.ok(v4.NewSigner().SignHTTP(w.Context(), aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}, r,
		hex.EncodeToString(sum[:]), "chime", "us-east-1", time.Now()))
	return r
}

func (w *world) do(r *http.Request) (*http.Response, string) {
	w.Helper()
	res, err := http.DefaultClient.Do(r)
	w.ok(err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	w.ok(err)
	return res, string(text)
}

func TestAnErrorHasAmazonsExactForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, body := w.raw("GET", "/channels/"+url.PathEscape(w.app+"/channel/none"), w.ann, "")
	if res.StatusCode != 403 || res.Header.Get("X-Amzn-Errortype") != "ForbiddenException" ||
		body != `{"Code":"Forbidden","Message":"The channel does not exist."}` {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
	if !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(res.Header.Get("X-Amzn-Requestid")) {
		t.Errorf("request id %q", res.Header.Get("X-Amzn-Requestid"))
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/app-instances", nil)
	w.ok(err)
	if res, body := w.do(r); res.StatusCode != 403 || res.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned: %d %v %s", res.StatusCode, res.Header, body)
	}
	if res, body := w.raw("PATCH", "/app-instances", "", ""); res.StatusCode != 404 || res.Header.Get("X-Amzn-Errortype") != "UnknownOperationException" {
		t.Errorf("unknown: %d %v %s", res.StatusCode, res.Header, body)
	}
}

func TestTimesAreSecondsWithAFraction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, body := w.raw("GET", "/channels/"+url.PathEscape(w.channel), w.ann, "")
	var got struct{ Channel map[string]json.RawMessage }
	w.ok(json.Unmarshal([]byte(body), &got))
	if at := string(got.Channel["CreatedTimestamp"]); !regexp.MustCompile(`^1\d{9}\.\d{3}$`).MatchString(at) {
		t.Errorf("CreatedTimestamp %s", at)
	}
	if _, there := got.Channel["LastMessageTimestamp"]; there {
		t.Error("a message time without a message")
	}
}

func TestInputThatBreaksTheModelIsABadRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	channel := "/channels/" + url.PathEscape(w.channel)
	long := strings.Repeat("x", 5000)
	for name, c := range map[string]struct{ method, path, who, body string }{
		"no name":               {"POST", "/app-instances", "", `{"ClientRequestToken":"abc"}`},
		"an empty name":         {"POST", "/app-instances", "", `{"Name":"","ClientRequestToken":"abc"}`},
		"a long name":           {"POST", "/app-instances", "", `{"Name":"` + long[:257] + `","ClientRequestToken":"abc"}`},
		"a number for a name":   {"POST", "/app-instances", "", `{"Name":1,"ClientRequestToken":"abc"}`},
		"no token":              {"POST", "/app-instances", "", `{"Name":"a"}`},
		"a bad token":           {"POST", "/app-instances", "", `{"Name":"a","ClientRequestToken":"a b"}`},
		"no JSON":               {"POST", "/app-instances", "", `{"Name":`},
		"two objects":           {"POST", "/app-instances", "", `{"Name":"a","ClientRequestToken":"abc"}{}`},
		"an array":              {"POST", "/app-instances", "", `[]`},
		"a tag without value":   {"POST", "/app-instances", "", `{"Name":"a","ClientRequestToken":"abc","Tags":[{"Key":"a"}]}`},
		"a line break":          {"POST", "/app-instances", "", `{"Name":"a","Metadata":"a\nb","ClientRequestToken":"abc"}`},
		"a user without a name": {"POST", "/app-instance-users", "", `{"AppInstanceArn":"` + w.app + `","AppInstanceUserId":"a","Name":"  ","ClientRequestToken":"abc"}`},
		"a bad user id":         {"POST", "/app-instance-users", "", `{"AppInstanceArn":"` + w.app + `","AppInstanceUserId":"-a","Name":"a","ClientRequestToken":"abc"}`},
		"max-results 51":        {"GET", channel + "/messages?max-results=51", w.ann, ""},
		"max-results x":         {"GET", channel + "/messages?max-results=x", w.ann, ""},
		"a foreign token":       {"GET", channel + "/messages?next-token=bm9wZQ", w.ann, ""},
		"a bad time":            {"GET", channel + "/messages?not-before=yesterday", w.ann, ""},
		"a bad order":           {"GET", channel + "/messages?sort-order=UP", w.ann, ""},
		"a sub-channel":         {"GET", channel + "/messages?sub-channel-id=a", w.ann, ""},
		"no content":            {"POST", channel + "/messages", w.ann, `{"Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`},
		"5000 bytes":            {"POST", channel + "/messages", w.ann, `{"Content":"` + long + `","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`},
		"31 bytes of control":   {"POST", channel + "/messages", w.ann, `{"Content":"` + long[:31] + `","Type":"CONTROL","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`},
		"a bad type":            {"POST", channel + "/messages", w.ann, `{"Content":"a","Type":"LOUD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`},
		"two targets":           {"POST", channel + "/messages", w.ann, `{"Content":"a","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc","Target":[{"MemberArn":"` + w.bob + `"},{"MemberArn":"` + w.bob + `"}]}`},
		"a target without ARN":  {"POST", channel + "/messages", w.ann, `{"Content":"a","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc","Target":[{}]}`},
		"101 members":           {"POST", channel + "/memberships?operation=batch-create", w.mod, `{"MemberArns":["` + strings.Repeat(w.bob+`","`, 100) + w.bob + `"]}`},
		"no members":            {"POST", channel + "/memberships?operation=batch-create", w.mod, `{"MemberArns":[]}`},
		"an ARN that is none":   {"GET", "/channels/nonsense", w.ann, ""},
	} {
		if res, body := w.raw(c.method, c.path, c.who, c.body); res.StatusCode != 400 || !strings.HasPrefix(body, `{"Code":"BadRequest","Message":"`) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	if res, body := w.raw("POST", "/app-instances", "", strings.Repeat(" ", 1<<20)); res.StatusCode != 400 {
		t.Errorf("a megabyte: %d %s", res.StatusCode, body)
	}
}

package crash_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// wire calls an engine with Amazon's signer and none of the rest of their client, whose retries would hide what happened.
type wire struct {
	base   string
	http   *http.Client
	signer *v4.Signer
	key    aws.Credentials
}

// refused is an answer that is no success.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

func newWire(addr string, key aws.Credentials) *wire {
	return &wire{base: "http://" + addr, signer: v4.NewSigner(), key: key,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
}

// within returns a wire to an engine in this process.
func within(h http.Handler, key aws.Credentials) *wire {
	w := newWire("engine.invalid", key)
	w.http = &http.Client{Transport: direct{h}}
	return w
}

type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// call sends one signed request and reads the answer into out, if there is an out.
func (w *wire) call(ctx context.Context, method, path, bearer string, in, out any) error {
	r, err := w.request(ctx, method, path, bearer, in)
	if err != nil {
		return err
	}
	resp, err := w.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &refused{resp.StatusCode, string(text)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

func (w *wire) request(ctx context.Context, method, path, bearer string, in any) (*http.Request, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("x-amz-chime-bearer", bearer)
	}
	sum := sha256.Sum256(body)
	return r, w.signer.SignHTTP(ctx, w.key, r, hex.EncodeToString(sum[:]), "chime", "us-east-1", time.Now())
}

// row is one message of a history.
type row struct {
	MessageId, Type, Content               string
	Redacted                               bool
	CreatedTimestamp, LastUpdatedTimestamp float64
	Sender                                 struct{ Arn, Name string }
}

// history reads a channel from its first message to its last.
func (w *wire) history(ctx context.Context, bearer, channel string) ([]row, error) {
	var all []row
	for token := ""; ; {
		var page struct {
			ChannelMessages []row
			NextToken       string
		}
		q := url.Values{"sort-order": {"ASCENDING"}}
		if token != "" {
			q.Set("next-token", token)
		}
		if err := w.call(ctx, http.MethodGet, messages(channel)+"?"+q.Encode(), bearer, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.ChannelMessages...)
		if token = page.NextToken; token == "" {
			return all, nil
		}
	}
}

func messages(channel string) string { return "/channels/" + url.PathEscape(channel) + "/messages" }

// stage is what there is to talk about: made once, before anything is killed.
type stage struct {
	Admin    string
	People   []string
	Channels []string
}

// build makes an app instance, its people and channels in which all are members.
func build(ctx context.Context, w *wire, people, channels int) (stage, error) {
	var s stage
	var app struct{ AppInstanceArn string }
	if err := w.call(ctx, http.MethodPost, "/app-instances", "", map[string]any{"Name": "crash", "ClientRequestToken": "app"}, &app); err != nil {
		return s, err
	}
	for i := range people {
		id := fmt.Sprint("person-", i)
		var user struct{ AppInstanceUserArn string }
		if err := w.call(ctx, http.MethodPost, "/app-instance-users", "", map[string]any{"AppInstanceArn": app.AppInstanceArn,
			"AppInstanceUserId": id, "Name": id, "ClientRequestToken": id}, &user); err != nil {
			return s, err
		}
		s.People = append(s.People, user.AppInstanceUserArn)
	}
	s.Admin = s.People[0]
	if err := w.call(ctx, http.MethodPost, "/app-instances/"+url.PathEscape(app.AppInstanceArn)+"/admins", "",
		map[string]any{"AppInstanceAdminArn": s.Admin}, nil); err != nil {
		return s, err
	}
	for i := range channels {
		var ch struct{ ChannelArn string }
		if err := w.call(ctx, http.MethodPost, "/channels", s.Admin, map[string]any{"AppInstanceArn": app.AppInstanceArn,
			"Name": fmt.Sprint("room ", i), "Mode": "UNRESTRICTED", "Privacy": "PRIVATE",
			"ClientRequestToken": fmt.Sprint("room-", i)}, &ch); err != nil {
			return s, err
		}
		if err := w.call(ctx, http.MethodPost, "/channels/"+url.PathEscape(ch.ChannelArn)+"/memberships?operation=batch-create", s.Admin,
			map[string]any{"MemberArns": s.People}, nil); err != nil {
			return s, err
		}
		s.Channels = append(s.Channels, ch.ChannelArn)
	}
	return s, nil
}

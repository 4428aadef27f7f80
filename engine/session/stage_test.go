package session_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var rootKey = aws.Credentials{AccessKeyID: "AKIAROOT", SecretAccessKey: "secret"}

// stage is a chat with four users and a channel, and a hub that serves it over TCP.
type stage struct {
	testing.TB
	chat                   *chat.Chat
	hub                    *session.Hub
	authority              *iam.Authority
	url                    string
	app, mod, ann, bob, me arn.ARN // me is a member of nothing
	channel                arn.ARN
	closed                 bool
}

func open(t testing.TB, change func(*session.Config)) *stage {
	t.Helper()
	s := &stage{TB: t, authority: newAuthority(t)}
	s.chat = chat.New(dbtest.SQLite(t, schema.Engine()), chat.Config{Region: "us-east-1", Account: "123456789012"})
	cfg := session.Config{Authority: s.authority, Members: s.chat, Details: s.chat, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), CloseTime: time.Second}
	portable(t)(&cfg)
	if change != nil {
		change(&cfg)
	}
	s.hub = session.New(cfg)
	s.chat.SetSink(s.hub)
	server := httptest.NewUnstartedServer(s.hub)
	server.Config.ConnContext = session.ConnContext // tests of the engine do without
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		if !s.closed {
			s.ok(s.hub.Close(context.Background(), 0))
		}
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	s.furnish()
	return s
}

func newAuthority(t testing.TB) *iam.Authority {
	t.Helper()
	a, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: "123456789012", AccessKeyID: rootKey.AccessKeyID, SecretAccessKey: rootKey.SecretAccessKey})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *stage) furnish() {
	s.Helper()
	var err error
	s.app, err = s.chat.CreateInstance(s.Context(), "", "tests", "")
	s.ok(err)
	for name, a := range map[string]*arn.ARN{"mod": &s.mod, "ann": &s.ann, "bob": &s.bob, "me": &s.me} {
		*a, err = s.chat.CreateUser(s.Context(), "", identity.NewUser{Instance: s.app, ID: name, Name: "Name of " + name})
		s.ok(err)
	}
	s.channel, err = s.chat.CreateChannel(s.Context(), s.mod, "", channel.NewChannel{Instance: s.app, Name: "room", ID: "room",
		Privacy: "PUBLIC", Mode: "RESTRICTED", Members: []arn.ARN{s.ann, s.bob}})
	s.ok(err)
	s.settled()
}

func (s *stage) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) say(from arn.ARN, text string) {
	s.Helper()
	_, err := s.chat.Send(s.Context(), from, s.channel, "", message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: text})
	s.ok(err)
}

// connectURL presigns as a client does.
func connectURL(t testing.TB, base string, key aws.Credentials, user arn.ARN, sessionID string) string {
	t.Helper()
	return presign(t, base, key, url.Values{"userArn": {string(user)}, "sessionId": {sessionID}})
}

func presign(t testing.TB, base string, key aws.Credentials, q url.Values) string {
	t.Helper()
	q.Set("X-Amz-Expires", "10")
	r, err := http.NewRequest("GET", base+"/connect?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), key, r, emptyHash, "chime", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// fan is one connected session.
type fan struct {
	*stage
	ws *websocket.Conn
}

// enter connects with the root key and waits for SESSION_ESTABLISHED.
func (s *stage) enter(user arn.ARN, sessionID string) fan {
	s.Helper()
	return s.enterAs(rootKey, user, sessionID)
}

func (s *stage) enterAs(key aws.Credentials, user arn.ARN, sessionID string) fan {
	s.Helper()
	s.settled()
	f := s.dial(connectURL(s, s.url, key, user, sessionID))
	if got := f.next(); got.event() != "SESSION_ESTABLISHED" || got.Payload != nil || got.Headers["x-amz-chime-message-type"] != "SYSTEM" {
		s.Fatalf("first frame is %+v", got)
	}
	return f
}

// settled waits until the hub has handed out what happened so far. On a busy machine a test once heard, as its first
// frame, how the channel of its own stage was made: a session that opens while that waits hears of it, as it should.
func (s *stage) settled() {
	s.Helper()
	tick, end := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !s.hub.Settled() {
		select {
		case <-tick.C:
		case <-end:
			s.Fatal("the hub does not come to rest")
		}
	}
}

func (s *stage) dial(signed string) fan {
	s.Helper()
	ws, _, err := websocket.Dial(s.Context(), signed, nil)
	s.ok(err)
	s.Cleanup(func() { _ = ws.CloseNow() })
	return fan{s, ws}
}

type frame struct {
	Headers map[string]string
	Payload *string
}

func (f frame) event() string { return f.Headers["x-amz-chime-event-type"] }

// field reads a top-level member of the payload.
func (f frame) field(name string) string {
	var m map[string]any
	if f.Payload == nil || json.Unmarshal([]byte(*f.Payload), &m) != nil {
		return ""
	}
	text, _ := m[name].(string)
	return text
}

func (f fan) next() frame {
	f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	kind, data, err := f.ws.Read(ctx)
	f.ok(err)
	var out frame
	f.ok(json.Unmarshal(data, &out))
	if kind != websocket.MessageText {
		f.Fatal("not a text frame")
	}
	return out
}

// hears reads the next frames and compares "TYPE" or "TYPE content".
func (f fan) hears(want ...string) {
	f.Helper()
	for _, w := range want {
		got := f.next()
		if s := strings.TrimSpace(got.event() + " " + got.field("Content")); s != w {
			f.Fatalf("heard %q, want %q", s, w)
		}
	}
}

// ends expects the connection to be closed with a code.
func (f fan) ends(code websocket.StatusCode) {
	f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, data, err := f.ws.Read(ctx)
	if got := websocket.CloseStatus(err); got != code {
		f.Fatalf("closed with %d (%v, %s), want %d", got, err, data, code)
	}
}

// refusedWith connects and expects an HTTP status instead of an upgrade.
func (s *stage) refusedWith(status int, signed string, header http.Header) {
	s.Helper()
	ws, resp, err := websocket.Dial(s.Context(), signed, &websocket.DialOptions{HTTPHeader: header})
	if err == nil {
		_ = ws.CloseNow()
		s.Fatalf("connected, want status %d", status)
	}
	if resp == nil {
		s.Fatal(err)
	}
	if resp.Body != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	if resp.StatusCode != status {
		s.Fatalf("status %d, want %d", resp.StatusCode, status)
	}
}

// credentials assumes a role for one user.
func (s *stage) credentials(user arn.ARN, d time.Duration) aws.Credentials {
	s.Helper()
	_, root, err := s.authority.Lookup(rootKey.AccessKeyID, "", time.Now())
	s.ok(err)
	c, err := s.authority.AssumeRole(root, iam.Request{
		RoleARN: "arn:aws:iam::123456789012:role/Fan", SessionName: "tk1", Duration: d,
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:Connect","Resource":"` + string(user) + `"}]}`,
	}, time.Now())
	s.ok(err)
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

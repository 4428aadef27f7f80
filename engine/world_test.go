package engine_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/db"
)

// world is an engine behind TCP, the AWS SDK's clients with its root key, and the people of the tests.
type world struct {
	*testing.T
	e                                  *engine.Engine
	url                                string
	judge                              *modeltest.Judge
	id                                 *chimesdkidentity.Client
	msg                                *chimesdkmessaging.Client
	app                                string
	admin, mod, ann, bob, eve, channel string
	began                              map[*websocket.Conn]time.Time // of the sessions
}

// newWorld makes a public, unrestricted channel "room" by mod with members ann and bob; admin is an admin, eve nobody.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldIn(t, "")
}

// newWorldIn is newWorld in a database of one's choice.
func newWorldIn(t *testing.T, database string) *world {
	t.Helper()
	return newWorldWith(t, engine.Config{Database: database})
}

// migrated is an empty SQLite database with the engine's schema. Most tests begin with a copy: under the race detector to
// make one costs as much as what they do with it.
var migrated = sync.OnceValues(func() (parts map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "stagedoor-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "engine.db")
	d, err := db.Open(context.Background(), "sqlite:"+file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.Migrate(context.Background(), schema.Engine()), d.Close()); err != nil {
		return nil, err
	}
	return readDatabase(file)
})

// readDatabase reads the files of a SQLite database that nobody has open.
func readDatabase(file string) (map[string][]byte, error) {
	parts := map[string][]byte{}
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(file + end)
		if err != nil && (end == "" || !errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
		parts[end] = text
	}
	return parts, nil
}

// writeDatabase writes what readDatabase read to a place of the test's own and returns its URL.
func writeDatabase(t *testing.T, parts map[string][]byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.db")
	for end, text := range parts {
		if err := os.WriteFile(file+end, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite:" + file
}

// newDatabase is the URL of a migrated SQLite database.
func newDatabase(t *testing.T) string {
	t.Helper()
	parts, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	return writeDatabase(t, parts)
}

// newWorldWith is newWorld in an engine of one's choice.
func newWorldWith(t *testing.T, cfg engine.Config) *world {
	t.Helper()
	if cfg.Database == "" {
		cfg.Database = newDatabase(t)
	}
	e, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	c := e.Credentials()
	w := &world{T: t, e: e, url: server.URL, judge: modeltest.Transport(t, http.DefaultTransport)}
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey})
	out, err := w.id.CreateAppInstance(t.Context(), &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("tests")})
	w.ok(err)
	w.app = *out.AppInstanceArn
	for name, a := range map[string]*string{"admin": &w.admin, "mod": &w.mod, "ann": &w.ann, "bob": &w.bob, "eve": &w.eve} {
		*a = w.user(name)
	}
	_, err = w.id.CreateAppInstanceAdmin(t.Context(), &chimesdkidentity.CreateAppInstanceAdminInput{AppInstanceArn: &w.app, AppInstanceAdminArn: &w.admin})
	w.ok(err)
	w.channel = w.open("room", types.ChannelPrivacyPublic, types.ChannelModeUnrestricted)
	return w
}

func config(url string, c aws.Credentials) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &url, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })}
}

// config is config for this engine, with every request and answer held against the API models.
func (w *world) config(c aws.Credentials) aws.Config {
	cfg := config(w.url, c)
	cfg.HTTPClient = &http.Client{Transport: w.judge}
	return cfg
}

func (w *world) clients(c aws.Credentials) (*chimesdkidentity.Client, *chimesdkmessaging.Client) {
	return chimesdkidentity.NewFromConfig(w.config(c)), chimesdkmessaging.NewFromConfig(w.config(c))
}

// assume returns clients with temporary credentials under an inline policy.
func (w *world) assume(policy string) (*chimesdkidentity.Client, *chimesdkmessaging.Client) {
	w.Helper()
	c := w.e.Credentials()
	root := sts.NewFromConfig(w.config(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}))
	out, err := root.AssumeRole(w.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"),
		RoleSessionName: aws.String("test"), Policy: &policy})
	w.ok(err)
	return w.clients(aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken})
}

func (w *world) user(id string) string {
	w.Helper()
	out, err := w.id.CreateAppInstanceUser(w.Context(), &chimesdkidentity.CreateAppInstanceUserInput{
		AppInstanceArn: &w.app, AppInstanceUserId: &id, Name: aws.String("Name of " + id)})
	w.ok(err)
	return *out.AppInstanceUserArn
}

func (w *world) open(id string, privacy types.ChannelPrivacy, mode types.ChannelMode) string {
	w.Helper()
	out, err := w.msg.CreateChannel(w.Context(), &chimesdkmessaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod,
		Name: &id, ChannelId: &id, Privacy: privacy, Mode: mode, MemberArns: []string{w.ann, w.bob}})
	w.ok(err)
	return *out.ChannelArn
}

func (w *world) send(who, channel, text string) string {
	w.Helper()
	out, err := w.msg.SendChannelMessage(w.Context(), line(who, channel, text))
	w.ok(err)
	return *out.MessageId
}

func line(who, channel, text string) *chimesdkmessaging.SendChannelMessageInput {
	return &chimesdkmessaging.SendChannelMessageInput{ChannelArn: &channel, ChimeBearer: &who, Content: &text,
		Type: types.ChannelMessageTypeStandard, Persistence: types.ChannelMessagePersistenceTypePersistent}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// is checks that err is the typed exception E of the SDK.
func is[E error](w *world, err error) {
	w.Helper()
	var want E
	if !errors.As(err, &want) {
		w.Errorf("got %v, want a %T", err, want)
	}
}

// code is the error's code, "" for success.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

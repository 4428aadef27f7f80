package engine_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestARestartKeepsKeysUsersAndMessages(t *testing.T) {
	t.Parallel()
	for name, databaseURL := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "engine.db") },
		"postgres": func(t *testing.T) string { return dbtest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := engine.Config{Database: databaseURL(t)}
			var before engine.Credentials
			var app, user, channel string
			restart(t, cfg, func(w *world) {
				before = w.e.Credentials()
				out, err := w.id.CreateAppInstance(t.Context(), &identity.CreateAppInstanceInput{Name: aws.String("kept")})
				w.ok(err)
				w.app = *out.AppInstanceArn
				app, user = w.app, w.user("ann")
				w.mod, w.ann, w.bob = user, user, user
				channel = w.open("room", "PUBLIC", "UNRESTRICTED")
				w.send(user, channel, "kept")
			})
			restart(t, cfg, func(w *world) {
				if w.e.Credentials() != before {
					t.Error("the root key changed")
				}
				got, err := w.msg.ListChannelMessages(t.Context(), &messaging.ListChannelMessagesInput{ChannelArn: &channel, ChimeBearer: &user})
				w.ok(err)
				if len(got.ChannelMessages) != 1 || !strings.HasPrefix(channel, app) {
					t.Errorf("history: %+v", got)
				}
			})
		})
	}
}

func restart(t *testing.T, cfg engine.Config, f func(*world)) {
	t.Helper()
	e, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	defer server.Close()
	w := &world{T: t, e: e, url: server.URL, judge: modeltest.Transport(t, http.DefaultTransport)}
	c := e.Credentials()
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey})
	f(w)
	w.ok(e.Close(t.Context()))
	res, _ := w.raw("GET", "/app-instances", "", "")
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("after Close: %d %v", res.StatusCode, res.Header)
	}
}

func TestBehindAPrefixTheWholePathIsSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mux := http.NewServeMux()
	mux.Handle("/chime/", http.StripPrefix("/chime", w.e))
	server := httptest.NewServer(mux)
	defer server.Close()
	c := w.e.Credentials()
	msg := messaging.NewFromConfig(config(server.URL+"/chime", aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}))
	_, err := msg.SendChannelMessage(t.Context(), line(w.ann, w.channel, "through the prefix"))
	w.ok(err)
}

func TestCloseLeavesNothingRunningAndNoFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := goleak.IgnoreCurrent()
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(os.TempDir() + "/*"); len(files) != 1 {
		t.Errorf("temporary files: %v", files)
	}
	for range 2 {
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(os.TempDir() + "/*"); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
	goleak.VerifyNone(t, before)
}

func TestAHalfKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := engine.New(t.Context(), engine.Config{AccessKeyID: "AKIA"}); err == nil {
		t.Fatal("accepted")
	}
}

func TestAnotherRegionOrAccountThanTheDatabasesIsRefused(t *testing.T) {
	cfg := engine.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "engine.db"), Region: "eu-central-1", Account: "123456789012"}
	restart(t, cfg, func(*world) {})
	for name, other := range map[string]engine.Config{
		"region":  {Database: cfg.Database, Account: cfg.Account},
		"account": {Database: cfg.Database, Region: cfg.Region},
	} {
		e, err := engine.New(t.Context(), other)
		if err == nil {
			_ = e.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "the database was made for the "+name) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	restart(t, cfg, func(*world) {})
}

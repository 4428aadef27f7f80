package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

func TestARestartKeepsKeysUsersAndMessages(t *testing.T) {
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
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %d", res.StatusCode)
	}
}

func TestBehindAPrefixTheWholePathIsSigned(t *testing.T) {
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
	if _, err := engine.New(t.Context(), engine.Config{AccessKeyID: "AKIA"}); err == nil {
		t.Fatal("accepted")
	}
}

// BenchmarkSendChannelMessage measures a signed request through the handler to a durable message, 64 senders at once.
func BenchmarkSendChannelMessage(b *testing.B) {
	e, err := engine.New(b.Context(), engine.Config{Database: "sqlite:" + filepath.Join(b.TempDir(), "engine.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	server := httptest.NewServer(e)
	defer server.Close()
	c := e.Credentials()
	credentials := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	cfg := config(server.URL, credentials)
	id, msg := identity.NewFromConfig(cfg), messaging.NewFromConfig(cfg)
	app, err := id.CreateAppInstance(b.Context(), &identity.CreateAppInstanceInput{Name: aws.String("bench")})
	if err != nil {
		b.Fatal(err)
	}
	user, err := id.CreateAppInstanceUser(b.Context(), &identity.CreateAppInstanceUserInput{AppInstanceArn: app.AppInstanceArn, AppInstanceUserId: aws.String("a"), Name: aws.String("a")})
	if err != nil {
		b.Fatal(err)
	}
	channel, err := msg.CreateChannel(b.Context(), &messaging.CreateChannelInput{AppInstanceArn: app.AppInstanceArn, ChimeBearer: user.AppInstanceUserArn, Name: aws.String("a")})
	if err != nil {
		b.Fatal(err)
	}
	requests := make(chan *http.Request, b.N)
	signer := v4.NewSigner()
	for i := range b.N { // signing is the client's work
		body := fmt.Sprintf(`{"Content":"line %d","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"token-%d"}`, i, i)
		r := httptest.NewRequest("POST", "http://engine.test/channels/"+url.PathEscape(*channel.ChannelArn)+"/messages", strings.NewReader(body))
		r.Header.Set("x-amz-chime-bearer", *user.AppInstanceUserArn)
		sum := sha256.Sum256([]byte(body))
		if err := signer.SignHTTP(b.Context(), credentials, r, hex.EncodeToString(sum[:]), "chime", "us-east-1", time.Now()); err != nil {
			b.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
		requests <- r
	}
	close(requests)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, <-requests)
			if w.Code != http.StatusCreated {
				b.Error(w.Body)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

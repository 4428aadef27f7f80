package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

// small is what the small engine says when it listens.
type small struct {
	Addr    string
	Key     engine.Credentials
	Metrics string
}

// TestASmallEngine is the other process of the test below: an engine alone until its standard input ends.
func TestASmallEngine(t *testing.T) {
	dir := os.Getenv("STAGEDOOR_TEST_SMALL_ENGINE")
	if dir == "" {
		t.Skip("is run by another test")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	a, err := app.NewAlone(t.Context(), config.Engine{Data: dir, Listen: "127.0.0.1:0", Region: "us-east-1", Metrics: "127.0.0.1:0"}, engine.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if err := json.NewEncoder(os.Stdout).Encode(small{strings.TrimPrefix(a.URL(), "http://"), a.Credentials(), a.MetricsURL()}); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// startSmall runs an engine in a process that may open so few descriptors. It returns where it is, and what it has logged,
// which may be read after end.
func startSmall(t *testing.T, descriptors int) (s small, log *bytes.Buffer, end func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" -test.run='^TestASmallEngine$'`, descriptors), os.Args[0])
	cmd.Env = append(os.Environ(), "STAGEDOOR_TEST_SMALL_ENGINE="+t.TempDir())
	log = &bytes.Buffer{}
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the engine ended with %v: %s", err, log)
		}
	}
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return s, log, end
}

func (s small) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: s.Key.AccessKeyID, SecretAccessKey: s.Key.SecretAccessKey}
}

// session tries to open a messaging session.
func (s small) session(t *testing.T, user, id string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	q := url.Values{"userArn": {user}, "sessionId": {id}, "X-Amz-Expires": {"60"}}
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.Addr+"/connect?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, s.credentials(), r, empty, "chime", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(signed, "http"), nil)
}

func (s small) identity() *chimesdkidentity.Client {
	return chimesdkidentity.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.Addr), RetryMaxAttempts: 1,
		HTTPClient:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return s.credentials(), nil })})
}

// crowd opens messaging sessions, each of a new user, until one is refused with 503.
func (s small) crowd(t *testing.T, newUser func(int) (string, error)) []*websocket.Conn {
	t.Helper()
	var sessions []*websocket.Conn
	for len(sessions) < 128 {
		user, err := newUser(len(sessions))
		if err != nil {
			t.Fatal("an operator's request beside the sessions:", err)
		}
		c, res, err := s.session(t, user, "1")
		if err != nil {
			if res == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
				t.Fatalf("session %d is refused with %v: %v", len(sessions), err, res)
			}
			return sessions
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		sessions = append(sessions, c)
	}
	t.Fatal("as many sessions as descriptors")
	return nil
}

// until tries f until it succeeds.
func until(t *testing.T, what string, f func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(2 * time.Minute); ; <-tick.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// Whatever viewers and strangers do: the process never runs out of descriptors, newcomers are told to come back, those who
// are connected stay so, and operators are heard.
func TestAnEngineOutOfDescriptorsTurnsNewcomersAwayAndHearsItsOperator(t *testing.T) {
	s, log, end := startSmall(t, 128)
	id := s.identity()
	instance, err := id.CreateAppInstance(t.Context(), &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("small")})
	if err != nil {
		t.Fatal(err)
	}
	newUser := func(n int) (string, error) {
		out, err := id.CreateAppInstanceUser(t.Context(), &chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: instance.AppInstanceArn,
			AppInstanceUserId: aws.String(fmt.Sprint("user", n)), Name: aws.String("x")})
		if err != nil {
			return "", err
		}
		return *out.AppInstanceUserArn, nil
	}
	sessions := s.crowd(t, newUser)
	if len(sessions) < 32 {
		t.Errorf("only %d sessions", len(sessions))
	}
	until(t, "the figures of the sessions", func() error {
		_, text := fetch(t, s.Metrics)
		open := 0
		for line := range strings.Lines(text) {
			n := 0
			if rest, ok := strings.CutPrefix(line, "stagedoor_session_connections{shard="); ok {
				if _, err := fmt.Sscan(rest[strings.IndexByte(rest, ' '):], &n); err != nil {
					return err
				}
			}
			open += n
		}
		if open != len(sessions) || !strings.Contains(text, fmt.Sprintf("\nstagedoor_session_users %d\n", open)) {
			return fmt.Errorf("%d sessions, said are %d: %s", len(sessions), open, text)
		}
		if strings.Contains(text, "\nstagedoor_ingress_refused_total 0\n") || !strings.Contains(text, "\nstagedoor_ingress_refused_total ") {
			return fmt.Errorf("a session was refused, and not counted: %s", text)
		}
		return nil
	})

	// Three hundred strangers who say nothing: the last of them are refused, and their places are free again in time.
	for range 300 {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	until(t, "an operator is not heard", func() error { _, err := newUser(1000); return err })

	for i, c := range sessions {
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		_, text, err := c.Read(ctx)
		cancel()
		if err != nil || !bytes.Contains(text, []byte("SESSION_ESTABLISHED")) {
			t.Fatalf("session %d: %s %v", i, text, err)
		}
	}
	for _, c := range sessions[:10] {
		_ = c.Close(websocket.StatusNormalClosure, "")
	}
	until(t, "nobody gets in although ten have left", func() error {
		c, _, err := s.session(t, *instance.AppInstanceArn+"/user/user0", "again")
		if err == nil {
			_ = c.CloseNow()
		}
		return err
	})
	end()
	if text := log.String(); strings.Contains(text, "too many open files") || !strings.Contains(text, "viewers=") {
		t.Errorf("the engine's log: %s", text)
	}
}

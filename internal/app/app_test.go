package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

// house is one running Stagedoor with its demo show.
type house struct {
	*app.App
	t       *testing.T
	welcome string
	dir     string
	stop    func() error // ends it and returns what Run did; the end of the test does so too
}

// start runs a whole Stagedoor on embedded defaults and free ports until the test ends.
func start(t *testing.T, change func(*config.Serve)) *house {
	t.Helper()
	cfg := config.Serve{Storage: config.Storage{Data: t.TempDir()}, Listen: "127.0.0.1:0", EngineListen: "127.0.0.1:0", Provisioner: true, Demo: true}
	cfg.Chime.Chime, cfg.Region, cfg.Pace = "embedded", "us-east-1", "none"
	if change != nil {
		change(&cfg)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.New(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{App: a, t: t, dir: cfg.Data}
	if h.welcome, err = a.Welcome(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	h.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return h
}

// code returns the demo code printed for a label such as "Fan".
func (h *house) code(label string) string {
	h.t.Helper()
	m := regexp.MustCompile(`(?m)^\s+` + label + `\s+(\S+)(?:  at \S+)?$`).FindStringSubmatch(h.welcome)
	if m == nil {
		h.t.Fatalf("no code for %q in:\n%s", label, h.welcome)
	}
	return m[1]
}

// person is one browser: a cookie jar.
type person struct {
	h    *house
	http *http.Client
}

func (h *house) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &person{h, &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// call sends JSON and decodes the answer into out; it returns the status.
func (p *person) call(method, path string, in, out any) int {
	p.h.t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			p.h.t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	return p.send(method, path, "application/json", body, out)
}

func (p *person) send(method, path, contentType string, body io.Reader, out any) int {
	p.h.t.Helper()
	r, err := http.NewRequestWithContext(p.h.t.Context(), method, p.h.PagesURL()+path, body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := p.http.Do(r)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	if out != nil && len(text) > 0 {
		if err := json.Unmarshal(text, out); err != nil {
			p.h.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return answer.StatusCode
}

// must is call that expects success.
func (p *person) must(method, path string, in, out any) {
	p.h.t.Helper()
	var raw json.RawMessage
	if status := p.call(method, path, in, &raw); status >= 300 {
		p.h.t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			p.h.t.Fatal(err)
		}
	}
}

// within polls until f is true; it is how a test waits for work in the background.
func within(t *testing.T, limit time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// organizer signs in with the printed link.
func (h *house) organizer() *person {
	h.t.Helper()
	_, token, ok := strings.Cut(h.welcome, "#sign-in=")
	if !ok {
		h.t.Fatalf("no sign-in link in:\n%s", h.welcome)
	}
	p := h.person()
	p.must("POST", "/api/v1/sign-in", map[string]string{"token": strings.Fields(token)[0]}, nil)
	return p
}

// organizerAgain signs in with a fresh link.
func (h *house) organizerAgain() *person {
	h.t.Helper()
	link, err := h.SignInLink(h.t.Context(), "Demo Organizer")
	if err != nil {
		h.t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "#sign-in=")
	p := h.person()
	p.must("POST", "/api/v1/sign-in", map[string]string{"token": token}, nil)
	return p
}

func TestSecretsAreMadeOnceAndForTheOwnerOnly(t *testing.T) {
	h := start(t, nil)
	info, err := os.Stat(filepath.Join(h.dir, "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("secrets.json has mode %v", info.Mode())
	}
}

func TestTheDemoStreamPlaysAndNothingElseIsServed(t *testing.T) {
	h := start(t, nil)
	for path, want := range map[string]int{
		"/test-stream/live.m3u8": http.StatusOK,
		"/healthz":               http.StatusOK,
		"/assets/":               http.StatusNotFound,
		"/test-stream/":          http.StatusNotFound,
		"/e/nowhere":             http.StatusNotFound,
		"/debug/pprof/":          http.StatusNotFound,
		"/metrics":               http.StatusNotFound,
	} {
		r, err := http.Get(h.PagesURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
}

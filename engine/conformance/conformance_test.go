// Package conformance runs Amazon's own JavaScript clients against the engine. They know nothing of us, so what they
// accept is the wire and not our reading of it. See README.md.
package conformance

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// cuttable is a listener whose connections can be broken without a word, as a lost network does: clients see 1006.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *cuttable) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

func (l *cuttable) ServeHTTP(http.ResponseWriter, *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func TestAmazonsJavaScriptClientsAreContent(t *testing.T) {
	node := needNode(t)
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	cut := &cuttable{Listener: server.Listener}
	server.Listener = cut
	server.Start()
	control := httptest.NewServer(cut)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
		control.Close()
	})

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	key := e.Credentials()
	cmd := exec.CommandContext(ctx, node, "conform.mjs")
	cmd.Env = append(os.Environ(), "ENGINE_URL="+server.URL, "CONTROL_URL="+control.URL,
		"ACCESS_KEY_ID="+key.AccessKeyID, "SECRET_ACCESS_KEY="+key.SecretAccessKey)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("conform.mjs: %v", err)
	}
	if n := strings.Count(string(out), "ok   "); n < 10 {
		t.Errorf("%d checks ran", n)
	}
}

// needNode finds Node and the packages. Without them the test is skipped, but CI must have them.
func needNode(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("Node is not installed: %v", err)
	}
	if _, err := os.Stat("node_modules/amazon-chime-sdk-js"); err != nil {
		missing("the clients are not installed; run: npm ci (in engine/conformance)")
	}
	return node
}

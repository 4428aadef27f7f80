package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

// open makes an engine that is closed at the end of the test.
func open(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, e) })
	return e
}

func shut(t *testing.T, e *engine.Engine) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

// serveTLS serves h as `stagedoor engine --tls` does, https with HTTP/2 and the engine's own certificate. The client trusts
// it, others do when they are given the file. The connections of the line can be cut.
func serveTLS(t *testing.T, h http.Handler) (url, caFile string, client *http.Client, line *cuttable) {
	t.Helper()
	own, err := selfsigned.Open(t.TempDir(), selfsigned.NamesOf(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := own.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	line = &cuttable{Listener: server.Listener}
	server.Listener = line
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	return server.URL, own.File(), client, line
}

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

func (l *cuttable) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// ServeHTTP lets another process cut.
func (l *cuttable) ServeHTTP(http.ResponseWriter, *http.Request) { l.cut() }

// missing skips the test, except where CI is set: there everything must be installed.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// needNode finds Node and the packages.
func needNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node is not installed: %v", err)
	}
	for _, pkg := range []string{"amazon-chime-sdk-js", "esbuild"} {
		if _, err := os.Stat("node_modules/" + pkg); err != nil {
			missing(t, "the clients are not installed; run: npm ci (in engine/conformance)")
		}
	}
	return node
}

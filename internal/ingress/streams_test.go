package ingress_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/internal/ingress"
	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

// Connections are counted, so that one of HTTP/2 must not stand for hundreds of requests.
func TestOneConnectionOfHTTP2HasFewRequestsUnderWay(t *testing.T) {
	const requests, most = 100, 32
	var mu sync.Mutex
	under, peak, protocol := map[string]int{}, 0, 0
	arrived, leave := 0, make(chan struct{})
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			return
		}
		mu.Lock()
		under[r.RemoteAddr]++
		peak, protocol = max(peak, under[r.RemoteAddr]), r.ProtoMajor
		if arrived++; arrived == requests {
			close(leave)
		}
		mu.Unlock()
		<-leave
	})
	keeper, err := selfsigned.Open(t.TempDir(), []string{"127.0.0.1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate := ingress.NewGate(ingress.Share(1000), nil, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	secure := &tls.Config{GetCertificate: keeper.Get, MinVersion: tls.VersionTLS12}
	go func() { done <- gate.Serve(ctx, l, h, ingress.Times{Body: patience, Answer: patience}, secure) }()

	text, err := os.ReadFile(keeper.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	get := func(path string) {
		res, err := client.Get("https://" + l.Addr().String() + path)
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
	}
	get("/first") // now the client knows what the server allows
	var all sync.WaitGroup
	for range requests {
		all.Go(func() { get("/") })
	}
	all.Wait()
	if protocol != 2 || peak > most {
		t.Errorf("%d requests at a time on one connection of HTTP/%d", peak, protocol)
	}
	transport.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

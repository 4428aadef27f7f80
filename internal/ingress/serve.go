package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"time"
)

// Times bound what one request may take on its connection. A socket that was upgraded is not bound by them.
type Times struct {
	Body   time.Duration // until the request has been read, from its first byte
	Answer time.Duration // until the answer has been taken, from the end of the request's header
}

const (
	// headerTime is for the header of a request, from the connection's beginning or the request's first byte.
	headerTime = 5 * time.Second
	// idleTime is how long a connection is kept for a next request.
	idleTime = 60 * time.Second
	// maxHeader holds several session tokens; net/http reads 4 KiB more before it gives up.
	maxHeader = 32 << 10
	// maxURL holds the longest address that there is twice: of a messaging session, signed with a token that carries the
	// largest policy (engine/iam, maxPacked).
	maxURL = 16 << 10
	// drainTime is for requests under way when the server ends.
	drainTime = 5 * time.Second
	// maxStreams is how many requests one HTTP/2 connection may have under way. Each may hold a body and a goroutine, and
	// connections are what the gate counts: with the 250 of net/http a stranger has 250 times what it shares out.
	maxStreams = 32
)

// Listen opens a port for Serve. The system probes nobody there who is silent, which would be four calls for each connection
// and packets every 15 seconds: a request has its limits (above), and a socket that was upgraded its pings.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(ctx, "tcp", addr)
}

// Serve runs one HTTP server behind the gate until ctx ends, then lets requests finish. With secure it speaks TLS and
// HTTP/2; nil means plain HTTP/1.1.
func (g *Gate) Serve(ctx context.Context, l net.Listener, h http.Handler, t Times, secure *tls.Config) error {
	s := &http.Server{
		Handler: g.Handler(h), ReadHeaderTimeout: headerTime, ReadTimeout: t.Body, WriteTimeout: t.Answer, IdleTimeout: idleTime,
		TLSConfig: secure, MaxHeaderBytes: maxHeader, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}, ConnContext: g.context, ErrorLog: log.New(&serverLog{log: g.log}, "", 0),
	}
	g.mu.Lock()
	g.servers = append(g.servers, s)
	g.mu.Unlock()
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		stopped <- s.Shutdown(grace)
	})
	defer stop()
	run := s.Serve
	if secure != nil {
		run = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	if err := run(g.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-stopped; !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return s.Close() // somebody's long request does not hold the node back
}

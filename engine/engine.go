// Package engine is a chat server that speaks Amazon's Chime SDK messaging protocol: REST with SigV4, the slice of STS
// around it, and the messaging-session WebSocket. It can be linked into a program or a test.
//
//	Engine ── /connect ──► session ◄───────────────── events ────────────────┐
//	       ── all else ──► api ──► chat: identity member channel message flow stream ──► database
//	                        ├─► rest: sigv4, iam, quota
//	                        └─► sts
//
// One Engine serves the identity, messaging and STS endpoints on one address: point the BaseEndpoint of an AWS SDK's
// clients at it, and give them the Credentials. In a test that is New(ctx, Config{}) and httptest.NewServer; the examples
// are complete. It may be mounted under a prefix with http.StripPrefix; clients sign the whole path.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/engine/api"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/hook"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/engine/stream"
	"github.com/stagedoor/stagedoor/engine/sts"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Config of an Engine. The zero value is a complete engine for a test: everything is made and forgotten on Close.
type Config struct {
	// Database is a database URL: "sqlite:PATH" or "postgres://…". "" means a temporary SQLite file. An SQLite file has
	// one engine at a time; New refuses to be the second.
	Database string
	// Region and Account become part of every ARN and must not change over the life of a database.
	// "" means us-east-1 and 000000000000.
	Region, Account string
	// AccessKeyID and SecretAccessKey are the account's root key. "" means one that is made at the first start and
	// kept in the database.
	AccessKeyID, SecretAccessKey string
	// Roles are who may become what; iam.ReadRoles reads a file of them. nil means that the root key may assume every
	// role name, each good for chime:*.
	Roles iam.Roles
	// Issuers are those whose tokens AssumeRoleWithWebIdentity accepts, for the Roles that trust them; sts.ReadIssuers
	// reads a file of them.
	Issuers []sts.Issuer
	// PublicHost is the host[:port] under which browsers reach /connect. "" means the host of each request.
	PublicHost string
	// Origins are the web origins whose pages may call; nil means any, as on the real service.
	Origins []string
	// Limits are those that calls and resources are held to (Preset); the zero value is none.
	Limits quota.Limits
	// MaxConnections is how many messaging sessions are let in at a time; 0 means any number.
	MaxConnections int
	// Compress lets devices have what happens in channels compressed, if they offer to take it (permessage-deflate): three fifths
	// of the bytes, for a moment of the processor per event and not per device.
	Compress bool
	// SessionsPerUser is how many messaging sessions one user may have; 0 means what Limits say, or 10 (Amazon's quota).
	SessionsPerUser int
	// DrainTime is over how long Close sends the connected devices away, so that they do not all come back at one
	// moment; 0 means a second.
	DrainTime time.Duration
	// QuietAbove is how many members a channel may have before comings and goings are told to those concerned only
	// (docs/adr/0010); 0 means 500, negative means however many, as on the real service.
	QuietAbove int
	// Processors are the HTTP endpoints that channel flows reach under the ARNs of Lambda functions: ARN → URL. They get
	// the event that Amazon sends, signed with the root key for the service "chime", and answer by ChannelFlowCallback.
	Processors map[string]string
	// Streams are where messaging streaming configurations lead under the ARNs of Kinesis streams: ARN → URL or
	// file:PATH. Both get one JSON record a line; posts are signed like those to Processors.
	Streams map[string]string
	// Logger is told what went wrong; nil means nobody is.
	Logger *slog.Logger
}

// Preset returns the limits of that name: none, case, aws-us-east-1 or aws-eu-central-1; "" is none.
func Preset(name string) (quota.Limits, error) { return quota.Preset(name) }

// Credentials are the root key of the account: whoever holds it may do everything.
type Credentials struct{ AccessKeyID, SecretAccessKey string }

// Engine is an http.Handler. Safe for concurrent use; end it with Close.
type Engine struct {
	cfg  Config
	db   *db.DB
	temp string    // directory to remove on Close, "" for none
	held io.Closer // keeps other engines from an SQLite database, nil for PostgreSQL
	chat *chat.Chat
	hub  *session.Hub
	api  http.Handler
	post *hook.Poster

	stop    context.CancelFunc // of the background work
	running sync.WaitGroup     // the background work
	mu      sync.RWMutex       // held for reading by each request, for writing by Close
	closed  bool
	once    sync.Once // Close works once
}

// ConnContext is for the http.Server that serves an Engine: a session then costs a tenth less processor to open, and its connection
// ends for net/http (http.StateClosed) as soon as it has begun. Behind a listener that counts connections by their Close, see
// session.ConnContext.
func ConnContext(ctx context.Context, c net.Conn) context.Context { return session.ConnContext(ctx, c) }

// New opens the database, brings its schema up to date and starts the background work. ctx bounds the start only.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{cfg: cfg}
	e.cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	e.cfg.Account = cmp.Or(cfg.Account, "000000000000")
	if e.cfg.Logger == nil {
		e.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the chat engine: %w", err), e.release())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.running.Go(func() { e.keep(background, "background work", e.chat.Run) })
	e.running.Go(func() {
		e.keep(background, "channel flows", func(ctx context.Context) error { return e.chat.Flows.Run(ctx, e.chat.Messages) })
	})
	e.running.Go(func() { e.chat.Streams.Run(background) })
	return e, nil
}

func (e *Engine) start(ctx context.Context) (err error) {
	if e.cfg.Database == "" {
		if e.temp, err = os.MkdirTemp("", "stagedoor-engine-"); err != nil {
			return err
		}
		e.cfg.Database = "sqlite:" + filepath.Join(e.temp, "engine.db")
	}
	if e.db, err = db.Open(ctx, e.cfg.Database); err != nil {
		return err
	}
	e.db.OnTrouble(func(err error) {
		e.cfg.Logger.Error("the disk failed a checkpoint; the database's log grows until the next start", "error", err)
	})
	if e.held, err = holdFile(e.cfg.Database); err != nil {
		return err
	}
	if err := e.db.Migrate(ctx, schema.Engine()); err != nil {
		return err
	}
	if err := e.sameNames(ctx); err != nil {
		return err
	}
	seal, err := e.secrets(ctx)
	if err != nil {
		return err
	}
	authority, err := iam.NewAuthority(iam.Config{Region: e.cfg.Region, Account: e.cfg.Account,
		AccessKeyID: e.cfg.AccessKeyID, SecretAccessKey: e.cfg.SecretAccessKey, SealKey: seal, Roles: e.cfg.Roles})
	if err != nil {
		return err
	}
	if err := e.cfg.checkHooks(); err != nil {
		return err
	}
	e.post = hook.New(e.cfg.Region, e.cfg.AccessKeyID, e.cfg.SecretAccessKey)
	e.chat = chat.New(e.db, chat.Config{Region: e.cfg.Region, Account: e.cfg.Account, Limits: e.cfg.Limits, QuietAbove: e.cfg.QuietAbove,
		Flow:   flow.Config{Processors: e.cfg.Processors, Poster: e.post, Logger: e.cfg.Logger},
		Stream: stream.Config{Sinks: e.cfg.Streams, Poster: e.post, Logger: e.cfg.Logger}})
	limiter := quota.NewLimiter(e.cfg.Limits)
	credentials, err := sts.New(authority, limiter, e.cfg.Issuers)
	if err != nil {
		return err
	}
	e.hub = session.New(session.Config{Authority: authority, Members: e.chat, Details: e.chat, Log: e.cfg.Logger, Origin: e.origin(),
		Limiter: limiter, MaxPerUser: cmp.Or(e.cfg.SessionsPerUser, e.cfg.Limits.Max(quota.Connections)),
		MaxConnections: e.cfg.MaxConnections, MaxHandshakes: maxHandshakes, MaxPrefetch: maxPrefetch, Compress: e.cfg.Compress})
	e.chat.SetSink(e.hub)
	e.api = api.New(api.Config{Chat: e.chat, Authority: authority, STS: credentials, Limiter: limiter,
		PublicHost: e.cfg.PublicHost, Origins: e.cfg.Origins, Logger: e.cfg.Logger})
	return nil
}

const (
	// maxHandshakes is how many sessions may be on their way in. After a restart everybody comes within a second or two,
	// and waits here for a moment; a refused client of Amazon's would go away for up to five seconds, with ten to come back
	// in. One takes some 25 KB while it waits.
	maxHandshakes = 8192
	// maxPrefetch is how many of them may wait for their prefetch: all. The chat reads for all of them together, one view of
	// the database after the other.
	maxPrefetch = maxHandshakes
)

// origin applies the same rule to the socket as api does to calls.
func (e *Engine) origin() func(string) bool {
	if e.cfg.Origins == nil {
		return nil
	}
	return func(origin string) bool { return slices.Contains(e.cfg.Origins, origin) }
}

// checkHooks refuses what could only fail later, when somebody is waiting.
func (cfg Config) checkHooks() error {
	for name, url := range cfg.Processors {
		if !strings.HasPrefix(name, "arn:aws:lambda:") {
			return fmt.Errorf("processor %s: its name must be the ARN of a Lambda function", name)
		}
		if err := hook.CheckURL(url); err != nil {
			return fmt.Errorf("processor %s: %w", name, err)
		}
	}
	files := map[string]string{}
	for name, where := range cfg.Streams {
		if err := stream.CheckName(name); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		if err := stream.CheckSink(where); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		if other := files[where]; other != "" && strings.HasPrefix(where, "file:") {
			return fmt.Errorf("streams %s and %s would write the same file", name, other)
		}
		files[where] = name
	}
	return nil
}

// keepRest is how long background work rests after a database error.
const keepRest = 10 * time.Second

// keep has background work go on until ctx ends.
func (e *Engine) keep(ctx context.Context, what string, run func(context.Context) error) {
	for {
		if err := run(ctx); err != nil {
			e.cfg.Logger.WarnContext(ctx, what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(keepRest):
		}
	}
}

// Credentials returns the root key.
func (e *Engine) Credentials() Credentials {
	return Credentials{e.cfg.AccessKeyID, e.cfg.SecretAccessKey}
}

// FromRoot reports whether a request claims to be signed with the root key. ServeHTTP checks that it is.
func (e *Engine) FromRoot(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Authorization"), " Credential="+e.cfg.AccessKeyID+"/")
}

// Region and Account are those of every ARN.
func (e *Engine) Region() string  { return e.cfg.Region }
func (e *Engine) Account() string { return e.cfg.Account }

// Stats counts the connected devices.
func (e *Engine) Stats() session.Stats { return e.hub.Stats() }

// Reads counts the statements that have read from the database since the start, outside of writes.
func (e *Engine) Reads() uint64 { return e.db.Reads() }

// Kick closes every messaging session of a user with a code that tells Amazon's client to stay away, and returns how many
// there were. reason may be shown to a person. Credentials that are still good open a new session.
func (e *Engine) Kick(userARN, reason string) int { return e.hub.Kick(arn.ARN(userARN), reason) }

// Ping answers whether the database can be read.
func (e *Engine) Ping(ctx context.Context) error { return e.db.Ping(ctx) }

// ServeHTTP serves REST, STS and /connect. After Close it answers 503.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p, err := url.PathUnescape(r.URL.EscapedPath()); err == nil && p == "/connect" {
		e.hub.ServeHTTP(w, r)
		return
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		w.Header().Set("x-amzn-RequestId", id.NewUUID()) // as every answer
		w.Header().Set("x-amzn-ErrorType", "ServiceUnavailableException")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"Code":"ServiceUnavailable","Message":"The service is shutting down."}`))
		return
	}
	e.api.ServeHTTP(w, r)
}

// Close refuses new requests, finishes those that run, sends connected devices away with a code that lets them come
// back, and closes the database. When ctx ends first, requests still running fail and its error is returned. A second
// Close does nothing.
func (e *Engine) Close(ctx context.Context) (err error) {
	e.once.Do(func() { err = e.close(ctx) })
	return err
}

func (e *Engine) close(ctx context.Context) error {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.closed = true
	}()
	err := e.hub.Close(ctx, cmp.Or(e.cfg.DrainTime, time.Second))
	select {
	case <-drained:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	e.stop()
	e.running.Wait()
	e.post.Close()
	return errors.Join(err, e.release())
}

// release gives back what start took, as far as it came.
func (e *Engine) release() error {
	var err error
	if e.db != nil {
		err = e.db.Close()
	}
	if e.held != nil {
		err = errors.Join(err, e.held.Close())
	}
	if e.temp != "" {
		err = errors.Join(err, os.RemoveAll(e.temp))
	}
	return err
}

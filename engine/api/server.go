// Package api speaks Amazon's REST protocol for Chime SDK messaging and identity, and the slice of STS around them.
//
// One table (table.go) lists every operation; one dispatcher checks each request in the same order: size → signature →
// input → IAM for every resource → limits → bearer → role → the operation. The last three are engine/chat's. Errors have
// Amazon's form and are those that the operation models.
package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// MaxBody holds the largest legal request, a batch of 100 ARNs of 1600 bytes, with room for JSON.
const MaxBody = 192 << 10

// Config is what the API stands on.
type Config struct {
	Chat      *chat.Chat
	Authority *iam.Authority
	Limiter   *quota.Limiter // nil counts nothing

	// PublicHost is the host[:port] that GetMessagingSessionEndpoint answers; "" means the host of the request.
	PublicHost string
	// Origins are the web origins whose pages may call; nil means any, as on the real service: nothing here rests on
	// cookies.
	Origins []string
	Logger  *slog.Logger
}

type server struct {
	cfg    Config
	sts    http.Handler
	routes map[string][]*route // by method and first segment
}

// New makes the handler. It routes on the escaped path, so that an ARN stays one segment.
func New(cfg Config) http.Handler {
	s := &server{cfg: cfg, sts: newSTS(cfg.Authority, cfg.Limiter), routes: map[string][]*route{}}
	for _, op := range operations() {
		r := newRoute(op)
		key := op.method + " " + r.segments[0]
		s.routes[key] = append(s.routes[key], r)
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.allowOrigin(w, r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	path := r.URL.EscapedPath()
	if path == "/" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.sts.ServeHTTP(w, r)
		return
	}
	w.Header().Set("x-amzn-RequestId", id.NewUUID())
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		translate(fault.New(fault.Invalid, "query", "The query of the request cannot be read."), 0).write(w)
		return
	}
	op, params := s.find(r.Method, path, query)
	if op == nil {
		exception{http.StatusNotFound, "UnknownOperationException", "UnknownOperation", "The operation does not exist."}.write(w)
		return
	}
	out, err := s.answer(r, op, wire{path: params, query: query})
	if err != nil {
		s.refuse(w, r, op, err)
		return
	}
	if op.status == http.StatusNoContent {
		w.WriteHeader(op.status)
		return
	}
	writeJSON(w, op.status, out)
}

// refuse is the edge that logs: once, and only what is our fault.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, op *operation, err error) {
	e := translate(err, op.models)
	if e.status == http.StatusInternalServerError && r.Context().Err() == nil {
		s.cfg.Logger.ErrorContext(r.Context(), "request failed", "operation", op.name, "error", err)
	}
	e.write(w)
}

// call is one authenticated request.
type call struct {
	bearer arn.ARN // "" for developer operations
	host   string  // as the client called us
}

// answer takes a request through every check and runs it.
func (s *server) answer(r *http.Request, op *operation, in wire) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "size", "The request body is larger than %d bytes or was cut off.", MaxBody)
	}
	who, err := s.authenticate(r, body)
	if err != nil {
		return nil, err
	}
	if op.do == nil {
		return nil, fault.New(fault.Invalid, "unavailable", "%s is not available in this engine yet.", op.name)
	}
	if in.body, err = parseBody(body); err != nil {
		return nil, err
	}
	input := op.do.input()
	if err := in.decode(input); err != nil {
		return nil, err
	}
	c := call{host: r.Host}
	if op.bearer == bearer {
		c.bearer = arn.ARN(r.Header.Get("x-amz-chime-bearer"))
	}
	if err := authorize(who, op, input, c); err != nil {
		return nil, err
	}
	if err := s.cfg.Limiter.Take(time.Now(), op.name, about(who, input, c)); err != nil {
		return nil, err
	}
	return op.do.run(r.Context(), s, c, input)
}

func (s *server) authenticate(r *http.Request, body []byte) (*iam.Principal, error) {
	now := time.Now()
	var who *iam.Principal
	_, _, err := sigv4.VerifyHeader(r, body, "chime", func(key, token string) (secret string, err error) {
		secret, who, err = s.cfg.Authority.Lookup(key, token, now)
		return secret, err
	}, now)
	return who, err
}

// codeDenied marks what IAM refuses; it has an exception of its own.
const codeDenied = "access_denied"

// authorize asks IAM for each resource of the operation. A credential is bound to its user here: it is allowed on that
// user's ARN alone, so any other bearer is refused.
func authorize(who *iam.Principal, op *operation, input any, c call) error {
	if op.bearer == bearer && !c.bearer.Is(arn.KindUser) {
		return fault.New(fault.Unauthorized, "bearer", "An invalid app instance user ARN was supplied for the x-amz-chime-bearer HTTP header.")
	}
	action := "chime:" + op.name
	for _, template := range strings.Fields(op.on) {
		resource := expand(template, input, string(c.bearer))
		if !who.Allows(action, resource) {
			return fault.New(fault.Denied, codeDenied,
				"User: %s is not authorized to perform: %s on resource: %s because no policy allows the %s action",
				who.ARN, action, resource, action)
		}
	}
	return nil
}

// handler runs one operation on its decoded input.
type handler struct {
	input func() any
	run   func(context.Context, *server, call, any) (any, error)
}

// does makes a handler of a method that takes the input structure I.
func does[I any](f func(*server, context.Context, call, *I) (any, error)) *handler {
	return &handler{
		input: func() any { return new(I) },
		run: func(ctx context.Context, s *server, c call, in any) (any, error) {
			input, ok := in.(*I)
			if !ok {
				return nil, errors.New("input of another operation")
			}
			return f(s, ctx, c, input)
		},
	}
}

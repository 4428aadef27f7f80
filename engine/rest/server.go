// Package rest is the machinery of Amazon's REST protocol: it finds the operation in a table, checks each request in the
// same order – size → signature → input → IAM for every resource → limits – runs it, and writes answers and exceptions in Amazon's
// form. What the operations are and do is engine/api's; who may do what to whom is decided further down (engine/role).
package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// MaxBody holds the largest legal request, a batch of 100 ARNs of 1600 bytes, with room for JSON.
const MaxBody = 192 << 10

// Config is what the dispatcher stands on.
type Config struct {
	Operations []Operation
	Authority  *iam.Authority
	Limiter    *quota.Limiter // nil counts nothing
	STS        http.Handler   // answers forms posted to "/"
	// Tags finds the tags of a resource when a policy asks for them; a resource that is not there has none. nil: nobody knows.
	Tags func(context.Context, arn.ARN) ([]Tag, error)
	// Origins are the web origins whose pages may call; nil means any, as on the real service: nothing here rests on
	// cookies.
	Origins []string
	Logger  *slog.Logger
}

// Server is the dispatcher.
type Server struct {
	cfg    Config
	routes map[string][]*route // by method and first segment
}

// New makes a Server. It routes on the escaped path, so that an ARN stays one segment.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, routes: map[string][]*route{}}
	for _, op := range cfg.Operations {
		r := newRoute(op)
		key := op.Method + " " + r.segments[0]
		s.routes[key] = append(s.routes[key], r)
	}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.allowOrigin(w, r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	path := r.URL.EscapedPath()
	if path == "/" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.cfg.STS.ServeHTTP(w, r)
		return
	}
	w.Header().Set("x-amzn-RequestId", id.NewUUID())
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		translate(fault.New(fault.Invalid, "query", "The query of the request cannot be read."), 0).write(w)
		return
	}
	route, params := s.find(r.Method, path, query)
	if route == nil {
		exception{http.StatusNotFound, "UnknownOperationException", "UnknownOperation", "The operation does not exist."}.write(w)
		return
	}
	op := &route.op
	out, err := s.answer(r, route, params, query)
	if err != nil {
		s.refuse(w, r, op, err)
		return
	}
	if op.Status == http.StatusNoContent {
		w.WriteHeader(op.Status)
		return
	}
	writeJSON(w, op.Status, out)
}

// refuse is the edge that logs: once, and only what is our fault.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, op *Operation, err error) {
	e := translate(err, op.Models)
	if e.status == http.StatusInternalServerError && r.Context().Err() == nil {
		s.cfg.Logger.ErrorContext(r.Context(), "request failed", "operation", op.Name, "error", err)
	}
	e.write(w)
}

// answer takes a request through every check and runs it.
func (s *Server) answer(r *http.Request, route *route, path map[string]string, query url.Values) (any, error) {
	op := &route.op
	var body []byte
	var err error
	if r.Body != http.NoBody {
		if body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody)); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "size", "The request body is larger than %d bytes or was cut off.", MaxBody)
		}
	}
	who, err := s.authenticate(r, body)
	if err != nil {
		return nil, err
	}
	input, err := op.Do.Decode(path, query, body)
	if err != nil {
		return nil, err
	}
	c := Call{Host: r.Host}
	if op.Bearer == OnBehalf {
		c.Bearer = arn.ARN(r.Header.Get("x-amz-chime-bearer"))
	}
	if err := s.authorize(r.Context(), who, route, input, c); err != nil {
		return nil, err
	}
	if err := s.cfg.Limiter.Take(time.Now(), op.Name, about(who, op.Do.plan, input, c)); err != nil {
		return nil, err
	}
	return op.Do.run(r.Context(), c, input)
}

func (s *Server) authenticate(r *http.Request, body []byte) (*iam.Principal, error) {
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
func (s *Server) authorize(ctx context.Context, who *iam.Principal, route *route, input any, c Call) error {
	op := &route.op
	if op.Bearer == OnBehalf && !c.Bearer.Is(arn.KindUser) && !c.Bearer.Is(arn.KindBot) {
		return fault.New(fault.Unauthorized, "bearer", "An invalid app instance user ARN was supplied for the x-amz-chime-bearer HTTP header.")
	}
	call := iam.Call{RequestTags: map[string]string{}}
	if t, ok := input.(Tagger); ok {
		t.TagsTo(&call)
	}
	actions := []string{op.Name}
	if n, ok := input.(Needy); ok {
		actions = append(actions, n.Needs()...)
	}
	for _, name := range actions {
		call.Action = "chime:" + name
		for _, on := range route.on {
			resource := on.expand(op.Do.plan, input, string(c.Bearer))
			call.Resource = resource
			call.ResourceTags = func() (map[string]string, bool) { return s.tagsOf(ctx, arn.ARN(resource)) }
			if !who.May(call) {
				return fault.New(fault.Denied, codeDenied,
					"User: %s is not authorized to perform: %s on resource: %s because no policy allows the %s action",
					who.ARN, call.Action, resource, call.Action)
			}
		}
	}
	return nil
}

// Tag is a key and a value.
type Tag struct{ Key, Value string }

// Tagger is an input with tags. It tells IAM of them.
type Tagger interface{ TagsTo(*iam.Call) }

func (s *Server) tagsOf(ctx context.Context, resource arn.ARN) (map[string]string, bool) {
	if s.cfg.Tags == nil {
		return nil, false
	}
	all, err := s.cfg.Tags(ctx, resource)
	tags := make(map[string]string, len(all))
	for _, t := range all {
		tags[t.Key] = t.Value
	}
	return tags, err == nil
}

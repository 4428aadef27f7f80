package web

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Problem is every error answer of the JSON API (RFC 9457, application/problem+json). Code is stable and meant for
// programs, Detail is one sentence for a person. Inner errors never get here.
type Problem struct {
	Type         string `json:"type" doc:"Always about:blank; the code says what happened."`
	Title        string `json:"title"`
	Status       int    `json:"status"`
	Detail       string `json:"detail" doc:"One sentence for a person."`
	Code         string `json:"code" doc:"Stable word for programs."`
	Field        string `json:"field,omitempty" doc:"The input field at fault."`
	RetryAfterMs int64  `json:"retryAfterMs,omitempty" doc:"When a repeat makes sense, in milliseconds."`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status (huma.StatusError).
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json (huma.ContentTypeFilter).
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After in whole seconds where a repeat makes sense (huma.HeadersError).
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfterMs > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(float64(p.RetryAfterMs)/1000)), 10))
	}
	return h
}

// statusOf maps a fault's kind to HTTP. The one place where it happens.
var statusOf = map[fault.Kind]int{
	fault.Internal:     http.StatusInternalServerError,
	fault.Invalid:      http.StatusUnprocessableEntity,
	fault.Denied:       http.StatusForbidden,
	fault.NotFound:     http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.Throttled:    http.StatusTooManyRequests,
	fault.Unavailable:  http.StatusServiceUnavailable,
	fault.Unauthorized: http.StatusUnauthorized,
}

// problemOf turns any error into what the outside may see, and logs once what it may not.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	f := fault.As(err)
	code := f.Code
	if code == "" {
		code = strings.ReplaceAll(f.Kind.String(), " ", "_")
	}
	status := statusOf[f.Kind]
	level := slog.LevelDebug // a person's mistake, or a browser that went away
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		level = slog.LevelError
	}
	who := callOf(ctx)
	log.Log(ctx, level, "request failed", "method", who.method, "path", who.path, "status", status, "code", code, "err", err)
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: f.Public,
		Code: code, Field: f.Field, RetryAfterMs: int64(f.RetryAfter / time.Millisecond),
	}
}

// useProblems makes huma's own refusals (malformed JSON, failed validation) look like ours. huma keeps the constructor
// of errors in a package variable; it is set once for the process.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: msg, Code: "invalid_request"}
		for _, e := range errs {
			var d huma.ErrorDetailer
			if e != nil && errors.As(e, &d) {
				detail := d.ErrorDetail()
				p.Field = fieldAt(detail.Location)
				p.Detail = strings.TrimSpace(p.Field + " " + detail.Message)
				break
			}
		}
		return p
	}
})

// fieldAt is the name of an input as our own faults name it: without the part of the request it stood in.
func fieldAt(location string) string {
	for _, part := range []string{"body", "query", "path"} {
		if name, ok := strings.CutPrefix(location, part+"."); ok {
			return name
		}
		if location == part {
			return ""
		}
	}
	return location
}

// write answers a plain (non-huma) request with a problem.
func (p *Problem) write(w http.ResponseWriter) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p)
}

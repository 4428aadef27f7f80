package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is an operation with its path taken apart.
type route struct {
	op         Operation
	segments   []string // "{name}" takes any
	key, value string   // the query that selects it, "" for none
	on         []template
}

func newRoute(op Operation) *route {
	key, value, _ := strings.Cut(op.Query, "=")
	r := &route{op: op, segments: strings.Split(op.Path[1:], "/"), key: key, value: value}
	for _, each := range strings.Fields(op.On) {
		r.on = append(r.on, newTemplate(each))
	}
	return r
}

// selected reports whether the query chooses r among those on its path.
func (r *route) selected(query url.Values) bool {
	if r.key == "" {
		return !query.Has("operation") && !query.Has("scope")
	}
	return query.Get(r.key) == r.value
}

// match returns the path parameters, decoded; ok is false for another path.
func (r *route) match(segments []string) (params map[string]string, ok bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	for i, want := range r.segments {
		if want[0] != '{' && segments[i] != want {
			return nil, false
		}
	}
	params = map[string]string{}
	for i, want := range r.segments {
		name, isParam := strings.CutPrefix(want, "{")
		if !isParam {
			continue
		}
		v, err := url.PathUnescape(segments[i])
		if err != nil || v == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = v
	}
	return params, true
}

// Find picks the operation, and returns the parameters of its path.
func (s *Server) Find(method, escaped string, query url.Values) (*Operation, map[string]string) {
	r, params := s.find(method, escaped, query)
	if r == nil {
		return nil, nil
	}
	return &r.op, params
}

// find picks the operation. "operation" and "scope" in the query choose among operations on one path; one that chooses
// nothing known is not taken for the plain operation.
func (s *Server) find(method, escaped string, query url.Values) (*route, map[string]string) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for _, r := range s.routes[method+" "+segments[0]] {
		if !r.selected(query) {
			continue
		}
		if params, ok := r.match(segments); ok {
			return r, params
		}
	}
	return nil, nil
}

// What browsers may send and read across origins; the SDKs need each of them.
const (
	corsHeaders = "authorization, content-type, x-amz-chime-bearer, x-amz-content-sha256, x-amz-date, x-amz-security-token, " +
		"x-amz-user-agent, x-amzn-version, amz-sdk-invocation-id, amz-sdk-request"
	corsExpose = "x-amzn-errortype, x-amzn-requestid"
	corsMaxAge = "7200" // seconds; the longest that Chromium keeps a preflight
)

// allowOrigin lets pages of other origins call, unless the configuration names those that may.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin == "" || s.cfg.Origins != nil && !slices.Contains(s.cfg.Origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsExpose)
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
}

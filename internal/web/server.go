// Package web is the platform's public edge: one routing table, the JSON API under /api/v1 with its OpenAPI document,
// the live socket, and the shells of the pages. It decides who may use a route, turns faults into problem+json, and
// holds no rule of any feature.
package web

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/guard"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/moderate"
	"github.com/stagedoor/stagedoor/internal/nick"
	"github.com/stagedoor/stagedoor/internal/organizer"
	"github.com/stagedoor/stagedoor/internal/pass"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/react"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

// Config is what the edge needs. All rooms are required.
type Config struct {
	Events     *event.Store
	Gate       *gate.Gate
	Limiter    *gate.Limiter
	Guard      *guard.Guard
	Nicknames  *nick.Book
	Reactions  *react.Counter
	Pass       *pass.Office
	Desk       *moderate.Desk
	Archive    *archive.Keeper
	Organizers *organizer.Store
	Provision  *provision.Provisioner
	Readiness  *readiness.Board
	Inventory  *inventory.Catalog
	Bus        *bus.Bus
	Log        *slog.Logger

	UI         fs.FS        // the built pages
	TestStream http.Handler // endless HLS stream for rehearsals
	Chat       http.Handler // the embedded engine, mounted at /chime/ and /connect; nil when the chat is elsewhere
	ChatOrigin string       // origin of a chat elsewhere, for the content security policy, e.g. https://messaging-chime.us-east-1.amazonaws.com

	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Secure         bool           // pages are reached over https: cookies are Secure and browsers are told to stay there
}

// Server serves the platform. Make one with New.
type Server struct {
	Config
	handler http.Handler
	hub     *hub
	now     func() time.Time
}

// New builds the edge. Run must be running for reactions and live updates to flow.
func New(c Config) *Server {
	useProblems()
	s := &Server{Config: c, now: time.Now}
	s.hub = newHub(s)
	mux := http.NewServeMux()
	s.mount(mux, humago.New(mux, apiConfig()))
	if c.Chat != nil {
		// The chat has its own authentication (SigV4) and is called from other origins by SDKs: no cookies, no CSRF check.
		mux.Handle("/chime/", http.StripPrefix("/chime", c.Chat))
		mux.Handle("/connect", c.Chat)
	}
	s.handler = s.headers(protectCookies(s.known(mux)))
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run drives the live socket until ctx ends.
func (s *Server) Run(ctx context.Context) error { return s.hub.run(ctx) }

// protectCookies refuses cross-site requests that change something (http.CrossOriginProtection reads Sec-Fetch-Site and
// Origin). The chat's paths are exempt: they know no cookies.
func protectCookies(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.AddInsecureBypassPattern("/chime/")
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		(&Problem{Type: "about:blank", Title: "Forbidden", Status: http.StatusForbidden, Code: "cross_site",
			Detail: "This request came from another site."}).write(w)
	}))
	return csrf.Handler(next)
}

// known answers paths and methods that are in no row of the table in the form of the place: a problem for the API, the
// house's own page elsewhere.
func (s *Server) known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if err := addressIsText(r, pattern); err != nil && !strings.HasPrefix(r.URL.Path, "/chime/") { // the chat answers in its own form
			(&Problem{Type: "about:blank", Title: http.StatusText(http.StatusBadRequest), Status: http.StatusBadRequest,
				Code: "bad_address", Detail: "This address contains characters that no name has.", Field: fault.As(err).Field}).write(w)
			return
		}
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		told := &statusOnly{header: http.Header{}}
		refuse.ServeHTTP(told, r) // the mux knows which methods there are, and paths that are only written untidily
		switch {
		case told.status < http.StatusBadRequest:
			refuse.ServeHTTP(w, r)
		case told.status == http.StatusNotFound && !strings.HasPrefix(r.URL.Path, "/api/"):
			s.lost(w, r)
		default:
			if allow := told.header.Get("Allow"); allow != "" {
				w.Header().Set("Allow", allow)
			}
			(&Problem{Type: "about:blank", Title: http.StatusText(told.status), Status: told.status,
				Code: "no_such_route", Detail: "There is nothing at this address."}).write(w)
		}
	})
}

// statusOnly takes a handler's status and header, not its text.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

func writeJSON(w http.ResponseWriter, v any) error { return json.NewEncoder(w).Encode(v) }

func (s *Server) health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
}

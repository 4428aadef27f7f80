package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/gate"
)

// access says who may use a route. The checker in access.go is the only code that decides.
type access int

const (
	public        access = iota // everybody
	ofEvent                     // everybody; {slug} must name an event
	admitted                    // a device that has shown a code of the event; it may have lost its seat
	seated                      // the device that holds the ticket's seat now
	moderator                   // seated, with a moderator's ticket
	organizerOnly               // signed in to the console
)

// route is one row of the routing table: either a JSON operation of the API or a plain handler (pages, files, sockets).
type route struct {
	method, path string
	access       access
	summary      string
	maxBody      int64                                            // bytes; 0 = 64 KiB
	bodyTime     time.Duration                                    // for reading the body; 0 = 5 s
	operation    func(s *Server, api huma.API, op huma.Operation) // JSON
	plain        func(s *Server) http.Handler                     // everything else
}

// table is every route of the platform. Nothing is served that is not in it.
func table() []route {
	return []route{
		{method: "GET", path: "/{$}", access: public, summary: "Home page", plain: page("home.html")},
		{method: "GET", path: "/e/{slug}", access: ofEvent, summary: "Event page", plain: page("event.html")},
		{method: "GET", path: "/e/{slug}/moderate", access: ofEvent, summary: "Moderator page", plain: page("moderate.html")},
		{method: "GET", path: "/console", access: public, summary: "Organizer's console", plain: page("console.html")},
		{method: "GET", path: "/assets/", access: public, summary: "Scripts and styles", plain: (*Server).assets},
		{method: "GET", path: "/test-stream/", access: public, summary: "Endless test stream", plain: (*Server).testStream},
		{method: "GET", path: "/healthz", access: public, summary: "Liveness", plain: (*Server).health},

		op("GET", "/api/v1/events/{slug}", ofEvent, "The event as everybody may see it", (*Server).getEvent),
		op("POST", "/api/v1/events/{slug}/redeem", ofEvent, "Show a ticket code and take its seat", (*Server).redeem),
		op("GET", "/api/v1/events/{slug}/me", admitted, "Who this device is at the event", (*Server).getMe),
		op("POST", "/api/v1/events/{slug}/seat", admitted, "Take the seat back on this device", (*Server).takeSeat),
		op("POST", "/api/v1/events/{slug}/leave", admitted, "Forget this device", (*Server).leave),
		op("PUT", "/api/v1/events/{slug}/nickname", seated, "Pick a nickname", (*Server).pickNickname),
		op("POST", "/api/v1/events/{slug}/chat/pass", seated, "Credentials for the chat, or why not yet", (*Server).chatPass),
		{method: "GET", path: "/api/v1/events/{slug}/live", access: seated, summary: "Live socket", plain: (*Server).live},

		op("GET", "/api/v1/events/{slug}/moderation", moderator, "Acts and bans", (*Server).listModeration),
		op("POST", "/api/v1/events/{slug}/moderation/redactions", moderator, "Remove a line", (*Server).redact),
		op("POST", "/api/v1/events/{slug}/moderation/bans", moderator, "Ban a fan and hide everything", (*Server).ban),
		op("DELETE", "/api/v1/events/{slug}/moderation/bans/{userId}", moderator, "Undo a ban", (*Server).unban),

		op("POST", "/api/v1/sign-in", public, "Use a one-time sign-in link", (*Server).signIn),
		op("POST", "/api/v1/sign-out", organizerOnly, "End the console session", (*Server).signOut),
		op("GET", "/api/v1/console", organizerOnly, "Shows and provisioning", (*Server).console),
		op("GET", "/api/v1/console/provisioning", organizerOnly, "What is made, what is left, when it is ready, and alarms", (*Server).provisioning),
		op("GET", "/api/v1/console/provisioning/plan", organizerOnly, "How long tickets would take, and import by when", (*Server).planProvisioning),
		op("POST", "/api/v1/console/provisioning/pause", organizerOnly, "Stop calls to the chat provider", (*Server).pauseProvisioning),
		op("POST", "/api/v1/console/provisioning/resume", organizerOnly, "Undo pause", (*Server).resumeProvisioning),
		op("POST", "/api/v1/console/events", organizerOnly, "Create a show", (*Server).createEvent),
		op("GET", "/api/v1/console/events/{id}", organizerOnly, "One show", (*Server).getAdminEvent),
		op("PUT", "/api/v1/console/events/{id}", organizerOnly, "Change a show", (*Server).updateEvent),
		withFile(gate.MaxFile, time.Minute, op("POST", "/api/v1/console/events/{id}/tickets", organizerOnly, "Import a ticket file", (*Server).importTickets)),
		op("POST", "/api/v1/console/events/{id}/staff-codes", organizerOnly, "Issue a moderator's or artist's code", (*Server).issueCode),
		op("POST", "/api/v1/console/events/{id}/start", organizerOnly, "Go live now", lifeOf((*event.Store).Start)),
		op("POST", "/api/v1/console/events/{id}/end", organizerOnly, "End the show", lifeOf((*event.Store).End)),
		op("POST", "/api/v1/console/events/{id}/reopen", organizerOnly, "Undo the end until the archive is made", lifeOf((*event.Store).Reopen)),
		op("POST", "/api/v1/console/events/{id}/cancel", organizerOnly, "Call off a show that has not begun", lifeOf((*event.Store).Cancel)),
		op("POST", "/api/v1/console/events/{id}/uncancel", organizerOnly, "Undo a cancellation", lifeOf((*event.Store).Uncancel)),
		{method: "GET", path: "/api/v1/console/events/{id}/archive", access: organizerOnly, summary: "Download the exported history", plain: (*Server).downloadArchive},

		op("GET", "/api/v1/console/resources", organizerOnly, "Everything at the chat provider, fifty at a time; search", (*Server).listResources),
		op("GET", "/api/v1/console/resources/counts", organizerOnly, "Everything at the chat provider in numbers", (*Server).countResources),
		op("GET", "/api/v1/console/strangers", organizerOnly, "What the provider has in our account that is not ours", (*Server).listStrangers),
		op("POST", "/api/v1/console/provisioning/sweep", organizerOnly, "Compare the ledger with the provider now", (*Server).sweepNow),
		op("GET", "/api/v1/console/resources/{event}/{kind}/{subject}", organizerOnly, "One resource with its history", (*Server).getResource),
		op("POST", "/api/v1/console/resources/{event}/{kind}/{subject}/retry", organizerOnly, "Try one that failed again now", (*Server).retryResource),
		op("POST", "/api/v1/console/provisioning/retry", organizerOnly, "Try everything that failed again now, of one show or of all", (*Server).retryAll),
	}
}

// op makes a JSON operation from a method of Server. Its error becomes a Problem at this one edge.
func op[I, O any](method, path string, who access, summary string, f func(*Server, context.Context, *I) (*O, error)) route {
	return route{method: method, path: path, access: who, summary: summary,
		operation: func(s *Server, api huma.API, o huma.Operation) {
			huma.Register(api, o, func(ctx context.Context, in *I) (*O, error) {
				if err := checkText(in); err != nil {
					return nil, problemOf(ctx, s.Log, err)
				}
				out, err := f(s, ctx, in)
				if err != nil {
					return nil, problemOf(ctx, s.Log, err)
				}
				return out, nil
			})
		}}
}

// withFile allows a large body over a slow line.
func withFile(limit int64, within time.Duration, r route) route {
	r.maxBody, r.bodyTime = limit, within
	return r
}

// mount puts the table on a mux. JSON operations go through huma, which also writes the OpenAPI document.
func (s *Server) mount(mux *http.ServeMux, api huma.API) {
	for _, r := range table() {
		if r.plain != nil {
			mux.Handle(r.method+" "+r.path, s.checked(r.access, r.plain(s)))
			continue
		}
		if r.maxBody == 0 {
			r.maxBody = 64 << 10
		}
		r.operation(s, api, huma.Operation{
			Method: r.method, Path: r.path, Summary: r.summary, OperationID: operationID(r.method, r.path),
			MaxBodyBytes: r.maxBody, BodyReadTimeout: r.bodyTime, Tags: []string{tagOf(r.access)}, Middlewares: huma.Middlewares{s.check(api, r.access)},
		})
	}
	allowNull(api.OpenAPI().Components.Schemas)
}

// operationID derives a stable name such as "post-events-slug-redeem".
func operationID(method, path string) string {
	words := strings.FieldsFunc(strings.TrimPrefix(path, "/api/v1"), func(c rune) bool { return strings.ContainsRune("/{}", c) })
	return strings.ToLower(method) + "-" + strings.Join(words, "-")
}

func tagOf(a access) string {
	return [...]string{"event", "event", "event", "event", "moderator", "console"}[a]
}

package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/guard"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/organizer"
)

// visitor is what the checker found out about a request; handlers read it and never look at cookies themselves.
type visitor struct {
	event     event.Event         // from ofEvent up
	token     string              // the device's cookie from admitted up, the session's for organizers
	device    guard.Session       // from admitted up
	ticket    gate.Ticket         // from admitted up
	organizer organizer.Organizer // organizer only
}

type visitorKey struct{}

func visitorOf(ctx context.Context) *visitor {
	v, _ := ctx.Value(visitorKey{}).(*visitor)
	return v
}

// identify is the one place where it is decided whether a request may use a route.
func (s *Server) identify(r *http.Request, need access, slug string) (*visitor, error) {
	v := &visitor{}
	if need == public {
		return v, nil
	}
	if need == organizerOnly {
		return v, s.identifyOrganizer(r, v)
	}
	var err error
	if v.event, err = s.Events.BySlug(r.Context(), slug); err != nil || need == ofEvent {
		return v, err
	}
	if err := s.identifyDevice(r, v); err != nil {
		return nil, err
	}
	if need >= seated && !v.device.Held {
		return nil, fault.New(fault.Conflict, "seat_lost", "This ticket is in use on another device.")
	}
	if need == moderator && v.ticket.Role != id.Moderator {
		return nil, fault.New(fault.Denied, "moderators_only", "Only moderators of this show may do that.")
	}
	return v, nil
}

// identifyDevice reads the device cookie of v.event.
func (s *Server) identifyDevice(r *http.Request, v *visitor) error {
	notAdmitted := fault.New(fault.Unauthorized, "not_admitted", "Enter your ticket code first.")
	c, err := r.Cookie(deviceCookie(v.event.ID))
	if err != nil {
		return notAdmitted
	}
	v.token = c.Value
	if v.device, err = s.Guard.Holds(r.Context(), v.token); err != nil {
		return err
	}
	if v.device.Event != v.event.ID {
		return notAdmitted
	}
	if v.ticket, err = s.Gate.Ticket(r.Context(), v.device.Ticket); err != nil {
		return err
	}
	if !v.ticket.Valid {
		return fault.New(fault.Unauthorized, "ticket_revoked", "This ticket was cancelled or refunded.")
	}
	return nil
}

// FromOperator reports whether a request claims to come from the console or asks whether the house is alive. It decides
// who is heard when connections are short, and about nothing else.
func FromOperator(r *http.Request) bool {
	_, err := r.Cookie(consoleCookie)
	return err == nil || r.URL.Path == "/healthz"
}

func (s *Server) identifyOrganizer(r *http.Request, v *visitor) error {
	c, err := r.Cookie(consoleCookie)
	if err != nil {
		return fault.New(fault.Unauthorized, "not_signed_in", "Open a sign-in link first.")
	}
	v.token = c.Value
	v.organizer, err = s.Organizers.Session(r.Context(), c.Value, s.now())
	return err
}

// check is identify for JSON operations.
func (s *Server) check(api huma.API, need access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		v, err := s.identify(r, need, r.PathValue("slug"))
		if err != nil {
			problemOf(r.Context(), s.Log, err).write(w)
			return
		}
		next(huma.WithValue(ctx, visitorKey{}, v))
	}
}

// checked is identify for plain handlers.
func (s *Server) checked(need access, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.identify(r, need, r.PathValue("slug"))
		if fault.Is(err, fault.NotFound) && strings.HasPrefix(r.URL.Path, "/e/") {
			s.lost(w, r)
			return
		}
		if err != nil {
			problemOf(r.Context(), s.Log, err).write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/wsconn"
)

// frame is what goes over the live socket. T says which of the other members are meant; docs/wire.md lists them.
type frame struct {
	T       string         `json:"t"`
	Event   *EventView     `json:"event,omitempty"`
	Me      *Me            `json:"me,omitempty"`
	Viewers *int           `json:"viewers,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Counts  map[string]int `json:"counts,omitempty"`
	Now     int64          `json:"now,omitempty"`
}

// maxFrame bounds what a browser may say on the live socket: one emoji in a little JSON.
const maxFrame = 256

// live upgrades to the live socket of the seat's holder. Only pages of this very origin may connect: browsers send
// cookies along with cross-site WebSocket requests.
func (s *Server) live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitorOf(r.Context())
		conn, err := wsconn.Accept(w, r, wsconn.Options{ReadLimit: maxFrame})
		if err != nil {
			return // answered by Accept
		}
		viewer := &viewer{conn: conn, event: v.event.ID, ticket: v.ticket.ID, role: v.ticket.Role, token: v.token, epoch: v.device.Epoch}
		viewers := s.hub.join(viewer)
		defer s.hub.leave(viewer)
		if err := s.hub.greet(r.Context(), viewer, viewers); err != nil {
			s.Log.WarnContext(r.Context(), "a viewer could not be greeted", "event", v.event.ID, "err", err)
			conn.Close(wsconn.GoingAway, "please come back")
		}
		ctx, done := s.hub.context(r.Context())
		defer done()
		if err := conn.Run(ctx, func(_ context.Context, message []byte) { s.heard(viewer, message) }); err != nil {
			s.Log.DebugContext(ctx, "live socket ended", "err", err)
		}
	})
}

// heard handles what a browser says. Unknown messages are ignored, so that newer pages may talk to older servers; so is
// everything of a person whom a moderator has removed.
func (s *Server) heard(v *viewer, message []byte) {
	var in struct {
		T     string `json:"t"`
		Emoji string `json:"emoji"`
	}
	if banned, _ := v.knows(); banned {
		return
	}
	if json.Unmarshal(message, &in) == nil && in.T == "react" {
		s.Reactions.Add(v.event, v.ticket, in.Emoji, s.now())
	}
}

package web

import (
	"context"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/id"
)

// EventView is what everybody may know about a show.
type EventView struct {
	Slug        string    `json:"slug"`
	Name        string    `json:"name"`
	Artist      string    `json:"artist"`
	Description string    `json:"description"`
	StartsAt    time.Time `json:"startsAt"`
	DoorsAt     time.Time `json:"doorsAt"`
	TimeZone    string    `json:"timeZone" doc:"IANA name of the show's time zone."`
	Chat        bool      `json:"chat"`
	State       string    `json:"state" enum:"scheduled,open,live,ended,archived,purged,cancelled"`
	ServerTime  time.Time `json:"serverTime" doc:"For countdowns: browsers' clocks are not trusted."`
}

func viewOf(e event.Event, now time.Time) EventView {
	return EventView{
		Slug: e.Slug, Name: e.Name, Artist: e.Artist, Description: e.Description,
		StartsAt: e.StartsAt.UTC(), DoorsAt: e.DoorsAt.UTC(), TimeZone: e.TimeZone,
		Chat: e.Chat, State: string(e.State), ServerTime: now.UTC(),
	}
}

// Banned says why somebody was banned.
type Banned struct {
	Reason string `json:"reason"`
}

// Me is who a device is at an event.
type Me struct {
	Role        string   `json:"role" enum:"fan,artist,moderator"`
	Nickname    *string  `json:"nickname" doc:"null until one is picked."`
	Seat        string   `json:"seat" enum:"held,lost"`
	Banned      *Banned  `json:"banned"`
	StreamURL   *string  `json:"streamUrl" doc:"null before doors (for fans), after the end, and while the show is cancelled."`
	Suggestions []string `json:"suggestions" nullable:"false" doc:"Free nicknames, while none is picked."`
}

// meOf gathers what the rooms know about an admitted visitor.
func (s *Server) meOf(ctx context.Context, v *visitor) (*Me, error) {
	me := &Me{Role: string(v.ticket.Role), Seat: "lost", Suggestions: []string{}}
	name, err := s.Nicknames.Of(ctx, v.ticket.ID)
	if err != nil {
		return nil, err
	}
	if name != "" {
		me.Nickname = &name
	}
	reason, banned, err := s.Desk.Banned(ctx, v.ticket.ID)
	if err != nil {
		return nil, err
	}
	if banned {
		me.Banned = &Banned{Reason: reason}
	}
	if !v.device.Held {
		return me, nil // the other device has the hall
	}
	me.Seat = "held"
	me.StreamURL = streamFor(v.event, v.ticket.Role)
	if name == "" && !banned {
		if me.Suggestions, err = s.Nicknames.Suggest(ctx, v.event.ID, 3); err != nil {
			return nil, err
		}
	}
	return me, nil
}

// streamFor says who sees the stream when: staff from the start for the sound check, fans from doors to the end.
func streamFor(e event.Event, role id.Role) *string {
	if e.StreamURL == "" {
		return nil
	}
	switch e.State {
	case event.Open, event.Live:
		return &e.StreamURL
	case event.Scheduled:
		if role != id.Fan {
			return &e.StreamURL
		}
	case event.Ended, event.Archived, event.Purged, event.Cancelled:
	}
	return nil
}

type eventAnswer struct{ Body EventView }

// SlugPath names a show by the last part of its page's address; the checker has looked it up already.
type SlugPath struct {
	Slug string `path:"slug" maxLength:"64"`
}

func (s *Server) getEvent(ctx context.Context, _ *SlugPath) (*eventAnswer, error) {
	return &eventAnswer{viewOf(visitorOf(ctx).event, s.now())}, nil
}

// deviceCookie names the cookie that makes a browser the device of a ticket at one event. It is the event's identifier,
// not its slug, that names it: a slug may change.
func deviceCookie(e id.Event) string { return "stagedoor_" + string(e) }

// consoleCookie names the organizer's session cookie.
const consoleCookie = "stagedoor_console"

// cookie makes a cookie that scripts cannot read and other sites cannot send. An empty value forgets it.
func (s *Server) cookie(name, value string, life time.Duration) http.Cookie {
	//nolint:gosec // Secure follows the public URL: a phone on the LAN has no https
	c := http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.Secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

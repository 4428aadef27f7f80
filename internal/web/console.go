package web

import (
	"bytes"
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

// EventAdmin is a show as its organizer sees it.
type EventAdmin struct {
	EventView
	ID          string            `json:"id"`
	StreamURL   string            `json:"streamUrl"`
	LandingPage string            `json:"landingPage" doc:"Path on this server."`
	EndedAt     *time.Time        `json:"endedAt" doc:"When it was ended or cancelled last."`
	Tickets     TicketCounts      `json:"tickets"`
	ChatState   *readiness.Event  `json:"chatState" doc:"null while nothing is wanted at the chat provider."`
	Archive     *ArchiveView      `json:"archive" doc:"null while the history is not exported; of the last end or cancellation."`
	Deletion    *archive.Deletion `json:"deletion" doc:"null while not everything at the chat provider is deleted."`
}

// TicketCounts counts valid tickets by role, revoked ones, and tickets whose holder has entered.
type TicketCounts struct {
	Fan       int `json:"fan"`
	Artist    int `json:"artist"`
	Moderator int `json:"moderator"`
	Revoked   int `json:"revoked"`
	Entered   int `json:"entered"`
}

// EventInput is the form of a show. Times are local to TimeZone.
type EventInput struct {
	Name        string `json:"name"`
	Artist      string `json:"artist"`
	Description string `json:"description"`
	TimeZone    string `json:"timeZone" doc:"IANA name, e.g. Europe/Berlin."`
	StartsAt    string `json:"startsAt" doc:"2026-11-22T20:00, local to timeZone."`
	DoorsAt     string `json:"doorsAt" doc:"Same form as startsAt."`
	StreamURL   string `json:"streamUrl" doc:"https or http, or a path on this server."`
	Chat        bool   `json:"chat"`
	Slug        string `json:"slug,omitempty" doc:"Last part of the page's address; made from the name when empty."`
}

func (s *Server) adminView(ctx context.Context, e event.Event, status readiness.Status) (EventAdmin, error) {
	a := EventAdmin{EventView: viewOf(e, s.now()), ID: string(e.ID), StreamURL: e.StreamURL, LandingPage: "/e/" + e.Slug}
	if !e.EndedAt.IsZero() {
		a.EndedAt = &e.EndedAt
	}
	counts, err := s.Gate.Counts(ctx, e.ID)
	if err != nil {
		return a, err
	}
	a.Tickets = TicketCounts(counts)
	for i := range status.Events {
		if status.Events[i].EventID == e.ID {
			a.ChatState = &status.Events[i]
		}
	}
	if a.Archive, err = s.archiveOf(ctx, e.ID); err != nil {
		return a, err
	}
	a.Deletion, err = s.Archive.Deletion(ctx, e.ID)
	return a, err
}

type consoleAnswer struct {
	Body struct {
		Organizer struct {
			Name string `json:"name"`
		} `json:"organizer"`
		Events     []EventAdmin     `json:"events" nullable:"false"`
		Provision  readiness.Status `json:"provision"`
		ServerTime time.Time        `json:"serverTime"`
	}
}

func (s *Server) console(ctx context.Context, _ *struct{}) (*consoleAnswer, error) {
	out := &consoleAnswer{}
	out.Body.Organizer.Name = visitorOf(ctx).organizer.Name
	out.Body.Events = []EventAdmin{}
	out.Body.ServerTime = s.now().UTC()
	status, err := s.Readiness.Status(ctx, s.now())
	if err != nil {
		return nil, err
	}
	out.Body.Provision = status
	events, err := s.Events.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		view, err := s.adminView(ctx, e, status)
		if err != nil {
			return nil, err
		}
		out.Body.Events = append(out.Body.Events, view)
	}
	return out, nil
}

// StaffCode is a moderator's or artist's code. It is shown once: only its hash is kept.
type StaffCode struct {
	Role string `json:"role" enum:"moderator,artist"`
	Code string `json:"code"`
}

type createEventInput struct{ Body EventInput }

type createEventAnswer struct {
	Body struct {
		Event      EventAdmin  `json:"event"`
		StaffCodes []StaffCode `json:"staffCodes" nullable:"false"`
	}
}

// createEvent makes the show and one code each for a moderator and the artist.
func (s *Server) createEvent(ctx context.Context, in *createEventInput) (*createEventAnswer, error) {
	e, err := s.Events.Create(ctx, event.Input(in.Body), s.now())
	if err != nil {
		return nil, err
	}
	out := &createEventAnswer{}
	for _, role := range []id.Role{id.Moderator, id.Artist} {
		code, _, err := s.Gate.IssueCode(ctx, e.ID, role, s.now())
		if err != nil {
			return nil, err
		}
		out.Body.StaffCodes = append(out.Body.StaffCodes, StaffCode{string(role), string(code)})
	}
	out.Body.Event, err = s.changed(ctx, e)
	return out, err
}

// changed announces a change of an event and shows it to the organizer.
func (s *Server) changed(ctx context.Context, e event.Event) (EventAdmin, error) {
	s.tell(bus.EventChanged, e.ID)
	return s.currentView(ctx, e)
}

// tell announces what an organizer did to a show. Whoever did it reads next how far the show is: not what was true before.
func (s *Server) tell(what bus.Topic, e id.Event) {
	s.Readiness.Forget()
	s.Bus.Publish(bus.Hint{Topic: what, Event: e})
}

func (s *Server) currentView(ctx context.Context, e event.Event) (EventAdmin, error) {
	status, err := s.Readiness.Status(ctx, s.now())
	if err != nil {
		return EventAdmin{}, err
	}
	return s.adminView(ctx, e, status)
}

// EventPath names a show by its identifier.
type EventPath struct {
	ID id.Event `path:"id" maxLength:"64"`
}

type adminAnswer struct{ Body EventAdmin }

func (s *Server) getAdminEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view, err := s.currentView(ctx, e)
	return &adminAnswer{view}, err
}

type updateEventInput struct {
	EventPath
	Body EventInput
}

func (s *Server) updateEvent(ctx context.Context, in *updateEventInput) (*adminAnswer, error) {
	e, err := s.Events.Update(ctx, in.ID, event.Input(in.Body), s.now())
	return s.afterChange(ctx, e, err)
}

// RefusedLine is a line of a ticket file that was not taken.
type RefusedLine struct {
	Line    int    `json:"line" doc:"Line of the file, from 1."`
	Reason  string `json:"reason"`
	Excerpt string `json:"excerpt" doc:"Beginning of the line, without the code."`
}

// ImportReport says what became of every line of a ticket file.
type ImportReport struct {
	Layout       string        `json:"layout" enum:"pretix,eventbrite,generic"`
	Lines        int           `json:"lines"`
	New          int           `json:"new"`
	Known        int           `json:"known"`
	Revoked      int           `json:"revoked"`
	RefusedCount int           `json:"refusedCount" doc:"All refused lines; the list may be cut."`
	Refused      []RefusedLine `json:"refused" nullable:"false"`
	Warning      string        `json:"warning" doc:"A sentence when the file's codes can be guessed, else empty."`
}

type importInput struct {
	EventPath
	RawBody []byte `contentType:"text/csv"`
}

type importAnswer struct{ Body ImportReport }

func (s *Server) importTickets(ctx context.Context, in *importInput) (*importAnswer, error) {
	if err := s.takesTickets(ctx, in.ID); err != nil {
		return nil, err
	}
	report, err := s.Gate.Import(ctx, in.ID, bytes.NewReader(in.RawBody), s.now())
	if err != nil {
		return nil, err
	}
	s.tell(bus.TicketsChanged, in.ID)
	return &importAnswer{reportView(report)}, nil
}

// takesTickets refuses tickets for a show that nobody can come to.
func (s *Server) takesTickets(ctx context.Context, show id.Event) error {
	e, err := s.Events.Get(ctx, show)
	if err != nil {
		return err
	}
	return e.TakesTickets()
}

func reportView(r gate.Report) ImportReport {
	out := ImportReport{Layout: r.Layout, Lines: r.Lines, New: r.New, Known: r.Known, Revoked: r.Revoked,
		RefusedCount: r.RefusedCount, Warning: r.Weak, Refused: make([]RefusedLine, 0, len(r.Refused))}
	for _, l := range r.Refused {
		out.Refused = append(out.Refused, RefusedLine(l))
	}
	return out
}

type issueCodeInput struct {
	EventPath
	Body struct {
		Role string `json:"role" enum:"moderator,artist"`
	}
}

type issueCodeAnswer struct{ Body StaffCode }

func (s *Server) issueCode(ctx context.Context, in *issueCodeInput) (*issueCodeAnswer, error) {
	if err := s.takesTickets(ctx, in.ID); err != nil {
		return nil, err
	}
	code, _, err := s.Gate.IssueCode(ctx, in.ID, id.Role(in.Body.Role), s.now())
	if err != nil {
		return nil, err
	}
	s.tell(bus.TicketsChanged, in.ID)
	return &issueCodeAnswer{StaffCode{in.Body.Role, string(code)}}, nil
}

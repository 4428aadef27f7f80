package web

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/provision"
)

// The console over everything at the chat provider. Whoever is signed in may look at all of it: the page shows what
// exists, never a ticket's code, which nobody has.

type resourcesInput struct {
	Text   string          `query:"q" maxLength:"256" doc:"A ticket, a show's id or an ARN; or the beginning of a nickname, of the name at the provider, or of a box office's reference."`
	Event  id.Event        `query:"event" maxLength:"64" doc:"Only this show's."`
	Kind   inventory.Kind  `query:"kind" enum:"instance,admin_user,admin,channel,user,membership,moderator"`
	State  inventory.State `query:"state" enum:"failed,to_delete,to_make,made,gone"`
	Cursor string          `query:"cursor" maxLength:"2048" doc:"next of the page before."`
}

type resourcesAnswer struct{ Body inventory.Page }

func (s *Server) listResources(ctx context.Context, in *resourcesInput) (*resourcesAnswer, error) {
	page, err := s.Inventory.Find(ctx, inventory.Query{Text: in.Text, Event: in.Event, Kind: in.Kind, State: in.State, Cursor: in.Cursor})
	return &resourcesAnswer{page}, err
}

type countsInput struct {
	Event id.Event `query:"event" maxLength:"64" doc:"The kinds are counted of this show only."`
}

type countsAnswer struct{ Body inventory.Counts }

func (s *Server) countResources(ctx context.Context, in *countsInput) (*countsAnswer, error) {
	counts, err := s.Inventory.Counts(ctx, in.Event)
	return &countsAnswer{counts}, err
}

// ResourcePath names one resource. A dash stands for an empty part.
type ResourcePath struct {
	Event   string         `path:"event" maxLength:"64" doc:"The show, or the place of an app instance; a dash for the shared one."`
	Kind    inventory.Kind `path:"kind" enum:"instance,admin_user,admin,channel,user,membership,moderator"`
	Subject string         `path:"subject" maxLength:"64" doc:"The ticket; a dash for what belongs to the show itself."`
}

func (p ResourcePath) key() inventory.Key {
	k := inventory.Key{Event: id.Event(p.Event), Subject: id.Ticket(p.Subject), Kind: p.Kind}
	if k.Event == "-" {
		k.Event = ""
	}
	if k.Subject == "-" {
		k.Subject = ""
	}
	return k
}

type resourceAnswer struct{ Body inventory.Story }

func (s *Server) getResource(ctx context.Context, in *ResourcePath) (*resourceAnswer, error) {
	story, err := s.Inventory.Get(ctx, in.key())
	return &resourceAnswer{story}, err
}

// Retried says what a retry did.
type Retried struct {
	Retried int `json:"retried" doc:"How many resources are tried again now. None: nothing of that had failed."`
}

type retryAnswer struct{ Body Retried }

func (s *Server) retryResource(ctx context.Context, in *ResourcePath) (*retryAnswer, error) {
	k := in.key()
	if _, err := s.Inventory.Get(ctx, k); err != nil {
		return nil, err
	}
	n, err := s.Provision.Retry(ctx, provision.RetryInput{Event: k.Event, Subject: k.Subject, Kind: string(k.Kind)})
	return &retryAnswer{Retried{n}}, err
}

type retryAllInput struct {
	Body struct {
		EventID id.Event `json:"eventId" maxLength:"64" doc:"Only this show's failures; empty: all."`
	}
}

func (s *Server) retryAll(ctx context.Context, in *retryAllInput) (*retryAnswer, error) {
	n, err := s.Provision.Retry(ctx, provision.RetryInput{Event: in.Body.EventID})
	return &retryAnswer{Retried{n}}, err
}

type strangersInput struct {
	Cursor string `query:"cursor" maxLength:"2048" doc:"next of the page before."`
}

type strangersAnswer struct{ Body inventory.Strangers }

func (s *Server) listStrangers(ctx context.Context, in *strangersInput) (*strangersAnswer, error) {
	page, err := s.Inventory.Strangers(ctx, in.Cursor)
	return &strangersAnswer{page}, err
}

// sweepNow asks for a comparison of everything; it is done in the background, and the counts say when.
func (s *Server) sweepNow(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.Provision.Sweep(ctx)
}

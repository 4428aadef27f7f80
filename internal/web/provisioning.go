package web

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
)

type provisioningAnswer struct{ Body readiness.Status }

func (s *Server) provisioning(ctx context.Context, _ *struct{}) (*provisioningAnswer, error) {
	status, err := s.Readiness.Status(ctx, s.now())
	return &provisioningAnswer{status}, err
}

func (s *Server) pauseProvisioning(ctx context.Context, _ *struct{}) (*provisioningAnswer, error) {
	return s.afterPause(ctx, s.Provision.Pause(ctx))
}

func (s *Server) resumeProvisioning(ctx context.Context, _ *struct{}) (*provisioningAnswer, error) {
	return s.afterPause(ctx, s.Provision.Resume(ctx))
}

func (s *Server) afterPause(ctx context.Context, err error) (*provisioningAnswer, error) {
	if err != nil {
		return nil, err
	}
	s.Readiness.Forget()
	return s.provisioning(ctx, nil)
}

type planInput struct {
	Event   string `query:"event" maxLength:"64" doc:"A show, by its identifier; empty: a new one."`
	Tickets int    `query:"tickets" minimum:"0" maximum:"10000000" doc:"That come in addition."`
	Doors   string `query:"doors" maxLength:"40" doc:"2026-12-01T20:00, local to zone. Empty: the event's."`
	Zone    string `query:"zone" maxLength:"64" doc:"IANA name. Empty: the event's, or UTC."`
	Place   string `query:"place" enum:"own,shared" doc:"Empty: what the provisioner would choose."`
	Pace    string `query:"pace" maxLength:"40" doc:"Name of a preset, or calls a second such as 25. Empty: the installation's."`
}

type planAnswer struct{ Body readiness.Plan }

func (s *Server) planProvisioning(ctx context.Context, in *planInput) (*planAnswer, error) {
	q := readiness.PlanInput{Event: id.Event(in.Event), Tickets: in.Tickets, Zone: in.Zone, Pace: in.Pace, Place: in.Place}
	if in.Doors != "" {
		var err error
		if q.Doors, err = s.Readiness.DoorsOf(ctx, q.Event, in.Doors, in.Zone); err != nil {
			return nil, err
		}
	}
	plan, err := s.Readiness.Plan(ctx, q, s.now())
	if err != nil {
		return nil, err
	}
	return &planAnswer{plan}, nil
}

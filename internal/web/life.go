package web

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/event"
)

func (s *Server) startEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.Start(ctx, in.ID, s.now())
	return s.afterChange(ctx, e, err)
}

func (s *Server) endEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.End(ctx, in.ID, s.now())
	return s.afterChange(ctx, e, err)
}

func (s *Server) reopenEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.Reopen(ctx, in.ID, s.now())
	return s.afterChange(ctx, e, err)
}

func (s *Server) cancelEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.Cancel(ctx, in.ID, s.now())
	return s.afterChange(ctx, e, err)
}

func (s *Server) uncancelEvent(ctx context.Context, in *EventPath) (*adminAnswer, error) {
	e, err := s.Events.Uncancel(ctx, in.ID, s.now())
	return s.afterChange(ctx, e, err)
}

func (s *Server) afterChange(ctx context.Context, e event.Event, err error) (*adminAnswer, error) {
	if err != nil {
		return nil, err
	}
	view, err := s.changed(ctx, e)
	return &adminAnswer{view}, err
}

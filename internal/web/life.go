package web

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/id"
)

// lifeOf makes a handler of one step of a show's life.
func lifeOf(step func(*event.Store, context.Context, id.Event, time.Time) (event.Event, error)) func(*Server, context.Context, *EventPath) (*adminAnswer, error) {
	return func(s *Server, ctx context.Context, in *EventPath) (*adminAnswer, error) {
		e, err := step(s.Events, ctx, in.ID, s.now())
		return s.afterChange(ctx, e, err)
	}
}

func (s *Server) afterChange(ctx context.Context, e event.Event, err error) (*adminAnswer, error) {
	if err != nil {
		return nil, err
	}
	view, err := s.changed(ctx, e)
	return &adminAnswer{view}, err
}

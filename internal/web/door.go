package web

import (
	"context"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/nick"
	"github.com/stagedoor/stagedoor/internal/pass"
)

// deviceLife outlasts any show and its rehearsal; the seat ends with the event, not with the cookie.
const deviceLife = 30 * 24 * time.Hour

type redeemInput struct {
	SlugPath
	Body struct {
		Code string `json:"code" maxLength:"200" doc:"As typed: case, spaces, dashes, O/0 and I/1/L do not matter."`
	}
}

type meAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      *Me
}

type plainMeAnswer struct{ Body *Me }

// redeem is the door: code in, seat out. The newest device wins; the one before is told over its live socket.
func (s *Server) redeem(ctx context.Context, in *redeemInput) (*meAnswer, error) {
	v, now := visitorOf(ctx), s.now()
	if v.event.State == event.Cancelled {
		return nil, fault.New(fault.Conflict, "event_cancelled", "This show is cancelled. Please ask where you bought your ticket what happens with it.")
	}
	if err := s.Limiter.Allow(addressOf(ctx), v.event.ID, now); err != nil {
		return nil, err
	}
	var err error
	v.ticket, err = s.Gate.Redeem(ctx, v.event.ID, in.Body.Code, now)
	s.Limiter.Settle(addressOf(ctx), v.event.ID, err, now)
	if err != nil {
		return nil, err
	}
	if v.token, v.device, err = s.Guard.Claim(ctx, v.event.ID, v.ticket.ID, now); err != nil {
		return nil, err
	}
	s.Bus.Publish(bus.Hint{Topic: bus.SeatTaken, Event: v.event.ID, Ticket: v.ticket.ID})
	me, err := s.meOf(ctx, v)
	return &meAnswer{s.cookie(deviceCookie(v.event.ID), v.token, deviceLife), me}, err
}

func (s *Server) getMe(ctx context.Context, _ *SlugPath) (*plainMeAnswer, error) {
	me, err := s.meOf(ctx, visitorOf(ctx))
	return &plainMeAnswer{me}, err
}

func (s *Server) takeSeat(ctx context.Context, _ *SlugPath) (*plainMeAnswer, error) {
	v := visitorOf(ctx)
	if !v.device.Held {
		var err error
		if v.device, err = s.Guard.TakeBack(ctx, v.token, s.now()); err != nil {
			return nil, err
		}
		s.Bus.Publish(bus.Hint{Topic: bus.SeatTaken, Event: v.event.ID, Ticket: v.ticket.ID})
	}
	me, err := s.meOf(ctx, v)
	return &plainMeAnswer{me}, err
}

type leaveAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) leave(ctx context.Context, _ *SlugPath) (*leaveAnswer, error) {
	v := visitorOf(ctx)
	if err := s.Guard.Leave(ctx, v.token); err != nil {
		return nil, err
	}
	s.Bus.Publish(bus.Hint{Topic: bus.SeatTaken, Event: v.event.ID, Ticket: v.ticket.ID})
	return &leaveAnswer{s.cookie(deviceCookie(v.event.ID), "", 0)}, nil
}

type nicknameInput struct {
	SlugPath
	Body struct {
		Nickname string `json:"nickname" maxLength:"200"`
	}
}

func (s *Server) pickNickname(ctx context.Context, in *nicknameInput) (*plainMeAnswer, error) {
	v := visitorOf(ctx)
	if reason, banned, err := s.Desk.Banned(ctx, v.ticket.ID); err != nil {
		return nil, err
	} else if banned {
		return nil, fault.New(fault.Denied, "banned", "You were removed from the chat: %s", reason)
	}
	person := nick.Person{Event: v.event.ID, Ticket: v.ticket.ID, Role: v.ticket.Role, Artist: v.event.Artist}
	if _, err := s.Nicknames.Pick(ctx, person, in.Body.Nickname, s.now()); err != nil {
		return nil, err
	}
	s.Bus.Publish(bus.Hint{Topic: bus.NameChanged, Event: v.event.ID, Ticket: v.ticket.ID})
	me, err := s.meOf(ctx, v)
	return &plainMeAnswer{me}, err
}

type passAnswer struct{ Body pass.Answer }

func (s *Server) chatPass(ctx context.Context, _ *SlugPath) (*passAnswer, error) {
	v := visitorOf(ctx)
	return &passAnswer{s.Pass.Pass(ctx, v.event.ID, v.ticket.ID, v.ticket.Role, s.now())}, nil
}

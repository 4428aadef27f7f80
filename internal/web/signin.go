package web

import (
	"context"
	"net/http"

	"github.com/stagedoor/stagedoor/internal/organizer"
)

type signInInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200"`
	}
}

type signInAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      struct {
		Name string `json:"name"`
	}
}

func (s *Server) signIn(ctx context.Context, in *signInInput) (*signInAnswer, error) {
	session, err := s.Organizers.SignIn(ctx, in.Body.Token, s.now())
	if err != nil {
		return nil, err
	}
	who, err := s.Organizers.Session(ctx, session, s.now())
	if err != nil {
		return nil, err
	}
	out := &signInAnswer{SetCookie: s.cookie(consoleCookie, session, organizer.SessionLife)}
	out.Body.Name = who.Name
	return out, nil
}

type signOutAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signOutAnswer, error) {
	if err := s.Organizers.SignOut(ctx, visitorOf(ctx).token); err != nil {
		return nil, err
	}
	return &signOutAnswer{s.cookie(consoleCookie, "", 0)}, nil
}

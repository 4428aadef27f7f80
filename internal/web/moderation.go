package web

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stagedoor/stagedoor/internal/moderate"
)

// Act is one thing a moderator did.
type Act struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind" enum:"redact,ban,unban"`
	UserID    string    `json:"userId" doc:"Whose line it was, or who was banned."`
	Nickname  string    `json:"nickname"`
	MessageID string    `json:"messageId"`
	Text      string    `json:"text" doc:"The removed line, for moderators only."`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Done      bool      `json:"done" doc:"The chat provider has confirmed."`
}

// Ban is one person who is banned now.
type Ban struct {
	UserID   string    `json:"userId"`
	Nickname string    `json:"nickname"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

func actView(a moderate.Act) Act {
	return Act{ID: a.ID, Kind: string(a.Kind), UserID: a.UserID, Nickname: a.Nickname, MessageID: a.MessageID,
		Text: lineText(a.Text), Reason: a.Reason, At: a.At.UTC(), Done: a.Done}
}

// lineText is what people read of a message's content (docs/wire.md); content of another make is shown as it is.
func lineText(content string) string {
	var line struct {
		Kind string `json:"kind"`
		Text string `json:"text"`
	}
	if json.Unmarshal([]byte(content), &line) == nil && line.Kind == "line" {
		return line.Text
	}
	return content
}

type moderationAnswer struct {
	Body struct {
		Acts []Act `json:"acts" nullable:"false"`
		Bans []Ban `json:"bans" nullable:"false"`
	}
}

func (s *Server) listModeration(ctx context.Context, _ *SlugPath) (*moderationAnswer, error) {
	list, err := s.Desk.List(ctx, visitorOf(ctx).event.ID)
	if err != nil {
		return nil, err
	}
	out := &moderationAnswer{}
	out.Body.Acts, out.Body.Bans = []Act{}, []Ban{}
	for _, a := range list.Acts {
		out.Body.Acts = append(out.Body.Acts, actView(a))
	}
	for _, b := range list.Bans {
		out.Body.Bans = append(out.Body.Bans, Ban{UserID: b.UserID, Nickname: b.Nickname, Reason: b.Reason, At: b.At.UTC()})
	}
	return out, nil
}

type actAnswer struct{ Body Act }

func answerAct(a moderate.Act, err error) (*actAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &actAnswer{actView(a)}, nil
}

type redactInput struct {
	SlugPath
	Body struct {
		MessageID string `json:"messageId" minLength:"1" maxLength:"128"`
		Reason    string `json:"reason,omitempty" maxLength:"200"`
	}
}

func (s *Server) redact(ctx context.Context, in *redactInput) (*actAnswer, error) {
	v := visitorOf(ctx)
	return answerAct(s.Desk.Redact(ctx, v.event.ID, v.ticket.ID, in.Body.MessageID, in.Body.Reason, s.now()))
}

type banInput struct {
	SlugPath
	Body struct {
		UserID string `json:"userId" minLength:"3" maxLength:"64"`
		Reason string `json:"reason" maxLength:"200"`
	}
}

func (s *Server) ban(ctx context.Context, in *banInput) (*actAnswer, error) {
	v := visitorOf(ctx)
	return answerAct(s.Desk.Ban(ctx, v.event.ID, v.ticket.ID, in.Body.UserID, in.Body.Reason, s.now()))
}

type unbanInput struct {
	SlugPath
	UserID string `path:"userId" maxLength:"64"`
}

func (s *Server) unban(ctx context.Context, in *unbanInput) (*actAnswer, error) {
	v := visitorOf(ctx)
	return answerAct(s.Desk.Unban(ctx, v.event.ID, v.ticket.ID, in.UserID, s.now()))
}

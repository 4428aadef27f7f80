package archive

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// The lines of the file. Times are UTC with milliseconds. Version 1; readers ignore what they do not know.
type (
	header struct {
		Type    string   `json:"type"` // "history"
		Version int      `json:"version"`
		Event   id.Event `json:"event"`
		Channel arn.ARN  `json:"channel"` // "" if the show had no chat
		EndedAt string   `json:"endedAt"`
	}
	message struct {
		Type     string   `json:"type"` // "message"
		ID       string   `json:"messageId"`
		At       string   `json:"at"` // by the provider's clock
		Sender   sender   `json:"sender"`
		Content  string   `json:"content"` // as sent, see docs/wire.md; of a removed one as the audit trail has it
		Metadata string   `json:"metadata,omitempty"`
		EditedAt string   `json:"editedAt,omitempty"`
		Removed  *removal `json:"removed,omitempty"`
		Lost     bool     `json:"contentLost,omitempty"` // removed by nobody we know: the content is nowhere
	}
	sender struct {
		UserID string    `json:"userId"`
		Ticket id.Ticket `json:"ticket,omitempty"`
		Role   id.Role   `json:"role,omitempty"`
		Name   string    `json:"name"` // the name shown then
	}
	removal struct {
		By     id.Ticket `json:"by"` // the moderator's ticket
		At     string    `json:"at"`
		Reason string    `json:"reason"`
		Act    string    `json:"act"` // the ban it was part of, or its own id
	}
	act struct {
		Type   string    `json:"type"` // "ban" or "unban"
		ID     string    `json:"act"`
		At     string    `json:"at"`
		UserID string    `json:"userId"`
		Name   string    `json:"name"`
		By     id.Ticket `json:"by"`
		Reason string    `json:"reason"`
	}
	trailer struct {
		Type     string `json:"type"` // "end"
		Messages int64  `json:"messages"`
		Removed  int64  `json:"removed"`
		Lost     int64  `json:"contentLost"`
		Acts     int64  `json:"acts"`
	}
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func stampMs(ms int64) string { return stamp(time.UnixMilli(ms)) }

// read writes one complete reading of the history and returns how many messages it has.
func (k *Keeper) read(ctx context.Context, s source, w io.Writer) (int64, error) {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(header{"history", 1, s.event, s.channel, stampMs(s.endedMs)}); err != nil {
		return 0, err
	}
	trail, err := k.trail(ctx, s.event)
	if err != nil {
		return 0, err
	}
	end := trailer{Type: "end"}
	if s.channel != "" {
		if err := k.messages(ctx, s, trail, out, &end); err != nil {
			return 0, err
		}
	}
	for _, a := range trail.acts {
		end.Acts++
		if err := out.Encode(a); err != nil {
			return 0, err
		}
	}
	return end.Messages, out.Encode(end)
}

func (k *Keeper) messages(ctx context.Context, s source, t trail, out *json.Encoder, end *trailer) error {
	for next := ""; ; {
		page, err := k.page(ctx, s, next)
		if err != nil {
			return err
		}
		for _, m := range page.Items {
			line := t.line(m)
			end.Messages++
			if m.Redacted || line.Removed != nil {
				end.Removed++
			}
			if line.Lost {
				end.Lost++
			}
			if err := out.Encode(line); err != nil {
				return err
			}
		}
		if next = page.Next; next == "" {
			return nil
		}
	}
}

// page reads one page, oldest first, and waits while the provider only asks to slow down.
func (k *Keeper) page(ctx context.Context, s source, next string) (chime.Page[chime.Message], error) {
	for {
		p, err := k.cfg.Chime.ListMessages(ctx, s.admin, s.channel, chime.ListInput{Ascending: true, NextToken: next})
		if !fault.Is(err, fault.Throttled) {
			return p, err
		}
		wait := time.NewTimer(max(fault.As(err).RetryAfter, time.Second))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return p, ctx.Err()
		}
	}
}

// trail is what the audit trail adds to the provider's history.
type trail struct {
	removed map[string]removed // by message
	acts    []act
}

type removed struct {
	removal
	messageID, content string
}

// stamped scans Unix milliseconds into one of the file's times.
type stamped string

// Scan implements sql.Scanner.
func (s *stamped) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return errors.New("not a time in milliseconds")
	}
	*s = stamped(stampMs(ms))
	return nil
}

func (k *Keeper) trail(ctx context.Context, event id.Event) (trail, error) {
	t := trail{removed: map[string]removed{}}
	rows, err := db.All(ctx, k.cfg.DB, func(r *removed) []any {
		return []any{&r.messageID, &r.content, &r.By, (*stamped)(&r.At), &r.Reason, &r.Act}
	}, `SELECT message_id, original, by_ticket, created_ms, reason, CASE WHEN part_of <> '' THEN part_of ELSE id END
		FROM removed_message WHERE event_id = $1`, event)
	if err != nil {
		return t, err
	}
	for _, r := range rows {
		t.removed[r.messageID] = r
	}
	t.acts, err = db.All(ctx, k.cfg.DB, func(a *act) []any {
		return []any{&a.Type, &a.ID, (*stamped)(&a.At), &a.UserID, &a.Name, &a.By, &a.Reason}
	}, `SELECT kind, id, created_ms, user_id, sender, by_ticket, reason
		FROM ban_act WHERE event_id = $1 ORDER BY created_ms, id`, event)
	return t, err
}

// line is a message as the archive keeps it.
func (t trail) line(m chime.Message) message {
	user := m.Sender.ARN.ID()
	l := message{Type: "message", ID: m.ID, At: stamp(m.Created), Content: m.Content, Metadata: m.Metadata,
		Sender: sender{UserID: user, Name: m.Sender.Name}}
	if role, ticket, ok := id.FromChatUser(user); ok {
		l.Sender.Role, l.Sender.Ticket = role, ticket
	}
	if !m.Edited.IsZero() {
		l.EditedAt = stamp(m.Edited)
	}
	if r, known := t.removed[m.ID]; known {
		how := r.removal
		l.Removed = &how
		if m.Redacted {
			l.Content = r.content
		}
	}
	l.Lost = m.Redacted && l.Content == ""
	return l
}

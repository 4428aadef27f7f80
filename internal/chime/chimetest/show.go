package chimetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Show is one event that is live, with its people, in a platform database and at a provider.
type Show struct {
	*Provider
	DB      *db.DB
	Event   id.Event
	Channel arn.ARN
	Admin   arn.ARN
}

// NewShow puts a live show with a chat into an empty platform database and its channel to a new provider. The views of
// the ledger become plain tables, so that a room's test need not know the ledger.
func NewShow(t testing.TB, d *db.DB) *Show {
	t.Helper()
	s := &Show{Provider: New(), DB: d, Event: id.NewEvent(), Admin: Instance.User("admin")}
	s.Channel = Instance.Channel(string(s.Event))
	s.Exec(t, "DROP VIEW chat_ready")
	s.Exec(t, "DROP VIEW chat_channel")
	s.Exec(t, "CREATE TABLE chat_ready (event_id TEXT, ticket_id TEXT, user_arn TEXT, channel_arn TEXT, made_name TEXT)")
	s.Exec(t, "CREATE TABLE chat_channel (event_id TEXT, channel_arn TEXT, admin_arn TEXT, state TEXT)")
	s.Exec(t, `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $1, 'Show', 'Artist', '', 'UTC', 0, 0, '', $2, 'live', 0, 0)`, s.Event, true)
	s.Exec(t, "INSERT INTO chat_channel (event_id, channel_arn, admin_arn, state) VALUES ($1, $2, $3, 'ready')", s.Event, s.Channel, s.Admin)
	s.AddChannel(s.Channel, nil, nil)
	return s
}

// Exec changes the database.
func (s *Show) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := s.DB.Exec(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// Person is the holder of a ticket.
type Person struct {
	Ticket id.Ticket
	UserID string
	User   arn.ARN
}

// Enter gives a person a ticket, a nickname and a chat account that is made and a member.
func (s *Show) Enter(t testing.TB, role id.Role, name string) Person {
	t.Helper()
	p := Person{Ticket: id.NewTicket()}
	p.UserID = id.ChatUser(role, p.Ticket)
	p.User = Instance.User(p.UserID)
	s.Exec(t, `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		VALUES ($1, $2, $1, $3, '', $4, 0, 0)`, p.Ticket, s.Event, role, true)
	s.Exec(t, `INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) VALUES ($1, $2, $3, $1, $1, 0)`,
		p.Ticket, s.Event, name)
	s.Exec(t, "INSERT INTO chat_ready (event_id, ticket_id, user_arn, channel_arn, made_name) VALUES ($1, $2, $3, $4, $5)",
		s.Event, p.Ticket, p.User, s.Channel, name)
	s.Name(p.User, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[s.Channel]
	c.members[p.User] = true
	c.moderators[p.User] = role == id.Moderator
	return p
}

// Line is the content of an ordinary chat line.
func Line(text string) string { return fmt.Sprintf(`{"v":1,"kind":"line","text":%q,"at":0}`, text) }

// Package moderate is the moderators' desk: lines are removed and people banned, with an audit trail of what was there.
//
//	written down ──► refused by the platform ──► told to the provider ──► done
//	(ban row, act)   (gate, nick, pass: at once)  (worker, until it worked)
//
// An act is a row before anything happens; from then on the platform itself refuses a banned person. What the provider
// has to be told is worked off by Run, with the moderator's own role: it is tried at once, again after failures, and
// goes on after a restart. Every step may be repeated, so any number of nodes may run workers. Before a line is removed
// its content is in the trail.
package moderate

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Kind is what a moderator did.
type Kind string

// The kinds of acts.
const (
	KindRedact Kind = "redact" // removed one line
	KindBan    Kind = "ban"    // banned a person and removed everything of that person
	KindUnban  Kind = "unban"  // undid a ban; removed lines stay removed
)

// Act is one thing a moderator did.
type Act struct {
	ID        string
	Kind      Kind
	UserID    string // the provider's user id (id.ChatUser): whose line it was, or who was banned; "" while not known
	Nickname  string // as shown then
	MessageID string // "" for ban and unban
	Text      string // the removed message's content, as the provider had it; "" for ban and unban
	Reason    string
	At        time.Time
	Done      bool // the provider has confirmed every step
}

// Ban is one person who is banned now.
type Ban struct {
	UserID   string
	Nickname string
	Reason   string
	At       time.Time
}

// List is what the moderator's page shows, newest first.
type List struct {
	Acts []Act // without the single lines that a ban removed
	Bans []Ban
}

// Config of a Desk. DB, Chime and Bus are required.
type Config struct {
	DB    *db.DB
	Chime *chime.Client // the platform's own account: assumes moderators, gives back memberships
	// Behind is how calls wait that nobody waits for: those that remove the lines of a person who is hidden already. nil
	// means that they wait like Chime's.
	Behind chime.Pacer
	Bus    *bus.Bus
	Logger *slog.Logger // nil means silence
}

// Desk takes the acts of moderators. Safe for concurrent use.
type Desk struct {
	cfg  Config
	wake chan struct{} // capacity 1: there is a new act for Run
	keys keyring

	mu      sync.Mutex
	waiting map[string]chan struct{} // by act: closed once it was worked on
}

// New makes a Desk. Somebody must call Run.
func New(cfg Config) *Desk {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desk{cfg: cfg, wake: make(chan struct{}, 1), waiting: map[string]chan struct{}{}}
}

// Banned says whether the holder of a ticket is banned, and why.
func (d *Desk) Banned(ctx context.Context, ticket id.Ticket) (reason string, banned bool, err error) {
	reason, err = db.Value[string](ctx, d.cfg.DB, "SELECT reason FROM ban WHERE ticket_id = $1", ticket)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return reason, err == nil, err
}

// shown is how many acts a moderator's page gets: an evening's worth.
const shown = 500

// List returns what moderators did at a show, and who is banned.
func (d *Desk) List(ctx context.Context, event id.Event) (List, error) {
	var l List
	rows, err := db.All(ctx, d.cfg.DB, actFields, "SELECT "+actColumns+` FROM moderator_act a
		WHERE event_id = $1 AND part_of = '' ORDER BY created_ms DESC, id LIMIT $2`, event, shown)
	if err != nil {
		return l, err
	}
	for _, r := range rows {
		l.Acts = append(l.Acts, r.act())
	}
	l.Bans, err = db.All(ctx, d.cfg.DB, func(b *Ban) []any { return []any{&b.UserID, &b.Nickname, &b.Reason, (*milli)(&b.At)} }, `
		SELECT ticket_id, nickname, reason, created_ms FROM ban WHERE event_id = $1 ORDER BY created_ms DESC, ticket_id`, event)
	for i := range l.Bans {
		l.Bans[i].UserID = id.ChatUser(id.Fan, id.Ticket(l.Bans[i].UserID)) // only fans can be banned
	}
	return l, err
}

// milli scans Unix milliseconds.
type milli time.Time

// Scan implements sql.Scanner.
func (m *milli) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return errors.New("not a time in milliseconds")
	}
	*m = milli(time.UnixMilli(ms).UTC())
	return nil
}

// record is one row of moderator_act.
type record struct {
	Act
	event   id.Event
	by      id.Ticket
	partOf  string
	created int64
	doneMs  int64
	dueMs   int64
	tries   int
}

const actColumns = "a.id, a.event_id, a.by_ticket, a.kind, a.user_id, a.message_id, a.part_of, a.original, a.sender, a.reason, a.created_ms, a.done_ms, a.due_ms, a.tries"

func actFields(r *record) []any {
	return []any{&r.ID, &r.event, &r.by, &r.Kind, &r.UserID, &r.MessageID, &r.partOf, &r.Text, &r.Nickname, &r.Reason,
		&r.created, &r.doneMs, &r.dueMs, &r.tries}
}

func (r record) act() Act {
	a := r.Act
	a.At, a.Done = time.UnixMilli(r.created).UTC(), r.doneMs != 0
	return a
}

func (d *Desk) get(ctx context.Context, act string) (Act, error) {
	r, err := db.One(ctx, d.cfg.DB, actFields, "SELECT "+actColumns+" FROM moderator_act a WHERE id = $1", act)
	return r.act(), err
}

// checkModerator makes sure that the caller may act at this show. Error: Denied "not_moderator".
func checkModerator(ctx context.Context, q db.Querier, event id.Event, moderator id.Ticket) error {
	ok, err := db.Value[bool](ctx, q, `SELECT count(*) > 0 FROM ticket_role
		WHERE ticket_id = $1 AND event_id = $2 AND role = $3 AND valid`, moderator, event, id.Moderator)
	if err == nil && !ok {
		err = fault.New(fault.Denied, "not_moderator", "Only moderators of this show may do that.")
	}
	return err
}

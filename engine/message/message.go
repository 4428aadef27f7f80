// Package message is what is said in a channel: sending, changing, removing, and the history.
package message

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/kept"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Messages is the room. Safe for concurrent use. Where a method takes a channel, it takes the key of a place: in an
// elastic channel messages are in sub-channels (core.InSub).
type Messages struct {
	*role.Roles
	ids    *identity.Identities
	flows  *flow.Flows
	groups groups

	pages   *kept.Memory[pageKey, page]
	reading *core.Together[asking, arn.ARN, answer]
}

// New makes the room.
func New(r *role.Roles, ids *identity.Identities, flows *flow.Flows) *Messages {
	c := &Messages{Roles: r, ids: ids, flows: flows, groups: groups{open: map[arn.ARN]*group{}}, pages: newPages()}
	c.reading = core.NewTogether(c.newest)
	return c
}

// Message is one line of a channel. Type is STANDARD or CONTROL; Persistence PERSISTENT or NON_PERSISTENT: the latter
// reaches who is connected and is never in the history.
type Message struct {
	Channel                        arn.ARN
	Sub                            string // SubChannelId, "" outside of elastic channels
	ID                             string // 64 lower-case hex digits, the first 12 the time at which it was sent
	Sender                         core.Identity
	Type, Persistence              string
	Content, ContentType, Metadata string
	Attributes                     string  // MessageAttributes as JSON, "" for none
	Target                         arn.ARN // "" for everybody; else only sender and target see it
	Redacted                       bool
	CreatedMS, EditedMS, UpdatedMS int64
	Status, Detail                 string // PENDING FAILED DENIED, and why; "" is SENT

	sender, target     int64
	senderID, targetID string
}

const messageColumns = `created_ms, message_id, sender, sender_id, sender_name, target, target_id, type, content, content_type,
metadata, attributes, redacted, edited_ms, updated_ms`

func (m *Message) fields() []any {
	return []any{&m.CreatedMS, &m.ID, &m.sender, &m.senderID, &m.Sender.Name, &m.target, &m.targetID, &m.Type, &m.Content,
		&m.ContentType, &m.Metadata, &m.Attributes, &m.Redacted, &m.EditedMS, &m.UpdatedMS}
}

func (c *Messages) messageNamed(a role.Actor, m Message) Message {
	m.Channel, m.Sub, m.Persistence = c.ChannelARN(a), a.Sub, "PERSISTENT"
	m.Sender.Arn = c.UserARN(a.App, m.senderID)
	if m.target != 0 {
		m.Target = c.UserARN(a.App, m.targetID)
	}
	return m
}

func errMessage() error { return fault.New(fault.NotFound, "message", "The message does not exist.") }

// message reads one message without asking who may see it.
func (c *Messages) message(ctx context.Context, q db.Querier, a role.Actor, id string) (Message, error) {
	m, err := db.One(ctx, q, (*Message).fields, `SELECT `+messageColumns+` FROM channel_message
WHERE channel = $1 AND message_id = $3 AND
 created_ms = coalesce((SELECT h.created_ms FROM held_message h WHERE h.channel = $1 AND h.message_id = $3), $2)`,
		a.Channel, messageTime(id), id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && m.CreatedMS < a.Horizon {
		return m, errMessage()
	}
	return c.messageNamed(a, m), err
}

// seen refuses a targeted message to everybody but sender and target, admins included (as measured on the real service).
func (m Message) seen(a role.Actor) error {
	if m.target != 0 && a.No != m.sender && a.No != m.target {
		return fault.New(fault.Denied, "targeted", "You do not have permission to perform this operation.")
	}
	return nil
}

// Message reads one message.
func (c *Messages) Message(ctx context.Context, bearer, channel arn.ARN, id string) (Message, error) {
	a, err := c.Allowed(ctx, c.DB, "GetChannelMessage", bearer, channel, false)
	if err != nil {
		return Message{}, err
	}
	m, err := c.message(ctx, c.DB, a, id)
	if core.IsGone(err) {
		m, err = c.ofSender(ctx, a, id)
	}
	if err == nil {
		err = m.seen(a)
	}
	return m, err
}

// MessageStatus answers the sender, and nobody else, how the message fares: SENT, or what a channel flow has made of it
// or of its newest edit.
func (c *Messages) MessageStatus(ctx context.Context, bearer, channel arn.ARN, id string) (StatusWire, error) {
	a, err := c.InChannel(ctx, c.DB, bearer, channel)
	if err != nil {
		return StatusWire{}, err
	}
	if err := a.May("GetChannelMessageStatus", true); err != nil {
		return StatusWire{}, err // whatever message it is
	}
	h, err := c.held(ctx, c.DB, a.Channel, id)
	if err == nil {
		return StatusWire{h.status, h.detail}, a.May("GetChannelMessageStatus", h.sender == a.No)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return StatusWire{}, err
	}
	m, err := c.message(ctx, c.DB, a, id)
	if err != nil {
		return StatusWire{}, err
	}
	return StatusWire{Value: "SENT"}, a.May("GetChannelMessageStatus", m.sender == a.No)
}

// History says which messages to list. The zero value is everything, newest first.
type History struct {
	OldestFirst         bool
	NotBefore, NotAfter int64 // Unix ms, both inclusive; NotAfter 0 means no limit
}

// List lists messages, always in their newest version: redacted ones empty, deleted ones not at all, those meant
// for somebody else not at all.
func (c *Messages) List(ctx context.Context, bearer, channel arn.ARN, h History, p core.Page) ([]Message, string, error) {
	a, err := c.Allowed(ctx, c.DB, "ListChannelMessages", bearer, channel, false)
	if err != nil {
		return nil, "", err
	}
	return c.list(ctx, a, h, p)
}

// listName names the list of a place's messages in one order.
func listName(a role.Actor, order string) string {
	return core.List("messages", core.Itoa(a.Channel), order)
}

func createdMS(m Message) string { return core.Itoa(m.CreatedMS) }

func (c *Messages) list(ctx context.Context, a role.Actor, h History, p core.Page) ([]Message, string, error) {
	from, to, order := max(h.NotBefore, a.Horizon), h.NotAfter, "DESC"
	if to == 0 {
		to = math.MaxInt64 - 1
	}
	name := listName(a, order)
	if h.OldestFirst {
		order = "ASC"
		name = listName(a, order)
		after, err := p.KeyNo(name, -1)
		if err != nil {
			return nil, "", err
		}
		from = max(from, after+1)
	} else {
		before, err := p.KeyNo(name, math.MaxInt64)
		if err != nil {
			return nil, "", err
		}
		to = min(to, before-1)
	}
	clock := a.Clock
	all, err := db.All(ctx, c.DB, func(m *Message) []any { return append(m.fields(), &clock) }, `SELECT `+messageColumns+`, `+clockColumn+`
FROM channel_message WHERE channel = $1 AND created_ms >= $2 AND created_ms <= $3 AND (target = 0 OR target = $4 OR sender = $4)
ORDER BY channel `+order+`, created_ms `+order+` LIMIT $5`, a.Channel, from, to, a.No, p.Limit()+1)
	if err == nil && clock != a.Clock { // who was removed does not see what was said afterwards
		_, err = c.Allowed(ctx, c.DB, "ListChannelMessages", c.ARNOf(a), c.PlaceOf(a), false)
	}
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i] = c.messageNamed(a, all[i])
	}
	all, next := core.Cut(all, p, name, createdMS)
	return all, next, nil
}

// Newest reads the n newest messages that a may see, newest first; more says that there are older ones.
func (c *Messages) Newest(ctx context.Context, q db.Querier, a role.Actor, n int) (newest []Message, more bool, err error) {
	newest, err = db.All(ctx, q, (*Message).fields, `SELECT `+messageColumns+` FROM channel_message
WHERE channel = $1 AND created_ms >= $4 AND (target = 0 OR target = $2 OR sender = $2)
ORDER BY channel DESC, created_ms DESC LIMIT $3`, a.Channel, a.No, n+1, a.Horizon)
	if more = len(newest) > n; more {
		newest = newest[:n]
	}
	for i := range newest {
		newest[i] = c.messageNamed(a, newest[i])
	}
	return newest, more, err
}

// Edit is the new text of a message; nil leaves what was.
type Edit struct {
	Content               string
	ContentType, Metadata *string
}

// UpdateMessage replaces the text of the bearer's own message. A redacted message stays redacted: Conflict.
func (c *Messages) UpdateMessage(ctx context.Context, bearer, channel arn.ARN, id string, e Edit) (Message, error) {
	return c.alter(ctx, "UpdateChannelMessage", core.EventUpdateMessage, bearer, channel, id, func(m *Message, now int64) error {
		if m.Redacted {
			return fault.New(fault.Conflict, "redacted", "A redacted message cannot be updated.")
		}
		if e.Metadata != nil {
			m.Metadata = *e.Metadata
		}
		if e.ContentType != nil {
			m.ContentType = *e.ContentType
		}
		if err := checkText(m.Type, e.Content, m.Metadata); err != nil {
			return err
		}
		m.Content, m.EditedMS = e.Content, now
		return nil
	})
}

// RedactMessage empties a message: its row, time and sender stay. Redacting twice is the same as once.
func (c *Messages) RedactMessage(ctx context.Context, bearer, channel arn.ARN, id string) error {
	_, err := c.alter(ctx, "RedactChannelMessage", core.EventRedactMessage, bearer, channel, id, func(m *Message, _ int64) error {
		m.Content, m.Metadata, m.Attributes, m.ContentType, m.Redacted = "", "", "", "", true
		return nil
	})
	return err
}

// alter changes one message under the channel's lock, if the role table allows it and the bearer may see the message.
func (c *Messages) alter(ctx context.Context, operation, event string, bearer, channel arn.ARN, id string,
	change func(m *Message, now int64) error) (Message, error) {
	var m Message
	err := c.altering(ctx, operation, bearer, channel, id, func(tx *db.Tx, a role.Actor, old Message) error {
		m = old
		now := max(core.NowMS(), m.UpdatedMS)
		if err := change(&m, now); err != nil {
			return err
		}
		m.UpdatedMS = now
		if event == core.EventUpdateMessage && a.Flow != 0 && m.Type == "STANDARD" {
			m.Status = pending
			return c.hold(tx, a, event, m)
		}
		return c.store(tx, a.Channel, event, m)
	})
	return m, err
}

// store writes a changed message down. Edits that a flow still has are older, whatever became of the flow: they count no
// more.
func (c *Messages) store(tx *db.Tx, channel int64, event string, m Message) error {
	if _, err := tx.Exec(`UPDATE channel_message SET content = $4, content_type = $5, metadata = $6, attributes = $7,
 redacted = $8, edited_ms = $9, updated_ms = $10 WHERE channel = $1 AND created_ms = $2 AND message_id = $3`,
		channel, m.CreatedMS, m.ID, m.Content, m.ContentType, m.Metadata, m.Attributes, m.Redacted, m.EditedMS, m.UpdatedMS); err != nil {
		return err
	}
	if err := stir(tx, channel); err != nil {
		return err
	}
	if err := c.announceChange(tx, channel, event, m); err != nil {
		return err
	}
	return settleEdits(tx, channel, m.ID)
}

func (c *Messages) altering(ctx context.Context, operation string, bearer, channel arn.ARN, id string, fn func(*db.Tx, role.Actor, Message) error) error {
	if _, _, err := c.touch(ctx, c.DB, operation, bearer, channel, id); err != nil {
		return err // before the writer is troubled
	}
	return c.Write(ctx, func(tx *db.Tx) error {
		if err := c.Lock(tx, channel); err != nil {
			return err
		}
		a, m, err := c.touch(tx.Context(), tx, operation, bearer, channel, id)
		if err != nil {
			return err
		}
		return fn(tx, a, m)
	})
}

// touch finds a message that the bearer may act on. Who may not touch messages here does not learn which exist.
func (c *Messages) touch(ctx context.Context, q db.Querier, operation string, bearer, channel arn.ARN, id string) (role.Actor, Message, error) {
	a, err := c.InChannel(ctx, q, bearer, channel)
	if err != nil {
		return a, Message{}, err
	}
	m, missing := c.message(ctx, q, a, id)
	if missing != nil && !core.IsGone(missing) {
		return a, m, missing
	}
	if err := a.May(operation, missing == nil && m.sender == a.No); err != nil {
		return a, m, err
	}
	if missing != nil {
		return a, m, missing
	}
	return a, m, m.seen(a)
}

// DeleteMessage takes a message out of the history altogether.
func (c *Messages) DeleteMessage(ctx context.Context, bearer, channel arn.ARN, id string) error {
	return c.altering(ctx, "DeleteChannelMessage", bearer, channel, id, func(tx *db.Tx, a role.Actor, m Message) error {
		if _, err := tx.Exec(`DELETE FROM channel_message WHERE channel = $1 AND created_ms = $2 AND message_id = $3`,
			a.Channel, m.CreatedMS, m.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM held_message WHERE channel = $1 AND message_id = $2`, a.Channel, m.ID); err != nil {
			return err
		}
		if err := stir(tx, a.Channel); err != nil {
			return err
		}
		m.UpdatedMS = max(core.NowMS(), m.UpdatedMS)
		m.Content, m.Metadata, m.Attributes = "", "", "" // what is deleted is not sent around once more
		return c.announceChange(tx, a.Channel, core.EventDeleteMessage, m)
	})
}

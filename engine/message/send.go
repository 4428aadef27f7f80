// Package message is what is said in a channel: sending, changing, removing, and the history.
package message

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Sizes in bytes of UTF-8 (developer guide, "Message types").
const (
	maxContent  = 4096
	maxMetadata = 1024
	maxControl  = 30 // content of a CONTROL message, which has no metadata
)

// Messages is the room. Safe for concurrent use.
type Messages struct {
	*role.Roles
	ids *identity.Identities
}

// New makes the room.
func New(r *role.Roles, ids *identity.Identities) *Messages { return &Messages{r, ids} }

// Message is one line of a channel. Type is STANDARD or CONTROL; Persistence PERSISTENT or NON_PERSISTENT: the latter
// reaches who is connected and is never in the history.
type Message struct {
	Channel                        arn.ARN
	ID                             string // 64 lower-case hex digits, the first 12 the time
	Sender                         core.Identity
	Type, Persistence              string
	Content, ContentType, Metadata string
	Attributes                     string  // MessageAttributes as JSON, "" for none
	Target                         arn.ARN // "" for everybody; else only sender and target see it
	Redacted                       bool
	CreatedMS, EditedMS, UpdatedMS int64

	sender, target     int64
	senderID, targetID string
}

// messageID makes an id that holds its own time, so that finding a message needs no second index.
func messageID(ms int64) string {
	var b [26]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return fmt.Sprintf("%012x%s", ms, hex.EncodeToString(b[:]))
}

// messageTime reads the time back; an id that is none of ours gives a time at which nothing is.
func messageTime(id string) int64 {
	if len(id) != 64 {
		return -1
	}
	ms, err := strconv.ParseInt(id[:12], 16, 64)
	if err != nil {
		return -1
	}
	return ms
}

// NewMessage is what Send needs. The token makes a repeat answer with the first message.
type NewMessage struct {
	Type, Persistence              string
	Content, ContentType, Metadata string
	Attributes                     string
	Target                         arn.ARN
}

func checkText(kind, content, metadata string) error {
	switch {
	case kind == "CONTROL" && len(content) > maxControl:
		return fault.New(fault.Invalid, "size", "The content of a CONTROL message is at most %d bytes.", maxControl).On("Content")
	case kind == "CONTROL" && metadata != "":
		return fault.New(fault.Invalid, "size", "A CONTROL message has no metadata.").On("Metadata")
	case len(content) > maxContent:
		return fault.New(fault.Invalid, "size", "The content of a message is at most %d bytes.", maxContent).On("Content")
	case len(metadata) > maxMetadata:
		return fault.New(fault.Invalid, "size", "The metadata of a message is at most %d bytes.", maxMetadata).On("Metadata")
	}
	return nil
}

// Send puts a message into the channel: durable when Send returns, with a time later than that of every message before
// it, and handed to the sink in that order.
func (c *Messages) Send(ctx context.Context, bearer, channel arn.ARN, token string, in NewMessage) (Message, error) {
	if err := checkText(in.Type, in.Content, in.Metadata); err != nil {
		return Message{}, err
	}
	if _, err := c.Allowed(ctx, c.DB, "SendChannelMessage", bearer, channel, false); err != nil {
		return Message{}, err // before the writer is troubled
	}
	repeat := once{token: token, body: core.Digest(in)}
	var sent Message
	err := c.Write(ctx, func(tx *db.Tx) error {
		at, err := c.tick(tx, channel, in.Persistence == "PERSISTENT")
		if err != nil {
			return err
		}
		a, err := c.Allowed(tx.Context(), tx, "SendChannelMessage", bearer, channel, false)
		if err != nil {
			return err
		}
		old, err := repeat.before(tx, a)
		if err != nil {
			return err
		}
		if sent = c.compose(a, in, at); old != "" {
			sent.ID = old
			return errReplay
		}
		if err := c.aim(tx, a, &sent); err != nil {
			return err
		}
		if err := insertMessage(tx, a.Channel, sent); err != nil {
			return err
		}
		c.announceMessage(tx, core.EventCreateMessage, sent)
		return repeat.remember(tx, a, sent.ID)
	})
	if errors.Is(err, errReplay) {
		err = nil
	}
	return sent, err
}

// errReplay undoes the tick of a send that was answered before.
var errReplay = errors.New("answered before")

// tick takes the channel's lock and its next time. The clock of the channel never stands still or goes back, whatever
// the computer's does.
func (c *Messages) tick(tx *db.Tx, channel arn.ARN, keep bool) (int64, error) {
	r, ok := c.Find(channel, arn.KindChannel)
	if !ok {
		return 0, core.ErrChannel()
	}
	last := "last_message_ms"
	if keep {
		last = "CASE WHEN clock_ms >= $3 THEN clock_ms + 1 ELSE $3 END"
	}
	at, err := db.All(tx.Context(), tx, func(n *int64) []any { return []any{n} },
		`UPDATE channel SET clock_ms = CASE WHEN clock_ms >= $3 THEN clock_ms + 1 ELSE $3 END, last_message_ms = `+last+`
WHERE app = $1 AND id = $2 RETURNING clock_ms`, r.App, r.ID, core.NowMS())
	if err != nil {
		return 0, err
	}
	if len(at) == 0 {
		return 0, core.ErrChannel()
	}
	return at[0], nil
}

func (c *Messages) compose(a role.Actor, in NewMessage, at int64) Message {
	return Message{Channel: c.ChannelARN(a), ID: messageID(at), Sender: c.IdentityOf(a), Type: in.Type, Persistence: in.Persistence,
		Content: in.Content, ContentType: in.ContentType, Metadata: in.Metadata, Attributes: in.Attributes, Target: in.Target,
		CreatedMS: at, UpdatedMS: at, sender: a.No, senderID: a.ID}
}

// aim finds the target, who must hear the channel.
func (c *Messages) aim(tx *db.Tx, a role.Actor, m *Message) error {
	if m.Target == "" {
		return nil
	}
	u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), m.Target)
	if err != nil {
		return err
	}
	is, err := db.Value[bool](tx.Context(), tx,
		`SELECT EXISTS (SELECT 1 FROM channel_membership WHERE channel = $1 AND member = $2)`, a.Channel, u.No)
	if err == nil && !is {
		err = fault.New(fault.Denied, "target", "The target is not a member of this channel.")
	}
	m.target, m.targetID = u.No, u.ID
	return err
}

func insertMessage(tx *db.Tx, channel int64, m Message) error {
	if m.Persistence != "PERSISTENT" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO channel_message (channel, created_ms, message_id, sender, sender_id, sender_name, target, target_id,
 type, content, content_type, metadata, attributes, redacted, edited_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		channel, m.CreatedMS, m.ID, m.sender, m.senderID, m.Sender.Name, m.target, m.targetID,
		m.Type, m.Content, m.ContentType, m.Metadata, m.Attributes, m.Redacted, m.EditedMS, m.UpdatedMS)
	return err
}

func (c *Messages) announceMessage(tx *db.Tx, kind string, m Message) {
	e := core.Event{Type: kind, MessageType: m.Type, Channel: m.Channel, Payload: WireOf[core.ISO](m)}
	if m.Target != "" {
		e.Only = core.Unique([]arn.ARN{m.Sender.Arn, m.Target})
	}
	c.Announce(tx, e)
}

package message

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/stagedoor/stagedoor/engine/core"
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

// NewMessage is what Send needs.
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
// it, and handed to the sink in that order. A channel flow holds it back first (held.go). A repeat with the same token
// answers with the first message. When ctx ends first, the message may or may not have been sent: repeat it with its token.
func (c *Messages) Send(ctx context.Context, bearer, channel arn.ARN, token string, in NewMessage) (Message, error) {
	if err := errors.Join(checkText(in.Type, in.Content, in.Metadata), checkAttributes(in.Attributes)); err != nil {
		return Message{}, err
	}
	l := &line{bearer: bearer, in: in, once: once{token: token, body: core.Digest(in)}}
	if err := c.together(ctx, channel, l); err != nil {
		return Message{}, err
	}
	return l.sent, l.refused
}

// place is the channel a group of lines goes to, locked by the running write.
type place struct {
	no      int64
	clockMS int64 // the newest time given out
	lastMS  int64 // the newest message that is kept
}

// enter takes the channel's lock: a ban that was confirmed is seen by every line that commits later.
func (c *Messages) enter(tx *db.Tx, channel arn.ARN) (place, error) {
	r, ok := c.FindPlace(channel)
	if !ok {
		return place{}, core.ErrChannel()
	}
	all, err := db.All(tx.Context(), tx, func(p *place) []any { return []any{&p.no, &p.clockMS, &p.lastMS} },
		`UPDATE channel SET clock_ms = clock_ms WHERE app = $1 AND id = $2 RETURNING no, clock_ms, last_message_ms`, r.App, r.ID)
	if err == nil && len(all) == 0 {
		err = core.ErrChannel()
	}
	if err != nil {
		return place{}, err
	}
	return all[0], nil
}

// tick gives out the channel's next time. It never stands still or goes back, whatever the computer's clock does.
func (p *place) tick(keep bool) int64 {
	p.clockMS = max(p.clockMS+1, core.NowMS())
	if keep {
		p.lastMS = p.clockMS
	}
	return p.clockMS
}

func (p *place) leave(tx *db.Tx) error {
	_, err := tx.Exec(`UPDATE channel SET clock_ms = $2, last_message_ms = $3 WHERE no = $1`, p.no, p.clockMS, p.lastMS)
	return err
}

func (c *Messages) compose(a role.Actor, in NewMessage, at int64) Message {
	return Message{Channel: c.ChannelARN(a), Sub: a.Sub, ID: messageID(at), Sender: c.IdentityOf(a), Type: in.Type, Persistence: in.Persistence,
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

func (c *Messages) announceMessage(tx *db.Tx, kind string, m Message) {
	var only []arn.ARN
	if m.Target != "" {
		only = core.Unique([]arn.ARN{m.Sender.Arn, m.Target})
	}
	c.announceTo(tx, kind, m, only)
}

func (c *Messages) announceTo(tx *db.Tx, kind string, m Message, only []arn.ARN) {
	c.Announce(tx, core.Event{Type: kind, MessageType: m.Type, Channel: core.InSub(m.Channel, m.Sub), Payload: WireOf[core.ISO](m), Only: only})
}

// announceChange is announceMessage for what becomes of a message later, when sender or target may have left: they hear
// no more of it than of any other message there.
func (c *Messages) announceChange(tx *db.Tx, channel int64, kind string, m Message) error {
	if m.Target == "" {
		c.announceMessage(tx, kind, m)
		return nil
	}
	here, err := db.All(tx.Context(), tx, func(no *int64) []any { return []any{no} },
		`SELECT member FROM channel_membership WHERE channel = $1 AND member IN ($2, $3)`, channel, m.sender, m.target)
	only := core.Nobody()
	for _, no := range here {
		if no == m.target {
			only = append(only, m.Target)
		} else {
			only = append(only, m.Sender.Arn)
		}
	}
	c.announceTo(tx, kind, m, only)
	return err
}

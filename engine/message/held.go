package message

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// A channel flow holds STANDARD messages and edits of them back (docs/adr/0011). A held message is in no history; only
// its sender is told of it. When the last processor has let it go, it gets the channel's next time, as if it had been
// sent then: whoever has read up to some time has missed nothing. Its id is the one that the sender was given.

// pending is the status of a message that a flow has.
const pending = "PENDING"

// carried is a message while a flow has it.
type carried struct {
	Message
	Event                  string // what its release announces: EventCreateMessage or EventUpdateMessage
	SenderNo, TargetNo     int64
	SenderUser, TargetUser string
}

func carry(event string, m Message) string {
	text, err := json.Marshal(carried{m, event, m.sender, m.target, m.senderID, m.targetID})
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

func carriedBy(text string) (h carried, err error) {
	err = json.Unmarshal([]byte(text), &h)
	h.sender, h.target, h.senderID, h.targetID = h.SenderNo, h.TargetNo, h.SenderUser, h.TargetUser
	return h, err
}

// heldRow is a row of held_message.
type heldRow struct {
	sender              int64
	run, status, detail string
	placed              bool // the message is, or was, in the history: the status is that of an edit
}

// held finds how a message fares that a flow has, or had, in hand; sql.ErrNoRows for any other.
func (c *Messages) held(ctx context.Context, q db.Querier, channel int64, id string) (heldRow, error) {
	return db.One(ctx, q, func(h *heldRow) []any { return []any{&h.sender, &h.run, &h.status, &h.detail, &h.placed} },
		`SELECT sender, run, status, detail, created_ms > 0 FROM held_message WHERE channel = $1 AND message_id = $2`, channel, id)
}

// status is how a message fared when it was sent and why, "" for SENT: what became of its edits does not count.
func (c *Messages) status(tx *db.Tx, channel int64, id string) (status, detail string, err error) {
	h, err := c.held(tx.Context(), tx, channel, id)
	switch {
	case errors.Is(err, sql.ErrNoRows), h.placed:
		return "", "", nil
	}
	return h.status, h.detail, err
}

// ofSender reads a message that a flow has, for its sender.
func (c *Messages) ofSender(ctx context.Context, a role.Actor, id string) (Message, error) {
	h, err := c.held(ctx, c.DB, a.Channel, id)
	if err != nil || h.sender != a.No || h.status != pending {
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			err = errMessage()
		}
		return Message{}, err
	}
	text, err := c.flows.Text(ctx, c.DB, h.run)
	if err != nil || text == "" {
		return Message{}, cmp.Or(err, errMessage())
	}
	m, err := carriedBy(text)
	return m.Message, err
}

// hold gives a new or changed message to the channel's flow.
func (c *Messages) hold(tx *db.Tx, a role.Actor, event string, m Message) error {
	run, at := flow.NewRunID(), int64(0)
	if event == core.EventUpdateMessage {
		at = m.CreatedMS
	}
	if _, err := tx.Exec(`INSERT INTO held_message (channel, message_id, sender, run, status, created_ms)
VALUES ($1, $2, $3, $4, 'PENDING', $5) ON CONFLICT (channel, message_id) DO UPDATE SET run = $4, status = 'PENDING', detail = ''`,
		a.Channel, m.ID, m.sender, run, at); err != nil {
		return err
	}
	if err := c.flows.Begin(tx, a.Flow, a.Channel, run, carry(event, m)); err != nil {
		return err
	}
	c.tellSender(tx, core.Pending+event, m)
	return nil
}

func (c *Messages) tellSender(tx *db.Tx, event string, m Message) {
	c.Announce(tx, core.Event{Type: event, MessageType: m.Type, Channel: core.InSub(m.Channel, m.Sub), Payload: WireOf[core.ISO](m), Only: []arn.ARN{m.Sender.Arn}})
}

// settleEdits makes the edits of a message count no more that are still on their way.
func settleEdits(tx *db.Tx, channel int64, id string) error {
	_, err := tx.Exec(`UPDATE held_message SET run = '', status = 'SENT', detail = '' WHERE channel = $1 AND message_id = $2`, channel, id)
	return err
}

// Answer is what a processor says to a message. nil leaves what was.
type Answer struct {
	MessageID                                  string
	Sub                                        *string // SubChannelId
	Deny                                       bool
	Content, ContentType, Metadata, Attributes *string
}

func (h *carried) apply(a Answer) error {
	for to, from := range map[*string]*string{&h.Content: a.Content, &h.ContentType: a.ContentType,
		&h.Metadata: a.Metadata, &h.Attributes: a.Attributes} {
		if from != nil {
			*to = *from
		}
	}
	return errors.Join(checkText(h.Type, h.Content, h.Metadata), checkAttributes(h.Attributes))
}

// FlowCallback takes a processor's answer: the message goes on to the next processor or into the channel, or it ends
// here. Unknown and late answers are Denied, second ones a Conflict.
func (c *Messages) FlowCallback(ctx context.Context, channel arn.ARN, callback string, a Answer) error {
	if _, ok := c.Find(channel, arn.KindChannel); !ok {
		return core.ErrChannel()
	}
	return c.Write(ctx, func(tx *db.Tx) error {
		if err := c.Lock(tx, channel); err != nil {
			return err
		}
		r, err := c.flows.Answered(tx, callback)
		if err != nil {
			return err
		}
		h, err := carriedBy(r.Message)
		switch {
		case err != nil:
			return err
		case h.Channel != channel:
			return fault.New(fault.Denied, "callback", "The CallbackId is not valid, or its time is over.")
		case h.ID != a.MessageID || a.Sub != nil && h.Sub != *a.Sub:
			return fault.New(fault.Invalid, "message", "The CallbackId belongs to another message.").On("ChannelMessage.MessageId")
		case a.Deny:
			return c.end(tx, r, h, core.Denied, "")
		}
		if err := h.apply(a); err != nil {
			return err
		}
		return c.pass(tx, r, h)
	})
}

// Shown is what a processor is shown of a message.
func (c *Messages) Shown(r flow.Run) (any, error) {
	h, err := carriedBy(r.Message)
	return ShownOf(h.Message), err
}

// GiveUp goes on without the processor that has the message, as its FallbackAction says.
func (c *Messages) GiveUp(ctx context.Context, r flow.Run, why string) error {
	h, err := carriedBy(r.Message)
	if err != nil {
		return err
	}
	return c.Write(ctx, func(tx *db.Tx) error {
		if err := c.Lock(tx, h.Channel); err != nil {
			return err
		}
		now, open, err := c.flows.Given(tx, r)
		switch {
		case err != nil || !open:
			return err
		case now.Processor().FallbackAction == "CONTINUE":
			err = c.pass(tx, now, h)
		default:
			err = c.end(tx, now, h, core.Failed, why)
		}
		if core.IsGone(err) {
			return c.flows.Drop(tx, now)
		}
		return err
	})
}

// pass gives the message to the next processor, or releases it.
func (c *Messages) pass(tx *db.Tx, r flow.Run, h carried) error {
	more, err := c.flows.Pass(tx, r, carry(h.Event, h.Message))
	if err != nil || more {
		return err
	}
	operation := "SendChannelMessage"
	if h.Event == core.EventUpdateMessage {
		operation = "UpdateChannelMessage"
	}
	a, err := c.Allowed(tx.Context(), tx, operation, h.Sender.Arn, core.InSub(h.Channel, h.Sub), true)
	switch {
	case core.IsGone(err), fault.Is(err, fault.Unauthorized): // banned, left, moved or deleted since: no line comes after a ban
		return c.end(tx, r, h, core.Failed, "The sender may not write in this channel any more.")
	case err != nil:
		return err
	}
	h.Status, h.Detail = "", ""
	if h.Event == core.EventUpdateMessage {
		return c.releaseEdit(tx, r, h)
	}
	if err := c.aim(tx, a, &h.Message); core.IsGone(err) {
		return c.end(tx, r, h, core.Failed, "The target is not in this channel any more.")
	} else if err != nil {
		return err
	}
	return c.release(tx, a, r, h)
}

// release puts a new message into the channel at the channel's next time.
func (c *Messages) release(tx *db.Tx, a role.Actor, r flow.Run, h carried) error {
	p, err := c.enter(tx, core.InSub(h.Channel, h.Sub))
	if err != nil {
		return err
	}
	at := p.tick(h.Persistence == "PERSISTENT")
	h.CreatedMS, h.UpdatedMS = at, at
	if err := insertAll(tx, p, []*line{{sent: h.Message}}); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE held_message SET status = 'SENT', created_ms = $3 WHERE channel = $1 AND message_id = $2`,
		a.Channel, h.ID, at); err != nil {
		return err
	}
	c.announceMessage(tx, core.EventCreateMessage, h.Message)
	return c.flows.End(tx, r)
}

// releaseEdit changes the message, unless a newer edit, a redaction or a deletion has made this one pointless.
func (c *Messages) releaseEdit(tx *db.Tx, r flow.Run, h carried) error {
	if err := c.flows.End(tx, r); err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE held_message SET status = 'SENT' WHERE channel = $1 AND message_id = $2 AND run = $3`, r.Channel, h.ID, r.ID)
	if err != nil || n == 0 {
		return err
	}
	h.EditedMS = max(core.NowMS(), h.UpdatedMS)
	h.UpdatedMS = h.EditedMS
	return c.store(tx, r.Channel, core.EventUpdateMessage, h.Message)
}

// end is for messages that do not come into the channel: nothing is kept of them but that. outcome is core.Failed or
// core.Denied.
func (c *Messages) end(tx *db.Tx, r flow.Run, h carried, outcome, why string) error {
	if err := c.flows.End(tx, r); err != nil {
		return err
	}
	h.Status, h.Detail = outcome[:len(outcome)-1], why
	n, err := tx.Exec(`UPDATE held_message SET status = $4, detail = $5 WHERE channel = $1 AND message_id = $2 AND run = $3`,
		r.Channel, h.ID, r.ID, h.Status, h.Detail)
	if err != nil || n == 0 {
		return err
	}
	c.tellSender(tx, outcome+h.Event, h.Message)
	return nil
}

package message

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Lines that arrive in one channel while the last commit runs are written together: one lock of the channel, one look at
// all their senders and tokens, one statement that inserts them. A line alone costs what it always did; in a full hall the
// statements are shared by dozens (docs/adr/0013-lines-together.md).

// maxTogether bounds a group, so that the first line of it does not wait for thousands.
const maxTogether = 256

// line is one message on its way, and after the write its outcome.
type line struct {
	bearer arn.ARN
	in     NewMessage
	once   once

	actor   role.Actor
	sent    Message
	refused error
}

// group is the lines of one channel that go into one write.
type group struct {
	lines []*line
	done  chan struct{}
	err   error // of the write; lines have their own besides
}

// groups are those that may still grow, by channel.
type groups struct {
	mu   sync.Mutex
	open map[arn.ARN]*group
}

// join adds l to the channel's open group, or opens one; first says that the caller has to write it.
func (g *groups) join(channel arn.ARN, l *line) (mine *group, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	mine = g.open[channel]
	if mine == nil || len(mine.lines) == maxTogether {
		mine, first = &group{done: make(chan struct{})}, true
		g.open[channel] = mine
	}
	mine.lines = append(mine.lines, l)
	return mine, first
}

// take closes a group: nobody joins it any more.
func (g *groups) take(channel arn.ARN, mine *group) []*line {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[channel] == mine {
		delete(g.open, channel)
	}
	return mine.lines
}

// together writes l with whatever else comes to the channel meanwhile. An error is that of the whole write.
func (c *Messages) together(ctx context.Context, channel arn.ARN, l *line) error {
	mine, first := c.groups.join(channel, l)
	if first {
		go func() { // the others must not depend on how long this caller waits
			defer close(mine.done)
			mine.err = c.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
				return c.sendAll(tx, channel, c.groups.take(channel, mine))
			})
			c.groups.take(channel, mine) // a write that never ran
		}()
	}
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendAll writes the lines of one channel in their order. What is wrong with one of them is its own outcome.
func (c *Messages) sendAll(tx *db.Tx, channel arn.ARN, lines []*line) error {
	p, err := c.enter(tx, channel)
	if err != nil {
		if fault.Is(err, fault.NotFound) { // who asks, then, and not whether it exists: strangers learn nothing
			return c.refuseAll(tx, channel, lines)
		}
		return err
	}
	welcome, err := c.admit(tx, channel, lines)
	if err != nil {
		return err
	}
	fresh, err := c.repeats(tx, p.no, welcome)
	if err != nil {
		return err
	}
	var kept []*line
	for _, l := range fresh {
		m := c.compose(l.actor, l.in, 0)
		if l.refused = c.aim(tx, l.actor, &m); l.refused != nil {
			if fault.As(l.refused).Kind == fault.Internal {
				return l.refused
			}
			continue
		}
		if l.actor.Flow != 0 && m.Type == "STANDARD" {
			m.Status = pending
		}
		m.CreatedMS = p.tick(m.Persistence == "PERSISTENT" && m.Status != pending)
		m.UpdatedMS, m.ID = m.CreatedMS, messageID(m.CreatedMS)
		l.sent = m
		kept = append(kept, l)
	}
	if len(kept) > 0 {
		if err := insertAll(tx, p, kept); err != nil {
			return err
		}
	}
	copyRepeats(welcome)
	for _, l := range kept {
		if l.sent.Status != pending {
			c.announceMessage(tx, core.EventCreateMessage, l.sent)
			continue
		}
		if err := c.hold(tx, l.actor, core.EventCreateMessage, l.sent); err != nil {
			return err
		}
	}
	return nil
}

func (c *Messages) refuseAll(tx *db.Tx, channel arn.ARN, lines []*line) error {
	for _, l := range lines {
		_, l.refused = c.InChannel(tx.Context(), tx, l.bearer, channel)
		if l.refused == nil {
			l.refused = core.ErrChannel()
		}
	}
	return nil
}

// admit finds the senders and keeps the lines of those who may speak.
func (c *Messages) admit(tx *db.Tx, channel arn.ARN, lines []*line) (welcome []*line, err error) {
	bearers := make([]arn.ARN, len(lines))
	for i, l := range lines {
		bearers[i] = l.bearer
	}
	actors, err := c.AllInChannel(tx.Context(), tx, bearers, channel)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		l.refused = nil // the write may run a second time
		a, known := actors[l.bearer]
		if !known {
			if a, l.refused = c.InChannel(tx.Context(), tx, l.bearer, channel); l.refused != nil {
				if fault.As(l.refused).Kind == fault.Internal {
					return nil, l.refused
				}
				continue
			}
		}
		if l.refused = a.May("SendChannelMessage", false); l.refused == nil {
			l.actor = a
			welcome = append(welcome, l)
		}
	}
	return welcome, nil
}

// insertAll writes lines that have their time, and the tokens they came with.
func insertAll(tx *db.Tx, p place, lines []*line) error {
	messages, tokens := map[string]messageRow{}, map[string]tokenRow{}
	for i, l := range lines {
		key := strconv.Itoa(i)
		if m := l.sent; m.Persistence == "PERSISTENT" && m.Status != pending {
			messages[key] = messageRow{m.CreatedMS, m.ID, m.sender, m.senderID, m.Sender.Name, m.target, m.targetID, m.Type, m.Content,
				m.ContentType, m.Metadata, m.Attributes}
		}
		if l.once.token != "" {
			tokens[key] = tokenRow{l.actor.No, l.once.token, l.once.body, l.sent.ID}
		}
	}
	if len(messages) > 0 {
		if _, err := tx.Exec(insertMessages, p.no, rows(messages)); err != nil {
			return err
		}
	}
	if len(tokens) > 0 {
		if _, err := tx.Exec(insertTokens, p.no, rows(tokens)); err != nil {
			return err
		}
	}
	return p.leave(tx)
}

// messageRow is a new row of channel_message on its way into insertMessages.
type messageRow struct {
	T   int64  `json:"t"`
	ID  string `json:"i"`
	S   int64  `json:"s"`
	SID string `json:"si"`
	SN  string `json:"sn"`
	G   int64  `json:"g"`
	GID string `json:"gi"`
	K   string `json:"k"`
	C   string `json:"c"`
	CT  string `json:"ct"`
	M   string `json:"m"`
	A   string `json:"a"`
}

const insertMessages = `INSERT INTO channel_message (channel, created_ms, message_id, sender, sender_id, sender_name, target, target_id,
 type, content, content_type, metadata, attributes, redacted, edited_ms, updated_ms)
SELECT $1, CAST(j.value ->> 't' AS BIGINT), j.value ->> 'i', CAST(j.value ->> 's' AS BIGINT), j.value ->> 'si', j.value ->> 'sn',
 CAST(j.value ->> 'g' AS BIGINT), j.value ->> 'gi', j.value ->> 'k', j.value ->> 'c', j.value ->> 'ct', j.value ->> 'm', j.value ->> 'a',
 FALSE, 0, CAST(j.value ->> 't' AS BIGINT) FROM json_each($2) j`

// rows writes rows as one JSON object: json_each of PostgreSQL refuses arrays.
func rows[R any](all map[string]R) string {
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

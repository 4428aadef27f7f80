package message

import (
	"strconv"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
)

// once is the ClientRequestToken of a message. It is remembered as long as the channel lives: whoever repeats a line
// after a night without a network does not say it twice.
type once struct {
	token, body string // "" is never a repeat; body is a hash of what was asked

	first *line // the line in the same group that this one repeats
}

// tokenRow is a row of message_token on its way into a statement.
type tokenRow struct {
	S int64  `json:"s"`
	T string `json:"t"`
	B string `json:"b,omitempty"`
	I string `json:"i,omitempty"`
}

const (
	// CROSS JOIN makes SQLite begin with the few that are asked for; left to itself it walks through the whole channel.
	//nolint:gosec // G101 takes the word for a credential
	selectTokens = `SELECT t.sender, t.token, t.body, t.message_id FROM json_each($2) j CROSS JOIN message_token t
WHERE t.channel = $1 AND t.sender = CAST(j.value ->> 's' AS BIGINT) AND t.token = j.value ->> 't'`
	// insertTokens fails as a duplicate when another node got in between; Core.Write runs the whole write again.
	insertTokens = `INSERT INTO message_token (channel, sender, token, body, message_id)
SELECT $1, CAST(j.value ->> 's' AS BIGINT), j.value ->> 't', j.value ->> 'b', j.value ->> 'i' FROM json_each($2) j`
)

type tokenKey struct {
	sender int64
	token  string
}

// repeats answers the lines whose token was used before and returns the others in their order.
func (c *Messages) repeats(tx *db.Tx, channel int64, lines []*line) (fresh []*line, err error) {
	asked := map[string]tokenRow{}
	for i, l := range lines {
		if l.once.token != "" {
			asked[strconv.Itoa(i)] = tokenRow{S: l.actor.No, T: l.once.token}
		}
	}
	if len(asked) == 0 {
		return lines, nil
	}
	used, err := db.All(tx.Context(), tx, func(r *tokenRow) []any { return []any{&r.S, &r.T, &r.B, &r.I} },
		selectTokens, channel, rows(asked))
	if err != nil {
		return nil, err
	}
	before := make(map[tokenKey]tokenRow, len(used))
	for _, r := range used {
		before[tokenKey{r.S, r.T}] = r
	}
	firsts := make(map[tokenKey]*line, len(lines))
	for _, l := range lines {
		l.once.first = nil // the write may run a second time
		key := tokenKey{l.actor.No, l.once.token}
		old, isOld := before[key]
		first := firsts[key]
		switch {
		case l.once.token == "":
			fresh = append(fresh, l)
		case isOld && old.B != l.once.body, first != nil && first.once.body != l.once.body:
			l.refused = core.ErrTokenReused()
		case isOld:
			l.sent = Message{Channel: c.ChannelARN(l.actor), Sub: l.actor.Sub, ID: old.I}
			if l.sent.Status, l.sent.Detail, err = c.status(tx, channel, old.I); err != nil {
				return nil, err
			}
		case first != nil:
			l.once.first = first
		default:
			firsts[key] = l
			fresh = append(fresh, l)
		}
	}
	return fresh, nil
}

// copyRepeats gives lines that repeat another of their group its outcome.
func copyRepeats(lines []*line) {
	for _, l := range lines {
		if first := l.once.first; first != nil {
			l.sent, l.refused = first.sent, first.refused
		}
	}
}

package channel

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Expiration says when a channel ends by itself: Days after its creation, or after its last message if that is the
// Criterion (developer guide, "Using expiration settings"). The zero value is never.
type Expiration struct {
	Days      int
	Criterion string // CREATED_TIMESTAMP LAST_MESSAGE_TIMESTAMP
}

// due is when a channel expires, in Unix milliseconds; 0 is never. A channel without a message counts from its creation.
func (e Expiration) due(created, lastMessage int64) int64 {
	const day = 24 * 60 * 60 * 1000
	if e.Days == 0 {
		return 0
	}
	if e.Criterion == "LAST_MESSAGE_TIMESTAMP" {
		created = max(created, lastMessage)
	}
	return created + int64(e.Days)*day
}

// SetChannelExpiration replaces the channel's settings. A channel that is due already ends with the next sweep; until then it is
// alive and can be given other ones.
func (c *Channels) SetChannelExpiration(ctx context.Context, bearer, channel arn.ARN, e Expiration) error {
	err := c.Changing(ctx, "PutChannelExpirationSettings", bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		ch, err := c.channel(tx.Context(), tx, a.Channel)
		if err != nil {
			return err
		}
		ch.Expiration = e
		if _, err := tx.Exec(`UPDATE channel SET expire_days = $2, expire_by = $3, expires_ms = $4 WHERE no = $1`,
			ch.no, e.Days, e.Criterion, e.due(ch.CreatedMS, ch.LastMessageMS)); err != nil {
			return err
		}
		c.Announce(tx, core.Event{Type: core.EventUpdateExpiration, MessageType: core.System, Channel: channel,
			Payload: WireOf[core.ISO](ch), Only: core.Nobody()})
		return nil
	})
	if err == nil {
		c.SweepSoon()
	}
	return err
}

// expireChunk bounds how many channels one write ends.
const expireChunk = 20

// SweepExpiredChannels is the step that ends channels that have expired. A channel whose last message came later than it looked
// is given a new moment.
func (c *Channels) SweepExpiredChannels(tx *db.Tx) (int64, error) {
	now := core.NowMS()
	all, err := db.All(tx.Context(), tx, func(no *int64) []any { return []any{no} },
		`SELECT no FROM channel WHERE expires_ms > 0 AND expires_ms <= $1 ORDER BY expires_ms, no LIMIT $2`, now, expireChunk)
	if err != nil {
		return 0, err
	}
	for _, no := range all {
		if _, err := tx.Exec(`UPDATE channel SET clock_ms = clock_ms WHERE no = $1`, no); err != nil { // the lock, as in role
			return 0, err
		}
		ch, err := c.channel(tx.Context(), tx, no)
		if core.IsGone(err) {
			continue // somebody else was faster
		}
		if err != nil {
			return 0, err
		}
		if due := ch.Expiration.due(ch.CreatedMS, ch.LastMessageMS); due == 0 || due > now {
			if _, err := tx.Exec(`UPDATE channel SET expires_ms = $2 WHERE no = $1`, no, due); err != nil {
				return 0, err
			}
			continue
		}
		if err := c.remove(tx, ch); err != nil {
			return 0, err
		}
	}
	return int64(len(all)), nil
}

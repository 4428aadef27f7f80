package chat

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Channel is a place to talk. Mode is UNRESTRICTED or RESTRICTED, Privacy PUBLIC or PRIVATE.
type Channel struct {
	ARN                                 arn.ARN
	Name, Mode, Privacy, Metadata       string
	CreatedBy                           Identity
	CreatedMS, UpdatedMS, LastMessageMS int64

	no             int64
	app, id, maker string
}

const channelColumns = `c.no, c.app, c.id, c.name, c.mode, c.privacy, c.metadata, c.by_id, c.by_name,
c.created_ms, c.updated_ms, c.last_message_ms`

func (ch *Channel) fields() []any {
	return []any{&ch.no, &ch.app, &ch.id, &ch.Name, &ch.Mode, &ch.Privacy, &ch.Metadata, &ch.maker, &ch.CreatedBy.Name,
		&ch.CreatedMS, &ch.UpdatedMS, &ch.LastMessageMS}
}

// named fills in the ARNs, which the database does not hold.
func (c *Chat) named(ch Channel) Channel {
	ch.ARN = c.instanceARN(ch.app).Channel(ch.id)
	ch.CreatedBy.Arn = c.user(ch.app, ch.maker)
	return ch
}

func (c *Chat) channel(ctx context.Context, q db.Querier, no int64) (Channel, error) {
	ch, err := db.One(ctx, q, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c WHERE c.no = $1`, no)
	if errors.Is(err, sql.ErrNoRows) {
		return ch, errChannel()
	}
	return c.named(ch), err
}

// NewChannel is what CreateChannel needs. Mode "" means UNRESTRICTED, Privacy "" means PUBLIC, ID "" means a UUID.
type NewChannel struct {
	Instance                          arn.ARN
	Name, Mode, Privacy, Metadata, ID string
	Members, Moderators               []arn.ARN
}

// CreateChannel makes a channel with the bearer as its first member and moderator.
func (c *Chat) CreateChannel(ctx context.Context, bearer arn.ARN, token string, in NewChannel) (arn.ARN, error) {
	req := newRequest("CreateChannel\n"+string(bearer), token, in)
	if in.Mode == "" {
		in.Mode = "UNRESTRICTED"
	}
	if in.Privacy == "" {
		in.Privacy = "PUBLIC"
	}
	if in.ID == "" {
		in.ID = id.NewUUID()
	}
	var made arn.ARN
	err := c.write(ctx, func(tx *db.Tx) error {
		a, err := c.inInstance(tx.Context(), tx, "CreateChannel", bearer, in.Instance)
		if err != nil {
			return err
		}
		old, err := req.before(tx)
		if err != nil {
			return err
		}
		made = in.Instance.Channel(in.ID)
		if old != "" {
			switch there, err := c.exists(tx, arn.ARN(old)); {
			case err != nil:
				return err
			case there:
				made = arn.ARN(old)
				return nil
			}
			if err := req.forget(tx); err != nil {
				return err
			}
		}
		if there, err := c.exists(tx, made); err != nil || there {
			return errors.Join(err, fault.New(fault.Conflict, "channel_exists", "A channel with this id exists."))
		}
		now := nowMS()
		if err := c.insertChannel(tx, a, in, now); err != nil {
			return err
		}
		return req.remember(tx, string(made), now)
	})
	return made, err
}

func (c *Chat) exists(tx *db.Tx, channel arn.ARN) (bool, error) {
	r, _ := c.find(channel, arn.KindChannel)
	return db.Value[bool](tx.Context(), tx, `SELECT EXISTS (SELECT 1 FROM channel WHERE app = $1 AND id = $2)`, r.app, r.id)
}

func (c *Chat) insertChannel(tx *db.Tx, a actor, in NewChannel, now int64) error {
	a.channel, a.channelID = newNo(), in.ID
	if _, err := tx.Exec(`INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		a.channel, a.app, in.ID, in.Name, in.Mode, in.Privacy, in.Metadata, a.id, a.name, now); err != nil {
		return err
	}
	self := c.arnOf(a)
	for _, m := range unique(append([]arn.ARN{self}, in.Moderators...)) {
		u, err := c.userOf(tx.Context(), tx, in.Instance, m)
		if err != nil {
			return err
		}
		if _, err := c.insertModerator(tx, a, u, now); err != nil {
			return err
		}
	}
	for _, m := range unique(append([]arn.ARN{self}, in.Members...)) {
		u, err := c.userOf(tx.Context(), tx, in.Instance, m)
		if err != nil {
			return err
		}
		if _, err := c.insertMembership(tx, a, u, "DEFAULT", now); err != nil {
			return err
		}
	}
	return nil
}

// unique drops repeated ARNs and keeps the order.
func unique(in []arn.ARN) []arn.ARN {
	seen := make(map[arn.ARN]bool, len(in))
	out := in[:0:0]
	for _, a := range in {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// inInstance finds the bearer, who must belong to the app instance, and checks the role table without a channel.
func (c *Chat) inInstance(ctx context.Context, q db.Querier, operation string, bearer, instance arn.ARN) (actor, error) {
	a, err := c.bearer(ctx, q, bearer)
	if err != nil {
		return a, err
	}
	if c.instanceARN(a.app) != instance {
		return a, errInstance()
	}
	return a, a.may(operation, true)
}

// Channel reads a channel for somebody who may see it.
func (c *Chat) Channel(ctx context.Context, bearer, channel arn.ARN) (Channel, error) {
	a, err := c.allowed(ctx, c.db, "DescribeChannel", bearer, channel, false)
	if err != nil {
		return Channel{}, err
	}
	return c.channel(ctx, c.db, a.channel)
}

// Channels lists the channels of one privacy in an app instance: "" means PUBLIC, PRIVATE is for admins alone.
func (c *Chat) Channels(ctx context.Context, bearer, instance arn.ARN, privacy string, p Page) ([]Channel, string, error) {
	operation := "ListChannels"
	switch privacy {
	case "":
		privacy = "PUBLIC"
	case "PRIVATE":
		operation = privateChannels
	}
	a, err := c.inInstance(ctx, c.db, operation, bearer, instance)
	if err != nil {
		return nil, "", err
	}
	name := list("channels", a.app, privacy)
	after, err := p.key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.db, (*Channel).fields, `SELECT `+channelColumns+` FROM channel c
WHERE c.app = $1 AND c.privacy = $2 AND c.id > $3 ORDER BY c.id LIMIT $4`, a.app, privacy, after, p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i] = c.named(all[i])
	}
	all, next := cut(all, p, name, func(ch Channel) string { return ch.id })
	return all, next, nil
}

// UpdateChannel changes what is not nil.
func (c *Chat) UpdateChannel(ctx context.Context, bearer, channel arn.ARN, name, mode, metadata *string) error {
	return c.changing(ctx, "UpdateChannel", bearer, channel, false, func(tx *db.Tx, a actor) error {
		if _, err := tx.Exec(`UPDATE channel SET name = coalesce($2, name), mode = coalesce($3, mode),
metadata = coalesce($4, metadata), updated_ms = $5 WHERE no = $1`, a.channel, name, mode, metadata, nowMS()); err != nil {
			return err
		}
		ch, err := c.channel(tx.Context(), tx, a.channel)
		if err != nil {
			return err
		}
		c.announce(tx, Event{Type: EventUpdateChannel, MessageType: System, Channel: channel, Payload: WireChannel[ISO](ch)})
		return nil
	})
}

// DeleteChannel ends a channel at once, with everything in it; the rows go in the background (Run).
func (c *Chat) DeleteChannel(ctx context.Context, bearer, channel arn.ARN) error {
	err := c.changing(ctx, "DeleteChannel", bearer, channel, false, func(tx *db.Tx, a actor) error {
		ch, err := c.channel(tx.Context(), tx, a.channel)
		if err != nil {
			return err
		}
		return c.removeChannel(tx, ch)
	})
	if err == nil {
		c.sweepSoon()
	}
	return err
}

// removeChannel takes the channel's name away: from then on nothing leads to its rows.
func (c *Chat) removeChannel(tx *db.Tx, ch Channel) error {
	if _, err := tx.Exec(`DELETE FROM channel WHERE no = $1`, ch.no); err != nil {
		return err
	}
	c.announce(tx, Event{Type: EventDeleteChannel, MessageType: System, Channel: ch.ARN, Payload: WireChannel[ISO](ch), Gone: true})
	_, err := tx.Exec(`INSERT INTO removed_channel (no, removed_ms) VALUES ($1, $2)`, ch.no, nowMS())
	return err
}

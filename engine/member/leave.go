package member

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// DeleteMembership removes a member; who is none already stays none. In an elastic channel only a moderator is removed
// from one sub-channel; without one, from all.
func (c *Members) DeleteMembership(ctx context.Context, bearer, place, member arn.ARN) error {
	return c.Changing(ctx, "DeleteChannelMembership", bearer, place, bearer == member, func(tx *db.Tx, a role.Actor) error {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), member)
		if err != nil {
			return err
		}
		if a.Sub != "" {
			if moderates, err := c.moderates(tx, a, u.No); err != nil || !moderates {
				return errOr(err, errSystemChooses())
			}
		}
		return c.leave(tx, a, u.No)
	})
}

// leave ends what the user is in the actor's place: in an elastic channel without a sub-channel, in all of them.
func (c *Members) leave(tx *db.Tx, a role.Actor, member int64) error {
	ended, err := c.of(tx.Context(), tx, a, member)
	if err != nil {
		return err
	}
	return c.end(tx, ended, "")
}

// end takes memberships away. reason is the event's, "" for none.
func (c *Members) end(tx *db.Tx, all []Membership, reason string) error {
	for _, m := range all {
		n, err := tx.Exec(`DELETE FROM channel_membership WHERE channel = $1 AND member = $2`, m.place, m.no)
		if err != nil {
			return err
		}
		if n == 0 {
			continue // another node has ended it, or moved it
		}
		if err := c.ended(tx, m, reason); err != nil {
			return err
		}
	}
	return nil
}

// ended tells who is to know that a membership was taken away.
func (c *Members) ended(tx *db.Tx, m Membership, reason string) error {
	who := []arn.ARN{m.Member.Arn}
	e := core.Event{Type: core.EventDeleteMembership, MessageType: core.System, Reason: reason, Channel: core.InSub(m.Channel, m.Sub),
		Payload: WireOf[core.ISO](m), Also: who, Left: who}
	if m.Type == "HIDDEN" || reason != "" {
		e.Only = who // nobody else is told of a hidden member
	}
	if err := c.quieten(tx, m.Root, m.place, &e); err != nil {
		return err
	}
	c.Announce(tx, e)
	if m.Sub == "" {
		return nil
	}
	return c.leftSub(tx, m)
}

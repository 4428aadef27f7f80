package member

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Preferences are what a member wants to be notified of. They are kept, and nothing is pushed: frames of the session
// come whatever they say, as on the real service. The zero value stands for ALL.
type Preferences struct {
	Allow string // ALL NONE FILTERED
	Rule  string // FilterRule, JSON as it was given; "" for none
}

// SetPreferences replaces the preferences of one's own membership.
func (c *Members) SetPreferences(ctx context.Context, bearer, channel, member arn.ARN, p Preferences) error {
	if p.Allow == "FILTERED" && p.Rule == "" {
		return fault.New(fault.Invalid, "filter_rule", "A FilterRule is required for FILTERED.").On("FilterRule")
	}
	if p.Rule != "" {
		if err := checkFilterRule(p.Rule); err != nil {
			return err
		}
	}
	return c.onOwn(ctx, "PutChannelMembershipPreferences", bearer, channel, bearer == member, func(tx *db.Tx, a role.Actor) error {
		_, err := tx.Exec(`UPDATE channel_membership SET allow_push = $3, filter_rule = $4 WHERE channel = $1 AND member = $2`,
			a.Channel, a.No, p.Allow, p.Rule)
		return err
	})
}

// PreferencesOf reads the preferences of one's own membership.
func (c *Members) PreferencesOf(ctx context.Context, bearer, channel, member arn.ARN) (Preferences, error) {
	a, err := c.Allowed(ctx, c.DB, "GetChannelMembershipPreferences", bearer, channel, bearer == member)
	if err != nil {
		return Preferences{}, err
	}
	p, err := db.One(ctx, c.DB, func(p *Preferences) []any { return []any{&p.Allow, &p.Rule} },
		`SELECT allow_push, filter_rule FROM channel_membership WHERE channel = $1 AND member = $2`, a.Channel, a.No)
	if errors.Is(err, sql.ErrNoRows) { // the membership ended just now
		err = fault.New(fault.Denied, "membership", "You are not a member of this channel.")
	}
	if p.Allow == "" {
		p.Allow = "ALL"
	}
	return p, err
}

// Read sets the bearer's read marker in a channel to now.
func (c *Members) Read(ctx context.Context, bearer, channel arn.ARN) error {
	return c.onOwn(ctx, "UpdateChannelReadMarker", bearer, channel, true, func(tx *db.Tx, a role.Actor) error {
		_, err := tx.Exec(`UPDATE channel_membership SET read_ms = $3 WHERE channel = $1 AND member = $2 AND read_ms < $3`,
			a.Channel, a.No, core.NowMS())
		return err
	})
}

// onOwn is Changing for what only concerns the bearer's own row: it does not make the others in the channel wait.
func (c *Members) onOwn(ctx context.Context, operation string, bearer, channel arn.ARN, own bool, fn func(*db.Tx, role.Actor) error) error {
	if _, err := c.Allowed(ctx, c.DB, operation, bearer, channel, own); err != nil {
		return err
	}
	return c.Write(ctx, func(tx *db.Tx) error {
		a, err := c.Allowed(tx.Context(), tx, operation, bearer, channel, own)
		if err != nil {
			return err
		}
		return fn(tx, a)
	})
}

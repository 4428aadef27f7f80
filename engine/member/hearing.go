package member

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// ChannelsOf returns the places in which a user hears something, in any order: the channels that the user is a member
// of, and in an elastic channel the sub-channels besides (core.InSub). Those who ask at one time are read together.
func (c *Members) ChannelsOf(ctx context.Context, user arn.ARN) ([]arn.ARN, error) {
	r, ok := c.Find(user, arn.KindUser)
	if !ok {
		return nil, core.ErrUser()
	}
	places, err := c.hearing.Ask(ctx, r.App, r.ID)
	if err == nil && places == nil {
		err = core.ErrUser()
	}
	return places, err
}

// CROSS JOIN makes SQLite begin with the few that are asked for.
const placesSQL = `SELECT u.id, coalesce(c.id, '') FROM json_each($2) j CROSS JOIN app_instance_user u
JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
LEFT JOIN channel_membership m ON m.member = u.no LEFT JOIN channel c ON c.no = m.channel
WHERE u.app = $1 AND u.id = j.key`

// placesOf answers ChannelsOf for many users of one app instance; nil says that there is no such user.
func (c *Members) placesOf(ctx context.Context, app string, users []string) ([][]arn.ARN, error) {
	type pair struct{ user, row string }
	all, err := db.All(ctx, c.DB, func(p *pair) []any { return []any{&p.user, &p.row} }, placesSQL, app, core.Keys(users))
	if err != nil {
		return nil, err
	}
	heard := make(map[string][]arn.ARN, len(users))
	for _, p := range all {
		if heard[p.user] == nil {
			heard[p.user] = []arn.ARN{}
		}
		if p.row == "" {
			continue // in no channel, or in one that is deleted
		}
		id, sub := core.SplitRow(p.row)
		channel := c.InstanceARN(app).Channel(id)
		heard[p.user] = append(heard[p.user], channel)
		if sub != "" {
			heard[p.user] = append(heard[p.user], core.InSub(channel, sub))
		}
	}
	out := make([][]arn.ARN, len(users))
	for i, user := range users {
		out[i] = heard[user]
		if heard[user] != nil {
			out[i] = core.Unique(heard[user]) // each its own: two sessions of one user may ask
		}
	}
	return out, nil
}

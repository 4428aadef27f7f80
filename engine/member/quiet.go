package member

import (
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// DefaultQuietAbove is where a channel becomes quiet unless something else is configured. An arrival then is told to at
// most that many; their clients ask the API back (Amazon's demo describes the channel for each membership it hears of).
const DefaultQuietAbove = 500

// quieten makes a coming or going in a large channel known to those alone whom it concerns: the user who came or went,
// and the moderators that are members. To everybody it would be N frames for each of N arrivals (docs/adr/0010).
// The count is the channel's after the change and bounded: it costs the same in any channel that is large enough.
// In an elastic channel it is the sub-channel that is large or not; root is the channel that moderators refer to.
func (c *Members) quieten(tx *db.Tx, root, place int64, e *core.Event) error {
	if e.Only != nil || c.quietAbove < 0 {
		return nil
	}
	members, err := db.Value[int](tx.Context(), tx,
		`SELECT count(*) FROM (SELECT 1 FROM channel_membership WHERE channel = $1 LIMIT $2) m`, place, c.quietAbove+1)
	if err != nil || members <= c.quietAbove {
		return err
	}
	type mod struct{ app, id string }
	mods, err := db.All(tx.Context(), tx, func(m *mod) []any { return []any{&m.app, &m.id} },
		`SELECT u.app, u.id FROM channel_moderator o JOIN channel_membership m ON m.channel = $2 AND m.member = o.member
JOIN app_instance_user u ON u.no = o.member WHERE o.channel = $1`, root, place)
	only := append(append([]arn.ARN{}, e.Joined...), e.Left...)
	for _, m := range mods {
		only = append(only, c.UserARN(m.app, m.id))
	}
	e.Only = core.Unique(only)
	return err
}

package channel

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Place is where people talk, a channel or a sub-channel, with the channel it belongs to.
type Place struct {
	Channel Channel
	Sub     string // SubChannelId, "" outside of elastic channels
	No      int64  // channel.no that messages and memberships refer to
	Clock   int64  // channel.clock_ms of that row

	row string
}

// Reading is a place of a member and how far the member has read it.
type Reading struct {
	Member, Place int64 // app_instance_user.no, channel.no
	ReadMS        int64 // the read marker, 0 for none
}

const urgentSQL = `SELECT r.member, r.channel, r.read_ms FROM
 (SELECT m.member, m.channel, m.read_ms, row_number() OVER (PARTITION BY m.member
   ORDER BY CASE WHEN $2 AND p.last_message_ms <= m.read_ms THEN 1 ELSE 0 END, p.last_message_ms DESC, p.no) AS rank
  FROM json_each($1) j CROSS JOIN channel_membership m JOIN channel p ON p.no = m.channel
  WHERE m.member = CAST(j.key AS BIGINT)) r
WHERE r.rank <= $3 ORDER BY r.member, r.rank`

// Urgent lists at most n places of each user, those with the latest message first; with unreadFirst, places whose last
// message is newer than the read marker come before all others.
func (c *Channels) Urgent(ctx context.Context, q db.Querier, members []int64, unreadFirst bool, n int) (map[int64][]Reading, error) {
	all, err := db.All(ctx, q, func(r *Reading) []any { return []any{&r.Member, &r.Place, &r.ReadMS} },
		urgentSQL, numbers(members), unreadFirst, n)
	out := make(map[int64][]Reading, len(members))
	for _, r := range all {
		out[r.Member] = append(out[r.Member], r)
	}
	return out, err
}

const placesSQL = `SELECT ` + channelColumns + `, p.no, p.id, p.clock_ms FROM json_each($1) j CROSS JOIN channel p
JOIN channel c ON c.no = CASE WHEN p.parent > 0 THEN p.parent ELSE p.no END WHERE p.no = CAST(j.key AS BIGINT)`

// Places reads many places by their channel.no.
func (c *Channels) Places(ctx context.Context, q db.Querier, nos []int64) ([]Place, error) {
	all, err := db.All(ctx, q, func(p *Place) []any { return append(p.Channel.fields(), &p.No, &p.row, &p.Clock) },
		placesSQL, numbers(nos))
	for i := range all {
		all[i].Channel = c.named(all[i].Channel)
		_, all[i].Sub = core.SplitRow(all[i].row)
	}
	return all, err
}

func numbers(nos []int64) string {
	keys := make([]string, len(nos))
	for i, no := range nos {
		keys[i] = core.Itoa(no)
	}
	return core.Keys(keys)
}

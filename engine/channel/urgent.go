package channel

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Reading is a channel and how far a member has read it.
type Reading struct {
	Channel   Channel
	Sub       string // SubChannelId, "" outside of elastic channels
	ChannelNo int64  // channel.no that messages and memberships refer to
	ReadMS    int64  // the read marker, 0 for none

	row string
}

// Urgent lists at most n channels of a user, those with the latest message first; with unreadFirst, channels whose last
// message is newer than the read marker come before all others.
func (c *Channels) Urgent(ctx context.Context, q db.Querier, u identity.User, unreadFirst bool, n int) ([]Reading, error) {
	all, err := db.All(ctx, q, func(r *Reading) []any { return append(r.Channel.fields(), &r.ChannelNo, &r.row, &r.ReadMS) },
		`SELECT `+channelColumns+`, p.no, p.id, m.read_ms FROM channel_membership m JOIN channel p ON p.no = m.channel
JOIN channel c ON c.no = CASE WHEN p.parent > 0 THEN p.parent ELSE p.no END WHERE m.member = $1
ORDER BY CASE WHEN $2 AND p.last_message_ms <= m.read_ms THEN 1 ELSE 0 END, p.last_message_ms DESC, p.no LIMIT $3`,
		u.No, unreadFirst, n)
	for i := range all {
		all[i].Channel = c.named(all[i].Channel)
		_, all[i].Sub = core.SplitRow(all[i].row)
	}
	return all, err
}

package channel

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Reading is a channel and how far a member has read it.
type Reading struct {
	Channel   Channel
	ChannelNo int64 // channel.no
	ReadMS    int64 // the read marker, 0 for none
}

// Urgent lists at most n channels of a user, those with the latest message first; with unreadFirst, channels whose last
// message is newer than the read marker come before all others.
func (c *Channels) Urgent(ctx context.Context, q db.Querier, u identity.User, unreadFirst bool, n int) ([]Reading, error) {
	all, err := db.All(ctx, q, func(r *Reading) []any { return append(r.Channel.fields(), &r.ReadMS) },
		`SELECT `+channelColumns+`, m.read_ms FROM channel_membership m JOIN channel c ON c.no = m.channel WHERE m.member = $1
ORDER BY CASE WHEN $2 AND c.last_message_ms <= m.read_ms THEN 1 ELSE 0 END, c.last_message_ms DESC, c.no LIMIT $3`,
		u.No, unreadFirst, n)
	for i := range all {
		all[i].Channel, all[i].ChannelNo = c.named(all[i].Channel), all[i].Channel.no
	}
	return all, err
}

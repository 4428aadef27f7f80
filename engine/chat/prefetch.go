package chat

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// How much a prefetch tells at most (Amazon Chime SDK endpoints and quotas).
const (
	prefetchChannels = 50
	prefetchMessages = 20
	prefetchMembers  = 30
)

// MembershipSummaryWire is the structure ChannelMembershipSummary.
type MembershipSummaryWire struct{ Member core.Identity }

// DetailsWire is the payload of CHANNEL_DETAILS.
type DetailsWire struct {
	Channel                channel.SummaryWire[core.ISO]
	ChannelMessages        []message.SummaryWire[core.ISO] // newest first
	ChannelMemberships     []MembershipSummaryWire
	ReadMarkerTimestamp    core.ISO `json:",omitzero"`
	ChannelMessagesHasMore bool
}

// Prefetch reads what a user should see first: their channels, the most urgent ones first, each with its newest messages
// and some of its members, as CHANNEL_DETAILS events. What is read is one state of the database; mark is called when
// every event up to that state has gone to the Sink, and before any later one does.
func (c *Chat) Prefetch(ctx context.Context, user arn.ARN, sortBy string, mark func()) ([]core.Event, error) {
	var out []core.Event
	app := user.AppInstance().ID()
	err := c.DB.View(ctx, mark, func(q db.Querier) error {
		u, err := c.UserIn(ctx, q, user)
		if err != nil {
			return err
		}
		horizon, err := c.roles.Horizon(ctx, q, app)
		if err != nil {
			return err
		}
		reader := role.Actor{App: app, ID: u.ID, No: u.No, Horizon: horizon}
		all, err := c.Urgent(ctx, q, u, sortBy != core.SortByLastMessage, prefetchChannels)
		if err != nil {
			return err
		}
		for _, r := range all {
			details, err := c.details(ctx, q, reader, r)
			if err != nil {
				return err
			}
			out = append(out, core.Event{Type: core.EventChannelDetails, MessageType: core.System, Channel: core.InSub(r.Channel.ARN, r.Sub), Payload: details})
		}
		return nil
	})
	return out, err
}

func (c *Chat) details(ctx context.Context, q db.Querier, reader role.Actor, r channel.Reading) (DetailsWire, error) {
	w := DetailsWire{Channel: channel.WireSummary[core.ISO](r.Channel), ReadMarkerTimestamp: core.ISO(r.ReadMS),
		ChannelMessages: []message.SummaryWire[core.ISO]{}, ChannelMemberships: []MembershipSummaryWire{}}
	reader.Channel, reader.ChannelID, reader.Sub = r.ChannelNo, r.Channel.ARN.ID(), r.Sub
	messages, more, err := c.Newest(ctx, q, reader, prefetchMessages)
	if err != nil {
		return w, err
	}
	w.ChannelMessagesHasMore = more
	for _, m := range messages {
		w.ChannelMessages = append(w.ChannelMessages, message.WireSummary[core.ISO](m))
	}
	members, err := c.Some(ctx, q, r.ChannelNo, prefetchMembers)
	for _, m := range members {
		w.ChannelMemberships = append(w.ChannelMemberships, MembershipSummaryWire{m.Member})
	}
	return w, err
}

package chat

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// EventChannelDetails is the type of the frames that a session with prefetch begins with.
const EventChannelDetails = "CHANNEL_DETAILS"

// How much a prefetch tells at most (Amazon Chime SDK developer guide, "Using prefetch").
const (
	prefetchChannels = 50
	prefetchMessages = 20
	prefetchMembers  = 30
)

// The orders of a prefetch, as in the parameter prefetch-sort-by.
const (
	SortByUnread      = "unread" // unread channels first, then as SortByLastMessage; the default
	SortByLastMessage = "last-message-timestamp"
)

// MembershipSummaryWire is the structure ChannelMembershipSummary.
type MembershipSummaryWire struct{ Member Identity }

// DetailsWire is the payload of CHANNEL_DETAILS.
type DetailsWire[T Stamp] struct {
	Channel                ChannelSummaryWire[T]
	ChannelMessages        []MessageSummaryWire[T]
	ChannelMemberships     []MembershipSummaryWire
	ReadMarkerTimestamp    T `json:",omitzero"`
	ChannelMessagesHasMore bool
}

// detailed is a channel of the user whose details are read.
type detailed struct {
	channel Channel
	readMS  int64
}

// Prefetch reads what a user should see first: their channels, the most urgent ones first, each with its newest messages
// and some of its members, as CHANNEL_DETAILS events. What is read is one state of the database; mark is called when
// every event up to that state has gone to the Sink, and before any later one does.
func (c *Chat) Prefetch(ctx context.Context, user arn.ARN, sortBy string, mark func()) ([]Event, error) {
	var out []Event
	err := c.db.View(ctx, mark, func(q db.Querier) error {
		u, err := c.userIn(ctx, q, user)
		if err != nil {
			return err
		}
		all, err := c.urgent(ctx, q, u, sortBy)
		if err != nil {
			return err
		}
		for _, d := range all {
			details, err := c.details(ctx, q, u, d)
			if err != nil {
				return err
			}
			out = append(out, Event{Type: EventChannelDetails, MessageType: System, Channel: d.channel.ARN, Payload: details})
		}
		return nil
	})
	return out, err
}

// urgent lists the channels to tell about. A channel is unread while its last message is newer than the read marker.
func (c *Chat) urgent(ctx context.Context, q db.Querier, u User, sortBy string) ([]detailed, error) {
	all, err := db.All(ctx, q, func(d *detailed) []any { return append(d.channel.fields(), &d.readMS) },
		`SELECT `+channelColumns+`, `+readMark+` FROM channel_membership m JOIN channel c ON c.no = m.channel WHERE m.member = $1
ORDER BY CASE WHEN $2 = '`+SortByLastMessage+`' OR c.last_message_ms > `+readMark+` THEN 0 ELSE 1 END,
c.last_message_ms DESC, c.no LIMIT $3`, u.no, sortBy, prefetchChannels)
	for i := range all {
		all[i].channel = c.named(all[i].channel)
	}
	return all, err
}

// readMark is when the member read the channel, 0 for never.
const readMark = `0`

func (c *Chat) details(ctx context.Context, q db.Querier, u User, d detailed) (DetailsWire[ISO], error) {
	w := DetailsWire[ISO]{Channel: WireChannelSummary[ISO](d.channel), ReadMarkerTimestamp: ISO(d.readMS),
		ChannelMessages: []MessageSummaryWire[ISO]{}, ChannelMemberships: []MembershipSummaryWire{}}
	messages, err := db.All(ctx, q, (*Message).fields, `SELECT `+messageColumns+` FROM channel_message
WHERE channel = $1 AND (target = 0 OR target = $2 OR sender = $2)
ORDER BY channel DESC, created_ms DESC LIMIT $3`, d.channel.no, u.no, prefetchMessages+1)
	if err != nil {
		return w, err
	}
	if w.ChannelMessagesHasMore = len(messages) > prefetchMessages; w.ChannelMessagesHasMore {
		messages = messages[:prefetchMessages]
	}
	where := actor{app: d.channel.app, channel: d.channel.no, channelID: d.channel.id}
	for _, m := range messages {
		w.ChannelMessages = append(w.ChannelMessages, WireMessageSummary[ISO](c.messageNamed(where, m)))
	}
	members, err := c.memberships(ctx, q, `WHERE m.channel = $1 AND m.type = 'DEFAULT' ORDER BY m.member LIMIT $2`,
		d.channel.no, prefetchMembers)
	for _, m := range members {
		w.ChannelMemberships = append(w.ChannelMemberships, MembershipSummaryWire{m.Member})
	}
	return w, err
}

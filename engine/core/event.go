package core

import (
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// The values of Event.Type that travel on the messaging session (Amazon Chime SDK developer guide, "Using websockets
// to receive messages").
const (
	EventCreateMessage         = "CREATE_CHANNEL_MESSAGE"
	EventUpdateMessage         = "UPDATE_CHANNEL_MESSAGE"
	EventRedactMessage         = "REDACT_CHANNEL_MESSAGE"
	EventDeleteMessage         = "DELETE_CHANNEL_MESSAGE"
	EventUpdateChannel         = "UPDATE_CHANNEL"
	EventDeleteChannel         = "DELETE_CHANNEL"
	EventCreateMembership      = "CREATE_CHANNEL_MEMBERSHIP"
	EventBatchCreateMembership = "BATCH_CREATE_CHANNEL_MEMBERSHIP"
	EventDeleteMembership      = "DELETE_CHANNEL_MEMBERSHIP"
	EventUpdateMembership      = "UPDATE_CHANNEL_MEMBERSHIP" // elastic channels only: the member was moved
	EventChannelDetails        = "CHANNEL_DETAILS"           // never announced: a session with prefetch begins with these
)

// The orders of a prefetch, as in the parameter prefetch-sort-by.
const (
	SortByUnread      = "unread" // unread channels first, then as SortByLastMessage; the default
	SortByLastMessage = "last-message-timestamp"
)

// Put before EventCreateMessage or EventUpdateMessage: how a message fares that a channel flow holds back. Only its
// sender is told.
const (
	Pending = "PENDING_"
	Failed  = "FAILED_"
	Denied  = "DENIED_"
)

// The values of Event.Type that only streams carry (developer guide, "Streaming messaging data"): Core.Record, or Only is
// Nobody.
const (
	EventCreateChannel    = "CREATE_CHANNEL"
	EventUpdateExpiration = "UPDATE_CHANNEL_EXPIRATION_SETTINGS"
	EventCreateModerator  = "CREATE_CHANNEL_MODERATOR"
	EventDeleteModerator  = "DELETE_CHANNEL_MODERATOR"
	EventCreateBan        = "CREATE_CHANNEL_BAN"
	EventDeleteBan        = "DELETE_CHANNEL_BAN"
	EventCreateSubChannel = "CREATE_SUB_CHANNEL"
	EventDeleteSubChannel = "DELETE_SUB_CHANNEL"
)

// EventInside is nothing that anybody is told: it keeps the sinks' members of a place right with Joined and Left. Who is
// in a sub-channel is also in the elastic channel around it, where its own events (UPDATE_CHANNEL, DELETE_CHANNEL) go.
// Only is Nobody and there is no payload.
const EventInside = "INSIDE"

// ReasonSubChannelDeleted is why a moderator's membership ended by itself: their sub-channel was scaled in.
const ReasonSubChannelDeleted = "subchannel_DELETED"

// Nobody is the Only of an event that no session sees.
func Nobody() []arn.ARN { return []arn.ARN{} }

// EventUserDeleted is the one event that never becomes a frame: the users in Only exist no more, and whoever holds
// connections of theirs must close them. Channel is empty.
const EventUserDeleted = "USER_DELETED"

// System is the MessageType of every event that is not about a message; those carry the message's own type,
// STANDARD or CONTROL.
const System = "SYSTEM"

// Event is one thing that happened and was committed.
type Event struct {
	Type        string
	MessageType string  // STANDARD, CONTROL or SYSTEM
	Reason      string  // value of the header x-amz-chime-event-reason, "" for none
	Channel     arn.ARN // the place whose order the event belongs to: a channel or a sub-channel (InSub)
	Payload     any     // JSON-encodable wire structure; its timestamps are ISO 8601 text

	// Only, if not nil, are exactly the users who may see the event (sender and target of a targeted message);
	// nil means every member of the place.
	Only []arn.ARN
	// Also are users who are no members (any more) and see the event all the same: the removed member.
	Also []arn.ARN

	// Joined and Left are the users whose membership began or ended with this event. A sink that keeps members in
	// memory adds Joined before and takes Left away after it has delivered the event.
	Joined, Left []arn.ARN
	// Gone says that the channel ended with this event: after it, nobody is a member.
	Gone bool
}

// Sink takes events to connected users. Deliver is called after the commit, in commit order, from the one goroutine
// that commits: it must not block, must not call back into Chat, and must not keep the caller waiting for a network.
type Sink interface{ Deliver(Event) }

// Recorder writes events down inside the transaction that makes them true, so that none is ever lost. It picks by
// Event.Type those it has a use for; its error undoes the write.
type Recorder interface {
	Record(tx *db.Tx, e Event) error
}

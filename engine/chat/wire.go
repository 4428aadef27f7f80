package chat

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// The service writes time in two ways: REST answers carry seconds since 1970 with a fraction, frames of the messaging
// session carry ISO 8601 text. Everything else about the structures is the same, so they are written once, over the
// kind of time. Zero times are left out.

// Epoch is a time in Unix milliseconds that reads as a JSON number of seconds.
type Epoch int64

// ISO is a time in Unix milliseconds that reads as ISO 8601 text in UTC.
type ISO int64

// Stamp is the kind of time a wire structure is written with.
type Stamp interface{ Epoch | ISO }

// MarshalJSON writes seconds with three decimals.
func (e Epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(e)/1000, 'f', 3, 64), nil
}

// MarshalJSON writes e.g. "2026-11-22T19:30:00.042Z".
func (i ISO) MarshalJSON() ([]byte, error) {
	return time.UnixMilli(int64(i)).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// Identity names a user as they were called at the time.
type Identity struct {
	Arn  arn.ARN
	Name string
}

// ChannelWire is the structure Channel of the API reference.
type ChannelWire[T Stamp] struct {
	Name                 string `json:",omitempty"`
	ChannelArn           arn.ARN
	Mode                 string
	Privacy              string
	Metadata             string `json:",omitempty"`
	CreatedBy            Identity
	CreatedTimestamp     T
	LastMessageTimestamp T `json:",omitzero"`
	LastUpdatedTimestamp T
}

// WireChannel writes ch for REST (Epoch) or the socket (ISO).
func WireChannel[T Stamp](ch Channel) ChannelWire[T] {
	return ChannelWire[T]{Name: ch.Name, ChannelArn: ch.ARN, Mode: ch.Mode, Privacy: ch.Privacy, Metadata: ch.Metadata,
		CreatedBy: ch.CreatedBy, CreatedTimestamp: T(ch.CreatedMS), LastMessageTimestamp: T(ch.LastMessageMS),
		LastUpdatedTimestamp: T(ch.UpdatedMS)}
}

// ChannelSummaryWire is the structure ChannelSummary.
type ChannelSummaryWire[T Stamp] struct {
	Name                 string `json:",omitempty"`
	ChannelArn           arn.ARN
	Mode                 string
	Privacy              string
	Metadata             string `json:",omitempty"`
	LastMessageTimestamp T      `json:",omitzero"`
}

// WireChannelSummary writes the short form of ch.
func WireChannelSummary[T Stamp](ch Channel) ChannelSummaryWire[T] {
	return ChannelSummaryWire[T]{Name: ch.Name, ChannelArn: ch.ARN, Mode: ch.Mode, Privacy: ch.Privacy,
		Metadata: ch.Metadata, LastMessageTimestamp: T(ch.LastMessageMS)}
}

// MembershipWire is the structure ChannelMembership.
type MembershipWire[T Stamp] struct {
	InvitedBy            Identity
	Type                 string
	Member               Identity
	ChannelArn           arn.ARN
	CreatedTimestamp     T
	LastUpdatedTimestamp T
}

// WireMembership writes m.
func WireMembership[T Stamp](m Membership) MembershipWire[T] {
	return MembershipWire[T]{InvitedBy: m.InvitedBy, Type: m.Type, Member: m.Member, ChannelArn: m.Channel,
		CreatedTimestamp: T(m.CreatedMS), LastUpdatedTimestamp: T(m.UpdatedMS)}
}

// BatchMembershipsWire is the structure BatchChannelMemberships.
type BatchMembershipsWire struct {
	InvitedBy  Identity
	Type       string
	Members    []Identity
	ChannelArn arn.ARN
}

// StatusWire is the structure ChannelMessageStatusStructure.
type StatusWire struct{ Value string }

// TargetWire is the structure Target.
type TargetWire struct{ MemberArn arn.ARN }

// MessageSummaryWire is the structure ChannelMessageSummary. Content and Metadata are absent once redacted.
type MessageSummaryWire[T Stamp] struct {
	MessageId            string  // the wire's name
	Content              *string `json:",omitempty"`
	Metadata             *string `json:",omitempty"`
	Type                 string
	CreatedTimestamp     T
	LastUpdatedTimestamp T
	LastEditedTimestamp  T `json:",omitzero"`
	Sender               Identity
	Redacted             bool
	Status               StatusWire
	MessageAttributes    json.RawMessage `json:",omitempty"`
	ContentType          string          `json:",omitempty"`
	Target               []TargetWire    `json:",omitempty"`
}

// MessageWire is the structure ChannelMessage.
type MessageWire[T Stamp] struct {
	ChannelArn arn.ARN
	MessageSummaryWire[T]
	Persistence string
}

// WireMessageSummary writes the form of m that lists carry.
func WireMessageSummary[T Stamp](m Message) MessageSummaryWire[T] {
	w := MessageSummaryWire[T]{MessageId: m.ID, Type: m.Type, CreatedTimestamp: T(m.CreatedMS),
		LastUpdatedTimestamp: T(m.UpdatedMS), LastEditedTimestamp: T(m.EditedMS), Sender: m.Sender, Redacted: m.Redacted,
		Status: StatusWire{"SENT"}, ContentType: m.ContentType}
	if !m.Redacted {
		w.Content = &m.Content
		if m.Metadata != "" {
			w.Metadata = &m.Metadata
		}
		w.MessageAttributes = json.RawMessage(m.Attributes)
	}
	if m.Target != "" {
		w.Target = []TargetWire{{m.Target}}
	}
	return w
}

// WireMessage writes m in full.
func WireMessage[T Stamp](m Message) MessageWire[T] {
	return MessageWire[T]{ChannelArn: m.Channel, MessageSummaryWire: WireMessageSummary[T](m), Persistence: m.Persistence}
}

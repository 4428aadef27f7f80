package message

import (
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// StatusWire is the structure ChannelMessageStatusStructure.
type StatusWire struct{ Value string }

// TargetWire is the structure Target.
type TargetWire struct{ MemberArn arn.ARN }

// SummaryWire is the structure ChannelMessageSummary. Content and Metadata are absent once redacted.
type SummaryWire[T core.Stamp] struct {
	MessageId            string  // the wire's name
	Content              *string `json:",omitempty"`
	Metadata             *string `json:",omitempty"`
	Type                 string
	CreatedTimestamp     T
	LastUpdatedTimestamp T
	LastEditedTimestamp  T `json:",omitzero"`
	Sender               core.Identity
	Redacted             bool
	Status               StatusWire
	MessageAttributes    json.RawMessage `json:",omitempty"`
	ContentType          string          `json:",omitempty"`
	Target               []TargetWire    `json:",omitempty"`
}

// Wire is the structure ChannelMessage.
type Wire[T core.Stamp] struct {
	ChannelArn arn.ARN
	SummaryWire[T]
	Persistence  string
	SubChannelId string `json:",omitempty"` // the wire's name
}

// WireSummary writes the form of m that lists carry.
func WireSummary[T core.Stamp](m Message) SummaryWire[T] {
	w := SummaryWire[T]{MessageId: m.ID, Type: m.Type, CreatedTimestamp: T(m.CreatedMS),
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

// WireOf writes m in full.
func WireOf[T core.Stamp](m Message) Wire[T] {
	return Wire[T]{ChannelArn: m.Channel, SummaryWire: WireSummary[T](m), Persistence: m.Persistence, SubChannelId: m.Sub}
}

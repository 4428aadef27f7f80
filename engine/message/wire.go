package message

import (
	"cmp"
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// StatusWire is the structure ChannelMessageStatusStructure.
type StatusWire struct {
	Value  string // SENT PENDING FAILED DENIED
	Detail string `json:",omitempty"`
}

// StatusOf writes how m fares.
func StatusOf(m Message) StatusWire { return StatusWire{cmp.Or(m.Status, "SENT"), m.Detail} }

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
		Status: StatusOf(m), ContentType: m.ContentType}
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

// ListWire is the answer of ListChannelMessages.
type ListWire struct {
	ChannelArn      arn.ARN
	NextToken       string `json:",omitempty"`
	ChannelMessages []SummaryWire[core.Epoch]
	SubChannelId    string `json:",omitempty"` // the wire's name
}

// WireList writes a page of a place's messages.
func WireList(place arn.ARN, all []Message, next string) ListWire {
	channel, sub := core.SplitPlace(place)
	return ListWire{channel, next, summaries[core.Epoch](all), sub}
}

func summaries[T core.Stamp](all []Message) []SummaryWire[T] {
	out := make([]SummaryWire[T], len(all))
	for i, m := range all {
		out[i] = WireSummary[T](m)
	}
	return out
}

// WireOf writes m in full.
func WireOf[T core.Stamp](m Message) Wire[T] {
	return Wire[T]{ChannelArn: m.Channel, SummaryWire: WireSummary[T](m), Persistence: m.Persistence, SubChannelId: m.Sub}
}

// ShownWire is the structure ChannelMessage as a processor of a channel flow is shown it.
type ShownWire struct {
	MessageId           string // the wire's name
	ChannelArn          arn.ARN
	SubChannelId        string `json:",omitempty"` // the wire's name
	Content             string
	ContentType         string          `json:",omitempty"`
	Metadata            string          `json:",omitempty"`
	MessageAttributes   json.RawMessage `json:",omitempty"`
	Sender              core.Identity
	Persistence         string
	Type                string
	CreatedTimestamp    core.ISO
	LastEditedTimestamp core.ISO `json:",omitzero"`
}

// ShownOf writes m for a processor. Whom it is meant for is none of the processor's business (as on the real service).
func ShownOf(m Message) ShownWire {
	return ShownWire{MessageId: m.ID, ChannelArn: m.Channel, SubChannelId: m.Sub, Content: m.Content, ContentType: m.ContentType, Metadata: m.Metadata,
		MessageAttributes: json.RawMessage(m.Attributes), Sender: m.Sender, Persistence: m.Persistence, Type: m.Type,
		CreatedTimestamp: core.ISO(m.CreatedMS), LastEditedTimestamp: core.ISO(m.EditedMS)}
}

package channel

import (
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// Wire is the structure Channel of the API reference.
type Wire[T core.Stamp] struct {
	Name                 string `json:",omitempty"`
	ChannelArn           arn.ARN
	Mode                 string
	Privacy              string
	Metadata             string `json:",omitempty"`
	CreatedBy            core.Identity
	CreatedTimestamp     T
	LastMessageTimestamp T `json:",omitzero"`
	LastUpdatedTimestamp T
	ChannelFlowArn       arn.ARN `json:",omitempty"`

	ElasticChannelConfiguration *Elastic        `json:",omitempty"`
	ExpirationSettings          *ExpirationWire `json:",omitempty"`
}

// ExpirationWire is the structure ExpirationSettings.
type ExpirationWire struct {
	ExpirationDays      int
	ExpirationCriterion string
}

// WireExpiration writes e; nil is never.
func WireExpiration(e Expiration) *ExpirationWire {
	if e == (Expiration{}) {
		return nil
	}
	return &ExpirationWire{e.Days, e.Criterion}
}

// WireOf writes ch for REST (core.Epoch) or the socket (core.ISO).
func WireOf[T core.Stamp](ch Channel) Wire[T] {
	w := Wire[T]{Name: ch.Name, ChannelArn: ch.ARN, Mode: ch.Mode, Privacy: ch.Privacy, Metadata: ch.Metadata,
		CreatedBy: ch.CreatedBy, CreatedTimestamp: T(ch.CreatedMS), LastMessageTimestamp: T(ch.LastMessageMS),
		LastUpdatedTimestamp: T(ch.UpdatedMS), ExpirationSettings: WireExpiration(ch.Expiration),
		ChannelFlowArn: ch.Flow}
	if ch.Elastic != (Elastic{}) {
		w.ElasticChannelConfiguration = &ch.Elastic
	}
	return w
}

// SummaryWire is the structure ChannelSummary.
type SummaryWire[T core.Stamp] struct {
	Name                 string `json:",omitempty"`
	ChannelArn           arn.ARN
	Mode                 string
	Privacy              string
	Metadata             string `json:",omitempty"`
	LastMessageTimestamp T      `json:",omitzero"`
}

// WireSummary writes the short form of ch.
func WireSummary[T core.Stamp](ch Channel) SummaryWire[T] {
	return SummaryWire[T]{Name: ch.Name, ChannelArn: ch.ARN, Mode: ch.Mode, Privacy: ch.Privacy,
		Metadata: ch.Metadata, LastMessageTimestamp: T(ch.LastMessageMS)}
}

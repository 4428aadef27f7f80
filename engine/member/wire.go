package member

import (
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// Wire is the structure ChannelMembership.
type Wire[T core.Stamp] struct {
	InvitedBy            core.Identity
	Type                 string
	Member               core.Identity
	ChannelArn           arn.ARN
	CreatedTimestamp     T
	LastUpdatedTimestamp T
	SubChannelId         string `json:",omitempty"` // the wire's name
}

// WireOf writes m.
func WireOf[T core.Stamp](m Membership) Wire[T] {
	return Wire[T]{InvitedBy: m.InvitedBy, Type: m.Type, Member: m.Member, ChannelArn: m.Channel,
		CreatedTimestamp: T(m.CreatedMS), LastUpdatedTimestamp: T(m.UpdatedMS), SubChannelId: m.Sub}
}

// BatchWire is the structure BatchChannelMemberships.
type BatchWire struct {
	InvitedBy    core.Identity
	Type         string
	Members      []core.Identity
	ChannelArn   arn.ARN
	SubChannelId string `json:",omitempty"` // the wire's name
}

// SubWire is the payload of the events about a sub-channel.
type SubWire struct {
	ChannelArn   arn.ARN
	SubChannelId string // the wire's name
}

// markWire is the structures ChannelModerator and ChannelBan, as streams carry them.
type markWire struct {
	Moderator, Member *core.Identity `json:",omitempty"`
	ChannelArn        arn.ARN
	CreatedTimestamp  core.ISO
	CreatedBy         core.Identity
}

func wireOfMark(event string, m Mark) markWire {
	w := markWire{ChannelArn: m.Channel, CreatedTimestamp: core.ISO(m.CreatedMS), CreatedBy: m.CreatedBy}
	switch event {
	case core.EventCreateModerator, core.EventDeleteModerator:
		w.Moderator = &m.User
	default:
		w.Member = &m.User
	}
	return w
}

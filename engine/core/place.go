package core

import (
	"strings"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// A place is where people talk: a channel, or one sub-channel of an elastic channel. The rooms, the events and the index
// of the sessions name it by one key: the channel's ARN, followed by the SubChannelId after a line break. No ARN that a
// client sends can be such a key, because the model allows no line break in one.
const placeBreak = "\n"

// InSub is the key of a sub-channel; sub "" is the channel itself.
func InSub(channel arn.ARN, sub string) arn.ARN {
	if sub == "" {
		return channel
	}
	return channel + placeBreak + arn.ARN(sub)
}

// SplitPlace takes a key apart; sub is "" for a channel.
func SplitPlace(place arn.ARN) (channel arn.ARN, sub string) {
	c, sub, _ := strings.Cut(string(place), placeBreak)
	return arn.ARN(c), sub
}

// FindPlace is Find for a place. ID is channel.id: of a sub-channel it is SubRow.
func (c *Core) FindPlace(place arn.ARN) (r Ref, ok bool) {
	channel, sub := SplitPlace(place)
	if r, ok = c.Find(channel, arn.KindChannel); ok && sub != "" {
		r.ID = SubRow(r.ID, sub)
	}
	return r, ok && IsText(sub)
}

// SubRow is the id of the row of a sub-channel.
func SubRow(channel, sub string) string { return channel + "/" + sub }

// SplitRow takes the id of a channel's row apart; sub is "" for a channel.
func SplitRow(id string) (channel, sub string) {
	channel, sub, _ = strings.Cut(id, "/")
	return channel, sub
}

package chat_test

import (
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// told is what CHANNEL_DETAILS says.
type told struct {
	Channel struct {
		ChannelArn                 arn.ARN
		Name, LastMessageTimestamp string
	}
	ChannelMessages []struct {
		MessageId, Content, CreatedTimestamp, LastUpdatedTimestamp string
		Redacted                                                   bool
	}
	ChannelMemberships     []struct{ Member core.Identity }
	ReadMarkerTimestamp    string
	ChannelMessagesHasMore bool
}

func (h house) details(e core.Event) (d told) {
	h.Helper()
	text, err := json.Marshal(e.Payload)
	h.ok(err)
	h.ok(json.Unmarshal(text, &d))
	return d
}

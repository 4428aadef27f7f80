package session

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/core"
	members "github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// TestFramesReadAsTheyAlwaysDid holds one frame of every event against testdata/frames.txt, byte by byte. When a change
// is meant, GOLDEN=write go test ./engine/session writes the file anew.
func TestFramesReadAsTheyAlwaysDid(t *testing.T) {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", established)
	for _, e := range everyEvent() {
		frame, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		in := bytes.NewReader(frame)
		h, err := ws.ReadHeader(in)
		if err != nil || h.OpCode != ws.OpText || !h.Fin || h.Masked || h.Length != int64(in.Len()) {
			t.Errorf("%s: header %+v, %v", e.Type, h, err)
		}
		fmt.Fprintf(&out, "%s\n", frame[len(frame)-in.Len():])
	}
	const golden = "testdata/frames.txt"
	if os.Getenv("GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(out.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Errorf("line %d of %s is\n%s\nbut the frame reads\n%s", i+1, golden, line, strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""))
		}
	}
}

func everyEvent() []core.Event {
	app := arn.AppInstance("us-east-1", "123456789012", "7e5d0f0a-6d1b-4b6c-9a53-0f9d0a7c1b11")
	ann, mod := core.Identity{Arn: app.User("ann"), Name: "Ann"}, core.Identity{Arn: app.User("mod"), Name: "Mo \"d\" <&> é"}
	const at = 1764101400042
	room := channel.Channel{ARN: app.Channel("room"), Name: "room", Mode: "RESTRICTED", Privacy: "PRIVATE", Metadata: `{"a":1}`,
		CreatedBy: mod, CreatedMS: at, UpdatedMS: at + 1, LastMessageMS: at + 2}
	line := message.Message{Channel: room.ARN, ID: strings.Repeat("0a", 32), Sender: ann, Type: "STANDARD", Persistence: "PERSISTENT",
		Content: "a \"quoted\" <b>& ü\n\u2028😀", ContentType: "text/plain", Metadata: "m", Attributes: `{"k":{"StringValues":["v"]}}`, CreatedMS: at, UpdatedMS: at}
	edited, redacted, whispered, control := line, line, line, line
	edited.Content, edited.EditedMS, edited.UpdatedMS = "better", at+1000, at+1000
	redacted.Redacted, redacted.UpdatedMS = true, at+2000
	whispered.Target = mod.Arn
	control.Type, control.Persistence, control.Content, control.ContentType, control.Metadata, control.Attributes = "CONTROL", "NON_PERSISTENT", "typing", "", "", ""
	said := func(kind string, m message.Message) core.Event {
		return core.Event{Type: kind, MessageType: m.Type, Payload: message.WireOf[core.ISO](m)}
	}
	system := func(kind string, payload any) core.Event {
		return core.Event{Type: kind, MessageType: core.System, Payload: payload}
	}
	membership := members.Membership{Channel: room.ARN, Member: ann, InvitedBy: mod, Type: "DEFAULT", CreatedMS: at, UpdatedMS: at}
	events := []core.Event{
		said(core.EventCreateMessage, line), said(core.EventCreateMessage, control), said(core.EventCreateMessage, whispered),
		said(core.EventUpdateMessage, edited), said(core.EventRedactMessage, redacted), said(core.EventDeleteMessage, redacted),
		system(core.EventUpdateChannel, channel.WireOf[core.ISO](room)),
		system(core.EventDeleteChannel, channel.WireOf[core.ISO](room)),
		system(core.EventCreateMembership, members.WireOf[core.ISO](membership)),
		system(core.EventDeleteMembership, members.WireOf[core.ISO](membership)),
		system(core.EventBatchCreateMembership, members.BatchWire{InvitedBy: mod, Type: "DEFAULT", Members: []core.Identity{ann, mod}, ChannelArn: room.ARN}),
		system(core.EventChannelDetails, chat.DetailsWire{Channel: channel.WireSummary[core.ISO](room), ReadMarkerTimestamp: at + 3,
			ChannelMessages:    []message.SummaryWire[core.ISO]{message.WireSummary[core.ISO](line)},
			ChannelMemberships: []chat.MembershipSummaryWire{{Member: ann}}}),
	}
	for _, outcome := range []string{"PENDING_", "FAILED_", "DENIED_"} {
		events = append(events, said(outcome+core.EventCreateMessage, line), said(outcome+core.EventUpdateMessage, edited))
	}
	return events
}

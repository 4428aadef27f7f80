package session

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gobwas/ws"

	"github.com/stagedoor/stagedoor/engine/core"
)

// Close codes beside those of RFC 6455. Amazon's client comes back after 1001, 1006, 1011–1014 and every code above
// 4000 except 4002, 4003 and 4401 (Amazon Chime SDK developer guide, "Handle disconnects").
//
// A session whose credentials end gets a code of our own, because 4401 would end the stock client for good: it comes
// back, asks its credential provider again, and signs with what is fresh. If nothing is, connecting answers 4401.
const (
	closeNormal         ws.StatusCode = 1000 // over: the same session is open elsewhere
	closeInternal       ws.StatusCode = 1011 // come back: something broke here
	closeServiceRestart ws.StatusCode = 1012 // come back: this process is going away
	closeTryAgainLater  ws.StatusCode = 1013 // come back: you were too slow, or we were
	closeForbidden      ws.StatusCode = 4003 // stay away: the user does not exist (any more), or was kicked
	closeUnauthorized   ws.StatusCode = 4401 // stay away: no valid credentials for this user
	closeExpired        ws.StatusCode = 4419 // come back with fresh credentials (419: what several frameworks answer then)
)

// established is the first frame of every session. It has no payload.
const established = `{"Headers":{"x-amz-chime-event-type":"SESSION_ESTABLISHED","x-amz-chime-message-type":"SYSTEM"}}`

// encode renders an event as one unmasked text frame, header included. It is done once per event: every subscriber is
// sent the same bytes. The payload is a JSON document inside a JSON string.
func encode(e core.Event) ([]byte, error) {
	if s, ok := e.Payload.(*core.Shared); ok {
		return s.Once(func(payload []byte) ([]byte, error) { return frameOf(e, payload) })
	}
	payload, err := marshal(e.Payload)
	if err != nil {
		return nil, err
	}
	return frameOf(e, payload)
}

func frameOf(e core.Event, payload []byte) ([]byte, error) {
	quoted, err := marshal(string(payload))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`{"Headers":{"x-amz-chime-event-type":"`)
	b.WriteString(e.Type) // the types are constants without anything to escape
	b.WriteString(`","x-amz-chime-message-type":"`)
	b.WriteString(e.MessageType)
	if e.Reason != "" {
		b.WriteString(`","x-amz-chime-event-reason":"`)
		b.WriteString(e.Reason)
	}
	b.WriteString(`"},"Payload":`)
	b.Write(quoted)
	b.WriteByte('}')
	return textFrame(b.String()), nil
}

// marshal is json.Marshal without HTML escapes, which would triple every < inside the doubly encoded payload.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func textFrame(text string) []byte {
	return ws.MustCompileFrame(ws.NewTextFrame([]byte(text))) // writing to memory cannot fail
}

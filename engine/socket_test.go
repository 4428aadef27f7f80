package engine_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/coder/websocket"
)

// frame is one frame of the messaging session.
type frame struct {
	Headers map[string]string
	Payload string
}

// connect opens the messaging session of a user with the root key.
func (w *world) connect(user string) *websocket.Conn {
	w.Helper()
	began := time.Now()
	conn, res, err := websocket.Dial(w.Context(), "ws"+strings.TrimPrefix(w.presigned(user).URL.String(), "http"), nil)
	w.ok(err)
	if res.Body != nil {
		_ = res.Body.Close()
	}
	w.Cleanup(func() { _ = conn.CloseNow() })
	if w.began == nil {
		w.began = map[*websocket.Conn]time.Time{}
	}
	w.began[conn] = began
	w.expect(conn, "SESSION_ESTABLISHED")
	return conn
}

// presigned is the request that opens a messaging session, without the headers of the upgrade.
func (w *world) presigned(user string) *http.Request {
	w.Helper()
	q := url.Values{"userArn": {user}, "sessionId": {"1"}, "X-Amz-Expires": {"10"}}
	r, err := http.NewRequestWithContext(w.Context(), "GET", w.url+"/connect?"+q.Encode(), nil)
	w.ok(err)
	c := w.e.Credentials()
	signed, _, err := v4.NewSigner().PresignHTTP(w.Context(), aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}, r,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "chime", "us-east-1", time.Now())
	w.ok(err)
	r, err = http.NewRequestWithContext(w.Context(), "GET", signed, nil)
	w.ok(err)
	return r
}

// expect reads the next frame, which must be of that event.
func (w *world) expect(conn *websocket.Conn, event string) frame {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for {
		_, text, err := conn.Read(ctx)
		w.ok(err)
		var f frame
		w.ok(json.Unmarshal(text, &f))
		if w.isOld(conn, f) {
			continue
		}
		if f.Headers["x-amz-chime-event-type"] != event {
			w.Fatalf("got %s, want %s", text, event)
		}
		return f
	}
}

// isOld reports whether a frame tells of a membership from before the session: one that has just begun may still hear what
// happened just before it, and the tests make their channels then.
func (w *world) isOld(conn *websocket.Conn, f frame) bool {
	var m struct{ CreatedTimestamp time.Time }
	return f.Headers["x-amz-chime-event-type"] == "CREATE_CHANNEL_MEMBERSHIP" && json.Unmarshal([]byte(f.Payload), &m) == nil &&
		m.CreatedTimestamp.Before(w.began[conn].Truncate(time.Millisecond))
}

func TestWhatIsSentThroughTheSDKArrivesOnTheSocketAndABanEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.connect(w.ann), w.connect(w.bob)
	id := w.send(w.ann, w.channel, "hello")
	for _, conn := range []*websocket.Conn{ann, bob} {
		var m struct{ MessageId, Content, CreatedTimestamp string }
		w.ok(json.Unmarshal([]byte(w.expect(conn, "CREATE_CHANNEL_MESSAGE").Payload), &m))
		if m.MessageId != id || m.Content != "hello" || !strings.HasSuffix(m.CreatedTimestamp, "Z") {
			t.Errorf("payload %+v", m)
		}
	}
	_, err := w.msg.CreateChannelBan(t.Context(), &messaging.CreateChannelBanInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.bob})
	w.ok(err)
	w.expect(ann, "DELETE_CHANNEL_MEMBERSHIP")
	w.expect(bob, "DELETE_CHANNEL_MEMBERSHIP")
	w.send(w.ann, w.channel, "without bob")
	w.expect(ann, "CREATE_CHANNEL_MESSAGE")
	_, err = w.msg.CreateChannelMembership(t.Context(), &messaging.CreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.mod, MemberArn: &w.eve, Type: "DEFAULT"})
	w.ok(err)
	w.expect(ann, "CREATE_CHANNEL_MEMBERSHIP")
	_, err = w.msg.DeleteChannel(t.Context(), &messaging.DeleteChannelInput{ChannelArn: &w.channel, ChimeBearer: &w.mod})
	w.ok(err)
	w.expect(ann, "DELETE_CHANNEL")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, text, err := bob.Read(ctx); err == nil {
		t.Errorf("after the ban bob hears %s", text)
	}
}

func TestAKickAndTheEndOfTheAppInstanceCloseSessionsForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.connect(w.ann), w.connect(w.bob)
	ends := func(conn *websocket.Conn) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var err error
		for err == nil { // the channel's end is told before
			_, _, err = conn.Read(ctx)
		}
		if websocket.CloseStatus(err) != 4003 {
			t.Errorf("ended with %v", err)
		}
	}
	if n := w.e.Kick(w.ann, "the ticket was returned"); n != 1 {
		t.Errorf("%d sessions were kicked", n)
	}
	ends(ann)
	_, err := w.id.DeleteAppInstance(t.Context(), &identity.DeleteAppInstanceInput{AppInstanceArn: &w.app})
	w.ok(err)
	ends(bob)
}

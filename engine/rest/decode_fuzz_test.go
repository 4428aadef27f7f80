package rest

import (
	"net/url"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// sendIn is the input of SendChannelMessage, the one with every kind of member.
type sendIn struct {
	ChannelArn  string `wire:"path=channelArn" is:"ChimeArn!"`
	Content     string `is:"NonEmptyContent!"`
	Type        string `is:"ChannelMessageType!"`
	Persistence string `is:"ChannelMessagePersistenceType!"`

	ClientRequestToken string `is:"ClientRequestToken!"`
	MessageAttributes  map[string]struct {
		StringValues []string `is:"MessageAttributeStringValues"`
	} `is:"MessageAttributeMap"`
	Target []struct {
		MemberArn string `is:"ChimeArn!"`
	} `is:"TargetList"`
}

// FuzzDecode throws bodies at the decoder: it never panics, refuses only as Invalid, and lets nothing through that the
// model forbids.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"Content":"a","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`,
		`{"Content":"a","Type":"CONTROL","Persistence":"NON_PERSISTENT","ClientRequestToken":"abc","Target":[{"MemberArn":"arn:aws:chime:r:1:app-instance/x/user/y"}]}`,
		`{"Content":"a","MessageAttributes":{"k":{"StringValues":["v"]}}}`, `{"Content":null}`, `{"content":"a"}`, `[]`, `{}x`, ``,
		`{"Content":"\ud800","Content":{}}`, `{"MessageAttributes":{"":{"StringValues":[""]}}}`,
	} {
		f.Add(body)
	}
	p := newPlan(reflect.TypeFor[sendIn]())
	f.Fuzz(func(t *testing.T, body string) {
		w := wire{path: map[string]string{"channelArn": "arn:aws:chime:r:1:app-instance/x/channel/y"}, query: url.Values{}}
		var in sendIn
		var err error
		if w.body, err = parseBody([]byte(body)); err == nil {
			err = w.decode(&in, p)
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		if in.Content == "" || !utf8.ValidString(in.Content) || in.Type != "STANDARD" && in.Type != "CONTROL" ||
			len(in.ClientRequestToken) < 2 || len(in.Target) > 1 || in.Target != nil && in.Target[0].MemberArn == "" {
			t.Fatalf("accepted %+v", in)
		}
	})
}

package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/internal/arn"
)

func TestMembersHearEveryLineInOrder(t *testing.T) {
	s := open(t, nil)
	ann, bob, bob2 := s.enter(s.ann, "1"), s.enter(s.bob, "1"), s.enter(s.bob, "2")
	const lines = 200
	for n := range lines {
		s.say(s.ann, fmt.Sprint("line ", n))
	}
	for _, f := range []fan{ann, bob, bob2} {
		for n := range lines {
			f.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE line ", n))
		}
	}
}

func TestAFrameIsExactlyAmazons(t *testing.T) {
	s := open(t, nil)
	ann := s.enter(s.ann, "1")
	s.say(s.bob, `a "quoted" <b>& ü`)
	got := ann.next()
	if got.Headers["x-amz-chime-message-type"] != "STANDARD" || len(got.Headers) != 2 {
		t.Errorf("headers %v", got.Headers)
	}
	if got.field("Content") != `a "quoted" <b>& ü` || got.field("ChannelArn") != string(s.channel) || len(got.field("MessageId")) != 64 {
		t.Errorf("payload %s", *got.Payload)
	}
	if _, err := time.Parse(time.RFC3339, got.field("CreatedTimestamp")); err != nil {
		t.Errorf("time is no ISO text: %s", *got.Payload)
	}
	if !strings.Contains(*got.Payload, "<b>&") {
		t.Errorf("the payload is HTML-escaped: %s", *got.Payload)
	}
}

func TestWhoJoinsHearsItAndWhoIsRemovedHearsThatAndNoMore(t *testing.T) {
	s := open(t, nil)
	ann, me := s.enter(s.ann, "1"), s.enter(s.me, "1")
	s.say(s.ann, "before")
	_, err := s.chat.CreateMembership(t.Context(), s.mod, s.channel, s.me, "HIDDEN")
	s.ok(err)
	s.say(s.ann, "between")
	s.ok(s.chat.DeleteMembership(t.Context(), s.mod, s.channel, s.me))
	s.say(s.ann, "after")
	_, _, err = s.chat.CreateMemberships(t.Context(), s.mod, s.channel, []arn.ARN{s.me}, "DEFAULT")
	s.ok(err)
	s.say(s.ann, "again")
	// A hidden member's coming and going is told to nobody else.
	ann.hears("CREATE_CHANNEL_MESSAGE before", "CREATE_CHANNEL_MESSAGE between", "CREATE_CHANNEL_MESSAGE after", "BATCH_CREATE_CHANNEL_MEMBERSHIP", "CREATE_CHANNEL_MESSAGE again")
	me.hears("CREATE_CHANNEL_MEMBERSHIP", "CREATE_CHANNEL_MESSAGE between", "DELETE_CHANNEL_MEMBERSHIP",
		"BATCH_CREATE_CHANNEL_MEMBERSHIP", "CREATE_CHANNEL_MESSAGE again")
}

func TestABannedUserIsRemovedAndHearsNothingMore(t *testing.T) {
	s := open(t, nil)
	bob := s.enter(s.bob, "1")
	_, err := s.chat.CreateBan(t.Context(), s.mod, s.channel, s.bob)
	s.ok(err)
	s.say(s.ann, "after the ban")
	s.ok(s.chat.DeleteUser(t.Context(), s.bob))
	bob.hears("DELETE_CHANNEL_MEMBERSHIP")
	bob.ends(4003)
}

func TestADeletedUserIsSentAwayForGood(t *testing.T) {
	s := open(t, nil)
	ann := s.enter(s.ann, "1")
	s.ok(s.chat.DeleteUser(t.Context(), s.ann))
	for {
		_, _, err := ann.ws.Read(t.Context())
		if err != nil {
			if websocket.CloseStatus(err) != 4003 {
				t.Fatal(err)
			}
			break
		}
	}
	s.dial(connectURL(t, s.url, rootKey, s.ann, "1")).ends(4003)
}

func TestATargetedLineIsHeardByItsSenderAndTargetOnly(t *testing.T) {
	s := open(t, nil)
	ann, bob, mod := s.enter(s.ann, "1"), s.enter(s.bob, "1"), s.enter(s.mod, "1")
	_, err := s.chat.Send(t.Context(), s.mod, s.channel, "", message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: "psst", Target: s.ann})
	s.ok(err)
	s.say(s.ann, "loud")
	for _, f := range []fan{ann, mod} {
		f.hears("CREATE_CHANNEL_MESSAGE psst", "CREATE_CHANNEL_MESSAGE loud")
	}
	bob.hears("CREATE_CHANNEL_MESSAGE loud")
}

func TestADeletedChannelIsToldOnceAndOver(t *testing.T) {
	s := open(t, nil)
	ann := s.enter(s.ann, "1")
	s.ok(s.chat.DeleteChannel(t.Context(), s.mod, s.channel))
	s.hub.Deliver(core.Event{Type: core.EventCreateMessage, MessageType: "STANDARD", Channel: s.channel, Payload: map[string]string{"Content": "ghost"}})
	s.ok(s.chat.DeleteUser(t.Context(), s.ann))
	ann.hears("DELETE_CHANNEL")
	ann.ends(4003)
}

func TestOnlyValidCredentialsOfThatUserOpenASession(t *testing.T) {
	s := open(t, func(c *session.Config) { c.Origin = func(o string) bool { return o == "https://show.example" } })
	mine := s.credentials(s.ann, 0)
	wrong := mine
	wrong.SecretAccessKey += "x"
	for name, u := range map[string]string{
		"no signature":      s.url + "/connect?userArn=" + string(s.ann) + "&sessionId=1",
		"wrong secret":      connectURL(t, s.url, wrong, s.ann, "1"),
		"another user":      connectURL(t, s.url, mine, s.bob, "1"),
		"user put in twice": connectURL(t, s.url, mine, s.ann, "1") + "&userArn=" + string(s.bob),
		"a channel":         connectURL(t, s.url, rootKey, s.channel, "1"),
	} {
		t.Run(name, func(t *testing.T) {
			inner := *s
			inner.TB = t
			inner.dial(u).ends(4401)
		})
	}
	s.dial(connectURL(t, s.url, rootKey, s.app.User("nobody"), "1")).ends(4003)
	s.refusedWith(http.StatusBadRequest, connectURL(t, s.url, mine, s.ann, ""), nil)
	s.refusedWith(http.StatusForbidden, connectURL(t, s.url, mine, s.ann, "1"), http.Header{"Origin": {"https://evil.example"}})
	s.enterAs(mine, s.ann, "1")
}

func TestTheEleventhConnectionOfAUserIsThrottled(t *testing.T) {
	s := open(t, nil)
	var all []fan
	for n := range 10 {
		all = append(all, s.enter(s.ann, fmt.Sprint(n)))
	}
	s.refusedWith(http.StatusTooManyRequests, connectURL(t, s.url, rootKey, s.ann, "10"), nil)
	s.enter(s.bob, "0") // others are not affected

	// A client that comes back under its old session id takes the place of its former self, on a full server too.
	s.enter(s.ann, "3")
	all[3].ends(websocket.StatusNormalClosure)
	s.ok(all[0].ws.Close(websocket.StatusNormalClosure, ""))
	s.eventually(func() bool { return s.hub.Stats().Connections == 10 })
	s.enter(s.ann, "10")
}

// eventually waits for something that another goroutine is about to do.
func (s *stage) eventually(done func() bool) {
	s.Helper()
	tick, end := time.NewTicker(time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			s.Fatal("did not happen within 30 s")
		}
	}
}

func TestAFullServerSaysWhenToComeBack(t *testing.T) {
	s := open(t, func(c *session.Config) { c.MaxConnections = 1 })
	s.enter(s.ann, "1")
	s.refusedWith(http.StatusServiceUnavailable, connectURL(t, s.url, rootKey, s.bob, "1"), nil)
}

func TestClientsMaySendControlFramesOnly(t *testing.T) {
	s := open(t, nil)
	talker := s.enter(s.ann, "1")
	s.ok(talker.ws.Write(t.Context(), websocket.MessageText, []byte("hello")))
	talker.ends(websocket.StatusUnsupportedData)

	polite := s.enter(s.ann, "2")
	ctx := polite.ws.CloseRead(t.Context())
	s.ok(polite.ws.Ping(ctx))

	flooder := s.enter(s.ann, "3")
	ctx = flooder.ws.CloseRead(t.Context())
	for range 100 {
		if flooder.ws.Ping(ctx) != nil {
			return
		}
	}
	t.Error("100 pings in a row were answered")
}

func TestDrainSendsEverybodyAwayOverTheGivenTime(t *testing.T) {
	s := open(t, nil)
	fans := []fan{s.enter(s.ann, "1"), s.enter(s.ann, "2"), s.enter(s.bob, "1"), s.enter(s.mod, "1")}
	done, start := make(chan error, 1), time.Now()
	s.closed = true
	go func() { done <- s.hub.Close(context.Background(), 200*time.Millisecond) }()
	for _, f := range fans {
		f.ends(1012)
	}
	s.ok(<-done)
	if d := time.Since(start); d < 140*time.Millisecond { // the last of four leaves after three quarters
		t.Errorf("everybody was away after %v", d)
	}
	s.refusedWith(http.StatusServiceUnavailable, connectURL(t, s.url, rootKey, s.ann, "1"), nil)
}

// The end of a server overtook what had happened just before it: a line that was acknowledged, and waited to be handed out
// when the process was told to end, was missing on the sessions that were sent away first.
func TestADrainDoesNotOvertakeWhatHappenedBefore(t *testing.T) {
	s := open(t, nil)
	ann := s.enter(s.ann, "1")
	const lines = 1000 // more than can be handed out in a moment
	for n := range lines {
		s.hub.Deliver(core.Event{Type: core.EventCreateMessage, MessageType: "STANDARD", Channel: s.channel, Payload: map[string]string{"Content": fmt.Sprint(n)}})
	}
	done := make(chan error, 1)
	s.closed = true
	go func() { done <- s.hub.Close(context.Background(), 0) }()
	for n := range lines {
		ann.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE ", n))
	}
	ann.ends(1012)
	s.ok(<-done)
}

// A session that took the place of the user's only one was taken out of the index together with its old self, and
// heard nothing from then on.
func TestASessionThatReplacedItselfHearsEverything(t *testing.T) {
	s := open(t, func(c *session.Config) { c.MaxConnections, c.MaxPerUser = 1, 1 })
	old := s.enter(s.ann, "1")
	for n := range 3 {
		s.refusedWith(http.StatusTooManyRequests, connectURL(t, s.url, rootKey, s.ann, "2"), nil)
		next := s.enter(s.ann, "1")
		old.ends(websocket.StatusNormalClosure)
		s.say(s.bob, fmt.Sprint("line ", n))
		next.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE line ", n))
		prefetched := s.dial(s.prefetchURL(s.ann, "1", ""))
		prefetched.hears("SESSION_ESTABLISHED", "CHANNEL_DETAILS")
		next.ends(websocket.StatusNormalClosure)
		s.say(s.bob, "more")
		prefetched.hears("CREATE_CHANNEL_MESSAGE more")
		old = prefetched
	}
	if n := s.hub.Stats(); n.Connections != 1 || n.Users != 1 {
		t.Errorf("counted %+v", n)
	}
}

// A ban ends the membership and nothing else: the user may be in other channels.
func TestABanLeavesTheSessionOpen(t *testing.T) {
	s := open(t, nil)
	bob := s.enter(s.bob, "1")
	_, err := s.chat.CreateBan(t.Context(), s.mod, s.channel, s.bob)
	s.ok(err)
	bob.hears("DELETE_CHANNEL_MEMBERSHIP")
	other := s.open(s.mod, "other", s.bob)
	s.sayIn(other, s.mod, "", "still here")
	bob.hears("CREATE_CHANNEL_MEMBERSHIP", "CREATE_CHANNEL_MESSAGE still here")
}

func TestAKickedUserIsSentAwayOnEveryDeviceAndNobodyElse(t *testing.T) {
	s := open(t, nil)
	ann, ann2, bob := s.enter(s.ann, "1"), s.enter(s.ann, "2"), s.enter(s.bob, "1")
	const long = "your ticket is used on another device: " // é is two bytes, and one of them would be the 124th
	if n := s.hub.Kick(s.ann, long+strings.Repeat("é", 100)); n != 2 {
		t.Errorf("%d connections were kicked", n)
	}
	for _, f := range []fan{ann, ann2} {
		_, _, err := f.ws.Read(t.Context())
		var end websocket.CloseError
		if !errors.As(err, &end) || end.Code != 4003 || end.Reason != long+strings.Repeat("é", 42) {
			t.Errorf("ended with %v", err)
		}
	}
	if n := s.hub.Kick(s.ann, "again"); n != 0 {
		t.Errorf("%d connections were left", n)
	}
	again := s.enter(s.ann, "1") // what keeps somebody out is their credentials
	s.say(s.bob, "hello")
	again.hears("CREATE_CHANNEL_MESSAGE hello")
	bob.hears("CREATE_CHANNEL_MESSAGE hello")
}

func TestARequestThatIsNoWebSocketIsToldSo(t *testing.T) {
	s := open(t, nil)
	for method, want := range map[string]int{"GET": http.StatusUpgradeRequired, "POST": http.StatusMethodNotAllowed} {
		r, err := http.NewRequestWithContext(t.Context(), method, connectURL(t, s.url, rootKey, s.ann, "1"), nil)
		s.ok(err)
		resp, err := http.DefaultClient.Do(r)
		s.ok(err)
		s.ok(resp.Body.Close())
		if resp.StatusCode != want || resp.Header.Get("X-Amzn-Errortype") != "BadRequestException" {
			t.Errorf("%s: %s", method, resp.Status)
		}
	}
}

package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/session"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// details is the payload of CHANNEL_DETAILS as a client reads it.
type details struct {
	Channel         struct{ ChannelArn, Name, LastMessageTimestamp string }
	ChannelMessages []struct {
		MessageId, Content string
		Redacted           bool
	}
	ChannelMemberships     []struct{ Member struct{ Arn, Name string } }
	ReadMarkerTimestamp    *string
	ChannelMessagesHasMore *bool
}

func (f frame) details(t testing.TB) (d details) {
	t.Helper()
	if f.event() != "CHANNEL_DETAILS" || f.Headers["x-amz-chime-message-type"] != "SYSTEM" {
		t.Fatalf("frame is %+v", f)
	}
	if err := json.Unmarshal([]byte(*f.Payload), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// prefetchURL asks for prefetch, in an order unless sortBy is "".
func (s *stage) prefetchURL(user arn.ARN, sessionID, sortBy string) string {
	q := url.Values{"userArn": {string(user)}, "sessionId": {sessionID}, "prefetch-on": {"connect"}, "X-Amzn-Version": {"3.32.0"}}
	if sortBy != "" {
		q.Set("prefetch-sort-by", sortBy)
	}
	return presign(s, s.url, rootKey, q)
}

func (s *stage) open(by arn.ARN, id string, members ...arn.ARN) arn.ARN {
	s.Helper()
	ch, err := s.chat.CreateChannel(s.Context(), by, "", channel.NewChannel{Instance: s.app, Name: id, ID: id, Privacy: "PRIVATE", Mode: "RESTRICTED", Members: members})
	s.ok(err)
	return ch
}

func (s *stage) sayIn(ch, from, target arn.ARN, text string) string {
	s.Helper()
	m, err := s.chat.Send(s.Context(), from, ch, "", message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: text, Target: target})
	s.ok(err)
	return m.ID
}

func TestWrongParametersAreRefusedBeforeTheUpgrade(t *testing.T) {
	s := open(t, nil)
	for name, q := range map[string]url.Values{
		"no session id":           {},
		"long session id":         {"sessionId": {strings.Repeat("x", 129)}},
		"session id of a newline": {"sessionId": {"a\nb"}},
		"session id of no text":   {"sessionId": {"\xff"}},
		"prefetch on something":   {"sessionId": {"1"}, "prefetch-on": {"message"}},
		"prefetch on nothing":     {"sessionId": {"1"}, "prefetch-on": {""}},
		"sorted by something":     {"sessionId": {"1"}, "prefetch-on": {"connect"}, "prefetch-sort-by": {"name"}},
		"sorted by nothing":       {"sessionId": {"1"}, "prefetch-on": {"connect"}, "prefetch-sort-by": {""}},
		"sorted without prefetch": {"sessionId": {"1"}, "prefetch-sort-by": {"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			inner := *s
			inner.TB = t
			q.Set("userArn", string(s.ann))
			inner.refusedWith(http.StatusBadRequest, presign(t, s.url, rootKey, q), nil)
		})
	}
	signed := s.prefetchURL(s.ann, "1", "")
	s.dial(strings.Replace(signed, "prefetch-on=connect&", "", 1)).ends(4401) // every parameter is inside the signature
	s.dial(strings.Replace(signed, "3.32.0", "3.33.0", 1)).ends(4401)
	for _, id := range []string{"1", strings.Repeat("x", 128), "a b'()*!/é"} {
		s.enter(s.ann, id)
	}
}

func TestPrefetchTellsWhatTheUserMaySeeAndNoMore(t *testing.T) {
	s := open(t, nil)
	for n := range 25 {
		s.sayIn(s.channel, s.bob, "", fmt.Sprint("line ", n))
	}
	s.sayIn(s.channel, s.mod, s.bob, "for bob alone")
	s.ok(s.chat.RedactMessage(t.Context(), s.bob, s.channel, s.sayIn(s.channel, s.bob, "", "regretted")))
	s.sayIn(s.channel, s.mod, s.ann, "for ann")
	var crowd []arn.ARN
	for n := range 40 {
		u, err := s.chat.CreateUser(t.Context(), "", identity.NewUser{Instance: s.app, ID: fmt.Sprint("u", n), Name: "U"})
		s.ok(err)
		crowd = append(crowd, u)
	}
	_, _, err := s.chat.CreateMemberships(t.Context(), s.mod, s.channel, crowd[:20], "HIDDEN")
	s.ok(err)
	empty := s.open(s.mod, "empty", s.ann)
	_, _, err = s.chat.CreateMemberships(t.Context(), s.mod, empty, crowd, "DEFAULT")
	s.ok(err)

	f := s.dial(s.prefetchURL(s.ann, "1", ""))
	f.hears("SESSION_ESTABLISHED")
	room := f.next().details(t)
	var said []string
	for _, m := range room.ChannelMessages {
		said = append(said, m.Content)
		if m.Redacted != (m.Content == "") {
			t.Errorf("message %+v", m)
		}
	}
	want := []string{"for ann", ""}
	for n := 24; len(want) < 20; n-- {
		want = append(want, fmt.Sprint("line ", n))
	}
	if !slices.Equal(said, want) {
		t.Errorf("messages are %q", said)
	}
	if room.Channel.ChannelArn != string(s.channel) || room.Channel.Name != "room" || !strings.HasSuffix(room.Channel.LastMessageTimestamp, "Z") ||
		room.ChannelMessagesHasMore == nil || !*room.ChannelMessagesHasMore || room.ReadMarkerTimestamp != nil {
		t.Errorf("details are %+v", room)
	}
	var members []string
	for _, m := range room.ChannelMemberships {
		members = append(members, m.Member.Name)
	}
	slices.Sort(members)
	if fmt.Sprint(members) != "[Name of ann Name of bob Name of mod]" { // the hidden ones stay hidden
		t.Errorf("members are %v", members)
	}
	quiet := f.next().details(t)
	if quiet.Channel.ChannelArn != string(empty) || quiet.ChannelMessages == nil || len(quiet.ChannelMessages) != 0 ||
		quiet.ChannelMessagesHasMore == nil || *quiet.ChannelMessagesHasMore || len(quiet.ChannelMemberships) != 30 {
		t.Errorf("details of an empty channel are %+v", quiet)
	}
	s.say(s.bob, "live")
	f.hears("CREATE_CHANNEL_MESSAGE live")
	me := s.dial(s.prefetchURL(s.me, "1", "")) // a member of nothing
	me.hears("SESSION_ESTABLISHED")
	_, err = s.chat.CreateMembership(t.Context(), s.mod, s.channel, s.me, "DEFAULT")
	s.ok(err)
	me.hears("CREATE_CHANNEL_MEMBERSHIP")
}

func TestPrefetchTellsOfFiftyChannelsTheMostUrgentFirst(t *testing.T) {
	s := open(t, nil)
	var all []arn.ARN
	for n := range 55 {
		ch := s.open(s.mod, fmt.Sprint("c", n), s.ann)
		_, err := s.chat.DB.Exec(t.Context(), `UPDATE channel SET last_message_ms = $1 WHERE id = $2`, 1000+n, ch.ID())
		s.ok(err)
		all = append(all, ch)
	}
	for _, n := range []int{54, 53, 2} {
		_, err := s.chat.DB.Exec(t.Context(), `UPDATE channel_membership SET read_ms = $1 WHERE
channel = (SELECT no FROM channel WHERE id = $2) AND member = (SELECT no FROM app_instance_user WHERE id = 'ann')`, time.Now().UnixMilli(), all[n].ID())
		s.ok(err)
	}
	newestFirst := slices.Clone(all)
	slices.Reverse(newestFirst)
	unreadFirst := slices.DeleteFunc(slices.Clone(newestFirst), func(a arn.ARN) bool { return a == all[54] || a == all[53] || a == all[2] })
	for sortBy, want := range map[string][]arn.ARN{
		"":                       unreadFirst[:50],
		"unread":                 unreadFirst[:50],
		"last-message-timestamp": newestFirst[:50],
	} {
		f := s.dial(s.prefetchURL(s.ann, "1", sortBy))
		f.hears("SESSION_ESTABLISHED")
		for i, w := range want {
			d := f.next().details(t)
			if d.Channel.ChannelArn != string(w) {
				t.Errorf("sorted by %q, channel %d is %s, want %s", sortBy, i, arn.ARN(d.Channel.ChannelArn).ID(), w.ID())
			}
			if read := w == all[54] || w == all[53] || w == all[2]; read != (d.ReadMarkerTimestamp != nil) {
				t.Errorf("read marker of %s: %v", w.ID(), d.ReadMarkerTimestamp)
			}
		}
		s.hub.Deliver(core.Event{Type: "X", MessageType: core.System, Only: []arn.ARN{s.ann}, Payload: struct{}{}})
		f.hears("X") // and not a 51st
		s.ok(f.ws.CloseNow())
	}
}

// While lines are said and channels opened without a pause, sessions with prefetch come and go. Each of them must have
// every line after its first exactly once, and every channel exactly once, whichever way it came.
func TestBetweenPrefetchAndLiveFramesNothingIsMissingOrDoubled(t *testing.T) {
	s := open(t, func(c *session.Config) { c.QueueBytes = 8 << 20 })
	var writers sync.WaitGroup
	stop := make(chan struct{})
	s.Cleanup(writers.Wait)
	busy := func(what func(n int) error) {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-t.Context().Done():
					return
				default:
				}
				if err := what(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	busy(func(n int) error {
		_, err := s.chat.Send(context.Background(), s.bob, s.channel, "", message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: fmt.Sprint(n)})
		return err
	})
	busy(func(n int) error {
		_, err := s.chat.CreateChannel(context.Background(), s.mod, "", channel.NewChannel{Instance: s.app, Name: "x", ID: fmt.Sprint("x", n),
			Privacy: "PRIVATE", Members: []arn.ARN{s.me}})
		return err
	})
	for round := range 12 {
		ann := s.dial(s.prefetchURL(s.ann, fmt.Sprint(round), ""))
		ann.hears("SESSION_ESTABLISHED")
		next := -1
		if d := ann.next().details(t); len(d.ChannelMessages) > 0 {
			next, _ = strconv.Atoi(d.ChannelMessages[0].Content)
			next++
		}
		for range 20 {
			f := ann.next()
			n, err := strconv.Atoi(f.field("Content"))
			if f.event() != "CREATE_CHANNEL_MESSAGE" || err != nil || next >= 0 && n != next {
				t.Fatalf("round %d: after line %d comes %s %v", round, next-1, f.event(), f.field("Content"))
			}
			next = n + 1
		}
		s.ok(ann.ws.CloseNow())
	}
	close(stop)
	writers.Wait()
	s.channelsOnceEach()
}

// channelsOnceEach lets a user be added to channels while their session comes up. There are never more than fifty, so the
// prefetch tells of all that were there.
func (s *stage) channelsOnceEach() {
	s.Helper()
	for round := range 4 {
		who, err := s.chat.CreateUser(s.Context(), "", identity.NewUser{Instance: s.app, ID: fmt.Sprint("who", round), Name: "Who"})
		s.ok(err)
		const channels = 40
		made := make(chan error, 1)
		go func() {
			for n := range channels {
				_, err := s.chat.CreateChannel(context.Background(), s.mod, "", channel.NewChannel{Instance: s.app, Name: "y",
					ID: fmt.Sprintf("y%d.%d", round, n), Privacy: "PRIVATE", Members: []arn.ARN{who}})
				if err != nil {
					made <- err
					return
				}
			}
			made <- nil
		}()
		f := s.dial(s.prefetchURL(who, "1", ""))
		f.hears("SESSION_ESTABLISHED")
		told := map[string]string{}
		for len(told) < channels {
			got := f.next()
			which := got.field("ChannelArn")
			switch {
			case got.event() == "CHANNEL_DETAILS":
				which = got.details(s.TB).Channel.ChannelArn
			case got.event() != "CREATE_CHANNEL_MEMBERSHIP":
				s.Fatalf("heard %s", got.event())
			}
			if before, twice := told[which]; twice {
				s.Fatalf("round %d: %s is told by %s and by %s", round, which, before, got.event())
			}
			told[which] = got.event()
		}
		s.ok(<-made)
		s.ok(f.ws.CloseNow())
	}
}

// book is a Details whose reading ends when the test says so.
type book struct {
	read chan error
	tell []core.Event
}

func (b book) Prefetch(ctx context.Context, _ arn.ARN, _ string, mark func()) ([]core.Event, error) {
	mark()
	select {
	case err := <-b.read:
		return b.tell, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func event(content string) core.Event {
	return core.Event{Type: "X", MessageType: core.System, Channel: oneChannel, Payload: map[string]string{"Content": content}}
}

func TestWhatHappensWhileThePrefetchIsReadWaitsForIt(t *testing.T) {
	var b book
	inVirtualTimeWith(t, func(c *session.Config) {
		b = book{read: make(chan error), tell: []core.Event{event("first"), event("second")}}
		c.Details, c.QueueBytes = b, 1000
	}, func(s *stage, client *http.Client) {
		f := s.dialWith(client, s.prefetchURL(oneUser, "1", ""))
		f.hears("SESSION_ESTABLISHED")
		s.hub.Deliver(event("third"))
		synctest.Wait()
		b.read <- nil
		f.hears("X first", "X second", "X third")
		s.hub.Deliver(event("fourth"))
		f.hears("X fourth")
		s.ok(f.ws.CloseNow())

		broken := s.dialWith(client, s.prefetchURL(oneUser, "2", ""))
		broken.hears("SESSION_ESTABLISHED")
		b.read <- errors.New("no more")
		broken.ends(1011)

		slow := s.dialWith(client, s.prefetchURL(oneUser, "3", ""))
		slow.hears("SESSION_ESTABLISHED")
		for range 20 {
			s.hub.Deliver(event("much"))
		}
		slow.ends(1013)
		b.read <- nil

		for _, end := range []func(){
			func() { s.hub.Kick(oneUser, "bye") },
			func() { s.hub.Deliver(core.Event{Type: core.EventUserDeleted, Only: []arn.ARN{oneUser}}) },
		} {
			kicked := s.dialWith(client, s.prefetchURL(oneUser, "4", ""))
			kicked.hears("SESSION_ESTABLISHED")
			end()
			kicked.ends(4003)
			b.read <- nil
		}

		tired := s.dialWith(client, s.prefetchURL(oneUser, "5", ""))
		tired.hears("SESSION_ESTABLISHED")
		start := time.Now()
		tired.ends(1011) // nobody reads for ever
		if d := time.Since(start); d != 8*time.Second {
			t.Errorf("the prefetch was given up after %v", d)
		}

		f = s.dialWith(client, s.prefetchURL(oneUser, "6", ""))
		f.hears("SESSION_ESTABLISHED") // and the hub closes while this is being read
		go func() {
			_, _, err := f.ws.Read(context.Background())
			if websocket.CloseStatus(err) != 1012 {
				t.Errorf("ended with %v", err)
			}
		}()
	})
}

// A prefetch may be larger than what may wait for a slow reader; a reader of ordinary speed gets it in whole.
func TestAPrefetchLargerThanTheQueueArrives(t *testing.T) {
	s := open(t, func(c *session.Config) { c.QueueBytes = 16 << 10 })
	for n := range 20 {
		s.sayIn(s.channel, s.bob, "", fmt.Sprint(n, strings.Repeat("x", 3000)))
	}
	f := s.dial(s.prefetchURL(s.ann, "1", ""))
	f.ws.SetReadLimit(1 << 20)
	f.hears("SESSION_ESTABLISHED")
	s.say(s.bob, "live")
	if d := f.next().details(t); len(d.ChannelMessages) != 20 {
		t.Errorf("%d messages", len(d.ChannelMessages))
	}
	f.hears("CREATE_CHANNEL_MESSAGE live")
}

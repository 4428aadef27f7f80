package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// house is one app instance with the people the tests need.
type house struct {
	*testing.T
	*chat.Chat
	app                                arn.ARN
	admin, mod, ann, bob, eve, channel arn.ARN
	heard                              *ear
}

// ear is a sink that remembers.
type ear struct {
	mu     sync.Mutex
	events []core.Event
}

func (e *ear) Deliver(v core.Event) { e.mu.Lock(); defer e.mu.Unlock(); e.events = append(e.events, v) }

func (e *ear) since(n int) []core.Event { e.mu.Lock(); defer e.mu.Unlock(); return e.events[n:] }

func (e *ear) types(n int) string {
	var out []string
	for _, v := range e.since(n) {
		out = append(out, v.Type)
	}
	return strings.Join(out, " ")
}

// each opens a house on both databases: a public, unrestricted channel by mod, with members ann and bob.
func each(t *testing.T, f func(h house)) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) { f(open(t, d)) })
}

func open(t *testing.T, d *db.DB) house {
	return openWith(t, d, chat.Config{Region: "us-east-1", Account: "123456789012"})
}

func openWith(t *testing.T, d *db.DB, cfg chat.Config) house {
	h := house{T: t, Chat: chat.New(d, cfg), heard: &ear{}}
	h.SetSink(h.heard)
	var err error
	h.app, err = h.CreateInstance(t.Context(), "", "tests", "")
	h.ok(err)
	for name, a := range map[string]*arn.ARN{"admin": &h.admin, "mod": &h.mod, "ann": &h.ann, "bob": &h.bob, "eve": &h.eve} {
		*a, err = h.CreateUser(t.Context(), "", identity.NewUser{Instance: h.app, ID: name, Name: "Name of " + name})
		h.ok(err)
	}
	_, err = h.CreateAdmin(t.Context(), h.app, h.admin)
	h.ok(err)
	h.channel = h.open("room", "PUBLIC", "UNRESTRICTED")
	return h
}

func (h house) open(id, privacy, mode string) arn.ARN {
	h.Helper()
	a, err := h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: id, ID: id, Privacy: privacy, Mode: mode,
		Members: []arn.ARN{h.ann, h.bob}})
	h.ok(err)
	return a
}

func (h house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h house) refused(err error, kind fault.Kind) {
	h.Helper()
	if !fault.Is(err, kind) {
		h.Fatalf("got %v, want %v", err, kind)
	}
}

func line(text string) message.NewMessage {
	return message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: text}
}

func (h house) say(who arn.ARN, text string) message.Message {
	h.Helper()
	m, err := h.Send(h.Context(), who, h.channel, "", line(text))
	h.ok(err)
	return m
}

// history reads everything through pages of n.
func (h house) history(who arn.ARN, o message.History, n int) []message.Message {
	h.Helper()
	var out []message.Message
	p := core.Page{Max: n}
	for {
		page, next, err := h.Messages.List(h.Context(), who, h.channel, o, p)
		h.ok(err)
		out = append(out, page...)
		if next == "" {
			return out
		}
		p.Token = next
	}
}

func TestCreatingAUserAgainIsFineUnlessItIsAnother(t *testing.T) {
	each(t, func(h house) {
		_, err := h.CreateUser(h.Context(), "new-token", identity.NewUser{Instance: h.app, ID: "ann", Name: "Name of ann"})
		h.ok(err)
		_, err = h.CreateUser(h.Context(), "third", identity.NewUser{Instance: h.app, ID: "ann", Name: "Somebody else"})
		h.refused(err, fault.Conflict)
		_, err = h.CreateUser(h.Context(), "new", identity.NewUser{Instance: h.app.AppInstance() + "x", ID: "ann", Name: "Name of ann"})
		h.refused(err, fault.Denied)
	})
}

func TestATokenWhoseAnswerWasDeletedMakesItAgain(t *testing.T) {
	each(t, func(h house) {
		make := func() arn.ARN {
			u, err := h.CreateUser(h.Context(), "tok", identity.NewUser{Instance: h.app, ID: "zoe", Name: "Zoe"})
			h.ok(err)
			ch, err := h.CreateChannel(h.Context(), h.mod, "tok", channel.NewChannel{Instance: h.app, Name: "x"})
			h.ok(err)
			_, err = h.User(h.Context(), u)
			h.ok(err)
			return ch
		}
		first := make()
		if again := make(); again != first {
			h.Fatalf("a repeat made %s besides %s", again, first)
		}
		h.ok(h.DeleteChannel(h.Context(), h.mod, first))
		h.ok(h.DeleteUser(h.Context(), h.app.User("zoe")))
		if second := make(); second == first {
			h.Fatal("a repeat answered with a deleted channel")
		}
	})
}

func TestABanRemovesTheMemberSilencesThemAndIsNotUndoneByLiftingIt(t *testing.T) {
	each(t, func(h house) {
		n := len(h.heard.since(0))
		_, err := h.CreateBan(h.Context(), h.mod, h.channel, h.ann)
		h.ok(err)
		ev := h.heard.since(n)
		if len(ev) != 1 || ev[0].Type != core.EventDeleteMembership || len(ev[0].Left) != 1 || ev[0].Left[0] != h.ann || ev[0].Also[0] != h.ann {
			h.Fatalf("events of a ban: %+v", ev)
		}
		_, err = h.Send(h.Context(), h.ann, h.channel, "", line("still here"))
		h.refused(err, fault.Denied)
		_, err = h.CreateMembership(h.Context(), h.ann, h.channel, h.ann, "DEFAULT")
		h.refused(err, fault.Denied)
		_, err = h.CreateMembership(h.Context(), h.mod, h.channel, h.ann, "DEFAULT")
		h.refused(err, fault.Denied)
		_, failed, err := h.CreateMemberships(h.Context(), h.mod, h.channel, []arn.ARN{h.ann, h.eve, h.app.User("nobody")}, "DEFAULT")
		h.ok(err)
		if len(failed) != 2 || failed[0].Member != h.ann {
			h.Fatalf("batch: %+v", failed)
		}
		h.ok(h.DeleteBan(h.Context(), h.mod, h.channel, h.ann))
		_, err = h.Membership(h.Context(), h.mod, h.channel, h.ann)
		h.refused(err, fault.NotFound)
		_, err = h.CreateMembership(h.Context(), h.ann, h.channel, h.ann, "DEFAULT")
		h.ok(err)
		_, err = h.CreateBan(h.Context(), h.mod, h.channel, h.admin)
		h.refused(err, fault.Denied)
		_, err = h.CreateBan(h.Context(), h.admin, h.channel, h.mod)
		h.refused(err, fault.Denied)
	})
}

func TestSomebodyCreatedAgainInheritsNothing(t *testing.T) {
	each(t, func(h house) {
		m := h.say(h.ann, "mine")
		n := len(h.heard.since(0))
		h.ok(h.DeleteUser(h.Context(), h.ann))
		if got := h.heard.types(n); got != "DELETE_CHANNEL_MEMBERSHIP USER_DELETED" {
			h.Errorf("events: %s", got)
		}
		_, err := h.Send(h.Context(), h.ann, h.channel, "", line("ghost"))
		h.refused(err, fault.Unauthorized)
		_, err = h.CreateUser(h.Context(), "", identity.NewUser{Instance: h.app, ID: "ann", Name: "Other Ann"})
		h.ok(err)
		_, err = h.Membership(h.Context(), h.mod, h.channel, h.ann)
		h.refused(err, fault.NotFound)
		_, err = h.CreateMembership(h.Context(), h.ann, h.channel, h.ann, "DEFAULT")
		h.ok(err)
		h.refused(h.RedactMessage(h.Context(), h.ann, h.channel, m.ID), fault.Denied)
		if got := h.history(h.bob, message.History{}, 50)[0]; got.Sender.Name != "Name of ann" || got.Content != "mine" {
			h.Errorf("old message: %+v", got)
		}
	})
}

func TestADeletedChannelIsGoneAtOnceAndItsRowsFollow(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		for i := range 5 {
			h.say(h.ann, fmt.Sprint(i))
		}
		h.ok(h.DeleteChannel(h.Context(), h.mod, h.channel))
		_, err := h.Channel(h.Context(), h.mod, h.channel)
		h.refused(err, fault.NotFound)
		h.channel = h.open("room", "PUBLIC", "UNRESTRICTED")
		if got := h.history(h.ann, message.History{}, 50); len(got) != 0 {
			h.Fatalf("the new channel has %d old messages", len(got))
		}
		h.say(h.ann, "new")
		h.sweep()
		if n := h.count(d, "channel_message"); n != 1 {
			h.Errorf("%d messages left, want 1", n)
		}
		h.ok(h.DeleteInstance(h.Context(), h.app))
		_, err = h.Send(h.Context(), h.ann, h.channel, "", line("late"))
		h.refused(err, fault.Unauthorized)
		n := len(h.heard.since(0))
		h.sweep()
		if ev := h.heard.since(n); h.heard.types(n) != "DELETE_CHANNEL USER_DELETED" || !ev[0].Gone || len(ev[1].Only) != 5 {
			h.Errorf("events of the end: %+v", ev)
		}
		for _, table := range []string{"app_instance", "app_instance_user", "app_instance_admin", "channel", "channel_membership",
			"channel_moderator", "channel_ban", "channel_message", "removed_channel"} {
			if n := h.count(d, table); n != 0 {
				h.Errorf("%d rows left in %s", n, table)
			}
		}
	})
}

func (h house) sweep() {
	h.Helper()
	for more := true; more; {
		var err error
		more, err = h.Sweep(h.Context())
		h.ok(err)
	}
}

func (h house) count(d *db.DB, table string) int64 {
	n, err := db.Value[int64](h.Context(), d, "SELECT count(*) FROM "+table)
	h.ok(err)
	return n
}

func TestHiddenMembersListenUnseenAndDoNotSpeak(t *testing.T) {
	each(t, func(h house) {
		n := len(h.heard.since(0))
		_, err := h.CreateMembership(h.Context(), h.mod, h.channel, h.eve, "HIDDEN")
		h.ok(err)
		if ev := h.heard.since(n); len(ev) != 1 || len(ev[0].Only) != 1 || ev[0].Only[0] != h.eve {
			h.Errorf("events: %+v", ev)
		}
		_, err = h.Send(h.Context(), h.eve, h.channel, "", line("boo"))
		h.refused(err, fault.Denied)
		seen, _, err := h.Memberships(h.Context(), h.ann, h.channel, "", core.Page{})
		h.ok(err)
		if len(seen) != 3 {
			h.Errorf("%d visible members, want 3", len(seen))
		}
		_, _, err = h.Memberships(h.Context(), h.ann, h.channel, "HIDDEN", core.Page{})
		h.refused(err, fault.Denied)
		hidden, _, err := h.Memberships(h.Context(), h.mod, h.channel, "HIDDEN", core.Page{})
		h.ok(err)
		if len(hidden) != 1 {
			h.Errorf("%d hidden members, want 1", len(hidden))
		}
		_, err = h.Membership(h.Context(), h.ann, h.channel, h.eve)
		h.refused(err, fault.NotFound)
		for _, who := range []arn.ARN{h.eve, h.mod, h.admin} {
			_, err = h.Membership(h.Context(), who, h.channel, h.eve)
			h.ok(err)
		}
	})
}

func TestABatchAddsEveryoneInPagesAndTellsOnce(t *testing.T) {
	each(t, func(h house) {
		var all []arn.ARN
		for i := range 100 {
			u, err := h.CreateUser(h.Context(), "", identity.NewUser{Instance: h.app, ID: fmt.Sprint("fan-", i), Name: "Fan"})
			h.ok(err)
			all = append(all, u)
		}
		n := len(h.heard.since(0))
		made, failed, err := h.CreateMemberships(h.Context(), h.mod, h.channel, append(all, h.ann), "DEFAULT")
		h.ok(err)
		if len(made.Members) != 101 || len(failed) != 0 {
			h.Fatalf("%d made, %v", len(made.Members), failed)
		}
		if ev := h.heard.since(n); len(ev) != 1 || len(ev[0].Joined) != 100 {
			h.Fatalf("%d events", len(ev))
		}
		seen := map[arn.ARN]bool{}
		p := core.Page{Max: 7}
		for {
			page, next, err := h.Memberships(h.Context(), h.ann, h.channel, "", p)
			h.ok(err)
			for _, m := range page {
				if seen[m.Member.Arn] {
					h.Fatalf("%s twice", m.Member.Arn)
				}
				seen[m.Member.Arn] = true
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if len(seen) != 103 {
			h.Errorf("%d members listed, want 103", len(seen))
		}
	})
}

func TestRunSweepsWhatADeleteLeaves(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- h.Chat.Run(ctx) }()
		h.ok(h.DeleteChannel(h.Context(), h.mod, h.channel))
		for h.count(d, "removed_channel")+h.count(d, "channel_membership") > 0 {
			if ctx.Err() != nil {
				h.Fatal("not swept")
			}
		}
		cancel()
		h.ok(<-ended)
	})
}

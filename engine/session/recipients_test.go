package session_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// cast is a stage with one user of each kind, each with two sessions.
type cast struct {
	*stage
	people   map[string]arn.ARN
	sessions map[string][]fan
	message  string // id of the last line
}

func openCast(t *testing.T) *cast {
	s := open(t, nil)
	c := &cast{stage: s, people: map[string]arn.ARN{"mod": s.mod, "ann": s.ann, "bob": s.bob, "me": s.me}, sessions: map[string][]fan{}}
	for _, name := range []string{"hidden", "outer", "admin", "banned", "one", "two"} {
		u, err := s.chat.CreateUser(t.Context(), "", identity.NewUser{Instance: s.app, ID: name, Name: name})
		s.ok(err)
		c.people[name] = u
	}
	_, err := s.chat.CreateMembership(t.Context(), s.mod, s.channel, c.people["hidden"], "HIDDEN")
	s.ok(err)
	_, err = s.chat.CreateModerator(t.Context(), s.mod, s.channel, c.people["outer"]) // moderates, and is no member
	s.ok(err)
	_, err = s.chat.CreateAdmin(t.Context(), s.app, c.people["admin"])
	s.ok(err)
	_, err = s.chat.CreateBan(t.Context(), s.mod, s.channel, c.people["banned"])
	s.ok(err)
	for name, a := range c.people {
		c.sessions[name] = []fan{s.enter(a, "1"), s.enter(a, "2")}
	}
	return c
}

func (c *cast) send(from string, m message.NewMessage) error {
	m.Content = "line"
	sent, err := c.chat.Send(c.Context(), c.people[from], c.channel, "", m)
	c.message = sent.ID
	return err
}

// logs returns what each session has been sent since the last call, as its client wrote it down: "event event …".
func (c *cast) logs() map[string][]string {
	c.Helper()
	c.hub.Deliver(core.Event{Type: "END", MessageType: core.System, Only: slices.Collect(maps.Values(c.people)), Payload: struct{}{}})
	out := map[string][]string{}
	for name, sessions := range c.sessions {
		for _, f := range sessions {
			var log []string
			for {
				got := f.next()
				if got.event() == "END" {
					break
				}
				log = append(log, got.event()+" "+got.Headers["x-amz-chime-message-type"])
			}
			out[name] = append(out[name], strings.Join(log, ", "))
		}
	}
	return out
}

func TestEveryEventReachesExactlyThoseItIsFor(t *testing.T) {
	c := openCast(t)
	c.logs()
	ctx, members := t.Context(), "mod ann bob hidden"
	flow := func(kind string) func() error {
		return func() error {
			c.hub.Deliver(core.Event{Type: kind, MessageType: "STANDARD", Channel: c.channel, Only: []arn.ARN{c.ann}, Payload: struct{}{}})
			return nil
		}
	}
	line := func(from, kind, persistence string, target arn.ARN) func() error {
		return func() error {
			return c.send(from, message.NewMessage{Type: kind, Persistence: persistence, Target: target})
		}
	}
	for i, act := range []struct {
		do    func() error
		event string
		who   string
	}{
		{line("ann", "STANDARD", "PERSISTENT", ""), "CREATE_CHANNEL_MESSAGE STANDARD", members},
		{func() error {
			_, err := c.chat.UpdateMessage(ctx, c.ann, c.channel, c.message, message.Edit{Content: "new"})
			return err
		}, "UPDATE_CHANNEL_MESSAGE STANDARD", members},
		{func() error { return c.chat.RedactMessage(ctx, c.mod, c.channel, c.message) }, "REDACT_CHANNEL_MESSAGE STANDARD", members},
		{func() error { return c.chat.DeleteMessage(ctx, c.people["admin"], c.channel, c.message) }, "DELETE_CHANNEL_MESSAGE STANDARD", members},
		{line("bob", "CONTROL", "NON_PERSISTENT", ""), "CREATE_CHANNEL_MESSAGE CONTROL", members},
		{line("bob", "STANDARD", "NON_PERSISTENT", ""), "CREATE_CHANNEL_MESSAGE STANDARD", members},
		{line("mod", "STANDARD", "PERSISTENT", c.ann), "CREATE_CHANNEL_MESSAGE STANDARD", "mod ann"},
		{func() error {
			_, err := c.chat.UpdateMessage(ctx, c.mod, c.channel, c.message, message.Edit{Content: "new"})
			return err
		}, "UPDATE_CHANNEL_MESSAGE STANDARD", "mod ann"},
		{func() error { return c.chat.RedactMessage(ctx, c.mod, c.channel, c.message) }, "REDACT_CHANNEL_MESSAGE STANDARD", "mod ann"},
		{line("ann", "STANDARD", "PERSISTENT", c.people["hidden"]), "CREATE_CHANNEL_MESSAGE STANDARD", "ann hidden"},
		{flow("PENDING_CREATE_CHANNEL_MESSAGE"), "PENDING_CREATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{flow("FAILED_CREATE_CHANNEL_MESSAGE"), "FAILED_CREATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{flow("DENIED_CREATE_CHANNEL_MESSAGE"), "DENIED_CREATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{flow("PENDING_UPDATE_CHANNEL_MESSAGE"), "PENDING_UPDATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{flow("FAILED_UPDATE_CHANNEL_MESSAGE"), "FAILED_UPDATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{flow("DENIED_UPDATE_CHANNEL_MESSAGE"), "DENIED_UPDATE_CHANNEL_MESSAGE STANDARD", "ann"},
		{func() error {
			name := "new name"
			return c.chat.UpdateChannel(ctx, c.mod, c.channel, &name, nil, nil)
		}, "UPDATE_CHANNEL SYSTEM", members},
		{func() error {
			_, err := c.chat.CreateMembership(ctx, c.mod, c.channel, c.me, "DEFAULT")
			return err
		}, "CREATE_CHANNEL_MEMBERSHIP SYSTEM", members + " me"},
		{func() error { return c.chat.DeleteMembership(ctx, c.mod, c.channel, c.me) }, "DELETE_CHANNEL_MEMBERSHIP SYSTEM", members + " me"},
		{line("ann", "STANDARD", "PERSISTENT", ""), "CREATE_CHANNEL_MESSAGE STANDARD", members},
		{func() error {
			_, err := c.chat.CreateMembership(ctx, c.mod, c.channel, c.me, "HIDDEN")
			return err
		}, "CREATE_CHANNEL_MEMBERSHIP SYSTEM", "me"},
		{func() error {
			_, _, err := c.chat.CreateMemberships(ctx, c.mod, c.channel, []arn.ARN{c.people["one"], c.people["two"], c.people["banned"]}, "DEFAULT")
			return err
		}, "BATCH_CREATE_CHANNEL_MEMBERSHIP SYSTEM", members + " me one two"},
		{func() error {
			_, err := c.chat.CreateBan(ctx, c.mod, c.channel, c.people["one"])
			return err
		}, "DELETE_CHANNEL_MEMBERSHIP SYSTEM", members + " me one two"},
		{func() error {
			_, err := c.chat.CreateModerator(ctx, c.mod, c.channel, c.people["two"])
			return err
		}, "", ""},
		{func() error { return c.chat.DeleteBan(ctx, c.mod, c.channel, c.people["one"]) }, "", ""},
		{func() error { return c.chat.UpdateUser(ctx, c.ann, "Another name", "") }, "", ""},
		{func() error { return c.chat.DeleteChannel(ctx, c.mod, c.channel) }, "DELETE_CHANNEL SYSTEM", members + " me two"},
	} {
		c.ok(act.do())
		for name, logs := range c.logs() {
			want := ""
			if slices.Contains(strings.Fields(act.who), name) {
				want = act.event
			}
			if fmt.Sprint(logs) != fmt.Sprint([]string{want, want}) {
				t.Errorf("act %d, %s: %s wrote down %q, want %q twice", i, act.event, name, logs, want)
			}
		}
	}
}

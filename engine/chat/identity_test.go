package chat_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// exec changes the database behind the engine's back: it is how these tests let days pass.
func (h house) exec(d *db.DB, text string, args ...any) {
	h.Helper()
	if _, err := d.Exec(h.Context(), text, args...); err != nil {
		h.Fatal(err)
	}
}

func TestAUserWhoseTimeHasComeIsDeletedWithEverything(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		h.ok(h.SetExpiration(h.Context(), h.ann, identity.Expiration{Days: 1}))
		h.ok(h.SetExpiration(h.Context(), h.bob, identity.Expiration{Days: 1}))
		h.ok(h.SetExpiration(h.Context(), h.bob, identity.Expiration{}))
		_, err := h.RegisterEndpoint(h.Context(), "", h.ann, identity.Endpoint{Type: "GCM", AllowMessages: "ALL"})
		h.ok(err)
		h.ok(h.Tag(h.Context(), h.ann, []tag.Tag{{Key: "row", Value: "7"}}))
		h.sweep()
		u, err := h.User(h.Context(), h.ann)
		h.ok(err)
		if u.Expiration.Days != 1 {
			t.Errorf("expires after %d days", u.Expiration.Days)
		}
		n := len(h.heard.since(0))
		h.exec(d, `UPDATE app_instance_user SET expires_ms = 1 WHERE expires_ms > 0`)
		h.sweep()
		_, err = h.User(h.Context(), h.ann)
		h.refused(err, fault.Denied)
		if got := h.heard.types(n); got != core.EventDeleteMembership+" "+core.EventUserDeleted {
			t.Errorf("heard %s", got)
		}
		if n := h.count(d, "resource_tag") + h.count(d, "app_instance_user_endpoint"); n != 0 {
			t.Errorf("%d rows left", n)
		}
		_, err = h.User(h.Context(), h.bob)
		h.ok(err)
	})
}

func TestRetentionHidesAtOnceBringsBackInTimeAndDeletesAfterTheGrace(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		old, _ := h.say(h.ann, "old"), h.say(h.ann, "new")
		h.exec(d, `UPDATE channel_message SET created_ms = created_ms - 172800000, message_id = $1 WHERE message_id = $2`,
			aged(old.ID, old.CreatedMS-172800000), old.ID)
		seen := func() int { return len(h.history(h.bob, message.History{}, 50)) }
		r, err := h.SetRetention(h.Context(), h.app, 1)
		h.ok(err)
		if seen() != 1 || r.DeleteMS <= core.NowMS() {
			t.Errorf("%d messages, deletion at %d", seen(), r.DeleteMS)
		}
		_, err = h.Message(h.Context(), h.bob, h.channel, aged(old.ID, old.CreatedMS-172800000))
		h.refused(err, fault.NotFound)
		h.sweep()
		_, err = h.SetRetention(h.Context(), h.app, 3)
		h.ok(err)
		if seen() != 2 {
			t.Errorf("%d messages after a longer retention", seen())
		}
		_, err = h.SetRetention(h.Context(), h.app, 1)
		h.ok(err)
		h.exec(d, `UPDATE app_instance SET retention_delete_ms = 1`)
		h.sweep()
		if _, err = h.SetRetention(h.Context(), h.app, 0); err != nil || seen() != 1 {
			t.Errorf("%d messages after the deletion, %v", seen(), err)
		}
	})
}

// aged is the id of a message as if it had been sent at another time: ids begin with their time.
func aged(id string, ms int64) string {
	const hex = "0123456789abcdef"
	b := []byte(id)
	for i := 11; i >= 0; i-- {
		b[i] = hex[ms&15]
		ms >>= 4
	}
	return string(b)
}

func TestABotIsAMemberAndABearerLikeAUserAndIsNoUser(t *testing.T) {
	each(t, func(h house) {
		bot, err := h.CreateBot(h.Context(), "tok", identity.NewBot{Instance: h.app, Name: "Bot", Configuration: "{}"})
		h.ok(err)
		again, err := h.CreateBot(h.Context(), "tok", identity.NewBot{Instance: h.app, Name: "Bot", Configuration: "{}"})
		h.ok(err)
		if again != bot || !bot.Is(arn.KindBot) {
			t.Fatalf("%s, then %s", bot, again)
		}
		_, failed, err := h.CreateMemberships(h.Context(), h.mod, h.channel, []arn.ARN{bot, h.eve}, "DEFAULT")
		h.ok(err)
		if len(failed) != 0 {
			t.Fatal(failed)
		}
		if m := h.say(bot, "beep"); m.Sender.Arn != bot {
			t.Errorf("sent by %s", m.Sender.Arn)
		}
		if got := h.history(h.ann, message.History{}, 50)[0]; got.Sender.Arn != bot || got.Sender.Name != "Bot" {
			t.Errorf("history has %+v", got.Sender)
		}
		users, _, err := h.Users(h.Context(), h.app, core.Page{})
		h.ok(err)
		if len(users) != 5 {
			t.Errorf("%d users", len(users))
		}
		h.refused(h.DeleteUser(h.Context(), bot), fault.Denied)
		_, err = h.User(h.Context(), bot)
		h.refused(err, fault.Denied)
		_, err = h.CreateAdmin(h.Context(), h.app, bot)
		h.ok(err)
		h.ok(h.DeleteBot(h.Context(), bot))
		_, err = h.Bot(h.Context(), bot)
		h.refused(err, fault.NotFound)
		members, _, err := h.Memberships(h.Context(), h.ann, h.channel, "", core.Page{})
		h.ok(err)
		if len(members) != 4 {
			t.Errorf("%d members", len(members))
		}
	})
}

func TestTagsGoWithTheirResource(t *testing.T) {
	each(t, func(h house) {
		a, err := h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: "x", ID: "tagged",
			Tags: []tag.Tag{{Key: "show", Value: "a"}, {Key: "hall", Value: "b"}}})
		h.ok(err)
		h.ok(h.Tag(h.Context(), a, []tag.Tag{{Key: "show", Value: "c"}}))
		h.ok(h.Untag(h.Context(), a, []string{"hall", "never"}))
		got, err := h.TagsOf(h.Context(), a)
		h.ok(err)
		if len(got) != 1 || got[0] != (tag.Tag{Key: "show", Value: "c"}) {
			t.Errorf("tags %v", got)
		}
		h.refused(h.Tag(h.Context(), a, []tag.Tag{{Key: "aws:x", Value: "y"}}), fault.Invalid)
		var many []tag.Tag
		for i := range tag.Max {
			many = append(many, tag.Tag{Key: string(rune('A' + i)), Value: "x"})
		}
		h.refused(h.Tag(h.Context(), a, many), fault.Invalid)
		h.ok(h.DeleteChannel(h.Context(), h.mod, a))
		_, err = h.TagsOf(h.Context(), a)
		h.refused(err, fault.Denied)
		_, err = h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: "x", ID: "tagged"})
		h.ok(err)
		if got, err = h.TagsOf(h.Context(), a); err != nil || len(got) != 0 {
			t.Errorf("a channel made again has the tags %v, %v", got, err)
		}
	})
}

func TestADeletedAppInstanceLeavesNoRow(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		h.say(h.ann, "line")
		_, err := h.RegisterEndpoint(h.Context(), "", h.ann, identity.Endpoint{Type: "GCM", AllowMessages: "ALL"})
		h.ok(err)
		_, err = h.CreateBot(h.Context(), "", identity.NewBot{Instance: h.app, Tags: []tag.Tag{{Key: "a", Value: "b"}}})
		h.ok(err)
		_, err = h.CreateBan(h.Context(), h.mod, h.channel, h.eve)
		h.ok(err)
		f, err := h.CreateFlow(h.Context(), "", flow.NewFlow{Instance: h.app, Name: "f", Processors: []flow.Processor{{Name: "p", ExecutionOrder: 1}}})
		h.ok(err)
		h.ok(h.Associate(h.Context(), h.mod, h.channel, f))
		h.say(h.ann, "held")
		_, err = d.Exec(h.Context(), `INSERT INTO stream_config (app, data_type, stream) VALUES ($1, 'Channel', '')`, h.app.ID())
		h.ok(err)
		h.ok(h.DeleteInstance(h.Context(), h.app))
		_, err = h.User(h.Context(), h.ann)
		h.refused(err, fault.Denied)
		h.sweep()
		for _, table := range []string{"app_instance", "app_instance_user", "app_instance_admin", "app_instance_user_endpoint", "resource_tag",
			"channel", "channel_membership", "channel_moderator", "channel_ban", "channel_message", "message_token", "removed_channel",
			"channel_flow", "held_message", "flow_run", "stream_config"} {
			if n := h.count(d, table); n != 0 {
				t.Errorf("%d rows left in %s", n, table)
			}
		}
	})
}

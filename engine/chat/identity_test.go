package chat_test

import (
	"strings"
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

func TestATokenOfABotOrEndpointThatIsGoneMakesAnother(t *testing.T) {
	each(t, func(h house) {
		bot := func() string {
			a, err := h.CreateBot(h.Context(), "tok", identity.NewBot{Instance: h.app, Configuration: "{}"})
			h.ok(err)
			return string(a)
		}
		endpoint := func() string {
			id, err := h.RegisterEndpoint(h.Context(), "tok", h.ann, identity.Endpoint{Type: "GCM", AllowMessages: "ALL"})
			h.ok(err)
			return id
		}
		for name, c := range map[string]struct {
			made   func() string
			remove func(string) error
		}{
			"bot":      {bot, func(a string) error { return h.DeleteBot(h.Context(), arn.ARN(a)) }},
			"endpoint": {endpoint, func(id string) error { return h.DeregisterEndpoint(h.Context(), h.ann, id) }},
		} {
			first := c.made()
			if again := c.made(); again != first {
				t.Errorf("%s: %s, and by the same token %s", name, first, again)
			}
			h.ok(c.remove(first))
			if later := c.made(); later == first || later == "" {
				t.Errorf("%s: %q was made again as %q", name, first, later)
			}
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

// busy makes a user who is a member of 450 channels.
func (h house) busy(d *db.DB) arn.ARN {
	h.Helper()
	user, err := h.CreateUser(h.Context(), "", identity.NewUser{Instance: h.app, ID: "busy", Name: "x", Expiration: identity.Expiration{Days: 1}})
	h.ok(err)
	h.exec(d, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms)
SELECT i, $1, 'c' || i, 'x', 'RESTRICTED', 'PUBLIC', '', '', '', 0, 0 FROM n`, h.app.ID())
	h.exec(d, `INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
SELECT c.no, u.no, 'DEFAULT', '', '', 0, 0 FROM channel c, app_instance_user u WHERE c.no <= 450 AND u.id = 'busy'`)
	return user
}

func (h house) checkBusyIsGone(d *db.DB, since int) {
	h.Helper()
	heard := h.heard.types(since)
	if n := strings.Count(heard, core.EventDeleteMembership); n != 450 || !strings.HasSuffix(heard, core.EventUserDeleted) {
		h.Errorf("%d memberships ended, want 450, and then the user", n)
	}
	if n := h.count(d, "channel_membership WHERE channel <= 450"); n != 0 {
		h.Errorf("%d memberships are left", n)
	}
}

// A user with 20,000 memberships was deleted in one write, each membership with a look at the size of its channel:
// everybody else's lines waited for seconds.
func TestAUserInVeryManyChannelsLeavesThemInSeveralWrites(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		user, before := h.busy(d), len(h.heard.since(0))
		h.ok(d.Write(t.Context(), func(tx *db.Tx) error {
			u, err := h.UserIn(tx.Context(), tx, user)
			if err != nil {
				return err
			}
			n, err := h.LeaveAll(tx, u, 7)
			if n != 7 {
				t.Errorf("%d memberships ended in one write, want 7", n)
			}
			return err
		}))
		h.ok(h.DeleteUser(t.Context(), user))
		h.checkBusyIsGone(d, before)
	})
}

// The same when the time of such a user, or of a hundred of them, had come.
func TestAnExpiredUserInVeryManyChannelsLeavesThemInSeveralWrites(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		h.busy(d)
		before := len(h.heard.since(0))
		h.exec(d, `UPDATE app_instance_user SET expires_ms = 1 WHERE expires_ms > 0`)
		if _, err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(h.heard.since(before)); n == 0 || n > 250 {
			t.Errorf("one write ended %d memberships", n)
		}
		h.sweep()
		h.checkBusyIsGone(d, before)
	})
}

// Each write that looked for old messages went through all channels of the app instance, mostly for nothing.
func TestRetentionLooksIntoSomeChannelsAtATimeAndFindsWhatIsOld(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		h.exec(d, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms)
SELECT i, $1, 'c' || i, 'x', 'RESTRICTED', 'PUBLIC', '', '', '', 0, 0 FROM n`, h.app.ID())
		h.say(h.ann, "new")
		for _, round := range []string{"first", "again"} {
			h.exec(d, `INSERT INTO channel_message SELECT c.no, 1, 'old', 1, '', '', 0, '', '', '', '', '', '', FALSE, 0, 0
FROM channel c WHERE c.no IN (1, 1000, 1001, 2500)`)
			_, err := h.SetRetention(h.Context(), h.app, 1)
			h.ok(err)
			h.exec(d, `UPDATE app_instance SET retention_delete_ms = 1`)
			more, err := h.Sweep(t.Context())
			h.ok(err)
			if n := h.count(d, "channel_message WHERE channel > 1000"); !more || n != 3 {
				t.Errorf("%s: after one write %d messages are left in the other channels, want 3", round, n)
			}
			h.sweep()
			if n := h.count(d, "channel_message"); n != 1 {
				t.Errorf("%s: %d messages are left, want 1", round, n)
			}
		}
	})
}

package chat_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// payload is what e carries if it is a T, else the zero T.
func payload[T any](e core.Event) T {
	p, _ := e.Payload.(T)
	return p
}

// hall opens an elastic channel by mod: at most most sub-channels of at most target members.
func (h house) hall(most, target, percent int) arn.ARN {
	h.Helper()
	a, err := h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: "hall", ID: "hall", Privacy: "PRIVATE",
		Elastic: channel.Elastic{MaximumSubChannels: most, TargetMembershipsPerSubChannel: target, MinimumMembershipPercentage: percent}})
	h.ok(err)
	return a
}

func (h house) guest(i int) arn.ARN {
	h.Helper()
	u, err := h.CreateUser(h.Context(), "", identity.NewUser{Instance: h.app, ID: fmt.Sprint("fan-", i), Name: fmt.Sprint("Fan ", i)})
	h.ok(err)
	return u
}

// join makes a regular member and returns the sub-channel that the system chose.
func (h house) join(hall, who arn.ARN) string {
	h.Helper()
	m, err := h.CreateMembership(h.Context(), h.mod, hall, who, "DEFAULT")
	h.ok(err)
	return m.Sub
}

// subs lists the sub-channels with their members.
func (h house) subs(hall arn.ARN) map[string]int64 {
	h.Helper()
	out := map[string]int64{}
	p := core.Page{Max: 2}
	for {
		all, next, err := h.SubChannels(h.Context(), h.mod, hall, p)
		h.ok(err)
		for _, s := range all {
			out[s.ID] = s.Members
		}
		if p.Token = next; next == "" {
			return out
		}
	}
}

func (h house) sizes(hall arn.ARN) string {
	h.Helper()
	return fmt.Sprint(slices.Sorted(maps.Values(h.subs(hall))))
}

func TestAnElasticChannelIsRestrictedAndItsMakerOnlyModerates(t *testing.T) {
	each(t, func(h house) {
		in := channel.NewChannel{Instance: h.app, Name: "x", Elastic: channel.Elastic{MaximumSubChannels: 2, TargetMembershipsPerSubChannel: 2, MinimumMembershipPercentage: 1}}
		in.Mode = "UNRESTRICTED"
		_, err := h.CreateChannel(h.Context(), h.mod, "", in)
		h.refused(err, fault.Invalid)
		in.Mode, in.Members = "RESTRICTED", []arn.ARN{h.ann}
		_, err = h.CreateChannel(h.Context(), h.mod, "", in)
		h.refused(err, fault.Invalid)

		n := len(h.heard.since(0))
		hall := h.hall(3, 4, 40)
		if got := h.heard.types(n); got != core.EventCreateSubChannel {
			h.Errorf("events: %s", got)
		}
		ch, err := h.Channel(h.Context(), h.mod, hall)
		h.ok(err)
		if ch.Mode != "RESTRICTED" || ch.Elastic != (channel.Elastic{MaximumSubChannels: 3, TargetMembershipsPerSubChannel: 4, MinimumMembershipPercentage: 40}) {
			h.Errorf("channel: %+v", ch)
		}
		if places, err := h.ChannelsOf(h.Context(), h.mod); err != nil || len(places) != 1 {
			h.Errorf("the maker hears %v, %v", places, err)
		}
		open := "UNRESTRICTED"
		h.refused(h.UpdateChannel(h.Context(), h.mod, hall, nil, &open, nil), fault.Invalid)
		for _, err := range []error{
			h.Read(h.Context(), h.mod, h.channel), // elsewhere it works
			func() error { _, err := h.CreateMembership(h.Context(), h.mod, hall, h.ann, "DEFAULT"); return err }(),
		} {
			h.ok(err)
		}
		h.refused(h.Read(h.Context(), h.ann, hall), fault.Invalid)
		h.refused(h.SetPreferences(h.Context(), h.ann, hall, h.ann, member.Preferences{Allow: "ALL"}), fault.Invalid)
		_, err = h.CreateMembership(h.Context(), h.mod, hall, h.bob, "HIDDEN")
		h.refused(err, fault.Invalid)
		_, _, err = h.Memberships(h.Context(), h.mod, hall, "HIDDEN", core.Page{})
		h.refused(err, fault.Invalid)
		_, _, err = h.SubChannels(h.Context(), h.ann, hall, core.Page{})
		h.refused(err, fault.Denied)
		_, _, err = h.SubChannels(h.Context(), h.mod, h.channel, core.Page{})
		h.refused(err, fault.Invalid)
	})
}

func TestTheListsKnowAnElasticChannelAndNotItsSubChannels(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(3, 4, 40)
		sub := h.join(hall, h.ann)
		all, _, err := h.Channels.List(h.Context(), h.admin, h.app, "PRIVATE", core.Page{})
		h.ok(err)
		if len(all) != 1 || all[0].ARN != hall {
			h.Errorf("private channels: %+v", all)
		}
		_, err = h.Channel(h.Context(), h.admin, hall+arn.ARN("/"+sub))
		h.refused(err, fault.NotFound)
		mine, _, err := h.MembershipsForUser(h.Context(), h.ann, "", core.Page{})
		h.ok(err)
		i := slices.IndexFunc(mine, func(m channel.UserMembership) bool { return m.Sub == sub })
		if len(mine) != 2 || i < 0 || mine[i].Channel.ARN != hall || mine[i].Channel.Name != "hall" || mine[1-i].Channel.ARN != h.channel {
			h.Errorf("memberships of ann: %+v", mine)
		}
		one, err := h.MembershipForUser(h.Context(), h.ann, hall, h.ann)
		h.ok(err)
		if one.Sub != sub || one.Channel.ARN != hall {
			h.Errorf("membership of ann: %+v", one)
		}
		moderated, _, err := h.ChannelsModeratedBy(h.Context(), h.mod, "", core.Page{})
		h.ok(err)
		if len(moderated) != 2 {
			h.Errorf("moderated by mod: %+v", moderated)
		}
	})
}

func TestWhatIsSaidStaysInItsSubChannel(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(3, 2, 1)
		var subs []string
		for i := range 3 {
			subs = append(subs, h.join(hall, h.guest(i)))
		}
		if subs[0] != subs[1] || subs[2] == subs[0] {
			h.Fatalf("placed in %v", subs)
		}
		fan := func(i int) arn.ARN { return h.app.User(fmt.Sprint("fan-", i)) }
		_, err := h.Send(h.Context(), fan(0), hall, "", line("nowhere"))
		h.refused(err, fault.Invalid)
		_, err = h.Send(h.Context(), fan(0), core.InSub(hall, subs[2]), "", line("elsewhere"))
		h.refused(err, fault.Denied)
		_, err = h.Send(h.Context(), fan(0), core.InSub(hall, "nonsense"), "", line("nowhere"))
		h.refused(err, fault.NotFound)
		_, err = h.Send(h.Context(), h.ann, core.InSub(h.channel, "nonsense"), "", line("not elastic"))
		h.refused(err, fault.Invalid)
		_, err = h.Send(h.Context(), h.mod, core.InSub(hall, subs[0]), "", line("moderators are no members"))
		h.refused(err, fault.Denied)

		n := len(h.heard.since(0))
		place := core.InSub(hall, subs[0])
		m, err := h.Send(h.Context(), fan(0), place, "", line("here"))
		h.ok(err)
		ev := h.heard.since(n)
		if m.Sub != subs[0] || len(ev) != 1 || ev[0].Channel != place || payload[message.Wire[core.ISO]](ev[0]).SubChannelId != subs[0] {
			h.Errorf("message %+v, events %+v", m, ev)
		}
		for who, see := range map[arn.ARN]bool{fan(1): true, h.mod: true, h.admin: true, fan(2): false, h.ann: false} {
			_, err := h.Message(h.Context(), who, place, m.ID)
			if see {
				h.ok(err)
			} else {
				h.refused(err, fault.Denied)
			}
		}
		h.refused(h.RedactMessage(h.Context(), h.mod, hall, m.ID), fault.Invalid)
		h.ok(h.RedactMessage(h.Context(), h.mod, place, m.ID))
		ch, err := h.Channel(h.Context(), h.mod, hall)
		h.ok(err)
		if ch.LastMessageMS != m.CreatedMS {
			h.Errorf("last message at %d, want %d", ch.LastMessageMS, m.CreatedMS)
		}
		first, err := h.Prefetch(h.Context(), fan(0), core.SortByLastMessage, func() {})
		h.ok(err)
		if len(first) != 1 {
			h.Fatalf("prefetch: %+v", first)
		}
		if d := h.details(first[0]); first[0].Channel != place || d.Channel.ChannelArn != hall || len(d.ChannelMessages) != 1 || len(d.ChannelMemberships) != 2 {
			h.Errorf("prefetch: %+v", d)
		}
		roster, _, err := h.Memberships(h.Context(), fan(0), place, "", core.Page{})
		h.ok(err)
		if len(roster) != 2 {
			h.Errorf("%d members in the sub-channel", len(roster))
		}
		_, _, err = h.Memberships(h.Context(), fan(0), hall, "", core.Page{})
		h.refused(err, fault.Invalid)
	})
}

func TestModeratorsJoinSubChannelsByNameAndOthersCannot(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(2, 2, 1)
		one := h.join(hall, h.ann)
		h.join(hall, h.bob)
		two := h.join(hall, h.eve)
		_, err := h.CreateMembership(h.Context(), h.mod, core.InSub(hall, one), h.guest(1), "DEFAULT")
		h.refused(err, fault.Invalid)
		_, err = h.CreateMembership(h.Context(), h.mod, hall, h.mod, "DEFAULT")
		h.refused(err, fault.Invalid)
		if again := h.join(hall, h.ann); again != one {
			h.Errorf("ann is in %s and %s", one, again)
		}
		for _, sub := range []string{one, two} {
			_, err := h.CreateMembership(h.Context(), h.mod, core.InSub(hall, sub), h.mod, "DEFAULT")
			h.ok(err)
		}
		if places, err := h.ChannelsOf(h.Context(), h.mod); err != nil || len(places) != 4 {
			h.Errorf("mod hears %v, %v", places, err)
		}
		h.refused(h.DeleteMembership(h.Context(), h.mod, core.InSub(hall, one), h.ann), fault.Invalid)
		h.ok(h.DeleteMembership(h.Context(), h.mod, core.InSub(hall, one), h.mod))
		_, err = h.Membership(h.Context(), h.mod, core.InSub(hall, one), h.mod)
		h.refused(err, fault.NotFound)
		m, err := h.Membership(h.Context(), h.mod, hall, h.mod)
		h.ok(err)
		if m.Sub != two {
			h.Errorf("mod is left in %q, want %q", m.Sub, two)
		}

		n := len(h.heard.since(0))
		_, err = h.CreateModerator(h.Context(), h.mod, hall, h.ann)
		h.ok(err)
		if got := h.heard.types(n); got != "DELETE_CHANNEL_MEMBERSHIP INSIDE" {
			h.Errorf("promotion: %s", got)
		}
		_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, two), h.ann, "DEFAULT")
		h.ok(err)
		h.ok(h.DeleteModerator(h.Context(), h.mod, hall, h.ann))
		_, err = h.Membership(h.Context(), h.mod, hall, h.ann)
		h.refused(err, fault.NotFound)
		_, err = h.CreateBan(h.Context(), h.mod, hall, h.bob)
		h.ok(err)
		_, err = h.Membership(h.Context(), h.mod, hall, h.bob)
		h.refused(err, fault.NotFound)
		_, err = h.Send(h.Context(), h.bob, core.InSub(hall, one), "", line("banned"))
		h.refused(err, fault.Denied)
	})
}

func TestABatchIntoAnElasticChannelTellsOneByOne(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(2, 3, 1)
		_, err := h.CreateBan(h.Context(), h.mod, hall, h.eve)
		h.ok(err)
		n := len(h.heard.since(0))
		made, failed, err := h.CreateMemberships(h.Context(), h.mod, hall, []arn.ARN{h.ann, h.eve, h.bob, h.mod, h.app.User("nobody")}, "DEFAULT")
		h.ok(err)
		if len(made.Members) != 2 || made.SubChannelId == "" || len(failed) != 3 || failed[0].Code != "Forbidden" || failed[1].Code != "BadRequest" {
			h.Errorf("%+v %+v", made, failed)
		}
		if got := strings.ReplaceAll(h.heard.types(n), " INSIDE", ""); got != "CREATE_CHANNEL_MEMBERSHIP CREATE_CHANNEL_MEMBERSHIP" {
			h.Errorf("events: %s", got)
		}
	})
}

func TestDeletingAnElasticChannelLeavesNothing(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		hall := h.hall(3, 2, 1)
		for i := range 5 {
			fan := h.guest(i)
			_, err := h.Send(h.Context(), fan, core.InSub(hall, h.join(hall, fan)), "tok", line("hello"))
			h.ok(err)
		}
		h.ok(h.DeleteUser(h.Context(), h.app.User("fan-0")))
		n := len(h.heard.since(0))
		h.ok(h.DeleteChannel(h.Context(), h.mod, hall))
		if got := h.heard.types(n); got != "DELETE_CHANNEL INSIDE INSIDE INSIDE" {
			h.Errorf("events: %s", got)
		}
		h.hall(2, 2, 1) // the name is free at once
		h.ok(h.DeleteInstance(h.Context(), h.app))
		h.sweep()
		for _, table := range []string{"app_instance", "app_instance_user", "channel", "channel_membership", "channel_moderator",
			"channel_ban", "channel_message", "message_token", "channel_token", "removed_channel"} {
			if n := h.count(d, table); n != 0 {
				h.Errorf("%d rows left in %s", n, table)
			}
		}
	})
}

// The answer to a repeat lacked the sub-channel: the same token and body must give the same answer.
func TestARepeatInASubChannelAnswersLikeTheFirst(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(2, 10, 10)
		place := core.InSub(hall, h.join(hall, h.ann))
		first, err := h.Send(h.Context(), h.ann, place, "token", line("hello"))
		h.ok(err)
		again, err := h.Send(h.Context(), h.ann, place, "token", line("hello"))
		h.ok(err)
		if again.ID != first.ID || again.Sub != first.Sub || again.Channel != first.Channel {
			h.Errorf("%+v, want %+v", again, first)
		}
	})
}

// In a batch, who had used up the quota of memberships was refused, and a member all the same: the refusal undid nothing.
func TestABatchIntoAnElasticChannelDoesNotAddWhomItRefuses(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := openWith(t, d, chat.Config{Region: "us-east-1", Account: "123456789012",
			Limits: quota.Limits{Resources: map[quota.Resource]int{quota.MembershipsPerUser: 1}}}) // ann and bob are in one channel
		hall, before := h.hall(2, 10, 10), len(h.heard.since(0))
		_, failed, err := h.CreateMemberships(h.Context(), h.mod, hall, []arn.ARN{h.ann, h.eve}, "DEFAULT")
		h.ok(err)
		if len(failed) != 1 || failed[0].Member != h.ann || failed[0].Code != "ResourceLimitExceeded" {
			h.Errorf("refused: %+v", failed)
		}
		if n := h.sizes(hall); n != "[1]" {
			h.Errorf("members %s, want 1", n)
		}
		if n := h.count(d, "channel WHERE regulars = 1"); n != 1 {
			h.Error("the seats are not counted right")
		}
		for _, e := range h.heard.since(before) {
			if slices.Contains(e.Joined, h.ann) {
				h.Errorf("%s says that who was refused has joined", e.Type)
			}
		}
	})
}

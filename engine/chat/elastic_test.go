package chat_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// hall opens an elastic channel by mod: at most most sub-channels of at most target members.
func (h house) hall(most, target, percent int) arn.ARN {
	h.Helper()
	a, err := h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: "hall", ID: "hall", Privacy: "PRIVATE",
		Elastic: channel.Elastic{MaximumSubChannels: most, TargetMembershipsPerSubChannel: target, MinimumMembershipPercentage: percent}})
	h.ok(err)
	return a
}

func (h house) fan(i int) arn.ARN {
	h.Helper()
	u, err := h.CreateUser(h.Context(), "", h.app, fmt.Sprint("fan-", i), fmt.Sprint("Fan ", i), "")
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
			subs = append(subs, h.join(hall, h.fan(i)))
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
		if m.Sub != subs[0] || len(ev) != 1 || ev[0].Channel != place || ev[0].Payload.(message.Wire[core.ISO]).SubChannelId != subs[0] {
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
		_, err := h.CreateMembership(h.Context(), h.mod, core.InSub(hall, one), h.fan(1), "DEFAULT")
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

func TestScalingOutGivesTheNewSubChannelItsShareAndScalingInGivesItBack(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		hall := h.hall(2, 10, 40)
		first := ""
		for i := range 10 {
			first = h.join(hall, h.fan(i))
		}
		_, err := h.CreateMembership(h.Context(), h.mod, core.InSub(hall, first), h.mod, "DEFAULT")
		h.ok(err)
		h.sweep()
		if got := h.sizes(hall); got != "[11]" {
			h.Fatalf("before: %s", got)
		}
		n := len(h.heard.since(0))
		second := h.join(hall, h.fan(10))
		h.sweep()
		if got := h.sizes(hall); got != "[4 8]" {
			h.Fatalf("after scaling out: %s", got)
		}
		var moved []arn.ARN
		for _, e := range h.heard.since(n) {
			if e.Type != core.EventUpdateMembership {
				continue
			}
			m := e.Payload.(member.Wire[core.ISO])
			if m.SubChannelId != second || len(e.Only) != 1 || e.Only[0] != m.Member.Arn || e.Joined[0] != m.Member.Arn {
				h.Errorf("move: %+v", e)
			}
			moved = append(moved, m.Member.Arn)
		}
		if len(moved) != 3 {
			h.Fatalf("moved %v", moved)
		}
		for i := 11; i < 19; i++ {
			h.join(hall, h.fan(i))
		}
		if _, err = h.CreateMembership(h.Context(), h.mod, hall, h.ann, "DEFAULT"); err != nil {
			h.Fatal(err) // the 20th seat
		}
		_, err = h.CreateMembership(h.Context(), h.mod, hall, h.bob, "DEFAULT")
		if fault.As(err).Code != core.CodeLimit {
			h.Errorf("when all are full: %v", err)
		}
		_, failed, err := h.CreateMemberships(h.Context(), h.mod, hall, []arn.ARN{h.ann, h.bob}, "DEFAULT")
		h.ok(err)
		if len(failed) != 1 || failed[0].Code != "ResourceLimitExceeded" {
			h.Errorf("batch when all are full: %+v", failed)
		}

		m, err := h.Send(h.Context(), moved[0], core.InSub(hall, second), "", line("mine"))
		h.ok(err)
		_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, second), h.mod, "DEFAULT")
		h.ok(err)
		h.ok(h.DeleteMembership(h.Context(), h.mod, core.InSub(hall, first), h.mod)) // so that the end of the second one is felt
		n = len(h.heard.since(0))
		leave := func(sub string, leftOver int64) {
			for p := (core.Page{}); ; {
				all, next, err := h.Memberships(h.Context(), h.mod, core.InSub(hall, sub), "", p)
				h.ok(err)
				for _, one := range all {
					if one.Member.Arn != h.mod && one.Member.Arn != moved[0] && h.subs(hall)[sub] > leftOver {
						h.ok(h.DeleteMembership(h.Context(), h.mod, hall, one.Member.Arn))
					}
				}
				if p.Token = next; next == "" {
					return
				}
			}
		}
		leave(second, 4) // three regular members and mod: less than the share of four, but there is no room elsewhere
		h.sweep()
		if got := h.sizes(hall); got != "[4 10]" {
			h.Fatalf("without room: %s", got)
		}
		leave(first, 7)
		h.sweep()
		if got := h.sizes(hall); got != "[10]" {
			h.Fatalf("after scaling in: %s", got)
		}
		var ends []core.Event
		for _, e := range h.heard.since(n) {
			if e.Reason != "" || e.Type == core.EventDeleteSubChannel {
				ends = append(ends, e)
			}
		}
		if len(ends) != 2 || ends[0].Type != core.EventDeleteMembership || ends[0].Reason != core.ReasonSubChannelDeleted ||
			len(ends[0].Only) != 1 || ends[0].Only[0] != h.mod || !ends[1].Gone || ends[1].Only == nil {
			h.Errorf("the end of a sub-channel: %+v", ends)
		}
		_, err = h.Message(h.Context(), moved[0], core.InSub(hall, second), m.ID)
		h.refused(err, fault.NotFound)
		if n := h.count(d, "channel_message") + h.count(d, "removed_channel"); n != 0 {
			h.Errorf("%d rows left of the sub-channel", n)
		}
		ch, err := h.Channel(h.Context(), h.mod, hall)
		h.ok(err)
		if ch.LastMessageMS != m.CreatedMS {
			h.Errorf("last message at %d, want %d", ch.LastMessageMS, m.CreatedMS)
		}
	})
}

func TestWhoWasMovedCannotChangeWhatTheySaidBefore(t *testing.T) {
	each(t, func(h house) {
		hall := h.hall(2, 3, 40)
		said := map[arn.ARN]message.Message{}
		sub := ""
		for i := range 3 {
			fan := h.fan(i)
			sub = h.join(hall, fan)
			m, err := h.Send(h.Context(), fan, core.InSub(hall, sub), "", line("mine"))
			h.ok(err)
			said[fan] = m
		}
		h.join(hall, h.fan(3))
		h.sweep()
		moved := 0
		for fan, m := range said {
			now, err := h.Membership(h.Context(), h.mod, hall, fan)
			h.ok(err)
			_, edit := h.UpdateMessage(h.Context(), fan, core.InSub(hall, sub), m.ID, message.Edit{Content: "new"})
			if now.Sub == sub {
				h.ok(edit)
				continue
			}
			moved++
			h.refused(edit, fault.Denied)
			h.refused(h.RedactMessage(h.Context(), fan, core.InSub(hall, sub), m.ID), fault.Denied)
		}
		if moved != 1 {
			h.Errorf("%d were moved, want 1", moved)
		}
		place := core.InSub(hall, sub) // a moderator who has left is nobody there either
		_, err := h.CreateMembership(h.Context(), h.mod, place, h.mod, "DEFAULT")
		h.ok(err)
		m, err := h.Send(h.Context(), h.mod, place, "", line("mine"))
		h.ok(err)
		_, err = h.UpdateMessage(h.Context(), h.mod, place, m.ID, message.Edit{Content: "new"})
		h.ok(err)
		h.ok(h.DeleteMembership(h.Context(), h.mod, place, h.mod))
		_, err = h.UpdateMessage(h.Context(), h.mod, place, m.ID, message.Edit{Content: "newer"})
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
		if got := strings.ReplaceAll(h.heard.types(n), "INSIDE ", ""); got != "CREATE_CHANNEL_MEMBERSHIP CREATE_CHANNEL_MEMBERSHIP" {
			h.Errorf("events: %s", got)
		}
	})
}

func TestDeletingAnElasticChannelLeavesNothing(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		hall := h.hall(3, 2, 1)
		for i := range 5 {
			fan := h.fan(i)
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

// index is what a sink knows of who hears what, from events alone, as the sessions do.
func index(events []core.Event) map[arn.ARN]map[arn.ARN]bool {
	in := map[arn.ARN]map[arn.ARN]bool{}
	for _, e := range events {
		for _, who := range e.Joined {
			if in[e.Channel] == nil {
				in[e.Channel] = map[arn.ARN]bool{}
			}
			in[e.Channel][who] = true
		}
		for _, who := range e.Left {
			delete(in[e.Channel], who)
		}
		if e.Gone {
			delete(in, e.Channel)
		}
	}
	return in
}

// TestElasticChannelsHoldTheirPromisesWhateverPeopleDo lets people join, leave, rise, fall and be banned at random. After
// every sweep a regular member is in exactly one sub-channel, none is too full, none has less than its share while
// another could take its members, and the events tell the same as the database.
func TestElasticChannelsHoldTheirPromisesWhateverPeopleDo(t *testing.T) {
	const most, target, percent, share = 4, 6, 40, 3
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		r := rand.New(rand.NewPCG(7, 11))
		hall := h.hall(most, target, percent)
		var fans []arn.ARN
		for i := range 30 {
			fans = append(fans, h.fan(i))
		}
		for step := range 120 {
			fan := fans[r.IntN(len(fans))]
			var err error
			switch n := r.IntN(20); {
			case step < 25 || n < 9:
				_, err = h.CreateMembership(h.Context(), h.mod, hall, fan, "DEFAULT")
			case n < 16:
				err = h.DeleteMembership(h.Context(), h.mod, hall, fan)
			case n == 16:
				_, err = h.CreateModerator(h.Context(), h.mod, hall, fan)
			case n == 17:
				err = h.DeleteModerator(h.Context(), h.mod, hall, fan)
			case n == 18:
				subs := slices.Collect(maps.Keys(h.subs(hall)))
				_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, subs[r.IntN(len(subs))]), fan, "DEFAULT")
			default:
				if _, err = h.CreateBan(h.Context(), h.mod, hall, fan); err == nil {
					err = h.DeleteBan(h.Context(), h.mod, hall, fan)
				}
			}
			var f *fault.Error
			if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Denied) && cmp.Or(f, fault.As(err)).Code != core.CodeLimit {
				h.Fatal(err)
			}
			if r.IntN(3) > 0 {
				continue
			}
			h.sweep()
			h.checkHall(d, most, target, share)
			in := index(h.heard.since(0))
			for _, fan := range fans {
				places, err := h.ChannelsOf(h.Context(), fan)
				h.ok(err)
				var told []arn.ARN
				for place, who := range in {
					if who[fan] {
						told = append(told, place)
					}
				}
				slices.Sort(places)
				slices.Sort(told)
				if !slices.Equal(places, told) {
					h.Fatalf("step %d: %s is in %q, the events say %q", step, fan.ID(), places, told)
				}
			}
		}
	})
}

// checkHall reads the tables: regular members as counted, and as they are.
func (h house) checkHall(d *db.DB, most, target, share int64) {
	h.Helper()
	type sub struct{ counted, real int64 }
	subs, err := db.All(h.Context(), d, func(s *sub) []any { return []any{&s.counted, &s.real} }, `SELECT s.regulars,
(SELECT count(*) FROM channel_membership m WHERE m.channel = s.no AND NOT EXISTS (SELECT 1 FROM channel_moderator d WHERE d.channel = s.parent AND d.member = m.member))
FROM channel s WHERE s.parent > 0`)
	h.ok(err)
	if int64(len(subs)) > most || len(subs) == 0 {
		h.Fatalf("%d sub-channels", len(subs))
	}
	for i, s := range subs {
		if s.counted != s.real || s.real > target {
			h.Fatalf("%d members, counted %d, target %d", s.real, s.counted, target)
		}
		for j, other := range subs {
			if i != j && s.real < share && s.real+other.real <= target {
				h.Fatalf("a sub-channel of %d stays although one of %d has room", s.real, other.real)
			}
		}
	}
	twice, err := db.Value[int64](h.Context(), d, `SELECT count(*) FROM (SELECT m.member FROM channel_membership m JOIN channel s ON s.no = m.channel
WHERE s.parent > 0 AND NOT EXISTS (SELECT 1 FROM channel_moderator d WHERE d.channel = s.parent AND d.member = m.member) GROUP BY m.member HAVING count(*) > 1) x`)
	h.ok(err)
	if twice != 0 {
		h.Fatalf("%d regular members are in several sub-channels", twice)
	}
}

package chat_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// packed fills a hall of two sub-channels of ten: guests 0–18 and ann. It returns the sub-channels and who was moved to the
// second one when it opened.
func (h house) packed() (hall arn.ARN, first, second string, moved []arn.ARN) {
	h.Helper()
	hall = h.hall(2, 10, 40)
	for i := range 10 {
		first = h.join(hall, h.guest(i))
	}
	h.sweep()
	n := len(h.heard.since(0))
	second = h.join(hall, h.guest(10))
	h.sweep()
	if got := h.sizes(hall); got != "[4 7]" {
		h.Fatalf("after scaling out: %s", got)
	}
	for _, e := range h.heard.since(n) {
		if e.Type != core.EventUpdateMembership {
			continue
		}
		m := payload[member.Wire[core.ISO]](e)
		if m.SubChannelId != second || len(e.Only) != 1 || e.Only[0] != m.Member.Arn || e.Joined[0] != m.Member.Arn {
			h.Errorf("move: %+v", e)
		}
		moved = append(moved, m.Member.Arn)
	}
	for i := 11; i < 19; i++ {
		h.join(hall, h.guest(i))
	}
	h.join(hall, h.ann)
	return hall, first, second, moved
}

func TestScalingOutGivesTheNewSubChannelItsShareAndThereIsAnEndToIt(t *testing.T) {
	each(t, func(h house) {
		hall, _, _, moved := h.packed()
		if len(moved) != 3 {
			h.Fatalf("moved %v", moved)
		}
		_, err := h.CreateMembership(h.Context(), h.mod, hall, h.bob, "DEFAULT")
		if fault.As(err).Code != quota.CodeLimit {
			h.Errorf("when all are full: %v", err)
		}
		_, failed, err := h.CreateMemberships(h.Context(), h.mod, hall, []arn.ARN{h.ann, h.bob}, "DEFAULT")
		h.ok(err)
		if len(failed) != 1 || failed[0].Code != "ResourceLimitExceeded" {
			h.Errorf("batch when all are full: %+v", failed)
		}
	})
}

// shrink lets regular members leave a sub-channel until so many memberships are left, but not who is to stay.
func (h house) shrink(hall arn.ARN, sub string, to int64, stays ...arn.ARN) {
	h.Helper()
	all, _, err := h.Memberships(h.Context(), h.mod, core.InSub(hall, sub), "", core.Page{})
	h.ok(err)
	for _, m := range all {
		if !slices.Contains(stays, m.Member.Arn) && h.subs(hall)[sub] > to {
			h.ok(h.DeleteMembership(h.Context(), h.mod, hall, m.Member.Arn))
		}
	}
	h.sweep()
}

func TestScalingInMovesTheMembersAndTellsTheModerator(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		hall, first, second, moved := h.packed()
		m, err := h.Send(h.Context(), moved[0], core.InSub(hall, second), "", line("mine"))
		h.ok(err)
		_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, second), h.mod, "DEFAULT")
		h.ok(err)
		n := len(h.heard.since(0))
		h.shrink(hall, second, 4, h.mod, moved[0]) // three regular members and mod: less than the share of four, but no room elsewhere
		if got := h.sizes(hall); got != "[4 10]" {
			h.Fatalf("without room: %s", got)
		}
		h.shrink(hall, first, 7)
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
			fan := h.guest(i)
			sub = h.join(hall, fan)
			m, err := h.Send(h.Context(), fan, core.InSub(hall, sub), "", line("mine"))
			h.ok(err)
			said[fan] = m
		}
		h.join(hall, h.guest(3))
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
			fans = append(fans, h.guest(i))
		}
		for step := range 200 {
			what := r.IntN(20)
			if step < 25 {
				what = 0 // people come
			}
			err := h.happen(hall, fans[r.IntN(len(fans))], what, r)
			if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Denied) { // a full hall is Invalid too
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

// happen lets one thing happen to a guest: of 20, nine are joining and seven leaving.
func (h house) happen(hall, who arn.ARN, what int, r *rand.Rand) (err error) {
	switch {
	case what < 9:
		_, err = h.CreateMembership(h.Context(), h.mod, hall, who, "DEFAULT")
	case what < 16:
		err = h.DeleteMembership(h.Context(), h.mod, hall, who)
	case what == 16:
		_, err = h.CreateModerator(h.Context(), h.mod, hall, who)
	case what == 17:
		err = h.DeleteModerator(h.Context(), h.mod, hall, who)
	case what == 18:
		subs := slices.Sorted(maps.Keys(h.subs(hall)))
		_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, subs[r.IntN(len(subs))]), who, "DEFAULT")
	default:
		if _, err = h.CreateBan(h.Context(), h.mod, hall, who); err == nil {
			err = h.DeleteBan(h.Context(), h.mod, hall, who)
		}
	}
	return err
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

func TestWhatAnElasticChannelMayGrowToCountsWhenItIsMade(t *testing.T) {
	each(t, func(h house) {
		h.Limits = quota.Limits{Resources: map[quota.Resource]int{quota.ElasticChannels: 1, quota.SubChannels: 3, quota.SubChannelMemberships: 10}}
		make := func(most, target int) error {
			_, err := h.CreateChannel(h.Context(), h.mod, "", channel.NewChannel{Instance: h.app, Name: "x",
				Elastic: channel.Elastic{MaximumSubChannels: most, TargetMembershipsPerSubChannel: target, MinimumMembershipPercentage: 1}})
			return err
		}
		h.full(make(4, 10))
		h.full(make(3, 11))
		h.ok(make(3, 10))
		h.full(make(3, 10))
	})
}

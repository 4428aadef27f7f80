package chat_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestFiftySendersGetStrictlyIncreasingTimesAndTheSinkHearsThemInThatOrder(t *testing.T) {
	each(t, func(h house) {
		before := len(h.heard.since(0))
		var wg sync.WaitGroup
		for i := range 50 {
			who := []arn.ARN{h.ann, h.bob, h.mod}[i%3]
			wg.Go(func() {
				for j := range 6 {
					if _, err := h.Send(h.Context(), who, h.channel, "", line(fmt.Sprint(i, " ", j))); err != nil {
						h.Error(err)
					}
				}
			})
		}
		wg.Wait()
		all := h.history(h.ann, message.History{OldestFirst: true}, 50)
		heard := h.heard.since(before)
		if len(all) != 300 || len(heard) != 300 {
			h.Fatalf("%d in history, %d heard, want 300", len(all), len(heard))
		}
		for i, m := range all {
			if i > 0 && m.CreatedMS <= all[i-1].CreatedMS {
				h.Fatalf("message %d has time %d after %d", i, m.CreatedMS, all[i-1].CreatedMS)
			}
			if got, ok := heard[i].Payload.(message.Wire[core.ISO]); !ok || got.MessageId != m.ID {
				h.Fatalf("heard %v at place %d, history has %s", heard[i].Payload, i, m.ID)
			}
		}
	})
}

func TestPagesOfAnySizeGiveEveryMessageOnceInBothOrders(t *testing.T) {
	each(t, func(h house) {
		var sent []string
		for i := range 23 {
			sent = append(sent, h.say(h.ann, fmt.Sprint(i)).ID)
		}
		for n := 1; n <= 24; n++ {
			up, down := h.history(h.bob, message.History{OldestFirst: true}, n), h.history(h.bob, message.History{}, n)
			if len(up) != 23 || len(down) != 23 {
				h.Fatalf("pages of %d: %d up, %d down", n, len(up), len(down))
			}
			for i, id := range sent {
				if up[i].ID != id || down[22-i].ID != id {
					h.Fatalf("pages of %d: wrong message at %d", n, i)
				}
			}
		}
		mid := h.history(h.bob, message.History{OldestFirst: true}, 50)[5:9]
		got := h.history(h.bob, message.History{NotBefore: mid[0].CreatedMS, NotAfter: mid[3].CreatedMS}, 2)
		if len(got) != 4 || got[0].ID != mid[3].ID {
			h.Fatalf("between two times: %d messages", len(got))
		}
		_, _, err := h.Messages.List(h.Context(), h.bob, h.open("other", "PUBLIC", "RESTRICTED"), message.History{}, core.Page{Token: firstToken(h)})
		h.refused(err, fault.Invalid)
	})
}

func firstToken(h house) string {
	_, next, err := h.Messages.List(h.Context(), h.bob, h.channel, message.History{}, core.Page{Max: 1})
	h.ok(err)
	return next
}

func TestTheSameTokenAnswersWithTheFirstMessageAndAnotherBodyIsAConflict(t *testing.T) {
	each(t, func(h house) {
		first, err := h.Send(h.Context(), h.ann, h.channel, "token-1", line("hello"))
		h.ok(err)
		again, err := h.Send(h.Context(), h.ann, h.channel, "token-1", line("hello"))
		h.ok(err)
		if again.ID != first.ID {
			h.Error("a repeat made a second message")
		}
		_, err = h.Send(h.Context(), h.ann, h.channel, "token-1", line("other"))
		h.refused(err, fault.Conflict)
		other, err := h.Send(h.Context(), h.bob, h.channel, "token-1", line("hello"))
		h.ok(err)
		if other.ID == first.ID {
			h.Error("two senders share a token's answer")
		}
		if n := len(h.history(h.ann, message.History{}, 50)); n != 2 {
			h.Errorf("%d messages, want 2", n)
		}
	})
}

func TestManyAtOnceWithOneTokenMakeOneMessage(t *testing.T) {
	each(t, func(h house) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := h.Send(h.Context(), h.ann, h.channel, "same", line("hello")); err != nil {
					h.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(h.history(h.ann, message.History{}, 50)); n != 1 {
			h.Errorf("%d messages, want 1", n)
		}
	})
}

func TestTargetedMessagesAreSeenByTwoPeopleOnly(t *testing.T) {
	each(t, func(h house) {
		n := len(h.heard.since(0))
		in := line("psst")
		in.Target = h.bob
		m, err := h.Send(h.Context(), h.ann, h.channel, "", in)
		h.ok(err)
		if ev := h.heard.since(n); len(ev) != 1 || len(ev[0].Only) != 2 {
			h.Fatalf("events: %+v", ev)
		}
		for who, want := range map[arn.ARN]int{h.ann: 1, h.bob: 1, h.mod: 0, h.admin: 0, h.eve: 0} {
			if got := len(h.history(who, message.History{}, 50)); got != want {
				h.Errorf("%s lists %d, want %d", who, got, want)
			}
			if _, err := h.Message(h.Context(), who, h.channel, m.ID); (err == nil) != (want == 1) {
				h.Errorf("%s reads: %v", who, err)
			}
		}
		in.Target = h.eve
		_, err = h.Send(h.Context(), h.ann, h.channel, "", in)
		h.refused(err, fault.Denied)
	})
}

// Who was banned or had left was still sent every edit of a line that had been meant for them.
func TestNobodyHearsOfATargetedMessageAfterTheyHaveLeft(t *testing.T) {
	each(t, func(h house) {
		in := line("psst")
		in.Target = h.bob
		m, err := h.Send(h.Context(), h.ann, h.channel, "", in)
		h.ok(err)
		hears := func(want ...arn.ARN) {
			h.Helper()
			all := h.heard.since(0)
			if last := all[len(all)-1]; fmt.Sprint(last.Only) != fmt.Sprint(want) || last.Only == nil {
				h.Errorf("%s is heard by %v, want %v", last.Type, last.Only, want)
			}
		}
		_, err = h.CreateBan(h.Context(), h.mod, h.channel, h.bob)
		h.ok(err)
		_, err = h.UpdateMessage(h.Context(), h.ann, h.channel, m.ID, message.Edit{Content: "secret"})
		h.ok(err)
		hears(h.ann)
		h.ok(h.RedactMessage(h.Context(), h.ann, h.channel, m.ID))
		hears(h.ann)
	})
}

func TestRedactedMessagesStayEmptyAndDeletedOnesDisappear(t *testing.T) {
	each(t, func(h house) {
		a, b := h.say(h.ann, "one"), h.say(h.ann, "two")
		edited, err := h.UpdateMessage(h.Context(), h.ann, h.channel, b.ID, message.Edit{Content: "zwei"})
		h.ok(err)
		if edited.EditedMS == 0 || edited.CreatedMS != b.CreatedMS {
			h.Errorf("edited: %+v", edited)
		}
		h.ok(h.RedactMessage(h.Context(), h.mod, h.channel, a.ID))
		got := h.history(h.bob, message.History{OldestFirst: true}, 50)
		if len(got) != 2 || !got[0].Redacted || got[0].Content != "" || got[1].Content != "zwei" {
			h.Fatalf("history: %+v", got)
		}
		_, err = h.UpdateMessage(h.Context(), h.ann, h.channel, a.ID, message.Edit{Content: "back"})
		h.refused(err, fault.Conflict)
		h.ok(h.DeleteMessage(h.Context(), h.admin, h.channel, b.ID))
		if got := h.history(h.bob, message.History{}, 50); len(got) != 1 {
			h.Fatalf("after the delete: %d messages", len(got))
		}
		_, err = h.Message(h.Context(), h.bob, h.channel, b.ID)
		h.refused(err, fault.NotFound)
	})
}

func TestPassingMessagesAreHeardButNotKept(t *testing.T) {
	each(t, func(h house) {
		n := len(h.heard.since(0))
		_, err := h.Send(h.Context(), h.ann, h.channel, "", message.NewMessage{Type: "CONTROL", Persistence: "NON_PERSISTENT", Content: "typing"})
		h.ok(err)
		if got := h.heard.types(n); got != core.EventCreateMessage {
			h.Errorf("heard %s", got)
		}
		if got := h.history(h.ann, message.History{}, 50); len(got) != 0 {
			h.Errorf("kept %d", len(got))
		}
		_, err = h.Send(h.Context(), h.ann, h.channel, "", message.NewMessage{Type: "CONTROL", Persistence: "PERSISTENT", Content: strings.Repeat("ä", 16)})
		h.refused(err, fault.Invalid)
	})
}

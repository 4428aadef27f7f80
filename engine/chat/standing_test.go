package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// crowd makes a private channel with so many members and some lines, and makes it the house's.
func (h *house) crowd(id string, people int) []arn.ARN {
	h.Helper()
	h.channel = h.open(id, "PRIVATE", "UNRESTRICTED")
	var all []arn.ARN
	for i := range people {
		all = append(all, h.guest(i))
	}
	for some := range slices.Chunk(all, 50) {
		_, _, err := h.CreateMemberships(h.Context(), h.mod, h.channel, some, "DEFAULT")
		h.ok(err)
	}
	for n := range 5 {
		h.say(h.ann, fmt.Sprint(n))
	}
	return all
}

// lists compares the newest page as who is answered with what is in the database, and returns what it has read.
func (h house) lists(d *db.DB, who arn.ARN) (reads uint64) {
	h.Helper()
	before := d.Reads()
	got, err := h.ListNewest(h.Context(), who, h.channel, 0)
	reads = d.Reads() - before
	all, next, slow := h.Messages.List(h.Context(), who, h.channel, message.History{}, core.Page{})
	if fmt.Sprint(err) != fmt.Sprint(slow) {
		h.Fatalf("%s: %v, want %v", who.ID(), err, slow)
	}
	want, _ := json.Marshal(message.WireList(h.channel, all, next))
	if slow == nil && !bytes.Equal(got, want) {
		h.Fatalf("%s:\n%q\nwant\n%q", who.ID(), h.rows(got), h.rows(want))
	}
	return reads
}

// warm has who read, and expects that they are answered without the database from then on.
func (h house) warm(d *db.DB, who arn.ARN) {
	h.Helper()
	h.lists(d, who)
	if reads := h.lists(d, who); reads > 0 {
		h.Errorf("%s: %d reads; nothing is remembered", who.ID(), reads)
	}
}

// refusedNow expects that who is refused the newest page.
func (h house) refusedNow(who arn.ARN) {
	h.Helper()
	if page, err := h.ListNewest(h.Context(), who, h.channel, 0); err == nil {
		h.Errorf("%s reads %q", who.ID(), h.rows(page))
	}
}

// After the first few members of a channel have asked for its newest page, the others are answered without the database;
// and after each line, and each change of anybody's role, the first who asks reads for all.
func TestAPageAndWhoMayReadItAreReadForAllMembers(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	h := open(t, d)
	crowd := h.crowd("crowd", 150)
	ask := func(most uint64) {
		t.Helper()
		var reads uint64
		for i, who := range crowd {
			if i%15 == 0 {
				reads += h.lists(d, who)
				continue
			}
			before := d.Reads()
			_, err := h.ListNewest(t.Context(), who, h.channel, 0)
			h.ok(err)
			reads += d.Reads() - before
		}
		if reads > most {
			t.Errorf("%d reads, want %d", reads, most)
		}
	}
	ask(20) // eight one after the other, and blocks of 64 and 128
	ask(0)
	h.say(h.ann, "another line")
	ask(2) // the clock and the page
	h.ok(h.Read(t.Context(), crowd[0], h.channel))
	ask(0)
	h.ok(h.DeleteMembership(t.Context(), h.mod, h.channel, crowd[0]))
	h.refusedNow(crowd[0])
	crowd = crowd[1:]
	ask(20)
	ask(0)
}

// What is remembered never outlives what it was read from: each of these is true for whoever asks next.
func TestWhatIsRememberedEndsWithEachChange(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	h := open(t, d)
	crowd := h.crowd("crowd", 12)
	ctx := t.Context()
	_, err := h.CreateModerator(ctx, h.mod, h.channel, h.eve)
	h.ok(err)
	mine := h.say(crowd[0], "mine")
	for _, each := range []struct {
		what   string
		who    arn.ARN
		act    func() error
		goes   bool // who may not read afterwards
		shared bool // the page before is for everybody
	}{
		{"edit", h.bob, func() error {
			_, err := h.UpdateMessage(ctx, crowd[0], h.channel, mine.ID, message.Edit{Content: "edited"})
			return err
		}, false, true},
		{"redact", h.bob, func() error { return h.RedactMessage(ctx, h.mod, h.channel, mine.ID) }, false, true},
		{"delete a line", h.bob, func() error { return h.DeleteMessage(ctx, h.admin, h.channel, mine.ID) }, false, true},
		{"kick", crowd[1], func() error { return h.DeleteMembership(ctx, h.mod, h.channel, crowd[1]) }, true, true},
		{"leave", crowd[2], func() error { return h.DeleteMembership(ctx, crowd[2], h.channel, crowd[2]) }, true, true},
		{"ban", crowd[3], func() error { _, err := h.CreateBan(ctx, h.mod, h.channel, crowd[3]); return err }, true, true},
		{"delete the user", crowd[4], func() error { return h.DeleteUser(ctx, crowd[4]) }, true, true},
		{"no admin any more", h.admin, func() error { return h.DeleteAdmin(ctx, h.app, h.admin) }, true, true},
		{"no moderator any more", h.eve, func() error { return h.DeleteModerator(ctx, h.mod, h.channel, h.eve) }, true, true},
		{"lines older than the retention", crowd[5], func() error {
			_, err := h.SetRetention(ctx, h.app, 2)
			h.exec(d, `UPDATE channel_message SET created_ms = created_ms - $1`, (72 * time.Hour).Milliseconds())
			h.exec(d, `UPDATE channel SET clock_ms = clock_ms + 1 WHERE no <> 0`)
			return err
		}, false, true},
		{"no retention", crowd[5], func() error { _, err := h.SetRetention(ctx, h.app, 0); return err }, false, false},
		{"for somebody else", crowd[5], func() error {
			l := line("psst")
			l.Target = crowd[6]
			_, err := h.Send(ctx, crowd[0], h.channel, "", l)
			return err
		}, false, true},
		{"delete the channel", crowd[5], func() error { return h.DeleteChannel(ctx, h.mod, h.channel) }, true, false},
	} {
		if each.what == "edit" {
			for _, who := range crowd {
				h.lists(d, who)
			}
		}
		if each.shared {
			h.warm(d, each.who)
		}
		h.ok(each.act())
		if each.goes {
			h.refusedNow(each.who)
		}
		h.lists(d, each.who)
	}
}

// Strangers read public channels, and are in none of them.
func TestAStrangerIsRememberedUntilHeIsBannedOrGone(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	h := open(t, d)
	h.say(h.ann, "for everybody")
	banned, deleted, again := h.guest(1), h.guest(2), h.guest(3)
	for who, act := range map[arn.ARN]func() error{
		banned:  func() error { _, err := h.CreateBan(t.Context(), h.mod, h.channel, banned); return err },
		deleted: func() error { return h.DeleteUser(t.Context(), deleted) },
	} {
		h.warm(d, who)
		h.ok(act())
		h.refusedNow(who)
		h.lists(d, who)
	}
	h.warm(d, again)
	h.ok(h.DeleteInstance(t.Context(), h.app))
	h.refusedNow(again)
}

// The same while everybody asks: a line that was said is on the page that is asked for afterwards, and who was kicked, and
// has heard so, reads no more.
func TestWhatIsRememberedEndsWhileEverybodyAsks(t *testing.T) {
	d := dbtest.SQLite(t, schema.Engine())
	h := open(t, d)
	crowd := h.crowd("crowd", 40)
	over := make(chan struct{})
	stop := sync.OnceFunc(func() { close(over) })
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop()
	for _, who := range crowd[20:] {
		asking.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := h.ListNewest(h.Context(), who, h.channel, 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n, who := range crowd[:20] {
		m := h.say(h.ann, fmt.Sprint("line ", n))
		page, err := h.ListNewest(h.Context(), who, h.channel, 0)
		h.ok(err)
		if got := h.rows(page); got[0] != m.ID+" "+fmt.Sprint("line ", n) {
			t.Errorf("the newest is %q", got[0])
		}
		if n%2 == 0 {
			_, err = h.CreateBan(h.Context(), h.mod, h.channel, who)
		} else {
			err = h.DeleteMembership(h.Context(), h.mod, h.channel, who)
		}
		h.ok(err)
		h.refusedNow(who)
	}
}

package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// rows is what a page shows, for comparing.
func (h house) rows(text []byte) (out []string) {
	h.Helper()
	var page struct {
		ChannelMessages []struct{ MessageId, Content string }
	}
	h.ok(json.Unmarshal(text, &page))
	for _, m := range page.ChannelMessages {
		out = append(out, m.MessageId+" "+m.Content)
	}
	return out
}

// same compares the newest page and the details that come from memory with what List and Newest read.
func (h house) same(after string, readers, places []arn.ARN, d *db.DB) {
	h.Helper()
	for _, place := range places {
		for _, limit := range []int{0, 3} {
			for _, who := range readers {
				all, next, slow := h.Messages.List(h.Context(), who, place, message.History{}, core.Page{Max: limit})
				got, err := h.ListNewest(h.Context(), who, place, limit)
				if fmt.Sprint(err) != fmt.Sprint(slow) {
					h.Fatalf("%s: %s reads %s: %v, want %v", after, who.ID(), place.ID(), err, slow)
				}
				want, _ := json.Marshal(message.WireList(place, all, next))
				if slow == nil && !bytes.Equal(got, want) {
					h.Fatalf("%s: %s reads %s:\n%q\nwant\n%q", after, who.ID(), place.ID(), h.rows(got), h.rows(want))
				}
			}
		}
	}
	for _, who := range readers {
		events, err := h.Prefetch(h.Context(), who, "", func() {})
		if err != nil {
			h.refused(err, fault.Denied)
			continue
		}
		for _, e := range events {
			h.sameDetails(after, who, e)
		}
	}
}

func (h house) sameDetails(after string, who arn.ARN, e core.Event) {
	h.Helper()
	got := h.details(e)
	all, next, err := h.Messages.List(h.Context(), who, e.Channel, message.History{}, core.Page{Max: 20})
	h.ok(err)
	var want, have []string
	for _, m := range all {
		want = append(want, m.ID+" "+m.Content)
	}
	for _, m := range got.ChannelMessages {
		have = append(have, m.MessageId+" "+m.Content)
	}
	if fmt.Sprint(have) != fmt.Sprint(want) || got.ChannelMessagesHasMore != (next != "") {
		h.Fatalf("%s: %s is told of %s: more %v %q\nwant\n%q", after, who.ID(), e.Channel.ID(), got.ChannelMessagesHasMore, have, want)
	}
	members, _, err := h.Memberships(h.Context(), who, e.Channel, "", core.Page{Max: 30})
	h.ok(err)
	for i, m := range members {
		if len(got.ChannelMemberships) != len(members) || got.ChannelMemberships[i].Member != m.Member {
			h.Fatalf("%s: %s is told of the members %v", after, who.ID(), got.ChannelMemberships)
		}
	}
}

// Whatever people do, the pages from memory are those that each reader would read for themselves, and whoever may not read
// is refused in the same words.
func TestWhatIsReadTogetherIsWhatEverybodyWouldReadAlone(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 1))
		t.Logf("seed %d", seed)
		hall := h.hall(3, 2, 1)
		sub := core.InSub(hall, h.join(hall, h.ann))
		places := []arn.ARN{h.channel, h.open("private", "PRIVATE", "UNRESTRICTED"), sub, hall, h.channel + "x"}
		people := []arn.ARN{h.mod, h.ann, h.bob, h.eve, h.admin, h.app.User("nobody")}
		p := &player{house: h, rnd: rnd, db: d, people: people, hall: hall, places: places[:3]}
		for range 30 {
			did := p.act()
			h.same(did, people, places, d)
		}
	})
}

// Swept messages must not come back from memory when the retention becomes longer.
func TestARetentionThatGrowsBringsNothingBackThatWasSwept(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		for n := range 5 {
			h.say(h.ann, fmt.Sprint(n))
		}
		if _, err := d.Exec(t.Context(), `UPDATE channel_message SET created_ms = created_ms - 172800000`); err != nil {
			t.Fatal(err)
		}
		look := func(want int) {
			t.Helper()
			page, err := h.ListNewest(t.Context(), h.ann, h.channel, 0)
			h.ok(err)
			if got := h.rows(page); len(got) != want {
				t.Errorf("%d messages, want %d", len(got), want)
			}
			h.same("", []arn.ARN{h.ann}, []arn.ARN{h.channel}, d)
		}
		look(5)
		_, err := h.SetRetention(t.Context(), h.app, 1)
		h.ok(err)
		look(0)
		_, err = h.SetRetention(t.Context(), h.app, 3)
		h.ok(err)
		look(5)
		_, err = h.SetRetention(t.Context(), h.app, 1)
		h.ok(err)
		_, err = d.Exec(t.Context(), `UPDATE app_instance SET retention_delete_ms = 1`)
		h.ok(err)
		h.sweep()
		_, err = h.SetRetention(t.Context(), h.app, 3)
		h.ok(err)
		look(0)
	})
}

// While crowds read together: what was taken back is not shown to anybody who asks afterwards, who was removed sees
// nothing that was said afterwards, and who was removed before they asked sees nothing at all.
func TestAReadThatIsSharedIsNoOlderThanItsQuestion(t *testing.T) {
	each(t, func(h house) {
		private := h.open("private", "PRIVATE", "UNRESTRICTED")
		h.channel = private
		var removed atomic.Int64 // the number of the first line said after bob was removed
		removed.Store(1 << 60)
		var asking sync.WaitGroup
		over := make(chan struct{})
		stop := sync.OnceFunc(func() { close(over) })
		defer asking.Wait()
		defer stop()
		var taken sync.Map // ids of redacted messages
		look := func(who arn.ARN, text []byte, gone map[string]bool) {
			for _, row := range h.rows(text) {
				id, content, _ := strings.Cut(row, " ")
				var n int64
				_, _ = fmt.Sscanf(content, "number %d", &n)
				if gone[id] && content != "" {
					h.Errorf("%s reads %q, which was taken back", who.ID(), content)
				}
				if who == h.bob && n >= removed.Load() {
					h.Errorf("%s reads %q, said after he was removed", who.ID(), content)
				}
			}
		}
		for i := range 9 {
			who := []arn.ARN{h.ann, h.bob, h.mod}[i%3]
			asking.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					gone := map[string]bool{}
					taken.Range(func(id, _ any) bool { gone[fmt.Sprint(id)] = true; return true })
					was := removed.Load() < 1<<60
					page, err := h.ListNewest(h.Context(), who, private, 0)
					switch {
					case err != nil && (who != h.bob || !fault.Is(err, fault.Denied)):
						h.Error(err)
						return
					case err == nil && who == h.bob && was:
						h.Error("bob reads after he was removed")
						return
					case err == nil:
						look(who, page, gone)
					}
				}
			})
		}
		for n := range 40 {
			m := h.say(h.ann, fmt.Sprint("number ", n))
			if n%3 == 0 {
				h.ok(h.RedactMessage(h.Context(), h.mod, private, m.ID))
				taken.Store(m.ID, true)
			}
			if n == 20 {
				_, err := h.CreateBan(h.Context(), h.mod, private, h.bob)
				h.ok(err)
				removed.Store(21)
			}
		}
		stop()
		asking.Wait()
	})
}

// The same on two nodes, which tell each other nothing.
func TestAPageInMemoryIsOldWhenAnotherNodeHasChangedIt(t *testing.T) {
	nodes := twoNodes(t)
	h, other := nodes[0], nodes[1]
	m := h.say(h.ann, "regretted")
	page, err := other.ListNewest(t.Context(), h.bob, h.channel, 0)
	h.ok(err)
	if got := h.rows(page); len(got) != 1 || got[0] != m.ID+" regretted" {
		t.Fatalf("%q", got)
	}
	h.ok(h.RedactMessage(t.Context(), h.mod, h.channel, m.ID))
	page, err = other.ListNewest(t.Context(), h.bob, h.channel, 0)
	h.ok(err)
	if got := h.rows(page); len(got) != 1 || got[0] != m.ID+" " {
		t.Errorf("%q", got)
	}
	events, err := other.Prefetch(t.Context(), h.bob, "", func() {})
	h.ok(err)
	if d := h.details(events[0]); !d.ChannelMessages[0].Redacted || d.ChannelMessages[0].Content != "" {
		t.Errorf("%+v", d)
	}
	h.ok(h.DeleteMembership(t.Context(), h.mod, h.channel, h.bob))
	if places, err := other.ChannelsOf(t.Context(), h.bob); err != nil || len(places) != 0 {
		t.Errorf("%v, %v", places, err)
	}
	h.ok(h.DeleteUser(t.Context(), h.bob))
	_, err = other.ListNewest(t.Context(), h.bob, h.channel, 0)
	h.refused(err, fault.Unauthorized)
	_, err = other.ChannelsOf(t.Context(), h.bob)
	h.refused(err, fault.Denied)
	_, err = other.Prefetch(t.Context(), h.bob, "", func() {})
	h.refused(err, fault.Denied)
}

// Roles are read again after the page: here bob is removed, and something is said without him, in the moment between.
// PostgreSQL alone lets a test hold a read up.
func TestWhoIsRemovedWhileAPageIsReadDoesNotSeeIt(t *testing.T) {
	for _, way := range []string{"together", "alone"} {
		t.Run(way, func(t *testing.T) { removedWhileReading(t, way == "alone") })
	}
}

func removedWhileReading(t *testing.T, alone bool) {
	h := twoNodes(t)[0]
	private := h.open("private", "PRIVATE", "UNRESTRICTED")
	h.channel = private
	h.say(h.ann, "for everybody")
	type outcome struct {
		page []byte
		err  error
	}
	got := make(chan outcome, 1)
	h.ok(h.DB.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec(`LOCK TABLE channel_message IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		go func() {
			if alone {
				_, _, err := h.Messages.List(t.Context(), h.bob, private, message.History{OldestFirst: true}, core.Page{})
				got <- outcome{[]byte("{}"), err}
				return
			}
			page, err := h.ListNewest(t.Context(), h.bob, private, 0)
			got <- outcome{page, err}
		}()
		const waits = `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'channel_message'::regclass AND NOT granted)`
		for began := time.Now(); ; {
			there, err := db.Value[bool](tx.Context(), tx, waits)
			if err != nil || time.Since(began) > time.Minute {
				return fmt.Errorf("nobody reads: %w", err)
			}
			if there {
				break
			}
		}
		for _, text := range []string{
			`DELETE FROM channel_membership m USING app_instance_user u WHERE m.member = u.no AND u.id = 'bob'`,
			`UPDATE channel_message SET content = 'not for bob'`, `UPDATE channel SET clock_ms = clock_ms + 1`,
		} {
			if _, err := tx.Exec(text); err != nil {
				return err
			}
		}
		return nil
	}))
	if o := <-got; !fault.Is(o.err, fault.Denied) {
		t.Errorf("bob reads %q, %v", h.rows(o.page), o.err)
	}
}

// A crowd whose prefetch waits for the same write costs a few reads, and each gets what is theirs: channels, read markers,
// lines for them alone.
func TestACrowdCostsAFewReads(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		const people = 60
		var crowd []arn.ARN
		for i := range people {
			crowd = append(crowd, h.guest(i))
		}
		for some := range slices.Chunk(crowd, 50) {
			_, _, err := h.CreateMemberships(t.Context(), h.mod, h.channel, some, "DEFAULT")
			h.ok(err)
		}
		for n := range 30 {
			h.say(h.ann, fmt.Sprint(n))
		}
		h.ok(h.Read(t.Context(), crowd[0], h.channel))
		second, err := h.CreateChannel(t.Context(), crowd[1], "", channel.NewChannel{Instance: h.app, Name: "second"})
		h.ok(err)
		before := d.Reads()
		var coming, asking sync.WaitGroup
		for _, who := range crowd {
			coming.Add(1)
			asking.Go(func() {
				coming.Done()
				marks := 0
				events, err := h.Prefetch(t.Context(), who, "", func() { marks++ })
				if err != nil || marks != 1 || len(events) != map[bool]int{false: 1, true: 2}[who == crowd[1]] {
					t.Errorf("%d events after %d marks: %v", len(events), marks, err)
					return
				}
				if who == crowd[1] && events[1].Channel != second {
					t.Errorf("the second is %v", events[1])
				}
				if d := h.details(events[0]); len(d.ChannelMessages) != 20 || len(d.ChannelMemberships) != 30 || !d.ChannelMessagesHasMore ||
					(d.ReadMarkerTimestamp != "") != (who == crowd[0]) {
					t.Errorf("details %+v", d)
				}
			})
		}
		h.ok(d.Write(t.Context(), func(*db.Tx) error { coming.Wait(); return nil })) // no view of the database before all ask
		asking.Wait()
		if n := d.Reads() - before; n > 3*people {
			t.Errorf("%d reads for %d people; alone each has seven", n, people)
		}
		for _, who := range crowd {
			asking.Go(func() {
				places, err := h.ChannelsOf(t.Context(), who)
				if err != nil || len(places) != map[bool]int{false: 1, true: 2}[who == crowd[1]] {
					t.Errorf("%v, %v", places, err)
				}
				page, err := h.ListNewest(t.Context(), who, h.channel, 0)
				if err != nil || len(h.rows(page)) != 30 {
					t.Errorf("a page of %d, %v", len(h.rows(page)), err)
				}
			})
		}
		asking.Wait()
	})
}

package archive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// house is one show with everybody around it: organizer, people who write, the keeper of archives, and a provisioner that deletes
// the channel whenever it may.
type house struct {
	*testing.T
	show   *chimetest.Show
	events *event.Store
	keeper *archive.Keeper
	fan    chimetest.Person
	keys   time.Time       // until then somebody has a key
	told   bool            // a keeper sealed, fell asleep, and has not told anybody yet
	said   map[string]bool // every line that the provider ever took
}

const keyLife = time.Hour

func (h *house) state() event.State {
	e, err := h.events.Get(h.Context(), h.show.Event)
	if err != nil {
		h.Fatal(err)
	}
	return e.State
}

// runs reports whether the pass office hands out keys.
func (h *house) runs() bool {
	switch h.state() {
	case event.Scheduled, event.Open, event.Live:
		return true
	case event.Ended, event.Archived, event.Purged, event.Cancelled:
	}
	return false
}

// acts is everything that can happen. None of it knows what the others do.
func (h *house) acts() map[string]func() {
	by := func(f func(context.Context, id.Event, time.Time) (event.Event, error)) func() {
		return func() { _, _ = f(h.Context(), h.show.Event, time.Now()) }
	}
	return map[string]func(){
		"cancel": by(h.events.Cancel), "uncancel": by(h.events.Uncancel), "start": by(h.events.Start), "end": by(h.events.End), "reopen": by(h.events.Reopen),
		"wait": func() { // no time passes by itself
			<-time.After(20 * time.Minute)
			_, _ = h.events.Advance(h.Context(), time.Now())
		},
		"key": func() {
			if h.runs() {
				h.keys = time.Now().Add(keyLife)
				keys(h.T, h.show, h.keys)
			}
		},
		"say": func() { // also after the end, with a key that somebody kept
			if time.Now().Before(h.keys) {
				h.said[h.show.Say(h.show.Channel, h.fan.User, chimetest.Line(fmt.Sprint(len(h.said))))] = true
			}
		},
		"export": func() { _, _ = h.keeper.Export(h.Context(), h.show.Event) },
		"seal": func() {
			_, err := h.keeper.Seal(h.Context(), h.show.Event)
			h.told = h.told || err == nil
		},
		"tell": func() {
			if h.told {
				_ = h.events.MarkArchived(h.Context(), h.show.Event, time.Now())
			}
		},
		"delete": func() {
			if h.retires() {
				h.show.AddChannel(h.show.Channel, nil, []arn.ARN{h.fan.User}) // gone, and what comes after it is empty
				_ = h.events.MarkPurged(h.Context(), h.show.Event, time.Now())
			}
		},
	}
}

func (h *house) retires() bool {
	n, err := db.Value[int64](h.Context(), h.show.DB, "SELECT count(*) FROM wanted_event WHERE retire")
	if err != nil {
		h.Fatal(err)
	}
	return n == 1
}

// check is the whole promise: what was said is in the channel or in the archive, and before the channel may go, all of it is in
// the archive.
func (h *house) check(after string) {
	kept := map[string]bool{}
	if _, exported, err := h.keeper.Info(h.Context(), h.show.Event); err != nil {
		h.Fatal(err)
	} else if exported {
		for _, line := range content(h.T, h.keeper, h.show.Event) {
			if m, ok := line["messageId"].(string); ok {
				kept[m] = true
			}
		}
	}
	retires := h.retires()
	if !retires {
		for _, m := range h.show.History(h.show.Channel) {
			kept[m.ID] = true
		}
	}
	for m := range h.said {
		if !kept[m] {
			h.Fatalf("after %s a line is lost; the show is %s, its chat may go: %v", after, h.state(), retires)
		}
	}
}

// TestNoPathDeletesBeforeTheSeal (F18) does everything that people, rooms and the clock can do to a show, in random orders, with
// lines that come from keys that were kept, and with rooms that fall asleep between two steps.
func TestNoPathDeletesBeforeTheSeal(t *testing.T) {
	const seeds, steps = 100, 40
	synctest.Test(t, func(t *testing.T) {
		s := chimetest.NewShow(t, dbtest.SQLite(t, schema.Platform()))
		fan := s.Enter(t, id.Fan, "Änne")
		h := &house{T: t, show: s, fan: fan, events: event.New(s.DB), keeper: keeper(t, s, func(c *archive.Config) { c.Hold = keyLife })}
		acts := h.acts()
		names := []string{"cancel", "cancel", "uncancel", "uncancel", "start", "end", "reopen", "wait", "wait", "wait", "key",
			"say", "say", "export", "seal", "seal", "tell", "delete", "delete"}
		reached := map[event.State]int{}
		for seed := range uint64(seeds) {
			h.begin()
			random, done := rand.New(rand.NewPCG(18, seed)), []string(nil)
			for range steps {
				act := names[random.IntN(len(names))]
				done = append(done, act)
				acts[act]()
				h.check(fmt.Sprint("seed ", seed, ": ", done))
				reached[h.state()]++
			}
		}
		for _, state := range []event.State{event.Scheduled, event.Open, event.Live, event.Ended, event.Archived, event.Purged, event.Cancelled} {
			if reached[state] == 0 {
				t.Errorf("the walk never came to %s: %v", state, reached)
			}
		}
	})
}

// begin makes the show new: doors in an hour, the start in two.
func (h *house) begin() {
	h.show.Exec(h, "DELETE FROM archive")
	h.show.Exec(h, "DELETE FROM chat_key")
	now := time.Now()
	h.show.Exec(h, "UPDATE event SET state = 'scheduled', ended_ms = 0, started_ms = 0, doors_ms = $1, starts_ms = $2",
		now.Add(time.Hour).UnixMilli(), now.Add(2*time.Hour).UnixMilli())
	h.show.AddChannel(h.show.Channel, nil, []arn.ARN{h.fan.User})
	h.keys, h.told, h.said = time.Time{}, false, map[string]bool{}
}

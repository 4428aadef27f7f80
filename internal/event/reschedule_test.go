package event_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// times of one night in Berlin as an organizer writes them, and what they are in UTC, worked out by hand. Both nights have a
// change of clocks between midnight and the morning.
type times struct{ doors, starts, doorsUTC, startsUTC string }

var (
	spring = []times{ // at 2:00 it is 3:00
		{"2027-03-27T23:00", "2027-03-27T23:30", "2027-03-27T22:00:00Z", "2027-03-27T22:30:00Z"},
		{"2027-03-27T23:45", "2027-03-28T00:15", "2027-03-27T22:45:00Z", "2027-03-27T23:15:00Z"},
		{"2027-03-28T00:30", "2027-03-28T01:30", "2027-03-27T23:30:00Z", "2027-03-28T00:30:00Z"},
		{"2027-03-28T01:45", "2027-03-28T03:00", "2027-03-28T00:45:00Z", "2027-03-28T01:00:00Z"},
		{"2027-03-28T03:00", "2027-03-28T04:00", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"},
		{"2027-03-28T23:30", "2027-03-29T00:00", "2027-03-28T21:30:00Z", "2027-03-28T22:00:00Z"},
	}
	autumn = []times{ // at 3:00 it is 2:00 once more; the first 2:30 counts
		{"2027-10-30T23:00", "2027-10-31T00:00", "2027-10-30T21:00:00Z", "2027-10-30T22:00:00Z"},
		{"2027-10-31T01:30", "2027-10-31T02:30", "2027-10-30T23:30:00Z", "2027-10-31T00:30:00Z"},
		{"2027-10-31T02:00", "2027-10-31T03:00", "2027-10-31T00:00:00Z", "2027-10-31T02:00:00Z"},
		{"2027-10-31T02:59", "2027-10-31T03:30", "2027-10-31T00:59:00Z", "2027-10-31T02:30:00Z"},
		{"2027-10-31T23:59", "2027-11-01T00:30", "2027-10-31T22:59:00Z", "2027-10-31T23:30:00Z"},
	}
)

func utc(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// schedule is what must be true of a show that is moved and cancelled and brought back: only its last times count.
type schedule struct {
	doors, starts time.Time
	state         event.State
}

func (m *schedule) clock(now time.Time) event.State {
	switch {
	case !now.Before(m.starts):
		return event.Live
	case !now.Before(m.doors):
		return event.Open
	}
	return event.Scheduled
}

// TestNothingOfAnOldScheduleFires (F14) moves a show to and fro in random steps of the clock, across midnight and a change of
// clocks, and compares it with the model above after each step.
func TestNothingOfAnOldScheduleFires(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	s := event.New(d)
	rapid.Check(t, func(rt *rapid.T) {
		evening(t, rt, s, d, rapid.SampledFrom([][]times{spring, autumn}).Draw(rt, "night"))
	})
}

func evening(t *testing.T, rt *rapid.T, s *event.Store, d *db.DB, night []times) {
	now := utc(t, night[0].doorsUTC).Add(-3 * time.Hour)
	at := func(i int) (event.Input, schedule) {
		in := form()
		in.DoorsAt, in.StartsAt = night[i].doors, night[i].starts
		return in, schedule{doors: utc(t, night[i].doorsUTC), starts: utc(t, night[i].startsUTC), state: event.Scheduled}
	}
	exec(t, d, "DELETE FROM event") // of the run before
	in, model := at(len(night) - 1)
	e := create(t, s, in, now)
	for range rapid.IntRange(1, 20).Draw(rt, "steps") {
		switch rapid.SampledFrom([]string{"clock", "clock", "move", "cancel", "uncancel"}).Draw(rt, "act") {
		case "clock":
			now = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(rt, "minutes")) * time.Minute)
			changed, err := s.Advance(t.Context(), now)
			before := model.state
			if model.state == event.Scheduled || model.state == event.Open {
				model.state = model.clock(now) // which never goes back
			}
			if err != nil || (len(changed) > 0) != (model.state != before) {
				rt.Fatalf("%v: changed %v %v, %s to %s", now, changed, err, before, model.state)
			}
		case "move":
			in, next := at(rapid.IntRange(0, len(night)-1).Draw(rt, "to"))
			_, err := s.Update(t.Context(), e.ID, in, now)
			moved := next.starts != model.starts || next.doors != model.doors
			mayNot := moved && (model.state == event.Live || next.starts.Before(now.Add(-time.Hour)))
			if (err != nil) != mayNot {
				rt.Fatalf("%v: moved to %v: %v", now, next.starts, err)
			}
			if err != nil {
				break
			}
			model.doors, model.starts = next.doors, next.starts
			if model.state == event.Scheduled || model.state == event.Open {
				model.state = model.clock(now)
			}
		case "cancel":
			if _, err := s.Cancel(t.Context(), e.ID, now); (err == nil) != (model.state == event.Scheduled || model.state == event.Open) {
				rt.Fatalf("cancelled from %s: %v", model.state, err)
			} else if err == nil {
				model.state = event.Cancelled
			}
		case "uncancel":
			_, err := s.Uncancel(t.Context(), e.ID, now)
			if (err == nil) != (model.state == event.Cancelled && !model.starts.Before(now.Add(-time.Hour))) {
				rt.Fatalf("un-cancelled from %s: %v", model.state, err)
			}
			if err == nil {
				model.state = model.clock(now)
			}
		}
		got, err := s.Get(t.Context(), e.ID)
		if err != nil || got.State != model.state || !got.DoorsAt.Equal(model.doors) || !got.StartsAt.Equal(model.starts) {
			rt.Fatalf("%v: %+v %v, want %+v", now, got, err, model)
		}
		var doors int64
		var makes, retires bool
		if _, err := db.All(t.Context(), d, func(*int) []any { return []any{&doors, &makes, &retires} },
			"SELECT doors_ms, make, retire FROM wanted_event WHERE event_id = $1", e.ID); err != nil {
			rt.Fatal(err)
		}
		if doors != model.doors.UnixMilli() || makes != (model.state != event.Cancelled) || retires {
			rt.Fatalf("the provisioner reads doors %d, make %v, retire %v of %+v", doors, makes, retires, model)
		}
	}
}

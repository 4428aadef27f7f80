package pace_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// caller makes calls of one kind, each when its slot comes.
type caller struct {
	*testing.T
	db   *db.DB
	pace *pace.Pace
}

// start books n calls and starts them.
func (c *caller) start(n int) []pace.Slot {
	c.Helper()
	var slots []pace.Slot
	for range n {
		s, _ := book(c, c.db, c.pace, create, time.Time{})
		slots = append(slots, s)
	}
	for _, s := range slots {
		if !c.pace.Wait(c.Context(), s) {
			c.Fatal("late")
		}
	}
	return slots
}

// usual makes n calls that are answered after a usual time.
func (c *caller) usual(n int, way time.Duration) {
	c.Helper()
	for range n {
		for _, s := range c.start(1) {
			time.AfterFunc(way, func() { answered(c, c.db, c.pace, s, pace.OK) })
		}
	}
	<-time.After(time.Minute)
}

// next says how long after a slot p would have one for the next call.
func (c *caller) next(p *pace.Pace, first pace.Slot) time.Duration {
	c.Helper()
	snap, err := p.Snapshot(c.Context(), c.db)
	if err != nil {
		c.Fatal(err)
	}
	at := snap.Earliest(create, p.Now().Add(-time.Hour))
	if s, ok := book(c, c.db, p, create, p.Now().Add(-time.Hour)); ok || s.At.After(at) && s.At.After(time.Now()) {
		c.Errorf("the snapshot says %v, Book says %v", at, s.At)
	}
	return at.Sub(first.At).Round(100 * time.Microsecond)
}

// Ten calls start on time and are not yet answered, which is usual here. Who knows that they did allows for their way to the
// provider to be 15 ms longer than the next one's; who does not know, for their being late, too.
func TestTheWorstIsAllowedForUntilItIsKnown(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c, other := &caller{t, d, pace.New(preset(t, "case"))}, pace.New(preset(t, "case"))
		c.usual(20, 950*time.Millisecond)
		slots := c.start(10)
		for p, want := range map[*pace.Pace]time.Duration{c.pace: 1015 * time.Millisecond, other: 1023 * time.Millisecond} {
			if got := c.next(p, slots[0]); got != want {
				t.Errorf("the eleventh %v after the first, want %v", got, want)
			}
		}
		answered(t, d, c.pace, slots[0], pace.OK)
		if got := c.next(other, slots[0]); got > 1015*time.Millisecond {
			t.Errorf("the first was answered, and the eleventh comes %v after it", got)
		}
	})
}

// Calls are usually answered after 20 ms. One is not: while it is not, it may not have arrived yet, and fills a place of every second.
// When it is answered it has: later than usual by at most what it took longer in all.
func TestACallThatIsLateIsAllowedFor(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c, other := &caller{t, d, pace.New(preset(t, "case"))}, pace.New(preset(t, "case"))
		tenth := func(late time.Duration) (first pace.Slot) {
			c.usual(200, 20*time.Millisecond)
			first = c.start(1)[0]
			if late > 0 {
				time.AfterFunc(20*time.Millisecond+late, func() { answered(t, d, c.pace, first, pace.OK) })
			}
			for range 9 {
				s := c.start(1)[0]
				<-time.After(20 * time.Millisecond)
				answered(t, d, c.pace, s, pace.OK)
			}
			return first
		}
		first := tenth(0)
		if got := c.next(c.pace, first); got != 1103*time.Millisecond {
			t.Errorf("the first may still be on its way, and the eleventh comes %v after it", got)
		}
		answered(t, d, c.pace, first, pace.OK)
		if got := c.next(other, first); got != 1103*time.Millisecond {
			t.Errorf("the first was just answered, and the eleventh comes %v after it", got)
		}
		for late, want := range map[time.Duration]time.Duration{time.Microsecond: 1003 * time.Millisecond, 50 * time.Millisecond: 1053 * time.Millisecond, 300 * time.Millisecond: 1103 * time.Millisecond} {
			if got := c.next(other, tenth(late)); got != want {
				t.Errorf("the first was %v late, and the eleventh comes %v after it, want %v", late, got, want)
			}
		}
	})
}

// What became of ten calls is never told: their process had other troubles. They do not stand in the way for longer than an answer
// can take.
func TestCallsOfWhichNothingIsToldAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c := &caller{t, d, pace.New(preset(t, "case"))}
		c.usual(200, 20*time.Millisecond)
		c.start(10)
		for _, after := range []time.Duration{16 * time.Second, time.Minute, 10 * time.Minute} {
			<-time.After(after)
			if s, ok := book(t, d, c.pace, create, c.pace.Now()); !ok {
				t.Errorf("%v later: the next call may start in %v", after, time.Until(s.At))
			}
		}
		c.usual(1000, 20*time.Millisecond)
		if r := rate(t, d, c.pace, "all", ""); r.Rate < 9.93 {
			t.Errorf("%.3f calls a second are expected", r.Rate)
		}
	})
}

// A refusal is quicker than the work, and does not make the work look late.
func TestARefusalSaysNothingOfHowLongWorkTakes(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c := &caller{t, d, pace.New(preset(t, "case"))}
		c.usual(20, 200*time.Millisecond)
		refused := c.start(1)[0]
		<-time.After(time.Millisecond)
		answered(t, d, c.pace, refused, pace.Throttled)
		<-time.After(time.Minute)
		c.usual(1, 200*time.Millisecond)
		first := c.start(1)[0]
		time.AfterFunc(200*time.Millisecond, func() { answered(t, d, c.pace, first, pace.OK) })
		for range 9 {
			s := c.start(1)[0]
			time.AfterFunc(200*time.Millisecond, func() { answered(t, d, c.pace, s, pace.OK) })
		}
		if got := c.next(c.pace, first); got != 1003*time.Millisecond {
			t.Errorf("the eleventh %v after the first", got)
		}
	})
}

// Who no longer waits for an answer knows nothing of when his call arrives.
func TestALostCallIsOnItsWay(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c := &caller{t, d, pace.New(preset(t, "case"))}
		c.usual(200, 200*time.Millisecond)
		first := c.start(1)[0]
		answered(t, d, c.pace, first, pace.Lost)
		for range 9 {
			s := c.start(1)[0]
			answered(t, d, c.pace, s, pace.Lost)
		}
		if got := c.next(c.pace, first); got != 1015*time.Millisecond {
			t.Errorf("the eleventh %v after the first", got)
		}
	})
}

// A provider that does not answer for ten seconds is asked on, by somebody who sleeps as long as he is told: waiting for answers stops
// calls for a second, and not again before that is forgotten.
func TestAProviderThatHangsDoesNotStopTheCalls(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c := &caller{t, d, pace.New(preset(t, "case"))}
		c.usual(200, 20*time.Millisecond)
		began, last := time.Now(), time.Now()
		for n := range 100 {
			s, ok := pace.Slot{}, false
			for !ok {
				if s, ok = book(t, d, c.pace, create, c.pace.Now().Add(60*time.Millisecond)); !ok {
					<-time.After(time.Until(s.At))
				}
			}
			c.pace.Wait(t.Context(), s)
			time.AfterFunc(10*time.Second, func() { answered(t, d, c.pace, s, pace.OK) })
			if gap := time.Since(last); gap > 1100*time.Millisecond {
				t.Errorf("call %d starts %v after the one before", n, gap)
			}
			last = time.Now()
		}
		if took := time.Since(began); took > 11500*time.Millisecond {
			t.Errorf("a hundred calls take %v", took)
		}
		<-time.After(time.Minute)
	})
}

// A call hangs in a bucket that is hardly used, and costs nobody anything: nothing is charged for it.
func TestNobodyIsChargedForWhatHeDoesNotWaitFor(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		c := &caller{t, d, pace.New(preset(t, "case"))}
		c.usual(20, 20*time.Millisecond)
		hanging := c.start(1)[0]
		for range 40 {
			<-time.After(150 * time.Millisecond)
			s := c.start(1)[0]
			<-time.After(20 * time.Millisecond)
			answered(t, d, c.pace, s, pace.OK)
		}
		answered(t, d, c.pace, hanging, pace.OK)
		if r := rate(t, d, c.pace, "all", ""); r.Rate < 9.93 {
			t.Errorf("%.3f calls a second are expected", r.Rate)
		}
	})
}

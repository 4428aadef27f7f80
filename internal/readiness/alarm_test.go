package readiness_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// shout is a log that several may write.
type shout struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// count counts lines of a level that mention something.
func (s *shout) count(level, what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		if strings.Contains(line, "level="+level) && strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// watched is a house whose alarms two processes watch, in virtual time.
type watched struct {
	*house
	log shout
}

func watching(t *testing.T, f func(h *watched)) { watchingFor(t, readiness.DefaultSlack, f) }

func watchingFor(t *testing.T, slack time.Duration, f func(h *watched)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &watched{house: &house{t, dbtest.SQLite(t, schema.Platform())}}
		ctx, cancel := context.WithCancel(t.Context())
		var both sync.WaitGroup
		defer both.Wait()
		defer cancel()
		for range 2 {
			b := readiness.New(readiness.Config{DB: h.db, Preset: "case", Slack: slack, Logger: slog.New(slog.NewTextHandler(&h.log, nil))})
			both.Go(func() {
				if err := b.Watch(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		f(h)
	})
}

// after lets time pass.
func after(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// causes lists the alarms that stand.
func (h *watched) causes() string {
	h.Helper()
	var out []string
	for _, a := range h.status("case", time.Now()).Alarms {
		out = append(out, string(a.Cause))
	}
	return strings.Join(out, " ")
}

func (h *watched) expect(want, when string) {
	h.Helper()
	if got := h.causes(); got != want {
		h.Errorf("%s: alarms %q, want %q", when, got, want)
	}
}

// begin makes a show with so many calls left, and somebody who leads for ever.
func (h *watched) begin(doors time.Duration, left int) id.Event {
	h.Helper()
	h.leads(time.Now().Add(24 * time.Hour))
	e := h.show("Winter Songs", time.Now().Add(doors))
	h.base(e, e)
	h.crowd(e, left)
	return e
}

func (h *watched) doors(e id.Event, in time.Duration) {
	h.Helper()
	h.exec("UPDATE event SET doors_ms = $1 WHERE id = $2", time.Now().Add(in).UnixMilli(), e)
}

func TestALateShowAlarmsOnceWhoeverNotices(t *testing.T) {
	watching(t, func(h *watched) {
		e := h.begin(time.Hour, 700) // about 72 s of calls
		after(5 * time.Minute)
		h.expect("", "with an hour to go")
		h.doors(e, 10*time.Minute)
		after(11 * time.Second)
		h.expect("", "at first sight")
		after(time.Minute)
		h.expect("late", "for more than a moment")
		a := h.status("case", time.Now()).Alarms[0]
		if a.EventID != e || !strings.Contains(a.Text, `The chat of “Winter Songs” will be ready at `) || !strings.Contains(a.Text, "min before doors") ||
			!strings.Contains(a.ToDo, "Open the doors at ") || !strings.Contains(a.ToDo, "all: 10/s, 735 calls are left") {
			h.Errorf("%+v", a)
		}
		h.doors(e, time.Minute)
		after(5 * time.Minute)
		if now := h.status("case", time.Now()).Alarms; len(now) != 1 || now[0].Since != a.Since || !strings.Contains(now[0].Text, "after doors") {
			h.Errorf("later on: %+v", now)
		}
		if n := h.log.count("WARN", "alarm=late"); n != 1 {
			h.Errorf("said %d times:\n%s", n, h.log.text.String())
		}
	})
}

// No slack is a choice, too: somebody wants to hear of shows that are too late, and of no others.
func TestWithoutSlackOnlyWhatIsReadyAfterDoorsAlarms(t *testing.T) {
	watchingFor(t, 0, func(h *watched) {
		e := h.begin(10*time.Minute, 1400) // about 145 s of calls
		after(time.Minute)
		h.expect("", "ready a little before doors")
		h.doors(e, time.Minute)
		after(time.Minute)
		h.expect("late", "ready after doors")
	})
}

// A red line that a chat will be ready after doors stood beside the green one that it is ready, for a minute.
func TestAShowThatIsReadyIsNotLate(t *testing.T) {
	watching(t, func(h *watched) {
		e := h.begin(10*time.Minute, 700)
		after(time.Minute)
		h.expect("late", "too late")
		h.exec("UPDATE resource SET state = 'made', work = ''")
		h.expect("", "made")
		if s := h.event("case", e, time.Now()); s.State != readiness.StateReady {
			h.Fatalf("%+v", s)
		}
		after(11 * time.Second)
		if n, err := db.Value[int](context.Background(), h.db, "SELECT count(*) FROM alarm"); err != nil || n != 0 || h.log.count("INFO", "alarm=late") != 1 {
			h.Errorf("%d alarms are left: %v", n, err)
		}
	})
}

func TestAnAlarmDoesNotWaver(t *testing.T) {
	watching(t, func(h *watched) {
		e := h.begin(10*time.Minute, 700)
		after(time.Minute)
		h.expect("late", "too late")
		const takes = 72 * time.Second
		for range 3 { // a little above the threshold, and below it again
			h.doors(e, takes+16*time.Minute)
			after(30 * time.Second)
			h.doors(e, takes+14*time.Minute)
			after(30 * time.Second)
		}
		h.expect("late", "about the threshold")
		for range 6 {
			h.doors(e, takes+16*time.Minute)
			after(30 * time.Second)
		}
		h.expect("late", "little better for a while")
		h.doors(e, time.Hour)
		after(30 * time.Second)
		h.expect("late", "right for a moment")
		after(time.Minute)
		h.expect("", "right for a while")
		if said, over := h.log.count("WARN", "alarm=late"), h.log.count("INFO", "alarm=late"); said != 1 || over != 1 {
			h.Errorf("said %d times, over %d times", said, over)
		}
		h.doors(e, 5*time.Minute)
		after(time.Minute)
		h.expect("late", "wrong again")
	})
}

func TestWhoBuysJustBeforeDoorsAlarmsNobody(t *testing.T) {
	watching(t, func(h *watched) {
		h.begin(3*time.Minute, 100) // ten seconds of calls
		for range 10 {
			after(30 * time.Second) // beyond doors
			h.expect("", "late buyers")
		}
	})
}

func TestWhatFailedAlarmsUntilItIsMade(t *testing.T) {
	watching(t, func(h *watched) {
		h.begin(time.Hour, 1)
		h.exec("UPDATE resource SET failed = TRUE, attempts = 3, error = 'the chat provider forbids it' WHERE kind = 'user'")
		after(time.Minute)
		h.expect("failed", "set aside")
		if a := h.status("case", time.Now()).Alarms[0]; !strings.Contains(a.Text, "“Winter Songs” has 1 chat resource set aside: the chat provider forbids it.") ||
			!strings.Contains(a.ToDo, "stagedoor provision retry --event ev") {
			h.Errorf("%+v", a)
		}
		h.exec("UPDATE resource SET error = 'You have reached your quota.' WHERE kind = 'user'") // some texts are sentences already
		after(30 * time.Second)
		if a := h.status("case", time.Now()).Alarms[0]; !strings.HasSuffix(a.Text, "quota.") || strings.HasSuffix(a.Text, "..") {
			h.Errorf("%q", a.Text)
		}
		h.exec("UPDATE resource SET failed = FALSE, attempts = 0, error = ''") // a retry
		after(30 * time.Second)
		h.exec("UPDATE resource SET failed = TRUE, attempts = 3, error = 'no' WHERE kind = 'user'")
		after(30 * time.Second)
		if n := h.log.count("WARN", "alarm=failed"); n != 1 {
			h.Errorf("said %d times", n)
		}
		h.exec("UPDATE resource SET failed = FALSE, attempts = 0, error = ''")
		after(2 * time.Minute)
		h.expect("", "made")
	})
}

func TestWorkThatNobodyDoesAlarmsAndAnIdleHouseDoesNot(t *testing.T) {
	watching(t, func(h *watched) {
		after(time.Minute)
		h.expect("", "nothing to do")
		h.begin(time.Hour, 5)
		h.exec("UPDATE lease SET renewed_ms = 0")
		after(15 * time.Second)
		h.expect("", "while another leader may take over")
		after(30 * time.Second)
		h.expect("nobody", "nobody leads")
		h.leads(time.Now().Add(time.Hour))
		after(2 * time.Minute)
		h.expect("", "somebody leads")
	})
}

func TestAPauseAlarmsWhenDoorsAreNear(t *testing.T) {
	watching(t, func(h *watched) {
		e := h.begin(48*time.Hour, 5)
		h.paused(true)
		after(time.Minute)
		h.expect("", "two days before doors")
		h.doors(e, 3*time.Hour)
		after(time.Minute)
		h.expect("paused", "on the day")
		if a := h.status("case", time.Now()).Alarms[0]; !strings.Contains(a.Text, "doors are in 2 h 59 min") || !strings.Contains(a.ToDo, "resume") {
			h.Errorf("%+v", a)
		}
		h.paused(false)
		after(2 * time.Minute)
		h.expect("", "resumed")
	})
}

// With a large ledger an answer of Status is kept for a while. Looking at it again is not seeing it again: a process that starts
// while nobody leads yet would alarm although it leads itself.
func TestAnOldAnswerIsNotASecondLook(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	now := time.Now()
	h.crowd(h.show("Winter Songs", now.Add(time.Hour)), 5)
	b := readiness.New(readiness.Config{DB: h.db, Preset: "case", Slack: readiness.DefaultSlack})
	for _, c := range []struct {
		good time.Duration
		want int
	}{{time.Minute, 0}, {time.Second, 1}} {
		if err := readiness.Look(t.Context(), b, c.good, now, now.Add(10*time.Second), now.Add(20*time.Second), now.Add(30*time.Second)); err != nil {
			t.Fatal(err)
		}
		b.Forget()
		if a := h.status("case", now).Alarms; len(a) != c.want {
			t.Errorf("answers are good for %v: %+v", c.good, a)
		}
	}
}

// Processes that raise at the same moment: the database decides who says it.
func TestTheDatabaseDecidesWhoSaysIt(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		var log shout
		var all sync.WaitGroup
		for range 8 {
			b := readiness.New(readiness.Config{DB: h.db, Preset: "case", Logger: slog.New(slog.NewTextHandler(&log, nil))})
			all.Go(func() {
				if err := readiness.Raise(context.Background(), b, readiness.Alarm{Cause: readiness.CauseNobody, Text: "nobody"}, now); err != nil {
					h.Error(err)
				}
			})
		}
		all.Wait()
		if n := log.count("WARN", "alarm=nobody"); n != 1 {
			h.Errorf("said %d times", n)
		}
		if a := h.status("case", now).Alarms; len(a) != 1 || a[0].Cause != readiness.CauseNobody || !a[0].Since.Equal(now) {
			h.Errorf("%+v", a)
		}
	})
}

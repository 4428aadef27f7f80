package readiness_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// diagnosis asks the doctor and returns the lines by their mark.
func (h *house) diagnosis(ask doctor.Provider) map[string]string {
	h.Helper()
	out := map[string]string{}
	for _, c := range doctor.Examine(context.Background(), h.board("case"), ask, time.Now()) {
		mark, _, _ := strings.Cut(c.Line(), " ")
		out[mark] += c.Line() + "\n"
	}
	return out
}

func TestTheDoctorFindsWhatIsWrongAndSaysWhatToDo(t *testing.T) {
	h := &house{t, dbtest.SQLite(t, schema.Platform())}
	now := time.Now()
	away := func(context.Context) (doctor.Answer, error) {
		return doctor.Answer{}, errors.New("the chat provider is away")
	}
	behind := func(clock, took time.Duration) doctor.Provider {
		return func(context.Context) (doctor.Answer, error) {
			return doctor.Answer{Took: took, Clock: time.Now().Add(clock)}, nil
		}
	}
	expect := func(step string, ask doctor.Provider, marks ...string) {
		t.Helper()
		got := h.diagnosis(ask)
		for i := 0; i < len(marks); i += 2 {
			if !strings.Contains(got[marks[i]], marks[i+1]) {
				t.Errorf("%s: %q is not among\n%v", step, marks[i]+" "+marks[i+1], got)
			}
		}
		if want := strings.Contains(strings.Join(marks, ""), "✗"); (got["✗"] != "") != want {
			t.Errorf("%s: wrong is\n%s", step, got["✗"])
		}
	}
	expect("an empty house", nil, "!", "nobody leads; nothing is waiting", "✓", "alarms", "✓", "every show fits")
	h.evening(now, now, 5, 2)
	expect("nobody leads", nil, "✗", "nobody leads; waiting: 6 chat resources", "✗", "start stagedoor provision")
	h.leads(now.Add(time.Hour))
	expect("somebody leads", behind(0, 0), "✓", "somebody leads (epoch 3)", "✓", "0 chats ready, 1 being made", "✓", "agrees with the provider's")
	h.paused(true)
	expect("paused an hour before doors", nil, "!", "; paused", "✗", "The provisioner is paused, “Winter Songs” misses 6 chat resources")
	h.paused(false)
	expect("the provider is away", away, "✗", "the chat provider is away", "✗", "look at --chime (or --engine-url")
	lost := fault.Wrap(fmt.Errorf("operation error, https response error: %w", &url.Error{Op: "Get", URL: "http://x", Err: errors.New("connection refused")}),
		fault.Unavailable, "", "ListAppInstances: the chat provider is away")
	expect("nobody is there", func(context.Context) (doctor.Answer, error) { return doctor.Answer{}, lost },
		"✗", `provider       ListAppInstances: the chat provider is away: Get "http://x": connection refused`)
	expect("the clock is off", behind(2*time.Minute, 3*time.Second), "!", "is 2 min off the provider's", "!", "answers in 3s")
	expect("the clock is far off", behind(-10*time.Minute, 0), "✗", "is 10 min off the provider's")
	h.exec("UPDATE event SET name = 'Night' || $1 || 'Songs'", "\x1b[2J")
	h.exec("UPDATE resource SET failed = TRUE, attempts = 1, error = 'no' WHERE kind = 'user' AND state = 'absent'")
	expect("a name that clears the screen", nil, "✗", `3 chat resources set aside: no.`)
	if all := h.diagnosis(nil); strings.Contains(all["✗"], "\x1b") {
		t.Errorf("%q", all["✗"])
	}
	_ = h.db.Close()
	expect("without a database", nil, "✗", "its state cannot be read")
}

package provision_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// refuse has the provider refuse an operation while what it returns is set, with an HTTP status.
func (s *stage) refuse(op string, status int, code string, after time.Duration) *atomic.Bool {
	on := new(atomic.Bool)
	s.provider.Trouble = func(c provisiontest.Call) provisiontest.Fault {
		if c.Op == op && on.Load() {
			return provisiontest.Fault{Status: status, Code: code, Slow: after}
		}
		return provisiontest.Fault{}
	}
	return on
}

// An app instance whose administrator was refused for good cannot be compared, and a sweep that was asked for waited for one
// without a word, for ever. While one may come any moment nobody hears of a trouble.
func TestWhoWaitsForASweepHearsWhyThereIsNoAdministrator(t *testing.T) {
	for name, refusal := range map[string]struct {
		status int
		code   string
		from   time.Duration
		until  time.Duration
	}{
		"for good":   {400, "BadRequest", 0, 30 * time.Second},
		"for a time": {503, "ServiceUnavailable", 30 * time.Second, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(s *stage) {
				refused := s.refuse("CreateAppInstanceAdmin", refusal.status, refusal.code, 0)
				refused.Store(true)
				e := s.event(time.Now().Add(time.Hour))
				s.tickets(e, id.Fan, 3)
				p, _ := s.run(s.config("none"))
				s.until(time.Minute, "an app instance", func() bool { return s.provider.Instances() == 1 })
				if err := p.Sweep(context.Background()); err != nil {
					s.Fatal(err)
				}
				took := s.until(refusal.until, "told", func() bool { return strings.Contains(s.report()[e].trouble, "CreateAppInstanceAdmin") })
				if took < refusal.from || !s.report()[e].due {
					s.Errorf("after %v: %+v", took, s.report()[e])
				}
				refused.Store(false)
				s.exec("UPDATE resource SET next_try_ms = 0 WHERE attempts > 0")
				s.until(15*time.Minute, "compared", func() bool { w := s.report()[e]; return !w.due && w.trouble == "" && w.finished > 0 })
			})
		})
	}
}

// The error of a pass that had been over for minutes was told to whoever asked for another one, before that was tried; and
// it was tried only when the place had rested, ten minutes where rights are missing. Who has mended it and asks is right to
// hear the truth of now.
func TestWhoAsksForASweepHearsNoErrorOfThePast(t *testing.T) {
	virtual(t, func(s *stage) {
		refused := s.refuse("ListChannels", 403, "Forbidden", 5*time.Second)
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		s.sweep(p)
		ask := func() {
			if err := p.Sweep(context.Background()); err != nil {
				s.Fatal(err)
			}
			if w := s.report()[e]; w.trouble != "" || !w.due {
				s.Fatalf("asked just now: %+v", w)
			}
		}
		refused.Store(true)
		ask()
		s.until(2*time.Minute, "refused", func() bool { return s.report()[e].trouble != "" })

		ask()
		calls := func(op string) (n int) {
			for _, c := range s.provider.Calls() {
				if c.Op == op {
					n++
				}
			}
			return n
		}
		before := calls("ListChannels")
		s.until(30*time.Second, "tried at once", func() bool { return calls("ListChannels") > before })
		ask() // while that pass still waits for its refusal
		s.until(30*time.Second, "that pass is over", func() bool {
			heard, err := db.Value[bool](context.Background(), s.db, "SELECT heard FROM swept_place WHERE place = $1", e)
			if err != nil {
				s.Fatal(err)
			}
			if w := s.report()[e]; w.trouble != "" && !heard {
				s.Fatalf("told before it was tried: %+v", w)
			}
			return heard
		})
		s.until(30*time.Second, "refused", func() bool { return s.report()[e].trouble != "" })

		refused.Store(false)
		ask()
		s.until(30*time.Second, "compared", func() bool { w := s.report()[e]; return !w.due && w.trouble == "" })
	})
}

// A provider that does not answer: who waits hears of it in a minute or two, though every list is patient.
func TestWhoWaitsForASweepHearsThatTheProviderIsAway(t *testing.T) {
	virtual(t, func(s *stage) {
		away := s.refuse("ListAppInstances", 503, "ServiceUnavailable", 8*time.Second)
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		p, _ := s.run(s.config("none"))
		s.until(time.Minute, "ready", func() bool { return s.readyCount(e) == 3 })
		s.sweep(p)
		away.Store(true)
		if err := p.Sweep(context.Background()); err != nil {
			s.Fatal(err)
		}
		s.until(2*time.Minute, "told", func() bool { return s.report()["account"].trouble != "" })
	})
}

// What is under way is known while it is, and not of a leader that is no more.
func TestWhatIsBeingComparedIsKnownWhileItIs(t *testing.T) {
	virtual(t, func(s *stage) {
		s.slowly("ListChannelMemberships")
		e := s.event(time.Now().Add(time.Hour))
		s.tickets(e, id.Fan, 3)
		since := func() int64 {
			ms, err := db.Value[int64](context.Background(), s.db, "SELECT COALESCE(max(since_ms), 0) FROM swept_place WHERE place = $1", e)
			if err != nil {
				s.Fatal(err)
			}
			return ms
		}
		_, stop := s.run(s.config("none"))
		s.until(2*time.Minute, "being compared", func() bool { return since() > 0 })
		s.until(time.Minute, "compared", func() bool { return since() == 0 && s.report()[e].finished > 0 })
		s.until(15*time.Minute, "being compared again", func() bool { return since() > 0 })
		stop()
		if since() == 0 {
			s.Error("the pass was to be cut off")
		}
		s.run(s.config("none"))
		s.until(10*time.Second, "the pass is known to be over", func() bool { return since() == 0 })
	})
}

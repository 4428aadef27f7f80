package archive_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// keys writes down, as pass does, that somebody has a key to the show's chat until then.
func keys(t *testing.T, s *chimetest.Show, until time.Time) {
	s.Exec(t, `INSERT INTO chat_key (event_id, until_ms) VALUES ($1, $2)
		ON CONFLICT (event_id) DO UPDATE SET until_ms = excluded.until_ms WHERE chat_key.until_ms < excluded.until_ms`, s.Event, until.UnixMilli())
}

// complete compares the archive with what the provider has: every message once and in order.
func complete(t *testing.T, k *archive.Keeper, s *chimetest.Show) {
	t.Helper()
	lines := content(t, k, s.Event)
	history := s.History(s.Channel)
	if len(lines) < 1+len(history) {
		t.Fatalf("%d lines for %d messages", len(lines), len(history))
	}
	for i, m := range history {
		if lines[i+1]["messageId"] != m.ID {
			t.Fatalf("line %d is %v, want message %s", i+1, lines[i+1], m.ID)
		}
	}
}

// interrupted lets something happen before each of the first calls.
type interrupted struct {
	http.RoundTripper
	mu    sync.Mutex
	times int
	act   func()
}

func (i *interrupted) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	if i.times > 0 {
		i.times--
		i.act()
	}
	i.mu.Unlock()
	return i.RoundTripper.RoundTrip(r)
}

// TestLinesThatArriveDuringTheWalkAreInTheFile (F19): people who have kept a key write between any two pages, for a while. The
// file is only made when the walk has found all of it.
func TestLinesThatArriveDuringTheWalkAreInTheFile(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan := evening(t, s)
		for _, times := range []int{1, 3, 4, 7, 13} {
			s.Exec(t, "DELETE FROM archive")
			wire := &interrupted{RoundTripper: s, times: times, act: func() { s.Say(s.Channel, fan.User, chimetest.Line("late")) }}
			k := keeper(t, s, func(c *archive.Config) { c.Chime = s.ClientVia(wire) })
			info, err := k.Seal(t.Context(), s.Event)
			if err != nil || !info.Sealed || info.Messages != int64(len(s.History(s.Channel))) {
				t.Fatalf("%d late lines: %+v, %v", times, info, err)
			}
			complete(t, k, s)
		}
	})
}

// The history can be downloaded at once. It is final only when nobody can have a key any more, and has what came till then.
func TestNothingIsSealedWhileSomebodyMayHaveAKey(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		k, archived := runWith(t, s, func(c *archive.Config) { c.Hold = 2 * time.Hour }, func() error { return nil })
		keys(t, s, time.Now().Add(50*time.Minute))
		fan := evening(t, s)
		began := time.Now()
		<-time.After(15 * time.Second)
		info, exported, err := k.Info(t.Context(), s.Event)
		if err != nil || !exported || info.Sealed || info.WaitsUntil == nil || info.WaitsUntil.Sub(began).Round(time.Minute) != 50*time.Minute || info.Messages != 120 {
			t.Fatalf("soon after the end: %+v %v %v", info, exported, err)
		}
		complete(t, k, s)
		first := info.Path
		<-time.After(40 * time.Minute)
		s.Say(s.Channel, fan.User, chimetest.Line("I kept my key"))
		at := <-archived
		if wait := at.Sub(began); wait < 50*time.Minute || wait > 51*time.Minute {
			t.Errorf("sealed after %v, want 50 min", wait)
		}
		info, _, err = k.Info(t.Context(), s.Event)
		if err != nil || !info.Sealed || info.WaitsUntil != nil || info.Messages != 121 || info.Path == first {
			t.Errorf("sealed: %+v %v", info, err)
		}
		complete(t, k, s)
	})
}

func TestTheSealWaitsNoLongerThanItIsToldTo(t *testing.T) {
	for hold, want := range map[time.Duration]time.Duration{0: 10 * time.Second, 20 * time.Minute: 20 * time.Minute} {
		chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
			_, archived := runWith(t, s, func(c *archive.Config) { c.Hold = hold }, func() error { return nil })
			keys(t, s, time.Now().Add(50*time.Minute))
			evening(t, s)
			began := time.Now()
			if wait := (<-archived).Sub(began); wait < want-time.Second || wait > want+10*time.Second {
				t.Errorf("hold %v: sealed after %v", hold, wait)
			}
		})
	}
}

func TestAFileThatWasDamagedBeforeTheSealIsMadeAnew(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		evening(t, s)
		dir := t.TempDir()
		k := keeper(t, s, func(c *archive.Config) { c.Dir = dir })
		info, err := k.Export(t.Context(), s.Event)
		if err != nil {
			t.Fatal(err)
		}
		for what, damage := range map[string]func(string) error{
			"a flipped bit": func(p string) error {
				b, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				b[len(b)/2] ^= 1
				return os.WriteFile(p, b, 0o600)
			},
			"cut off": func(p string) error { return os.Truncate(p, 100) }, "gone": os.Remove,
		} {
			s.Exec(t, "UPDATE archive SET sealed = FALSE")
			if err := damage(dir + "/" + info.Path); err != nil {
				t.Fatal(err)
			}
			if got, err := k.Seal(t.Context(), s.Event); err != nil || !got.Sealed || got.SHA256 != info.SHA256 {
				t.Errorf("%s: %+v %v", what, got, err)
			}
			complete(t, k, s)
		}
	})
}

// TestASealThatIsKilledAnywhereEndsTheSame (F17): the export is done and the process dies at each call of the last reading, or
// between seal and OnArchived.
func TestASealThatIsKilledAnywhereEndsTheSame(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan := evening(t, s)
		dir := t.TempDir()
		in := func(c *archive.Config) { c.Dir = dir }
		for at := 1; at <= 9; at++ { // three pages that differ, and two readings of the new file
			if _, err := keeper(t, s, in).Export(t.Context(), s.Event); err != nil {
				t.Fatal(err)
			}
			s.Say(s.Channel, fan.User, chimetest.Line("late"))
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			s.Trouble(func(chimetest.Call) chimetest.Trouble {
				if calls++; calls == at {
					cancel()
				}
				return chimetest.Trouble{Hang: calls >= at}
			})
			if info, err := keeper(t, s, in).Seal(ctx, s.Event); err == nil {
				t.Fatalf("killed at call %d and still sealed %+v", at, info)
			}
			s.Trouble(nil)
			if info, _, err := keeper(t, s, in).Info(t.Context(), s.Event); err != nil || info.Sealed {
				t.Fatalf("killed at call %d: %+v %v", at, info, err)
			}
			k := keeper(t, s, in)
			for range 2 { // the second time it is sealed already, and nobody was told
				info, err := k.Seal(t.Context(), s.Event)
				if err != nil || !info.Sealed || info.Messages != int64(len(s.History(s.Channel))) {
					t.Fatalf("after call %d: %+v %v", at, info, err)
				}
			}
			complete(t, k, s)
			if names, _ := os.ReadDir(dir); len(names) != 1 {
				t.Errorf("call %d: left behind %v", at, names)
			}
			s.Exec(t, "UPDATE archive SET sealed = FALSE")
		}
	})
}

func TestACancelledShowIsExportedAndSealedAsIfItHadEnded(t *testing.T) {
	for _, made := range []bool{true, false} { // it may be cancelled before its channel was made
		t.Run(fmt.Sprint(made), func(t *testing.T) {
			chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
				if !made {
					s.Exec(t, "UPDATE chat_channel SET channel_arn = '', state = 'making'")
				}
				told := make(chan time.Time, 100)
				k := keeper(t, s, func(c *archive.Config) {
					c.OnArchived = func(context.Context, id.Event) error { told <- time.Now(); return nil }
				})
				go func() { _ = k.Run(t.Context()) }()
				s.Exec(t, "UPDATE event SET state = 'scheduled', doors_ms = $1, starts_ms = $1", time.Now().Add(time.Hour).UnixMilli())
				shows := event.New(s.DB)
				e, err := shows.Cancel(t.Context(), s.Event, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if wait := (<-told).Sub(e.EndedAt); wait < 9*time.Second || wait > 12*time.Second {
					t.Errorf("told after %v, want the grace of 10 s", wait)
				}
				if info, exported, err := k.Info(t.Context(), s.Event); err != nil || !exported || !info.Sealed || info.Messages != 0 {
					t.Errorf("%+v %v %v", info, exported, err)
				}
				if lines := content(t, k, s.Event); len(lines) != 2 {
					t.Errorf("%v", lines)
				}
				select {
				case <-told:
					t.Error("told once more")
				case <-time.After(5 * time.Minute):
				}
				if _, err := shows.Uncancel(t.Context(), s.Event, time.Now()); err != nil {
					t.Error(err)
				}
				if _, exported, err := k.Info(t.Context(), s.Event); err != nil || exported {
					t.Errorf("back, it has an archive: %v %v", exported, err)
				}
			})
		})
	}
}

// A show comes back in the very moment in which its history is sealed, again and again. Either it is back and nothing is let
// go, or it is sealed and stays cancelled: its chat was used.
func TestASealAndAShowThatComesBackExcludeEachOther(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		shows := event.New(s.DB)
		dir := t.TempDir()
		outcomes := map[string]int{}
		for range 25 {
			s.Exec(t, "DELETE FROM archive")
			s.Exec(t, "UPDATE event SET state = 'scheduled', doors_ms = $1, starts_ms = $1", time.Now().Add(time.Hour).UnixMilli())
			s.Say(s.Channel, "somebody", chimetest.Line("used"))
			if _, err := shows.Cancel(t.Context(), s.Event, time.Now()); err != nil {
				t.Fatal(err)
			}
			k := keeper(t, s, func(c *archive.Config) { c.Dir = dir })
			if _, err := k.Export(t.Context(), s.Event); err != nil {
				t.Fatal(err)
			}
			back := make(chan error)
			go func() {
				_, err := shows.Uncancel(t.Context(), s.Event, time.Now())
				back <- err
			}()
			_, sealErr := k.Seal(t.Context(), s.Event)
			backErr := <-back
			switch {
			case sealErr == nil && fault.HasCode(backErr, "history_sealed"):
				outcomes["sealed"]++
			case fault.HasCode(sealErr, "event_not_ended") && backErr == nil:
				outcomes["back"]++
			default:
				t.Fatalf("sealed: %v, back: %v", sealErr, backErr)
			}
		}
		t.Log(outcomes)
	})
}

func TestTheFilesOfOthersAreNotTidiedAway(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		evening(t, s)
		dir := t.TempDir()
		for _, name := range []string{string(s.Event) + "-0123456789abcdef.jsonl", "other", ".partial-" + string(s.Event) + "-x"} {
			if err := os.WriteFile(dir+"/"+name, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := keeper(t, s, func(c *archive.Config) { c.Dir = dir }).Seal(t.Context(), s.Event); err != nil {
			t.Fatal(err)
		}
		names, err := os.ReadDir(dir)
		if err != nil || len(names) != 3 {
			t.Errorf("%v %v", names, err)
		}
		for _, n := range names {
			if strings.HasPrefix(n.Name(), ".partial") {
				t.Errorf("%s is left", n.Name())
			}
		}
	})
}

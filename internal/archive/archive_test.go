package archive_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// evening is a show that has just ended, with a history of more than two pages, a removed line and a ban.
func evening(t *testing.T, s *chimetest.Show) chimetest.Person {
	t.Helper()
	fan, mod := s.Enter(t, id.Fan, "Änne"), s.Enter(t, id.Moderator, "Mo")
	for i := range 119 {
		s.Say(s.Channel, fan.User, chimetest.Line(fmt.Sprint("line <", i, ">")))
	}
	bad := s.Say(s.Channel, fan.User, chimetest.Line("bad"))
	as := s.Client()
	if err := as.RedactMessage(t.Context(), s.Admin, s.Channel, bad); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, `INSERT INTO moderator_act (id, event_id, by_ticket, kind, user_id, message_id, part_of, original, sender, sent_ms, reason, created_ms)
		VALUES ('act1', $1, $2, 'ban', $3, '', '', '', 'Änne', 0, 'rude', 1000), ('act2', $1, $2, 'redact', $3, $4, 'act1', $5, 'Änne', 0, 'rude', 1000)`,
		s.Event, mod.Ticket, fan.UserID, bad, chimetest.Line("bad"))
	end(t, s, time.Now())
	return fan
}

func end(t *testing.T, s *chimetest.Show, at time.Time) {
	s.Exec(t, "UPDATE event SET state = 'ended', ended_ms = $1", at.UnixMilli())
}

func keeper(t *testing.T, s *chimetest.Show, change func(*archive.Config)) *archive.Keeper {
	t.Helper()
	cfg := archive.Config{DB: s.DB, Chime: s.Client(), Dir: t.TempDir()}
	if change != nil {
		change(&cfg)
	}
	k, err := archive.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// content reads an archive and checks it against what was written down about it.
func content(t *testing.T, k *archive.Keeper, event id.Event) (lines []map[string]any) {
	t.Helper()
	f, info, err := k.Open(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(all); hex.EncodeToString(sum[:]) != info.SHA256 || int64(len(all)) != info.Bytes {
		t.Errorf("the file is not what %+v says", info)
	}
	messages := int64(0)
	for in := bufio.NewScanner(strings.NewReader(string(all))); in.Scan(); {
		m := map[string]any{}
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v", in.Text(), err)
		}
		if m["type"] == "message" {
			messages++
		}
		lines = append(lines, m)
	}
	if messages != info.Messages {
		t.Errorf("%d messages in the file, %d written down", messages, info.Messages)
	}
	return lines
}

func TestTheFileHoldsEverythingInOrderAndWhatWasRemoved(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan := evening(t, s)
		k := keeper(t, s, nil)
		info, err := k.Export(t.Context(), s.Event)
		if err != nil || info.Messages != 120 || info.ExportedAt.IsZero() {
			t.Fatalf("%+v, %v", info, err)
		}
		lines := content(t, k, s.Event)
		if len(lines) != 1+120+1+1 || lines[0]["type"] != "history" || lines[121]["type"] != "ban" {
			t.Fatalf("%d lines: %v … %v", len(lines), lines[0], lines[len(lines)-1])
		}
		for i, m := range s.History(s.Channel) {
			l := lines[i+1]
			sender, _ := l["sender"].(map[string]any)
			if l["messageId"] != m.ID || sender["ticket"] != string(fan.Ticket) || sender["name"] != "Änne" || sender["role"] != "fan" ||
				l["at"] != m.Created.Format("2006-01-02T15:04:05.000Z") {
				t.Fatalf("line %d: %v", i, l)
			}
			if !m.Redacted && (l["content"] != m.Content || l["removed"] != nil) {
				t.Fatalf("line %d: %v", i, l)
			}
		}
		removed, _ := lines[120]["removed"].(map[string]any)
		if lines[120]["content"] != chimetest.Line("bad") || removed["act"] != "act1" || removed["reason"] != "rude" || removed["at"] != "1970-01-01T00:00:01.000Z" {
			t.Errorf("the removed line: %v", lines[120])
		}
		if e := lines[122]; e["type"] != "end" || e["messages"] != 120.0 || e["removed"] != 1.0 || e["contentLost"] != nil && e["contentLost"] != 0.0 || e["acts"] != 1.0 {
			t.Errorf("end: %v", e)
		}
		calls := len(s.Calls())
		again, err := k.Export(t.Context(), s.Event)
		if err != nil || again != info || len(s.Calls()) != calls {
			t.Errorf("repeated: %+v, %v, %d more calls", again, err, len(s.Calls())-calls)
		}
	})
}

func TestAShowWithoutAChatIsArchivedToo(t *testing.T) {
	for _, how := range []string{"UPDATE event SET chat = NOT chat", "SELECT 1"} {
		chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
			s.Exec(t, "DELETE FROM chat_channel")
			s.Exec(t, how)
			end(t, s, time.Now())
			k := keeper(t, s, nil)
			if info, err := k.Export(t.Context(), s.Event); err != nil || info.Messages != 0 {
				t.Fatalf("%+v, %v", info, err)
			}
			if lines := content(t, k, s.Event); len(lines) != 2 || len(s.Calls()) != 0 {
				t.Errorf("%v after %d calls", lines, len(s.Calls()))
			}
		})
	}
}

// Killed at each call to the provider, and between file and row, the next run ends with the same bytes in one file.
func TestAnExportThatIsKilledAnywhereEndsTheSame(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		evening(t, s)
		want, err := keeper(t, s, nil).Export(t.Context(), s.Event)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what, dir string, k *archive.Keeper) {
			t.Helper()
			got, err := k.Export(t.Context(), s.Event)
			if err != nil || got.SHA256 != want.SHA256 || got.Path != want.Path {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			if names, _ := os.ReadDir(dir); len(names) != 1 {
				t.Errorf("%s: left behind %v", what, names)
			}
			content(t, k, s.Event)
		}
		for at := 1; at <= 6; at++ { // three pages, read twice
			s.Exec(t, "DELETE FROM archive")
			dir := t.TempDir()
			k := keeper(t, s, func(c *archive.Config) { c.Dir = dir })
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			s.Trouble(func(chimetest.Call) chimetest.Trouble {
				if calls++; calls == at {
					cancel()
				}
				return chimetest.Trouble{Hang: calls >= at}
			})
			if _, err := k.Export(ctx, s.Event); err == nil {
				t.Fatalf("killed at call %d and still done", at)
			}
			if _, exported, err := k.Info(t.Context(), s.Event); exported || err != nil {
				t.Fatalf("call %d: exported %v, %v", at, exported, err)
			}
			s.Trouble(nil)
			// What a kill -9 leaves: nobody removed the half file.
			if err := os.WriteFile(dir+"/.partial-"+string(s.Event)+"-x", []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprint("call ", at), dir, k)
		}
		dir := t.TempDir()
		k := keeper(t, s, func(c *archive.Config) { c.Dir = dir })
		for range 2 { // the second time the file is there, but the row is not
			s.Exec(t, "DELETE FROM archive")
			check("between file and row", dir, k)
		}
	})
}

// chatty is a channel in which somebody writes between any two readings.
type chatty struct {
	s    *chimetest.Show
	user chimetest.Person
}

func (c chatty) RoundTrip(r *http.Request) (*http.Response, error) {
	c.s.Say(c.s.Channel, c.user.User, chimetest.Line("still here"))
	return c.s.RoundTrip(r)
}

func TestAHistoryThatStillChangesIsNotExported(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan := evening(t, s)
		dir := t.TempDir()
		k := keeper(t, s, func(c *archive.Config) { c.Chime, c.Dir = s.ClientVia(chatty{s, fan}), dir })
		if _, err := k.Export(t.Context(), s.Event); !fault.HasCode(err, "history_unstable") {
			t.Errorf("got %v", err)
		}
		if names, _ := os.ReadDir(dir); len(names) != 0 {
			t.Errorf("left behind %v", names)
		}
	})
}

func TestOnlyAnEndedShowIsExported(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		k := keeper(t, s, nil)
		if _, err := k.Export(t.Context(), s.Event); !fault.HasCode(err, "event_not_ended") {
			t.Errorf("got %v", err)
		}
		if _, _, err := k.Open(t.Context(), s.Event); !fault.HasCode(err, "archive_missing") {
			t.Errorf("got %v", err)
		}
		if _, err := k.Export(t.Context(), "ev-none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestADamagedFileIsNotServed(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		evening(t, s)
		dir := t.TempDir()
		k := keeper(t, s, func(c *archive.Config) { c.Dir = dir })
		info, err := k.Export(t.Context(), s.Event)
		if err != nil {
			t.Fatal(err)
		}
		for _, damage := range []func(string) error{func(p string) error { return os.Truncate(p, 10) }, os.Remove} {
			if err := damage(dir + "/" + info.Path); err != nil {
				t.Fatal(err)
			}
			if _, _, err := k.Open(t.Context(), s.Event); !fault.HasCode(err, "archive_damaged") {
				t.Errorf("got %v", err)
			}
		}
	})
}

// run starts the keeper's loop; archived receives each call of OnArchived.
func run(t *testing.T, s *chimetest.Show, fail func() error) (k *archive.Keeper, archived chan time.Time) {
	return runWith(t, s, func(*archive.Config) {}, fail)
}

func runWith(t *testing.T, s *chimetest.Show, change func(*archive.Config), fail func() error) (k *archive.Keeper, archived chan time.Time) {
	archived = make(chan time.Time, 100)
	k = keeper(t, s, func(c *archive.Config) {
		change(c)
		c.OnArchived = func(ctx context.Context, event id.Event) error {
			if info, exported, err := k.Info(ctx, event); err != nil || !exported || !info.Sealed {
				t.Errorf("archived before the seal: %v", err)
			}
			archived <- time.Now()
			if err := fail(); err != nil {
				return err
			}
			_, err := s.DB.Exec(ctx, "UPDATE event SET state = 'archived'")
			return err
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return k, archived
}

func TestEndedShowsAreArchivedAfterTheGraceAndOnlyThenMovedOn(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		failures := 3
		_, archived := run(t, s, func() error {
			if failures--; failures >= 0 {
				return errors.New("the database is busy")
			}
			return nil
		})
		evening(t, s)
		began := time.Now()
		if at := (<-archived).Sub(began); at < 9*time.Second || at > 12*time.Second {
			t.Errorf("first after %v, want the grace of 10 s", at)
		}
		for range 3 {
			<-archived
		}
		select {
		case <-archived:
			t.Error("archived once more")
		case <-time.After(5 * time.Minute):
		}
	})
}

func TestAShowThatIsReopenedInTimeIsLeftAloneAndLaterExportedWithWhatWasSaidSince(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		k, archived := run(t, s, func() error { return nil })
		fan := evening(t, s)
		<-time.After(8 * time.Second)
		s.Exec(t, "UPDATE event SET state = 'live', ended_ms = 0")
		<-time.After(time.Hour)
		if n := s.Count("ListChannelMessages"); n != 0 {
			t.Errorf("read %d pages of a live show", n)
		}
		end(t, s, time.Now())
		if _, err := k.Export(t.Context(), s.Event); err != nil { // as if somebody asked early
			t.Fatal(err)
		}
		s.Exec(t, "UPDATE event SET state = 'live', ended_ms = 0")
		s.Say(s.Channel, fan.User, chimetest.Line("encore"))
		end(t, s, time.Now().Add(time.Second))
		<-archived
		if info, _, err := k.Info(t.Context(), s.Event); err != nil || info.Messages != 121 {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

func TestWhileTheProviderIsAwayNothingMovesOn(t *testing.T) {
	for name, trouble := range map[string]chimetest.Trouble{"hung": {Hang: true}, "failing": {Status: 500}, "throttling": {Status: 429}} {
		t.Run(name, func(t *testing.T) {
			chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
				evening(t, s)
				s.Trouble(func(chimetest.Call) chimetest.Trouble { return trouble })
				_, archived := run(t, s, func() error { return nil })
				select {
				case <-archived:
					t.Error("archived without a history")
				case <-time.After(10 * time.Minute):
				}
				s.Trouble(nil)
				select {
				case <-archived:
				case <-time.After(2 * time.Minute):
					t.Error("not archived after the provider came back")
				}
			})
		})
	}
}

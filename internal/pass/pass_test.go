package pass_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pass"
)

func office(s *chimetest.Show, change func(*pass.Config)) *pass.Office {
	cfg := pass.Config{DB: s.DB, Chime: s.Client(), Endpoint: "/chime", Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return pass.New(cfg)
}

func TestAFanWithAMadeAccountGetsKeysForThatAccountAndChannelOnly(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan, other := s.Enter(t, id.Fan, "Änne"), s.Enter(t, id.Fan, "Bo")
		s.AddChannel(chimetest.Instance.Channel("other"), nil, nil)
		a := office(s, nil).Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
		if a.State != pass.Ready || a.Pass == nil || a.RetryMs != 0 || a.MaxLine != 300 {
			t.Fatalf("%+v", a)
		}
		p := a.Pass
		if p.UserArn != fan.User || p.ChannelArn != s.Channel || p.Name != "Änne" || p.Endpoint != "/chime" || p.Region != "us-east-1" {
			t.Errorf("%+v", p)
		}
		if left := p.Credentials.ExpiresAt.Sub(p.ServerTime); left != time.Hour {
			t.Errorf("credentials last %v", left)
		}
		as := s.Client().As(credentials(p))
		if _, err := as.SendMessage(t.Context(), fan.User, s.Channel, "hello", "token-1"); err != nil {
			t.Errorf("own account: %v", err)
		}
		if _, err := as.SendMessage(t.Context(), other.User, s.Channel, "hello", "token-2"); err == nil {
			t.Error("the keys act as somebody else")
		}
		if _, err := as.SendMessage(t.Context(), fan.User, chimetest.Instance.Channel("other"), "hello", "token-3"); err == nil {
			t.Error("the keys act in another channel")
		}
		if as.RedactMessage(t.Context(), fan.User, s.Channel, "x") == nil || as.CreateBan(t.Context(), fan.User, s.Channel, other.User) == nil {
			t.Error("a fan's keys may moderate")
		}
	})
}

func TestStatesThatNeedNoProvider(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		o := office(s, nil)
		ask := func(p chimetest.Person, want pass.State, detail string, again bool) {
			t.Helper()
			a := o.Pass(t.Context(), s.Event, p.Ticket, id.Fan, time.Now())
			if a.State != want || !strings.Contains(a.Detail, detail) || (a.RetryMs > 0) != again || a.Pass != nil {
				t.Errorf("%+v; want %s", a, want)
			}
		}
		fan := s.Enter(t, id.Fan, "Änne")
		s.Exec(t, "INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', 'shouting', 0)", fan.Ticket, s.Event)
		ask(fan, pass.Banned, "shouting", false)
		s.Exec(t, "DELETE FROM ban")
		s.Exec(t, "DELETE FROM chat_ready WHERE ticket_id = $1", fan.Ticket)
		ask(fan, pass.Preparing, "being made", true)
		s.Exec(t, "UPDATE event SET state = 'ended'")
		ask(fan, pass.Closed, "over", false)
		s.Exec(t, "UPDATE event SET state = 'cancelled'")
		ask(fan, pass.Closed, "cancelled", false)
		s.Exec(t, "UPDATE event SET state = 'live', chat = $1", false)
		ask(fan, pass.Off, "no chat", false)
		if n := len(s.Calls()); n != 0 {
			t.Errorf("%d calls to the provider", n)
		}
	})
}

// The archive of a show waits for what is written down here: no key may outlast it, also when its answer gets lost.
func TestNoKeyOutlastsWhatIsWrittenDown(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		until := func() time.Time {
			t.Helper()
			ms, err := db.Value[int64](t.Context(), s.DB, "SELECT COALESCE(max(until_ms), 0) FROM chat_key_life WHERE event_id = $1", s.Event)
			if err != nil {
				t.Fatal(err)
			}
			return time.UnixMilli(ms)
		}
		fan, o := s.Enter(t, id.Fan, "Änne"), office(s, nil)
		began := time.Now()
		s.Trouble(func(chimetest.Call) chimetest.Trouble {
			if until().Sub(began) < time.Hour {
				t.Error("a key is made before it is written down")
			}
			return chimetest.Trouble{Lose: true}
		})
		o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
		s.Trouble(nil)
		first := until()
		for range 5 { // within a minute
			<-time.After(10 * time.Second)
			a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
			if a.Pass == nil || a.Pass.Credentials.ExpiresAt.After(first) || !until().Equal(first) {
				t.Fatalf("%+v, written down %v, was %v", a, until(), first)
			}
		}
		<-time.After(time.Minute)
		other := office(s, nil) // of another process
		for _, o := range []*pass.Office{other, o} {
			if a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now()); a.Pass == nil || a.Pass.Credentials.ExpiresAt.After(until()) {
				t.Errorf("%+v, written down %v", a, until())
			}
		}
		s.Exec(t, "DROP VIEW chat_key_life")
		s.Exec(t, "DROP TABLE chat_key")
		<-time.After(5 * time.Minute)
		if a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now()); a.State != pass.Resting || a.Pass != nil {
			t.Errorf("a key that nobody could write down: %+v", a)
		}
	})
}

func TestANewNameMayReadUntilTheChatHasIt(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan, o := s.Enter(t, id.Fan, "Änne"), office(s, nil)
		s.Exec(t, "UPDATE chat_ready SET made_name = 'Guest 1'")
		a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
		if a.State != pass.Naming || a.Pass == nil || a.Pass.Name != "Guest 1" || a.RetryMs == 0 {
			t.Errorf("%+v", a)
		}
	})
}

func TestPreparingTellsHowFarTheMakingIs(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		now := time.Now()
		fan := s.Enter(t, id.Fan, "Änne")
		s.Exec(t, "DELETE FROM chat_ready")
		readyAt := now.Add(10 * time.Second)
		var fail error
		o := office(s, func(c *pass.Config) {
			c.Progress = func(context.Context, id.Event) (pass.Progress, error) {
				return pass.Progress{Made: 5, Total: 200, ReadyAt: readyAt}, fail
			}
		})
		a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, now)
		if a.State != pass.Preparing || a.Made != 5 || a.Total != 200 || a.ReadyAt == nil || !a.ReadyAt.Equal(readyAt.Truncate(time.Millisecond)) {
			t.Errorf("%+v", a)
		}
		if a.RetryMs < 10_000 || a.RetryMs > 15_000 {
			t.Errorf("asks again after %d ms", a.RetryMs)
		}
		fail = errors.New("no idea")
		if a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, now); a.State != pass.Preparing || a.ReadyAt != nil {
			t.Errorf("without progress: %+v", a)
		}
	})
}

// A hung provider: the first people wait two seconds, then nobody does, and once it answers again everybody is let in
// within the pause.
func TestAHungProviderCostsOnlyTheFirstPeopleTheirPatience(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		o := office(s, nil)
		s.Trouble(func(chimetest.Call) chimetest.Trouble { return chimetest.Trouble{Hang: true} })
		fan := s.Enter(t, id.Fan, "Änne")
		ask := func() (pass.State, time.Duration) {
			began := time.Now()
			a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, began)
			if a.State == pass.Resting && a.RetryMs == 0 {
				t.Error("resting for ever")
			}
			return a.State, time.Since(began)
		}
		var wg sync.WaitGroup
		for range 50 { // a crowd at the same moment waits together, once
			wg.Go(func() {
				if state, took := ask(); state != pass.Resting || took > 2*time.Second {
					t.Errorf("%s after %v", state, took)
				}
			})
		}
		wg.Wait()
		calls := len(s.Calls())
		for range 100 {
			if state, took := ask(); state != pass.Resting || took != 0 {
				t.Errorf("%s after %v", state, took)
			}
		}
		if more := len(s.Calls()) - calls; more != 0 {
			t.Errorf("%d calls while the breaker was open", more)
		}
		<-time.After(5 * time.Second) // the bubble's clock
		for range 10 {                // one finds out, the others are spared
			wg.Go(func() { ask() })
		}
		wg.Wait()
		if more := len(s.Calls()) - calls; more != 1 {
			t.Errorf("%d calls to find out, want 1", more)
		}
		s.Trouble(nil)
		<-time.After(5 * time.Second)
		if state, took := ask(); state != pass.Ready || took != 0 {
			t.Errorf("after recovery %s after %v", state, took)
		}
	})
}

func TestAFailingOrThrottlingProviderRests(t *testing.T) {
	for _, status := range []int{500, 503, 429, 403} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
				fan := s.Enter(t, id.Fan, "Änne")
				s.Trouble(func(chimetest.Call) chimetest.Trouble { return chimetest.Trouble{Status: status} })
				a := office(s, nil).Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
				if a.State != pass.Resting || a.RetryMs == 0 || a.Pass != nil {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

func TestPeopleWhoLeaveDoNotOpenTheBreaker(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan, o := s.Enter(t, id.Fan, "Änne"), office(s, nil)
		s.Trouble(func(chimetest.Call) chimetest.Trouble { return chimetest.Trouble{Hang: true} })
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			o.Pass(ctx, s.Event, fan.Ticket, id.Fan, time.Now())
			cancel()
		}
		s.Trouble(nil)
		if a := o.Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now()); a.State != pass.Ready {
			t.Errorf("%+v", a)
		}
	})
}

func TestSecretsReachTheBrowserButNoLog(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		fan := s.Enter(t, id.Fan, "Änne")
		a := office(s, nil).Pass(t.Context(), s.Event, fan.Ticket, id.Fan, time.Now())
		wire, err := json.Marshal(a)
		if err != nil || !strings.Contains(string(wire), a.Pass.Credentials.SecretAccessKey) {
			t.Errorf("%s, %v", wire, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "keys", a.Pass.Credentials)
		fmt.Fprintf(&log, "%v %+v %#v", a.Pass.Credentials, *a.Pass, a.Pass.Credentials)
		for _, secret := range []string{a.Pass.Credentials.SecretAccessKey, a.Pass.Credentials.SessionToken} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("a secret was logged: %s", log.String())
			}
		}
	})
}

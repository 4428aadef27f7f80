package provision_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// hall is a large show in virtual time: a database, a provider that enforces its limits, one provisioner.
type hall struct {
	*testing.T
	db       *db.DB
	bus      *bus.Bus
	provider *provisiontest.Provider
	preset   string
	began    time.Time
}

// inHall runs f in virtual time.
func inHall(t *testing.T, preset string, f func(h *hall)) {
	if testing.Short() {
		t.Skip("minutes of processor time under the race detector")
	}
	url := simDatabase(t, os.Getenv("STAGEDOOR_SIM_TICKETS") != "")
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		h := &hall{T: t, db: d, bus: &bus.Bus{}, provider: provisiontest.New(), preset: preset, began: time.Now()}
		h.provider.Latency, h.provider.Limits = 120*time.Millisecond, provisiontest.LimitsOf(preset)
		f(h)
		for _, over := range provisiontest.Overruns(provisiontest.LimitsOf(preset), h.provider.Calls()) {
			t.Error(over)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// run starts a provisioner and returns what stops it.
func (h *hall) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p := provision.New(provision.Config{DB: h.db, Chime: simClient(h.provider.Wire(nil)), Bus: h.bus, Preset: h.preset, Holder: "one",
		Logger: slog.New(slog.DiscardHandler)})
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.Error(err)
		}
	}
}

// show makes a show with n fans.
func (h *hall) show(doors time.Duration, n int) id.Event {
	e := id.NewEvent()
	_, err := h.db.Exec(context.Background(), `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, 'A show', 'An artist', '', 'UTC', $3, $3, '', TRUE, 'scheduled', $4, $4)`, e, string(e), time.Now().Add(doors).UnixMilli(), now())
	if err != nil {
		h.Fatal(err)
	}
	h.sell(e, n)
	return e
}

// sell imports n tickets as the gate does, five thousand at a time.
func (h *hall) sell(e id.Event, n int) []id.Ticket {
	tickets := make([]id.Ticket, n)
	for i := range tickets {
		tickets[i] = id.NewTicket()
	}
	for part := range slices.Chunk(tickets, 5000) {
		var b strings.Builder
		for i, t := range part {
			b.WriteString(`,"` + strconv.Itoa(i) + `":"` + string(t) + `"`)
		}
		if _, err := h.db.Exec(context.Background(), `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			SELECT value, $1, value, 'fan', '', TRUE, $2, $2 FROM json_each($3)`, e, now(), "{"+b.String()[1:]+"}"); err != nil {
			h.Fatal(err)
		}
	}
	h.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e})
	return tickets
}

// full waits until everybody is in the channels and returns how long that took and how many calls.
func (h *hall) full(within time.Duration, want map[id.Event]int) (time.Duration, []provisiontest.Call) {
	h.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := ""
		for e, n := range want {
			if have := h.provider.Joined(string(e)); have < n+1 {
				missing = fmt.Sprintf("%d of %d in %s", have, n, e)
			}
		}
		if missing == "" {
			return time.Since(h.began), h.provider.Calls()
		}
		if time.Since(h.began) > within {
			h.Errorf("after %v only %s", within, missing)
			return within, h.provider.Calls()
		}
		<-tick.C
	}
}

// fullSize is a hundred thousand where there is time for it, and otherwise less: what is measured are rates.
func fullSize(t *testing.T, otherwise int) int {
	return int(simNumber(t, "STAGEDOOR_SIM_TICKETS", uint64(otherwise)))
}

func TestAHallIsReadyInTheArithmeticMinimum(t *testing.T) {
	n := fullSize(t, 4000)
	for _, preset := range []string{"case", "aws-us-east-1"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			inHall(t, preset, func(h *hall) {
				e := h.show(7*24*time.Hour, n)
				stop := h.run()
				took, calls := h.full(time.Duration(n)*time.Second/5, map[id.Event]int{e: n})
				stop()
				// Ten accounts a second; at the case's pace the batches of a hundred memberships, the app instance, its admin
				// with his role and the channel come out of the same ten.
				least := time.Duration(n) * time.Second / 10
				if preset == "case" {
					least = time.Duration(n+(n+99)/100+4) * time.Second / 10
				}
				if took > least*102/100+2*time.Second {
					t.Errorf("%d tickets took %v with %d calls, the least is %v", n, took, len(calls), least)
				}
				t.Logf("%d tickets in %v with %d calls: %.4f of the least, %v", n, took, len(calls), took.Seconds()/least.Seconds(), least)
			})
		})
	}
}

// Twenty shows with app instances of their own fill the account's fifty identity calls a second. The last ones cannot: an
// app instance takes ten a second, so that the rate is measured while there are enough of them.
func TestTwentyShowsFillTheAccount(t *testing.T) {
	t.Parallel()
	n := fullSize(t, 3000) / 20
	inHall(t, "aws-us-east-1", func(h *hall) {
		want := map[id.Event]int{}
		for i := range 20 {
			want[h.show(time.Duration(24+i)*time.Hour, n)] = n
		}
		stop := h.run()
		took, calls := h.full(time.Duration(20*n)*time.Second/20, want)
		stop()
		all := len(calls)
		calls = slices.DeleteFunc(calls, func(c provisiontest.Call) bool { return c.Bearer != "" })
		some := calls[100 : len(calls)*3/4]
		rate := float64(len(some)-1) / some[len(some)-1].At.Sub(some[0].At).Seconds()
		if rate < 0.98*50 {
			t.Errorf("%.2f identity calls a second, 50 are allowed", rate)
		}
		t.Logf("%d shows with %d tickets each in %v: %d identity calls, %.2f/s of 50; %d calls in all", len(want), n, took, len(calls), rate, all)
	})
}

// Somebody buys a ticket ten minutes before doors, while a hall full of people waits for next week: in the chat within two
// seconds, ninety-nine times of a hundred.
func TestALateBuyerDoesNotWaitForNextWeek(t *testing.T) {
	n, buyers := fullSize(t, 6000), 100
	for _, preset := range []string{"case", "aws-us-east-1"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			inHall(t, preset, func(h *hall) {
				tonight := h.show(10*time.Minute, 1)
				h.show(7*24*time.Hour, n)
				stop := h.run()
				h.full(time.Minute, map[id.Event]int{tonight: 1})
				var waits []time.Duration
				for i := range buyers {
					pause := time.NewTimer(time.Duration(137*i%1000) * time.Millisecond) // at any moment of a second
					<-pause.C
					bought := time.Now()
					h.sell(tonight, 1)
					waits = append(waits, h.inChat(tonight, i+2).Sub(bought))
				}
				stop()
				slices.Sort(waits)
				p99 := waits[len(waits)*99/100-1]
				if p99 > 2*time.Second {
					t.Errorf("p99 %v: %v", p99, waits)
				}
				t.Logf("%d late buyers before %d tickets of next week: median %v, p99 %v, most %v", buyers, n, waits[buyers/2], p99, waits[buyers-1])
				if left := len(h.provider.Users()); left >= n {
					t.Errorf("next week was ready after all: %d accounts", left)
				}
			})
		})
	}
}

// inChat waits until so many tickets of a show can be used, and returns when that was, to a twentieth of a second.
func (h *hall) inChat(e id.Event, n int) time.Time {
	h.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 20 * 60 {
		if ready, err := db.Value[int](context.Background(), h.db, "SELECT count(*) FROM chat_ready WHERE event_id = $1", e); err != nil {
			h.Fatal(err)
		} else if ready >= n {
			return time.Now()
		}
		<-tick.C
	}
	h.Errorf("%d tickets are not ready after a minute", n)
	return time.Now()
}

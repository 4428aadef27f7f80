package guard_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/guard"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// ticket puts an event and a ticket into the database, as their rooms would.
func ticket(t *testing.T, d *db.DB) (id.Event, id.Ticket) {
	t.Helper()
	event, ticket := id.NewEvent(), id.NewTicket()
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
			VALUES ($1, $1, 'n', 'a', '', 'UTC', 1, 1, '', TRUE, 'open', 1, 1)`, []any{string(event)}},
		{`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			VALUES ($1, $2, $1, 'fan', '', TRUE, 1, 1)`, []any{string(ticket), string(event)}},
	} {
		if _, err := d.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatal(err)
		}
	}
	return event, ticket
}

func each(t *testing.T, f func(t *testing.T, d *db.DB, g *guard.Guard, event id.Event, tk id.Ticket)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		event, tk := ticket(t, d)
		f(t, d, guard.New(d), event, tk)
	})
}

func claim(t *testing.T, g *guard.Guard, event id.Event, tk id.Ticket, now time.Time) (string, guard.Session) {
	t.Helper()
	token, s, err := g.Claim(t.Context(), event, tk, now)
	if err != nil {
		t.Fatal(err)
	}
	return token, s
}

func holds(t *testing.T, g *guard.Guard, token string) guard.Session {
	t.Helper()
	s, err := g.Holds(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheNewestDeviceHoldsTheSeatAndTheOldOneCanTakeItBack(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		phone, first := claim(t, g, event, tk, noon)
		if want := (guard.Session{Event: event, Ticket: tk, Epoch: 1, Held: true}); first != want {
			t.Fatalf("first claim: %+v, want %+v", first, want)
		}
		laptop, second := claim(t, g, event, tk, noon.Add(time.Second))
		if !second.Held || second.Epoch != 2 || holds(t, g, phone).Held || !holds(t, g, laptop).Held {
			t.Fatalf("after the second claim: %+v, phone %+v", second, holds(t, g, phone))
		}
		back, err := g.TakeBack(t.Context(), phone, noon.Add(2*time.Second))
		if err != nil || !back.Held || back.Epoch != 3 || holds(t, g, laptop).Held {
			t.Fatalf("take back: %+v %v", back, err)
		}
		again, err := g.TakeBack(t.Context(), phone, noon.Add(3*time.Second))
		if err != nil || again != back {
			t.Fatalf("the holder took the seat from itself: %+v %v", again, err)
		}
	})
}

func TestAnUnknownTokenIsNotAdmitted(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, _ id.Event, _ id.Ticket) {
		_, err := g.Holds(t.Context(), "guess")
		if !fault.HasCode(err, "not_admitted") || !fault.Is(err, fault.Unauthorized) {
			t.Errorf("Holds: %v", err)
		}
		if _, err := g.TakeBack(t.Context(), "guess", noon); !fault.HasCode(err, "not_admitted") {
			t.Errorf("TakeBack: %v", err)
		}
		if err := g.Leave(t.Context(), "guess"); err != nil {
			t.Errorf("Leave: %v", err)
		}
	})
}

func TestASeatThatFlapsCoolsDownAndComesBack(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		one, _ := claim(t, g, event, tk, noon)
		two, _ := claim(t, g, event, tk, noon.Add(time.Second)) // swap 1
		tokens := []string{one, two}
		for i := range 4 { // swaps 2 to 5
			if _, err := g.TakeBack(t.Context(), tokens[i%2], noon.Add(time.Duration(2+i)*time.Second)); err != nil {
				t.Fatalf("swap %d: %v", i+2, err)
			}
		}
		_, err := g.TakeBack(t.Context(), one, noon.Add(10*time.Second))
		if !fault.HasCode(err, "seat_flapping") || !fault.Is(err, fault.Throttled) {
			t.Fatalf("sixth swap: %v", err)
		}
		wait := fault.As(err).RetryAfter
		if wait <= 45*time.Second || wait > 51*time.Second {
			t.Errorf("retry after %v, want about 50 s", wait)
		}
		if _, _, err := g.Claim(t.Context(), event, tk, noon.Add(11*time.Second)); !fault.HasCode(err, "seat_flapping") {
			t.Fatalf("a new device got around the cool-down: %v", err)
		}
		if !holds(t, g, two).Held {
			t.Error("the seat moved during the cool-down")
		}
		if _, err := g.TakeBack(t.Context(), one, noon.Add(10*time.Second+wait)); err != nil {
			t.Fatalf("after the announced time: %v", err)
		}
	})
}

func TestAClockThatIsSetBackDoesNotFreezeTheSeat(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		for i := range 6 {
			claim(t, g, event, tk, noon.Add(time.Duration(i)*time.Second))
		}
		if _, _, err := g.Claim(t.Context(), event, tk, noon.Add(-time.Hour)); err != nil {
			t.Fatalf("an hour back: %v", err)
		}
	})
}

func TestLeavingFreesTheSeatWithoutASwapAndEndsTheToken(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		for i := range 20 { // far more than the swaps of a minute
			token, s := claim(t, g, event, tk, noon.Add(time.Duration(i)*time.Second))
			if err := g.Leave(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Holds(t.Context(), token); !fault.HasCode(err, "not_admitted") {
				t.Fatalf("round %d: the token still works: %v", i, err)
			}
			if want := int64(2*i + 1); s.Epoch != want {
				t.Fatalf("round %d: epoch %d, want %d", i, s.Epoch, want)
			}
		}
	})
}

func TestOldDevicesOfATicketAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		var last string
		for i := range 30 {
			last, _ = claim(t, g, event, tk, noon.Add(time.Duration(i)*time.Hour))
		}
		n, err := db.Value[int](t.Context(), d, "SELECT count(*) FROM device WHERE ticket_id = $1", string(tk))
		if err != nil || n != 20 {
			t.Errorf("%d devices, %v; want 20", n, err)
		}
		if !holds(t, g, last).Held {
			t.Error("the newest was forgotten")
		}
	})
}

func TestTokensAreNotStored(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		token, _ := claim(t, g, event, tk, noon)
		for _, q := range []string{"SELECT count(*) FROM device WHERE token_hash = $1", "SELECT count(*) FROM seat WHERE token_hash = $1"} {
			if n, err := db.Value[int](t.Context(), d, q, token); err != nil || n != 0 {
				t.Errorf("%s: %d, %v", q, n, err)
			}
		}
	})
}

// seatOp is an operation on the seat for the linearizability check: a claim or take-back by a device that returned an
// epoch, or the question whether a device holds the seat.
type seatOp struct {
	claim  bool
	device int
}

type seatAnswer struct {
	epoch int64
	held  bool
}

type seatState struct {
	holder int
	epoch  int64
}

// seatModel is what the seat promises: claims are totally ordered by their epochs without a gap, and exactly the device
// that claimed last holds it.
func seatModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return seatState{holder: -1} },
		Step: func(state, input, output any) (bool, any) {
			s, _ := state.(seatState)
			op, _ := input.(seatOp)
			out, _ := output.(seatAnswer)
			if op.claim {
				return out.held && out.epoch == s.epoch+1, seatState{holder: op.device, epoch: out.epoch}
			}
			return out.held == (s.holder == op.device) && out.epoch == s.epoch, s
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
	}
}

func TestSixtyFourRacingClaimsAreLinearizable(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, g *guard.Guard, event id.Event, tk id.Ticket) {
		var mu sync.Mutex
		var history []porcupine.Operation
		clock := time.Now()
		record := func(client int, op seatOp, f func() guard.Session) {
			call := time.Since(clock).Nanoseconds()
			s := f()
			mu.Lock()
			defer mu.Unlock()
			history = append(history, porcupine.Operation{ClientId: client, Input: op, Call: call,
				Output: seatAnswer{epoch: s.Epoch, held: s.Held}, Return: time.Since(clock).Nanoseconds()})
		}
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				var token string
				// Each claim lies in a minute of its own, so that no cool-down interferes.
				record(i, seatOp{claim: true, device: i}, func() guard.Session {
					tok, s, err := g.Claim(t.Context(), event, tk, noon.Add(time.Duration(i)*10*time.Minute))
					if err != nil {
						t.Errorf("claim %d: %v", i, err)
					}
					token = tok
					return s
				})
				for range 3 {
					record(i, seatOp{device: i}, func() guard.Session {
						s, err := g.Holds(t.Context(), token)
						if err != nil { // forgotten: more than 20 newer devices
							return guard.Session{Epoch: -1}
						}
						return s
					})
				}
			})
		}
		wg.Wait()
		var kept []porcupine.Operation
		for _, op := range history {
			if out, ok := op.Output.(seatAnswer); ok && out.epoch >= 0 {
				kept = append(kept, op)
			}
		}
		if result := porcupine.CheckOperations(seatModel(), kept); !result {
			t.Fatalf("%d operations are not linearizable", len(kept))
		}
		if len(kept) < 70 {
			t.Fatalf("only %d operations were checked", len(kept))
		}
	})
}

package provision

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
)

// steps lets the planner do all that is left.
func steps(t *testing.T, p *plan.Planner) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = p.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func looks(t *testing.T, p *plan.Planner) {
	t.Helper()
	if err := p.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (t *term) exec(tb testing.TB, query string, args ...any) {
	tb.Helper()
	if _, err := t.db.Exec(tb.Context(), query, args...); err != nil {
		tb.Fatal(err)
	}
}

func (t *term) count(tb testing.TB, where string, args ...any) int {
	tb.Helper()
	n, err := db.Value[int](tb.Context(), t.db, "SELECT count(*) FROM resource WHERE "+where, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// A cancelled show that came back with its chat switched off kept an app instance that nobody wanted and nobody might
// delete: the dispatcher asked for it a thousand times a second, with a commit each.
func TestAShowThatComesBackWithoutAChatKeepsWhatItHas(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	term.exec(t, "UPDATE event SET state = 'archived' WHERE id = $1", e)
	looks(t, p)
	steps(t, p)
	if n := term.count(t, "event_id = $1 AND want", e); n != 0 {
		t.Fatalf("%d resources of an archived show are wanted", n)
	}
	term.exec(t, "UPDATE event SET state = 'scheduled', chat = FALSE WHERE id = $1", e)
	looks(t, p)
	steps(t, p)
	if n := term.count(t, "event_id = $1 AND NOT want", e); n != 0 {
		t.Errorf("%d resources of a show that came back are not wanted", n)
	}
	if work, _, err := term.pick(t.Context(), time.Now().Add(time.Second), 10); err != nil || len(work) != 0 {
		t.Errorf("calls %v, %v; want none", work, err)
	}
}

// Memberships of a show whose archive had just been sealed were deleted one by one, if its tickets were compared before it was
// retired; and on and on, refused, after its app instance had gone. So were those of refunds that waited for their turn.
func TestWhatGoesWithItsAppInstanceIsNotDeletedOneByOne(t *testing.T) {
	for _, change := range []string{"", "UPDATE ticket SET valid = FALSE"} {
		term, p := benchTerm(t, "sqlite")
		e, tickets := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
		ledgertest.Fill(t, term.db, e, true)
		if change != "" {
			term.exec(t, change)
			looks(t, p)
			steps(t, p)
			if n := term.count(t, "event_id = $1 AND kind = 'membership' AND work = 'delete'", e); n != 3 {
				t.Fatalf("%d of 3 memberships are to be deleted", n)
			}
		}
		term.exec(t, "UPDATE event SET state = 'archived' WHERE id = $1", e)
		looks(t, p)
		if err := p.Compare(t.Context(), e, tickets); err != nil {
			t.Fatal(err)
		}
		if n := term.count(t, "event_id = $1 AND work = 'delete'", e); change == "" && n > 0 {
			t.Errorf("%d resources are to be deleted one by one", n)
		}
		steps(t, p)
		work, _, err := term.pick(t.Context(), time.Now().Add(time.Second), 10)
		if err != nil || len(work) != 1 || work[0].op() != "DeleteAppInstance" {
			t.Errorf("after %q: calls %v, %v; want one that deletes the app instance", change, work, err)
		}
	}
}

// A show that was sealed when its tickets changed, and came back, is compared once more.
func TestWhatChangedWhileASealStoodIsNotForgotten(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	e, tickets := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	looks(t, p)
	steps(t, p)
	term.exec(t, "UPDATE event SET state = 'archived' WHERE id = $1", e)
	term.exec(t, "UPDATE ticket SET valid = FALSE")
	if err := p.Compare(t.Context(), e, tickets); err != nil {
		t.Fatal(err)
	}
	term.exec(t, "UPDATE event SET state = 'open' WHERE id = $1", e)
	looks(t, p)
	steps(t, p)
	if n := term.count(t, "event_id = $1 AND kind = 'membership' AND NOT want", e); n != 3 {
		t.Errorf("%d of 3 memberships are not wanted any more", n)
	}
}

// A show that came back while all of it was removed was compared from where the comparison stood: who came before had no
// chat for ten minutes.
func TestAComparisonBeginsAnewWhenAllWasRemovedMeanwhile(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 3*ledger.Chunk, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	looks(t, p)
	term.exec(t, "UPDATE placement SET leaving = TRUE WHERE event_id = $1", e)
	if more, err := p.Step(t.Context()); err != nil || !more {
		t.Fatal(more, err)
	}
	term.exec(t, "UPDATE resource SET state = 'absent' WHERE event_id = $1 AND kind = 'instance'", e)
	looks(t, p)
	steps(t, p)
	looks(t, p)
	steps(t, p)
	if n := term.count(t, "event_id = $1 AND kind = 'user' AND want", e); n != 3*ledger.Chunk {
		t.Errorf("%d accounts are planned, want %d", n, 3*ledger.Chunk)
	}
}

// An account that was deleted while the answer was lost was asked for with the request token of its first life, for which
// a provider answers that it is there.
func TestWhatIsMadeAfterALostDeleteHasAnotherToken(t *testing.T) {
	term, _ := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 1, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	call := func(what ledger.Task) (r ledger.Row) {
		rows, err := term.todo(t.Context(), e, what, time.Now().Add(time.Hour), 1)
		if err != nil || len(rows) != 1 {
			t.Fatal(what, rows, err)
		}
		err = term.lease.Write(t.Context(), term.epoch, func(tx *db.Tx) error {
			begun, err := ledger.Begin(tx, term.epoch, rows)
			if err != nil {
				return err
			}
			r = begun[0]
			return fail(tx, term.epoch, r, fault.New(fault.Unavailable, "lost", "no answer"))
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	term.exec(t, "UPDATE resource SET want = FALSE, work = 'delete' WHERE event_id = $1 AND kind = 'user'", e)
	deleted := call(ledger.TaskDelete)
	term.exec(t, "UPDATE resource SET want = TRUE, work = 'create' WHERE event_id = $1 AND kind = 'user'", e)
	again := call(ledger.TaskCreate)
	first := deleted
	first.Generation = 0 // as ledger wrote it
	if a, b := first.Token(ledger.Base{}), again.Token(ledger.Base{}); a == b {
		t.Errorf("both have %q", a)
	}
}

// A call that was throttled is tried again at once, whatever the wall clock does: set back by an hour, it once made
// people wait for an hour.
func TestWhoWasThrottledWaitsForNoClock(t *testing.T) {
	term, _ := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 1, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, false)
	rows, err := term.todo(t.Context(), e, ledger.TaskCreate, time.Now(), 1)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	err = term.lease.Write(t.Context(), term.epoch, func(tx *db.Tx) error {
		begun, err := ledger.Begin(tx, term.epoch, rows)
		if err != nil {
			return err
		}
		return fail(tx, term.epoch, begun[0], fault.New(fault.Throttled, "throttled", "not so fast"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := term.todo(t.Context(), e, ledger.TaskCreate, time.Now().Add(-time.Hour), 1); err != nil || len(rows) != 1 {
		t.Errorf("an hour earlier there is nothing to do: %v, %v", rows, err)
	}
}

// What takes everything of a show along was once called on its way, and its report begun, although a moderator had taken
// the slot: nothing was ever sent, and a show that came back in that moment was not planned.
func TestAShowIsNotLeavingWithoutASlot(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	term.pace = pace.New(presetOf(t, "case"))
	e, _ := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	term.exec(t, "UPDATE event SET state = 'archived' WHERE id = $1", e)
	looks(t, p)
	steps(t, p)
	work, _, err := term.pick(t.Context(), term.pace.Now().Add(time.Second), 1)
	if err != nil || len(work) != 1 || !work[0].endsAll() {
		t.Fatal(work, err)
	}
	err = term.db.Write(t.Context(), func(tx *db.Tx) error {
		for range 20 {
			if _, _, err := term.pace.Book(tx, pace.Call{Op: "CreateChannelBan"}, term.pace.Now(), time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := term.announce(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	if n := count(t, term.db, "placement WHERE leaving") + count(t, term.db, "deletion_report"); n != 0 {
		t.Error("it is on its way")
	}
}

// A show that is wanted again when its last call is announced keeps what it has, and the slot goes to others.
func TestAShowThatIsWantedAgainIsNotLetGo(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	term.pace = pace.New(presetOf(t, "case"))
	e, _ := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, true)
	term.exec(t, "UPDATE event SET state = 'archived' WHERE id = $1", e)
	looks(t, p)
	steps(t, p)
	work, _, err := term.pick(t.Context(), term.pace.Now().Add(time.Second), 1)
	if err != nil || len(work) != 1 {
		t.Fatal(work, err)
	}
	term.exec(t, "UPDATE event SET state = 'scheduled' WHERE id = $1", e)
	if err := term.announce(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	if n := term.count(t, "busy OR attempts > 0 OR state <> 'made'"); n != 0 {
		t.Errorf("%d resources were touched", n)
	}
	rates, err := term.pace.Rates(t.Context(), term.db)
	if err != nil || len(rates) != 1 || rates[0].CallsLastSecond != 0 || count(t, term.db, "placement WHERE leaving") != 0 {
		t.Errorf("%+v, %v; want no call", rates, err)
	}
}

func presetOf(t *testing.T, name string) pace.Preset {
	t.Helper()
	preset, err := pace.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return preset
}

func count(t *testing.T, d *db.DB, what string) int {
	t.Helper()
	n, err := db.Value[int](t.Context(), d, "SELECT count(*) FROM "+what)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Two shows of the shared app instance may ask for the same thing in one look: the second slot was lost.
func TestACallThatIsNotMadeGivesItsSlotBack(t *testing.T) {
	term, _ := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 1, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, false)
	rows, err := term.todo(t.Context(), e, ledger.TaskCreate, time.Now(), 1)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	term.exec(t, "UPDATE resource SET busy = TRUE WHERE event_id = $1", e)
	if err := term.announce(t.Context(), []call{{rows: rows, base: ledger.Base{Place: e, Instance: "arn:aws:chime:us-east-1:1:app-instance/1"}}}); err != nil {
		t.Fatal(err)
	}
	rates, err := term.pace.Rates(t.Context(), term.db)
	if err != nil || len(rates) != 1 || rates[0].CallsLastSecond != 0 {
		t.Errorf("%+v, %v; want no call", rates, err)
	}
}

package provision

import (
	"errors"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
)

// A batch that was answered, with one throttled member among ninety-nine that were let in, once slowed its bucket down as if
// all of it had been refused; and one whose first member was refused for a moment counted as a provider that does not answer.
func TestABatchIsMoreThanItsMembers(t *testing.T) {
	slow, away := fault.New(fault.Throttled, "Throttled", "slow"), fault.New(fault.Unavailable, "ServiceFailure", "away")
	unsent, denied := fault.New(fault.Unavailable, chime.CodeNotSent, "no"), fault.New(fault.Denied, "Forbidden", "no")
	one := func(err error) answer { return answer{err: err, member: err != nil} }
	for name, c := range map[string]struct {
		answers []answer
		want    pace.Outcome
		whole   error
	}{
		"all in":               {[]answer{one(nil), one(nil)}, pace.OK, nil},
		"one throttled":        {[]answer{one(slow), one(nil)}, pace.OK, nil},
		"all throttled":        {[]answer{one(slow), one(slow)}, pace.Throttled, nil},
		"one failed":           {[]answer{one(away), one(nil)}, pace.OK, nil},
		"all failed":           {[]answer{one(away), one(away)}, pace.OK, nil},
		"the call throttled":   {[]answer{{err: slow}, {err: slow}}, pace.Throttled, slow},
		"the call unanswered":  {[]answer{{err: away}, {err: away}}, pace.Lost, away},
		"the call never went":  {[]answer{{err: unsent}}, pace.NotSent, unsent},
		"a single call denied": {[]answer{{err: denied}}, pace.OK, denied},
	} {
		if got := outcomeOf(c.answers); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := wholeError(c.answers); !errors.Is(got, c.whole) {
			t.Errorf("%s: the whole call %v, want %v", name, got, c.whole)
		}
	}
}

// A bucket that has become slow becomes faster by itself. A show that waited for it slept until the slot that it would have got at
// the pace of the moment: for minutes.
func TestAShowDoesNotOversleepASlowBucket(t *testing.T) {
	term, p := benchTerm(t, "sqlite")
	e, _ := ledgertest.Show(t, term.db, 3, time.Now().Add(time.Hour))
	ledgertest.Fill(t, term.db, e, false)
	looks(t, p)
	for range 2 {
		err := term.lease.Write(t.Context(), term.epoch, func(tx *db.Tx) error {
			s, _, err := term.pace.Book(tx, pace.Call{Op: "CreateAppInstanceUser"}, term.pace.Now(), time.Time{})
			if err != nil {
				return err
			}
			return term.pace.Answered(tx, s, pace.Throttled)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	term.exec(t, `UPDATE pace SET slowed = replace(slowed, '"ceiling":1', '"ceiling":0.01')`)
	now := time.Now()
	work, _, err := term.pick(t.Context(), now, 1)
	if err != nil || len(work) > 0 {
		t.Fatal(work, err)
	}
	until, asleep := term.quiet[e]
	if !asleep || time.Until(until) > idle {
		t.Errorf("asleep %v for %v", asleep, time.Until(until))
	}
}

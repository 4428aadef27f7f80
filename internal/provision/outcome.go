package provision

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

const (
	backoffBase = 250 * time.Millisecond
	backoffMax  = time.Minute
	// patience is how many refusals are taken for "not yet": a user just made may be unknown to the next call, and a ban
	// just lifted may still stand.
	patience = 5
	// holdFor is how long a kind of an event rests after a refusal that would meet all its rows, such as a full quota.
	holdFor = 30 * time.Second
	// inARow is how many rows of a kind are set aside, none between them made, until the rest is believed to meet the same.
	inARow = 10
)

// backoff is full jitter: uniform between nothing and a bound that doubles with each attempt.
func backoff(attempts int) time.Duration {
	bound := backoffMax
	if attempts < 10 {
		bound = min(backoffMax, backoffBase<<max(attempts, 0))
	}
	return 20*time.Millisecond + rand.N(bound) //nolint:gosec // spreads load, guards nothing
}

// aside is how long a row rests that has been set aside so many times before.
func aside(times int) time.Duration {
	return min(ledger.AsideMost, ledger.AsideRetry<<min(max(times, 0), 10))
}

// judge says what the error of a row's call means, which was its so many-th in a row.
func judge(err error, attempts int) ledger.Verdict {
	f := fault.As(err)
	switch f.Kind {
	case fault.Throttled:
		return ledger.Verdict{Settled: true} // the pace slows down instead
	case fault.Invalid:
		return ledger.Verdict{Wait: aside(attempts - 1), Aside: true, Counts: true, Settled: true}
	case fault.Denied, fault.NotFound, fault.Conflict, fault.Unauthorized:
		if f.Code == chime.CodeLimit || f.Code == chime.CodeNoAccess {
			return ledger.Verdict{Wait: ledger.AsideRetry, Aside: true, Hold: true, Counts: true, Settled: true}
		}
		if attempts >= patience {
			return ledger.Verdict{Wait: ledger.AsideRetry, Aside: true, Counts: true, Settled: true}
		}
		return ledger.Verdict{Wait: backoff(attempts), Counts: true, Settled: true}
	case fault.Unavailable, fault.Internal:
	}
	return ledger.Verdict{Wait: backoff(attempts), Counts: true, Settled: f.Code == chime.CodeNotSent}
}

// record writes the outcome of a call and lets what depended on it go on.
func (t *term) record(ctx context.Context, c call, answers []answer) error {
	var hints []bus.Hint
	err := t.lease.Write(ctx, t.epoch, func(tx *db.Tx) error {
		hints = hints[:0] // fn may run twice
		var done []id.Ticket
		for i, r := range c.rows {
			if answers[i].err != nil {
				if err := t.failed(tx, c, r, answers[i].err); err != nil {
					return err
				}
				continue
			}
			done = append(done, r.Subject)
			if r.Rank > 0 && (r.Kind != ledger.KindUser || r.Task == ledger.TaskRename) { // an account alone opens no chat
				hints = append(hints, bus.Hint{Topic: bus.ChatReady, Event: r.Event, Ticket: r.Subject})
			}
			if r.Task == ledger.TaskJoin {
				continue // all at once below
			}
			if err := ledger.Succeed(tx, t.epoch, r, answers[i].arn, answers[i].name); err != nil {
				return err
			}
			if err := ledger.Encourage(tx, r); err != nil {
				return err
			}
		}
		if c.first().Task == ledger.TaskJoin && len(done) > 0 {
			if err := ledger.Joined(tx, t.epoch, c.first(), done); err != nil {
				return err
			}
		}
		touched := ledger.Subjects(c.rows)
		if c.first().Kind == ledger.KindInstance {
			touched = ledger.AdminSubjects(1, rule.MaxAdmins)
		}
		if err := ledger.Decide(tx, c.first().Event, touched...); err != nil {
			return err
		}
		return t.pace.Answered(tx, c.slot, outcomeOf(answers))
	})
	if err != nil {
		return err
	}
	switch c.first().Kind {
	case ledger.KindInstance, ledger.KindAdminUser, ledger.KindAdmin:
		t.forget(c.base.Place)
	case ledger.KindChannel, ledger.KindUser, ledger.KindMembership, ledger.KindModerator:
	}
	for _, h := range hints {
		t.bus.Publish(h)
	}
	return nil
}

// outcomeOf tells the pace how a call ended. A batch of which somebody is in was not sent too fast: who is throttled in it
// comes with the next one.
func outcomeOf(answers []answer) pace.Outcome {
	throttled := 0
	for _, a := range answers {
		switch {
		case fault.Is(a.err, fault.Throttled):
			throttled++
		case a.member:
		case fault.HasCode(a.err, chime.CodeNotSent):
			return pace.NotSent
		case fault.Is(a.err, fault.Unavailable):
			return pace.Lost
		}
	}
	if throttled == len(answers) {
		return pace.Throttled
	}
	return pace.OK
}

// wholeError is what became of a call as a whole.
func wholeError(answers []answer) error {
	if answers[0].member {
		return nil
	}
	return answers[0].err
}

// fail records why a row is not yet as it was asked to be.
func fail(tx *db.Tx, epoch int64, r ledger.Row, cause error) error {
	return ledger.SetBack(tx, epoch, r, judge(cause, r.Attempts), fault.As(cause).Public)
}

// failed records a failure, and what follows from it for the whole event.
func (t *term) failed(tx *db.Tx, c call, r ledger.Row, cause error) error {
	if err := fail(tx, t.epoch, r, cause); err != nil {
		return err
	}
	switch {
	case r.Task != ledger.TaskCreate:
	case r.Kind == ledger.KindInstance && r.Event != ledger.Shared && fault.HasCode(cause, chime.CodeLimit):
		return t.displace(tx, r.Event)
	case r.Kind == ledger.KindAdmin && chime.Missing(cause):
		return ledger.Doubt(tx, t.epoch, r)
	}
	return nil
}

// Breaker: a provider that is away is asked rarely, and by one call at a time, until it answers.
const (
	breakAfter = 5 // failures in a row without any answer in between
	breakMax   = 30 * time.Second
)

// breaker counts calls without an answer. The zero value is closed.
type breaker struct {
	failures int
	until    time.Time
}

// note takes the outcome of a call into account.
func (b *breaker) note(err error, now time.Time) {
	if !fault.Is(err, fault.Unavailable) || errors.Is(err, context.Canceled) {
		b.failures = 0
		return
	}
	if b.failures++; b.failures >= breakAfter {
		b.until = now.Add(backoffBase + rand.N(min(breakMax, time.Second<<min(b.failures-breakAfter, 5)))) //nolint:gosec // jitter
	}
}

// open reports whether only a single probe may be on its way.
func (b *breaker) open() bool { return b.failures >= breakAfter }

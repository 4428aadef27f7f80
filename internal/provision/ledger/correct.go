package ledger

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Corrections: what the sweep has seen at the provider is written over what the ledger believed. Each statement repeats its
// condition: what is in flight, or was touched since the provider was asked, stays as it is.

// Span is the time that a correction may judge: what was made before its beginning, or after its end, where only a clock
// that was set back can have put it. Unix milliseconds.
type Span struct{ Before, After int64 }

// loseSQL marks rows absent whose things are not there any more.
const loseSQL = `UPDATE resource SET state = 'absent', arn = '', name = '', attempts = 0, failed = FALSE, error = '', next_try_ms = 0, epoch = $1
	WHERE event_id = $2 AND kind = $3 AND state = 'made' AND NOT busy AND (made_ms < $4 OR made_ms > $5)
	AND subject IN (SELECT value ->> 's' FROM json_each($6)) RETURNING ` + Columns

// Lose marks things of one kind as vanished and returns their rows. It keeps why of each for people, unless that is "".
func Lose(tx *db.Tx, epoch int64, event id.Event, k Kind, s Span, why string, subjects ...id.Ticket) ([]Row, error) {
	rows, err := db.All(tx.Context(), tx, (*Row).Fields, loseSQL, epoch, event, k, s.Before, s.After, Bulk(subjects))
	if err != nil || why == "" {
		return rows, err
	}
	for _, r := range rows {
		if err := Note(tx, r, "vanished", why); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Inside says what goes with a thing of a kind when it vanishes.
func Inside(k Kind) []Kind {
	switch k {
	case KindUser:
		return []Kind{KindMembership, KindModerator}
	case KindAdminUser:
		return []Kind{KindAdmin}
	case KindChannel, KindMembership, KindModerator, KindInstance, KindAdmin:
	}
	return nil
}

// Find writes into the row of r's Event, Subject and Kind that its thing is there after all, with r's ARN and Name. ok is
// false if the row says something else by now; want tells whether somebody wants it.
func Find(tx *db.Tx, epoch int64, r Row) (want, ok bool, err error) {
	rows, err := db.All(tx.Context(), tx, func(r *Row) []any { return append(r.Fields(), &want) }, `UPDATE resource SET state = 'made', arn = $1, name = $2,
		attempts = 0, failed = FALSE, error = '', next_try_ms = 0, made_ms = $3, epoch = $4
		WHERE event_id = $5 AND subject = $6 AND kind = $7 AND state = 'absent' AND NOT busy RETURNING `+Columns+", want",
		r.ARN, r.Name, time.Now().UnixMilli(), epoch, r.Event, r.Subject, r.Kind)
	if err != nil || len(rows) == 0 {
		return false, false, err
	}
	why := "the sweep found it at the provider; nobody wants it"
	if want {
		why = "the sweep found it at the provider; the ledger did not know"
	}
	return want, true, Note(tx, rows[0], "found", why)
}

// sameAgain is how long a name that was taken over from the provider is not taken over again: a provider that writes names
// in its own way would be asked for the other one at every sweep.
const sameAgain = 24 * time.Hour

// Misname takes r's Name over from the provider. ok is false if there is nothing to say about it: the row has it, or it is
// wanted, and then the outcome of a rename whose answer was lost.
func Misname(tx *db.Tx, epoch int64, r Row, s Span) (ok bool, err error) {
	n, err := db.Value[int](tx.Context(), tx, `SELECT count(*) FROM resource_history WHERE event_id = $1 AND subject = $2 AND kind = $3
		AND at_ms > $4 AND what = 'misnamed' AND detail = $5`, r.Event, r.Subject, r.Kind, time.Now().Add(-sameAgain).UnixMilli(), r.Name)
	if err != nil || n > 0 {
		return false, err
	}
	rows, err := db.All(tx.Context(), tx, (*Row).Fields, `UPDATE resource SET name = $1, epoch = $2
		WHERE event_id = $3 AND subject = $4 AND kind = $5 AND state = 'made' AND NOT busy AND (made_ms < $6 OR made_ms > $7)
		AND name <> $1 RETURNING `+Columns, r.Name, epoch, r.Event, r.Subject, r.Kind, s.Before, s.After)
	if err != nil || len(rows) == 0 || rows[0].WantName == r.Name {
		return false, err
	}
	return true, Note(tx, rows[0], "misnamed", r.Name)
}

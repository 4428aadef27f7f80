package ledger

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// What was set aside is tried again after AsideRetry: a raised quota, a repaired permission or what a sweep makes anew heals by itself. What the
// provider takes for a bad request waits twice as long each time, at last AsideMost.
const (
	AsideRetry = 10 * time.Minute
	AsideMost  = 8 * AsideRetry
)

// Verdict says what an error means for a row.
type Verdict struct {
	Wait    time.Duration // until the next attempt
	Aside   bool          // set aside for people to look at
	Hold    bool          // the whole event would meet the same
	Counts  bool          // as an attempt
	Settled bool          // the provider said no: this call had no effect
}

// Succeed records that a row is as it was asked to be: deleted, or there with an ARN and a name.
func Succeed(tx *db.Tx, epoch int64, r Row, a arn.ARN, name string) error {
	now := time.Now().UnixMilli()
	if r.Task == TaskDelete {
		if err := Note(tx, r, "deleted", ""); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = FALSE, state = 'absent', arn = '', name = '', attempts = 0,
			error = '', next_try_ms = 0, epoch = $1 WHERE event_id = $2 AND subject = $3 AND kind = $4 AND busy AND epoch = $1`,
			epoch, r.Event, r.Subject, r.Kind)
		return err
	}
	_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = FALSE, state = 'made', arn = $1, name = $2, attempts = 0,
		error = '', next_try_ms = 0, made_ms = $3 WHERE event_id = $4 AND subject = $5 AND kind = $6 AND busy AND epoch = $7`,
		a, name, now, r.Event, r.Subject, r.Kind, epoch)
	return err
}

// Encourage gives a membership and a role a new chance that were refused because their account had vanished.
func Encourage(tx *db.Tx, r Row) error {
	if r.Kind != KindUser || r.Task != TaskCreate || r.Generation < 2 {
		return nil
	}
	_, err := tx.Exec(`UPDATE resource SET failed = FALSE, attempts = 0, error = '', next_try_ms = 0
		WHERE event_id = $1 AND subject = $2 AND kind IN ('membership', 'moderator') AND state <> 'made' AND NOT busy AND attempts > 0`, r.Event, r.Subject)
	return err
}

// Joined records the members of a batch that are in.
func Joined(tx *db.Tx, epoch int64, like Row, subjects []id.Ticket) error {
	_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = FALSE, state = 'made', attempts = 0, error = '',
		next_try_ms = 0, made_ms = $1 WHERE event_id = $2 AND kind = $3 AND busy AND epoch = $4
		AND subject IN (SELECT value ->> 's' FROM json_each($5))`, time.Now().UnixMilli(), like.Event, like.Kind, epoch, Bulk(subjects))
	return err
}

// SetBack records why a row is not yet as it was asked to be, and when to try again.
func SetBack(tx *db.Tx, epoch int64, r Row, v Verdict, why string) error {
	before := r.Attempts - 1
	if v.Counts {
		what := "failed"
		if v.Aside {
			what = "aside"
		}
		if err := Note(tx, r, what, why); err != nil {
			return err
		}
	}
	s, attempts, text := r.State, r.Attempts, why
	if v.Settled && before == 0 && s == Unknown {
		s = r.before()
	}
	if !v.Counts {
		attempts, text = before, ""
	}
	next := int64(1) // at once, whatever the clock says, behind those that were not tried yet
	if v.Wait > 0 {
		next = time.Now().Add(v.Wait).UnixMilli()
	}
	_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = $1, state = $2, attempts = $3, error = $4, next_try_ms = $5
		WHERE event_id = $6 AND subject = $7 AND kind = $8 AND busy AND epoch = $9`,
		v.Aside, s, attempts, text, next, r.Event, r.Subject, r.Kind, epoch)
	return err
}

// Doubt lets the account be made once more whose role as an admin was refused: it may have vanished, and without an admin
// the sweep cannot look. If it is there, the provider says so. The request token is another one: a provider that remembers
// the first would say "made" and make nothing.
func Doubt(tx *db.Tx, epoch int64, role Row) error {
	_, err := tx.Exec(`UPDATE resource SET state = 'unknown', generation = generation + 1, epoch = $1
		WHERE event_id = $2 AND subject = $3 AND kind = 'admin_user' AND state = 'made' AND NOT busy`, epoch, role.Event, role.Subject)
	return err
}

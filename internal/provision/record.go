package provision

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// verdict says what an error means for a row.
type verdict struct {
	wait    time.Duration // until the next attempt
	aside   bool          // set aside for people to look at
	hold    bool          // the whole event would meet the same
	counts  bool          // as an attempt
	settled bool          // the provider said no: this call had no effect
}

// succeed records that a row is as it was asked to be.
func succeed(tx *db.Tx, epoch int64, r row, a arn.ARN, name string) error {
	now := time.Now().UnixMilli()
	if r.Task == taskDelete {
		if err := note(tx, r, "deleted", ""); err != nil {
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

// encourage gives a membership and a role a new chance that were refused because their account had vanished.
func encourage(tx *db.Tx, r row) error {
	if r.Kind != kindUser || r.Task != taskCreate || r.Generation < 2 {
		return nil
	}
	_, err := tx.Exec(`UPDATE resource SET failed = FALSE, attempts = 0, error = '', next_try_ms = 0
		WHERE event_id = $1 AND subject = $2 AND kind IN ('membership', 'moderator') AND state <> 'made' AND NOT busy AND attempts > 0`, r.Event, r.Subject)
	return err
}

// joined records the members of a batch that are in.
func joined(tx *db.Tx, epoch int64, like row, subjects []id.Ticket) error {
	_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = FALSE, state = 'made', attempts = 0, error = '',
		next_try_ms = 0, made_ms = $1 WHERE event_id = $2 AND kind = $3 AND busy AND epoch = $4
		AND subject IN (SELECT value ->> 's' FROM json_each($5))`, time.Now().UnixMilli(), like.Event, like.Kind, epoch, bulk(subjects))
	return err
}

// setBack records why a row is not yet as it was asked to be, and when to try again.
func setBack(tx *db.Tx, epoch int64, r row, v verdict, why string) error {
	before := r.Attempts - 1
	if v.counts {
		what := "failed"
		if v.aside {
			what = "aside"
		}
		if err := note(tx, r, what, why); err != nil {
			return err
		}
	}
	s, attempts, text := r.State, r.Attempts, why
	if v.settled && before == 0 && s == unknown {
		s = r.before()
	}
	if !v.counts {
		attempts, text = before, ""
	}
	next := int64(1) // at once, whatever the clock says, behind those that were not tried yet
	if v.wait > 0 {
		next = time.Now().Add(v.wait).UnixMilli()
	}
	_, err := tx.Exec(`UPDATE resource SET busy = FALSE, failed = $1, state = $2, attempts = $3, error = $4, next_try_ms = $5
		WHERE event_id = $6 AND subject = $7 AND kind = $8 AND busy AND epoch = $9`,
		v.aside, s, attempts, text, next, r.Event, r.Subject, r.Kind, epoch)
	return err
}

// doubt lets the account be made once more whose role as an admin was refused: it may have vanished, and without an admin
// the sweep cannot look. If it is there, the provider says so. The request token is another one: a provider that remembers
// the first would say "made" and make nothing.
func doubt(tx *db.Tx, epoch int64, role row) error {
	_, err := tx.Exec(`UPDATE resource SET state = 'unknown', generation = generation + 1, epoch = $1
		WHERE event_id = $2 AND subject = $3 AND kind = 'admin_user' AND state = 'made' AND NOT busy`, epoch, role.Event, role.Subject)
	return err
}

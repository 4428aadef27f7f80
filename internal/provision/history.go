package provision

import (
	"context"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// remembered is how many happenings are kept of one resource.
const remembered = 20

// note keeps what happened to a resource, for people. A resource that fails for ever pushes its own oldest notes out.
func note(tx *db.Tx, r row, what, detail string) error {
	_, err := tx.Exec("INSERT INTO resource_history (event_id, subject, kind, at_ms, what, detail) VALUES ($1, $2, $3, $4, $5, $6)",
		r.Event, r.Subject, r.Kind, time.Now().UnixMilli(), what, detail)
	if err != nil || r.Attempts <= remembered {
		return err
	}
	_, err = tx.Exec(`DELETE FROM resource_history WHERE event_id = $1 AND subject = $2 AND kind = $3 AND at_ms < (
		SELECT min(at_ms) FROM (SELECT at_ms FROM resource_history WHERE event_id = $1 AND subject = $2 AND kind = $3
		ORDER BY at_ms DESC LIMIT $4) AS newest)`, r.Event, r.Subject, r.Kind, remembered)
	return err
}

// RetryInput says what Retry is to try again. The zero value means everything that failed.
type RetryInput struct {
	Event   id.Event  // "" means all, unless Kind is given: then the shared place
	Subject id.Ticket // "" means all, unless Kind is given: then the event's own
	Kind    string    // "" means all
}

// Retry lets what failed be tried now instead of later, and returns how many rows that are. Any process may ask.
func (p *Provisioner) Retry(ctx context.Context, in RetryInput) (int, error) {
	const which = ` WHERE attempts > 0 AND error <> '' AND NOT busy AND (($1 = '' AND $2 = '') OR event_id = $1) AND ($2 = '' OR kind = $2)
		AND (($3 = '' AND $2 = '') OR subject = $3)`
	var n int64
	err := p.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO resource_history (event_id, subject, kind, at_ms, what, detail)
			SELECT event_id, subject, kind, `+strconv.FormatInt(time.Now().UnixMilli(), 10)+`, 'retried', '' FROM resource`+which, in.Event, in.Kind, in.Subject)
		if err != nil {
			return err
		}
		n, err = tx.Exec("UPDATE resource SET failed = FALSE, next_try_ms = 0"+which, in.Event, in.Kind, in.Subject)
		return err
	})
	p.nudge()
	return int(n), err
}

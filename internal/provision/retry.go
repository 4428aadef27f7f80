package provision

import (
	"context"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/sweep"
)

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

// Sweep asks for a pass over everything at the provider, now instead of later. Any process may ask; the leader does it in
// the background. How far it is stands in the view swept_place.
func (p *Provisioner) Sweep(ctx context.Context) error { return sweep.Ask(ctx, p.db) }

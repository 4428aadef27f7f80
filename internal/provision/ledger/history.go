package ledger

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// remembered is how many happenings are kept of one resource.
const remembered = 20

// Note keeps what happened to a resource, for people. A resource that fails for ever pushes its own oldest notes out.
func Note(tx *db.Tx, r Row, what, detail string) error {
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

package ledger

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// LetGo announces the call that takes everything of an event along, and begins the report of what is deleted. From then on
// there is no way back. ok is false if there was one just now: the show is wanted again, or its archive is not sealed.
func LetGo(tx *db.Tx, event id.Event) (ok bool, err error) {
	if err := tx.Lock(event.Seal()); err != nil {
		return false, err
	}
	if gone, err := Leaving(tx, event); err != nil || gone {
		return gone, err // one more attempt
	}
	if sealed, err := Retiring(tx, event); err != nil || !sealed {
		return false, err
	}
	if _, err := tx.Exec("UPDATE placement SET leaving = TRUE WHERE event_id = $1", event); err != nil {
		return false, err
	}
	count := func(kinds string) string {
		return "(SELECT count(*) FROM resource WHERE event_id = $1 AND kind IN (" + kinds + ") AND state <> 'absent')"
	}
	_, err = tx.Exec(`INSERT INTO deletion_report (event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships,
			moderators, messages, sha256)
		SELECT e.event_id, e.ended_ms, $2, 0, 0, `+count("'instance'")+", "+count("'channel'")+", "+count("'user', 'admin_user'")+", "+
		count("'membership'")+", "+count("'moderator'")+`, COALESCE(h.messages, 0), COALESCE(h.sha256, '')
		FROM chat_event e LEFT JOIN sealed_history h ON h.event_id = e.event_id AND h.ended_ms = e.ended_ms WHERE e.event_id = $1
		ON CONFLICT (event_id, ended_ms) DO UPDATE SET finished_ms = 0`, event, time.Now().UnixMilli())
	return err == nil, err
}

// CountDelete counts a call of an event whose report has begun.
func CountDelete(tx *db.Tx, event id.Event) error {
	_, err := tx.Exec("UPDATE deletion_report SET calls = calls + 1 WHERE event_id = $1 AND finished_ms = 0", event)
	return err
}

// CloseReport ends the report: nothing is left.
func CloseReport(tx *db.Tx, event id.Event) error {
	_, err := tx.Exec(`UPDATE deletion_report SET finished_ms = $1 WHERE event_id = $2 AND finished_ms = 0`, time.Now().UnixMilli(), event)
	return err
}

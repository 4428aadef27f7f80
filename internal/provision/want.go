package provision

import (
	"strconv"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// shared is the place of the installation's own app instance. Which place a show gets is said in package rule.
const shared = id.Event("")

// adminSubjects names the ledger rows of the admins from first to last, counted from 1.
func adminSubjects(first, last int) []id.Ticket {
	var out []id.Ticket
	for n := first; n <= last; n++ {
		if n == 1 {
			out = append(out, "")
		} else {
			out = append(out, id.Ticket("admin-"+strconv.Itoa(n)))
		}
	}
	return out
}

func wantAdmins(tx *db.Tx, epoch int64, place id.Event, first, last int) error {
	for i, subject := range adminSubjects(first, last) {
		account, role := rankAdminUser, rankAdminRole
		if first+i > 1 {
			account, role = rankModerator, rankModerator
		}
		if err := wantOne(tx, epoch, place, subject, kindAdminUser, account, "Stagedoor"); err != nil {
			return err
		}
		if err := wantOne(tx, epoch, place, subject, kindAdmin, role, "Stagedoor"); err != nil {
			return err
		}
	}
	return nil
}

// wantOne wants one resource that belongs to no ticket.
func wantOne(tx *db.Tx, epoch int64, event id.Event, subject id.Ticket, k kind, rank int, name string) error {
	_, err := tx.Exec(insert+`VALUES ($1, $2, $3, '', $4, TRUE, $5, 'absent', '', '', 'create', FALSE, FALSE, 0, 0, 0, '', $6, 0)
		ON CONFLICT DO NOTHING`, event, subject, k, rank, name, epoch)
	return err
}

// leaving reports whether everything of an event is going: nothing may be wanted again before it is gone.
func leaving(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(l *bool) []any { return []any{l} }, "SELECT leaving FROM placement WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

// retiring reports whether the archive of an event is sealed, so that nothing of it is wanted any more.
func retiring(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(r *bool) []any { return []any{r} }, "SELECT retire FROM wanted_event WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

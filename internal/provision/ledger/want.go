package ledger

import (
	"strconv"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Shared is the place of the installation's own app instance. Which place a show gets is said in package rule.
const Shared = id.Event("")

// AdminSubjects names the ledger rows of the admins from first to last, counted from 1 (all: rule.AllAdmins).
func AdminSubjects(first, last int) []id.Ticket {
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

// WantAdmins wants the admins of a place from first to last, counted from 1: their accounts and their roles. It does not
// decide what follows.
func WantAdmins(tx *db.Tx, epoch int64, place id.Event, first, last int) error {
	for i, subject := range AdminSubjects(first, last) {
		account, role := rankAdminUser, rankAdminRole
		if first+i > 1 {
			account, role = rankModerator, rankModerator
		}
		if err := WantOne(tx, epoch, place, subject, KindAdminUser, account, "Stagedoor"); err != nil {
			return err
		}
		if err := WantOne(tx, epoch, place, subject, KindAdmin, role, "Stagedoor"); err != nil {
			return err
		}
	}
	return nil
}

// WantOne wants one resource that belongs to no ticket, unless it is wanted already. It does not decide what follows.
func WantOne(tx *db.Tx, epoch int64, event id.Event, subject id.Ticket, k Kind, rank int, name string) error {
	_, err := tx.Exec(Insert+`VALUES ($1, $2, $3, '', $4, TRUE, $5, 'absent', '', '', 'create', FALSE, FALSE, 0, 0, 0, '', $6, 0)
		ON CONFLICT DO NOTHING`, event, subject, k, rank, name, epoch)
	return err
}

// Leaving reports whether everything of an event is going: nothing may be wanted again before it is gone.
func Leaving(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(l *bool) []any { return []any{l} }, "SELECT leaving FROM placement WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

// Retiring reports whether the archive of an event is sealed, so that nothing of it is wanted any more.
func Retiring(tx *db.Tx, event id.Event) (bool, error) {
	rows, err := db.All(tx.Context(), tx, func(r *bool) []any { return []any{r} }, "SELECT retire FROM wanted_event WHERE event_id = $1", event)
	return len(rows) > 0 && rows[0], err
}

package ledger

import (
	"slices"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Drift finds those of the tickets $1 whose ledger rows are missing or want something else than the ticket. Here and in
// Adopt the event is left out on purpose: with it, SQLite would read all tickets of the event for each chunk.
const Drift = `
SELECT w.ticket_id FROM wanted_ticket w
LEFT JOIN resource u ON u.event_id = w.event_id AND u.subject = w.ticket_id AND u.kind = 'user'
LEFT JOIN resource m ON m.event_id = w.event_id AND m.subject = w.ticket_id AND m.kind = 'membership'
LEFT JOIN resource o ON o.event_id = w.event_id AND o.subject = w.ticket_id AND o.kind = 'moderator'
WHERE w.ticket_id IN (SELECT value ->> 's' FROM json_each($1)) AND (
  (w.make AND w.account AND u.subject IS NULL) OR (w.make AND w.member AND m.subject IS NULL) OR (w.make AND w.moderator AND o.subject IS NULL)
  OR u.want <> w.account OR m.want <> w.member OR o.want <> w.moderator OR (w.account AND u.want_name <> w.name))`

// Insert is the beginning of a statement that makes ledger rows, with all columns.
const Insert = `INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed,
	generation, attempts, next_try_ms, error, epoch, made_ms) `

// adoption is a kind of row that a ticket has: the column of wanted_ticket that wants it, and its ranks.
type adoption struct {
	kind       Kind
	column     string
	staff, fan int
}

// adoptions are the kinds of rows a ticket has.
var adoptions = []adoption{
	{KindUser, "account", rankStaff, rankFan},
	{KindMembership, "member", rankStaffJoin, rankFanJoin},
	{KindModerator, "moderator", rankModerator, rankModerator},
}

// Adopt writes into the ledger what some tickets of an event want now, and decides what follows.
func Adopt(tx *db.Tx, epoch int64, event id.Event, tickets []id.Ticket) error {
	ids := Bulk(tickets)
	for _, a := range adoptions {
		if _, err := tx.Exec(Insert+`
			SELECT w.event_id, w.ticket_id, $1, w.role, CASE WHEN w.role = 'fan' THEN `+strconv.Itoa(a.fan)+` ELSE `+strconv.Itoa(a.staff)+` END,
			  TRUE, w.name, 'absent', '', '', 'blocked', FALSE, FALSE, 0, 0, 0, '', `+strconv.Itoa(int(epoch))+`, 0
			FROM wanted_ticket w WHERE w.make AND w.`+a.column+` AND w.ticket_id IN (SELECT value ->> 's' FROM json_each($2))
			ON CONFLICT DO NOTHING`, a.kind, ids); err != nil {
			return err
		}
		// A change of mind gives a row that was set aside a new chance.
		if _, err := tx.Exec(`UPDATE resource SET want = w.`+a.column+`, want_name = w.name, failed = FALSE, next_try_ms = 0
			FROM wanted_ticket w WHERE w.event_id = resource.event_id AND w.ticket_id = resource.subject
			AND resource.event_id = $1 AND resource.kind = $2 AND resource.subject IN (SELECT value ->> 's' FROM json_each($3))
			AND (resource.want <> w.`+a.column+` OR resource.want_name <> w.name)`, event, a.kind, ids); err != nil {
			return err
		}
	}
	_, err := tx.Exec(decideSQL, event, ids)
	return err
}

// Introduce makes a row, unwanted and absent, for what a ticket may have and the ledger has never heard of. Of r it needs
// Event, Subject, Kind, Role and WantName.
func Introduce(tx *db.Tx, epoch int64, r Row) error {
	of := adoptions[slices.IndexFunc(adoptions, func(a adoption) bool { return a.kind == r.Kind })]
	rank := of.staff
	if r.Role == id.Fan {
		rank = of.fan
	}
	_, err := tx.Exec(Insert+`VALUES ($1, $2, $3, $4, $5, FALSE, $6, 'absent', '', '', '', FALSE, FALSE, 0, 0, 0, '', $7, 0)
		ON CONFLICT DO NOTHING`, r.Event, r.Subject, r.Kind, r.Role, rank, r.WantName, epoch)
	return err
}

package provision

import (
	"context"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// drift finds those of the tickets $1 whose ledger rows are missing or want something else than the ticket. Here and in
// adopt the event is left out on purpose: with it, SQLite would read all tickets of the event for each chunk.
const drift = `
SELECT w.ticket_id FROM wanted_ticket w
LEFT JOIN resource u ON u.event_id = w.event_id AND u.subject = w.ticket_id AND u.kind = 'user'
LEFT JOIN resource m ON m.event_id = w.event_id AND m.subject = w.ticket_id AND m.kind = 'membership'
LEFT JOIN resource o ON o.event_id = w.event_id AND o.subject = w.ticket_id AND o.kind = 'moderator'
WHERE w.ticket_id IN (SELECT value ->> 's' FROM json_each($1)) AND (
  (w.make AND w.account AND u.subject IS NULL) OR (w.make AND w.member AND m.subject IS NULL) OR (w.make AND w.moderator AND o.subject IS NULL)
  OR u.want <> w.account OR m.want <> w.member OR o.want <> w.moderator OR (w.account AND u.want_name <> w.name))`

// adoptions are the kinds of rows a ticket has: the column of wanted_ticket that wants it, and its ranks.
var adoptions = []struct {
	kind       kind
	column     string
	staff, fan int
}{
	{kindUser, "account", rankStaff, rankFan},
	{kindMembership, "member", rankStaffJoin, rankFanJoin},
	{kindModerator, "moderator", rankModerator, rankModerator},
}

// adopt writes into the ledger what some tickets of an event want now.
func adopt(tx *db.Tx, epoch int64, event id.Event, tickets []id.Ticket) error {
	ids := bulk(tickets)
	for _, a := range adoptions {
		if _, err := tx.Exec(insert+`
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
	_, err := tx.Exec(decide, event, ids)
	return err
}

// retire lets everything of an archived event go: the channel, then, when it is gone and its memberships with it, the
// accounts; at last the ledger rows themselves. It does one chunk a call; more says that another one can follow at once.
func (p *planner) retire(ctx context.Context, event id.Event) (more bool, err error) {
	wanted, err := p.some(ctx, `SELECT subject FROM resource WHERE event_id = $1 AND want LIMIT $2`, event)
	if err != nil {
		return false, err
	}
	if len(wanted) > 0 {
		return true, p.change(ctx, event, wanted, `UPDATE resource SET want = FALSE, failed = FALSE, next_try_ms = 0
			WHERE event_id = $1 AND subject IN (SELECT value ->> 's' FROM json_each($2))`)
	}
	channel, err := p.some(ctx, `SELECT subject FROM resource WHERE event_id = $1 AND subject = '' AND kind = 'channel'
		AND NOT want AND state <> 'absent' LIMIT $2`, event)
	if err != nil || len(channel) > 0 {
		return false, err // the dispatcher deletes it
	}
	inside, err := p.some(ctx, `SELECT subject FROM resource WHERE event_id = $1 AND kind IN ('membership', 'moderator')
		AND NOT want AND state <> 'absent' AND NOT busy LIMIT $2`, event)
	if err != nil {
		return false, err
	}
	if len(inside) > 0 {
		return true, p.change(ctx, event, inside, `UPDATE resource SET state = 'absent' WHERE event_id = $1
			AND kind IN ('membership', 'moderator') AND NOT busy AND subject IN (SELECT value ->> 's' FROM json_each($2))`)
	}
	left, err := p.some(ctx, "SELECT subject FROM resource WHERE event_id = $1 AND NOT want AND state <> 'absent' LIMIT $2", event)
	if err != nil || len(left) > 0 {
		return false, err
	}
	return p.purge(ctx, event)
}

// purge tells that nothing of an event is left, and then forgets the event, chunk by chunk.
func (p *planner) purge(ctx context.Context, event id.Event) (more bool, err error) {
	if !p.purged[event] {
		if p.onPurged != nil {
			if err := p.onPurged(ctx, event); err != nil {
				p.log.Warn("event is not marked purged", "event", event, "err", err)
				return false, nil // again at the next look
			}
		}
		p.purged[event] = true
		p.log.Info("nothing of the event is left at the chat provider", "event", event)
	}
	rows, err := p.some(ctx, "SELECT subject FROM resource WHERE event_id = $1 LIMIT $2", event)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return true, p.lease.write(ctx, p.epoch, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM resource WHERE event_id = $1 AND subject IN (SELECT value ->> 's' FROM json_each($2))", event, bulk(rows))
		return err
	})
}

// some reads up to a chunk of subjects.
func (p *planner) some(ctx context.Context, query string, event id.Event) ([]id.Ticket, error) {
	return db.All(ctx, p.db, func(t *id.Ticket) []any { return []any{t} }, query, event, chunk)
}

// change runs an update of some subjects of an event and decides what follows.
func (p *planner) change(ctx context.Context, event id.Event, subjects []id.Ticket, update string) error {
	err := p.lease.write(ctx, p.epoch, func(tx *db.Tx) error {
		if _, err := tx.Exec(update, event, bulk(subjects)); err != nil {
			return err
		}
		return decideFor(tx, event, subjects...)
	})
	if err == nil {
		p.stir(event)
	}
	return err
}

// Package ledger is the table resource: what is wanted at the provider, what is known to be there, and what to do next. It
// is also the queue, because column work follows from a row's other columns by one rule (Decide). Rows of one thing go through
//
//	            create sent         answer: made
//	absent ───────────────► unknown ───────────► made ──┐ rename
//	   ▲                       │                  │ ◄───┘
//	   └───────────────────────┴──────────────────┘ delete answered: gone
//
// and a row becomes workable when what it needs is made: app instance → admin → channel → user → membership → moderator.
//
// Who wants something from tickets calls Adopt; who makes a call announces it with Begin and records its end with Succeed,
// Joined or SetBack; who looked at the provider corrects with Lose, Find and Misname. Everything here runs in the caller's
// transaction, which carries the epoch of the caller's lease.
package ledger

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Kind says what a ledger row is at the provider.
type Kind string

// The kinds. The first three belong to a place (an app instance of ours), the others to an event.
const (
	KindInstance   Kind = "instance"   // the app instance everything lives in
	KindAdminUser  Kind = "admin_user" // an account that makes channels and memberships
	KindAdmin      Kind = "admin"      // that account's admin role
	KindChannel    Kind = "channel"
	KindUser       Kind = "user"
	KindMembership Kind = "membership"
	KindModerator  Kind = "moderator" // a moderator's role in the channel
)

// Task is what a row waits for: column work.
type Task string

// The tasks. A row with nothing to do has none; a row whose dependencies are missing is blocked.
const (
	TaskCreate Task = "create"
	TaskJoin   Task = "join" // a membership; up to a hundred of them share a call
	TaskRename Task = "rename"
	TaskDelete Task = "delete"
)

// State is what is known about a row's thing at the provider.
type State string

// The states. A deletion whose answer was lost is unknown too.
const (
	Absent  State = "absent"
	Unknown State = "unknown" // a create was sent; its answer was lost or is on its way
	Made    State = "made"
)

// The order of making within an event: who keeps order comes before who comes to watch.
const (
	RankInstance  = -3
	rankAdminUser = -2
	rankAdminRole = -1
	RankChannel   = 1
	rankStaff     = 2 // accounts of moderators and artists
	rankStaffJoin = 3
	rankModerator = 4 // and further admins
	rankFanJoin   = 5
	rankFan       = 6
	LastStaffRank = rankModerator
)

// Row is one ledger row: what is wanted and known of one thing, and what is to be done with it.
type Row struct {
	Event      id.Event
	Subject    id.Ticket // "" for the event's own, and AdminSubjects
	Kind       Kind
	Role       id.Role
	Rank       int    // in the order of making
	WantName   string // the name that is wanted
	State      State
	Name       string // the name that the provider shows, as far as we know
	ARN        arn.ARN
	Task       Task  // "" for nothing
	Generation int   // how often it was made from nothing: part of the request token
	Attempts   int   // since the last success
	NextTry    int64 // when it is due, in ms of the wall clock; 0 at once
}

// Retried reports whether it has failed and is wanted at once all the same, by who asked for another try or for the thing anew: no
// pause of its kind stands before it.
func (r *Row) Retried() bool { return r.Attempts > 0 && r.NextTry == 0 }

// Columns are those of a Row, in the order of Fields.
const Columns = "event_id, subject, kind, role, rank, want_name, state, name, arn, work, generation, attempts, next_try_ms"

// Fields are the addresses to scan Columns into.
func (r *Row) Fields() []any {
	return []any{&r.Event, &r.Subject, &r.Kind, &r.Role, &r.Rank, &r.WantName, &r.State, &r.Name, &r.ARN, &r.Task, &r.Generation, &r.Attempts, &r.NextTry}
}

// decideSQL is the one rule that says what a row waits for. It is run over every row whose own columns or whose dependencies
// changed. $1 is the event, $2 the subjects. Deletes go against the order of making; what is in a channel or an app instance
// that is to go is not deleted one by one, it goes with it.
const decideSQL = `
UPDATE resource AS r SET work = CASE
  WHEN r.want AND r.state <> 'made' THEN CASE
    WHEN r.kind = 'membership' THEN CASE WHEN EXISTS (SELECT 1 FROM resource d
      WHERE d.event_id = r.event_id AND d.subject = r.subject AND d.kind = 'user' AND d.state = 'made') THEN 'join' ELSE 'blocked' END
    WHEN r.kind = 'admin_user' THEN CASE WHEN EXISTS (SELECT 1 FROM resource d
      WHERE d.event_id = r.event_id AND d.subject = '' AND d.kind = 'instance' AND d.state = 'made') THEN 'create' ELSE 'blocked' END
    WHEN r.kind = 'admin' THEN CASE WHEN EXISTS (SELECT 1 FROM resource d
      WHERE d.event_id = r.event_id AND d.subject = r.subject AND d.kind = 'admin_user' AND d.state = 'made') THEN 'create' ELSE 'blocked' END
    WHEN r.kind = 'moderator' THEN CASE WHEN EXISTS (SELECT 1 FROM resource d
      WHERE d.event_id = r.event_id AND d.subject = r.subject AND d.kind = 'membership' AND d.state = 'made') THEN 'create' ELSE 'blocked' END
    ELSE 'create' END
  WHEN r.want AND r.kind IN ('user', 'channel') AND r.name <> r.want_name THEN 'rename'
  WHEN r.want OR r.state = 'absent' THEN ''
  WHEN r.kind <> 'instance' AND EXISTS (SELECT 1 FROM resource d
    WHERE d.event_id = r.event_id AND d.subject = '' AND d.kind = 'instance' AND NOT d.want) THEN 'blocked'
  WHEN r.kind = 'user' AND EXISTS (SELECT 1 FROM resource d
    WHERE d.event_id = r.event_id AND d.subject = r.subject AND d.kind IN ('membership', 'moderator') AND d.state <> 'absent') THEN 'blocked'
  WHEN r.kind = 'membership' AND EXISTS (SELECT 1 FROM resource d
    WHERE d.event_id = r.event_id AND d.subject = r.subject AND d.kind = 'moderator' AND d.state <> 'absent') THEN 'blocked'
  WHEN r.kind IN ('membership', 'moderator') AND EXISTS (SELECT 1 FROM resource d
    WHERE d.event_id = r.event_id AND d.subject = '' AND d.kind = 'channel' AND NOT d.want) THEN 'blocked'
  ELSE 'delete' END
WHERE r.event_id = $1 AND r.subject IN (SELECT value ->> 's' FROM json_each($2))`

// Decide says anew what rows of some subjects of an event wait for. Whoever changed such a row, or one that they need, calls it.
func Decide(tx *db.Tx, event id.Event, subjects ...id.Ticket) error {
	_, err := tx.Exec(decideSQL, event, Bulk(subjects))
	return err
}

// Chunk is how many tickets are compared at once, and at most written in one transaction: about 30 ms on SQLite, so that a
// hundred thousand imported tickets do not stop the door.
const Chunk = 500

// Bulk makes one JSON parameter of many subjects: {"0": {"s": …}, …}, the form that json_each of both databases reads.
func Bulk(subjects []id.Ticket) string {
	m := make(map[string]map[string]string, len(subjects))
	for i, s := range subjects {
		m[strconv.Itoa(i)] = map[string]string{"s": string(s)}
	}
	text, _ := json.Marshal(m) // strings only: cannot fail
	return string(text)
}

// Subjects are those of rows, in their order.
func Subjects(rows []Row) []id.Ticket {
	out := make([]id.Ticket, len(rows))
	for i, r := range rows {
		out[i] = r.Subject
	}
	return out
}

// TodoSQL finds what waits for a task and is due, by the index resource_todo.
const TodoSQL = "SELECT " + Columns + ` FROM resource
	WHERE event_id = $1 AND work = $2 AND NOT busy AND work IN ('create', 'join', 'rename', 'delete') AND next_try_ms <= $3
	ORDER BY rank, next_try_ms, subject LIMIT $4`

// Todo reads the first rows of an event that wait for a task and are due.
func Todo(ctx context.Context, d *db.DB, event id.Event, what Task, now time.Time, most int) ([]Row, error) {
	return db.All(ctx, d, (*Row).Fields, TodoSQL, event, what, now.UnixMilli(), most)
}

// Waiting says for which tasks there are rows of an event, due or not, and when the next one that failed is due again.
type Waiting struct {
	Create, Join, Rename, Delete bool
	retry                        int64 // ms
}

// waitingFor is the first row that waits for a task, or NULL. The range, of all ranks, has SQLite take the index (00002_provision.sql); the
// order has PostgreSQL take it, which reads an EXISTS from the beginning of the table where it believes that most rows are meant.
const waitingFor = `(SELECT 1 FROM resource WHERE event_id = $1 AND rank > -9 AND NOT busy
	AND work IN ('create', 'join', 'rename', 'delete') AND work = `

const firstOne = " ORDER BY rank, next_try_ms, subject LIMIT 1) IS NOT NULL"

// WaitingSQL asks that, by the indexes resource_todo and resource_failing: one question for a show that has nothing to do.
const WaitingSQL = "SELECT " + waitingFor + "'create'" + firstOne + ", " + waitingFor + "'join'" + firstOne + ", " +
	waitingFor + "'rename'" + firstOne + ", " + waitingFor + "'delete'" + firstOne + `, (SELECT COALESCE(min(next_try_ms), 0) FROM resource
	WHERE event_id = $1 AND attempts > 0 AND error <> '' AND NOT busy AND next_try_ms > $2)`

// WaitingFor looks which tasks an event has.
func WaitingFor(ctx context.Context, d *db.DB, event id.Event, now time.Time) (Waiting, error) {
	return db.One(ctx, d, func(w *Waiting) []any { return []any{&w.Create, &w.Join, &w.Rename, &w.Delete, &w.retry} },
		WaitingSQL, event, now.UnixMilli())
}

// None reports that there is no task, due or not.
func (w Waiting) None() bool { return !w.Create && !w.Join && !w.Rename && !w.Delete }

// Retry is when the next failed row is due again, zero for never.
func (w Waiting) Retry() time.Time {
	if w.retry == 0 {
		return time.Time{}
	}
	return time.UnixMilli(w.retry)
}

// Any reports whether there is one for a task.
func (w Waiting) Any(what Task) bool {
	switch what {
	case TaskCreate:
		return w.Create
	case TaskJoin:
		return w.Join
	case TaskRename:
		return w.Rename
	case TaskDelete:
		return w.Delete
	}
	return false
}

// Begin announces a call for rows: they become busy, a create from nothing starts a new generation with the name that is
// wanted now; a delete starts one too, for what is made after it if its answer is lost. All rows have one event, kind and
// task. It returns them as they are announced; those that changed since they were picked are left out.
func Begin(tx *db.Tx, epoch int64, rows []Row) ([]Row, error) {
	first := rows[0]
	return db.All(tx.Context(), tx, (*Row).Fields, `
		UPDATE resource SET busy = TRUE, epoch = $1, attempts = attempts + 1,
		  generation = CASE WHEN state = 'absent' OR work = 'delete' THEN generation + 1 ELSE generation END,
		  name = CASE WHEN state = 'absent' THEN want_name ELSE name END,
		  state = CASE WHEN state = 'absent' OR (work = 'delete' AND kind IN ('user', 'membership', 'moderator')) THEN 'unknown' ELSE state END
		WHERE event_id = $2 AND kind = $3 AND work = $4 AND NOT busy AND subject IN (SELECT value ->> 's' FROM json_each($5))
		RETURNING `+Columns, epoch, first.Event, first.Kind, first.Task, Bulk(Subjects(rows)))
}

// before is the state that a row had before its first attempt.
func (r Row) before() State {
	if r.Task == TaskDelete {
		return Made
	}
	return Absent
}

// Abandon takes an announcement back: the call was never sent.
func Abandon(tx *db.Tx, epoch int64, rows []Row) error {
	for _, r := range rows {
		s := r.State
		if r.Attempts == 1 && s == Unknown {
			s = r.before()
		}
		if _, err := tx.Exec(`UPDATE resource SET busy = FALSE, attempts = attempts - 1, state = $1
			WHERE event_id = $2 AND subject = $3 AND kind = $4 AND busy AND epoch = $5`, s, r.Event, r.Subject, r.Kind, epoch); err != nil {
			return err
		}
	}
	return nil
}

// TakeOver frees what an earlier leader left in flight: its calls are repeated.
func TakeOver(tx *db.Tx, epoch int64) error {
	_, err := tx.Exec("UPDATE resource SET busy = FALSE, epoch = $1 WHERE busy", epoch)
	return err
}

// GoesAlong reports whether a row's thing goes by itself when all of its show goes, which is in a place.
func (r Row) GoesAlong(place id.Event) bool {
	inChannel := r.Kind == KindMembership || r.Kind == KindModerator
	return inChannel || place != Shared && r.Kind != KindInstance
}

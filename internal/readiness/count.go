package readiness

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// show is an event that the provisioner has something to do for, and where its resources are.
type show struct {
	id                id.Event
	name, slug, zone  string
	doors             int64 // Unix milliseconds
	make, retire      bool
	place             id.Event // '' is the shared one
	placed            int64    // 0: not yet
	leaving           bool     // everything is going in one call
	instance, channel arn.ARN
}

func (s show) own() bool { return s.place != "" }

const showsSQL = `
SELECT w.event_id, w.name, e.slug, e.time_zone, w.doors_ms, w.make, w.retire, COALESCE(p.place, ''), COALESCE(p.placed_ms, 0),
  COALESCE(p.leaving, FALSE), COALESCE(i.arn, ''), COALESCE(c.arn, '')
FROM wanted_event w JOIN event e ON e.id = w.event_id
LEFT JOIN placement p ON p.event_id = w.event_id
LEFT JOIN resource i ON i.event_id = p.place AND i.subject = '' AND i.kind = 'instance'
LEFT JOIN resource c ON c.event_id = w.event_id AND c.subject = '' AND c.kind = 'channel'
ORDER BY w.doors_ms, w.event_id`

func (b *Board) shows(ctx context.Context) ([]show, error) {
	return db.All(ctx, b.db, func(s *show) []any {
		return []any{&s.id, &s.name, &s.slug, &s.zone, &s.doors, &s.make, &s.retire, &s.place, &s.placed, &s.leaving, &s.instance, &s.channel}
	}, showsSQL)
}

// tally counts ledger rows that are alike.
type tally struct {
	event       id.Event
	kind, state string
	want        bool
	work        string
	failed      bool
	n           int
}

// Answered by an index of its own, resource_tally, whose order it follows.
const talliesSQL = `SELECT event_id, kind, state, want, work, failed, count(*) FROM resource
	GROUP BY failed, want, state, kind, work, event_id`

func (b *Board) tallies(ctx context.Context) (map[id.Event][]tally, error) {
	all, err := db.All(ctx, b.db, func(t *tally) []any {
		return []any{&t.event, &t.kind, &t.state, &t.want, &t.work, &t.failed, &t.n}
	}, talliesSQL)
	out := map[id.Event][]tally{}
	for _, t := range all {
		out[t.event] = append(out[t.event], t)
	}
	return out, err
}

// tickets counts the valid tickets of an event.
type tickets struct {
	all, moderators int
	fresh           int // that have changed lately and have no account in the ledger
}

const (
	ticketsSQL = "SELECT event_id, role, count(*) FROM ticket WHERE valid GROUP BY event_id, role"
	// Ticket by ticket only for what changed lately: a refund and a sale that are both not planned yet have the same count
	// as none.
	freshSQL = `WITH t AS MATERIALIZED (SELECT event_id, id FROM ticket WHERE updated_ms >= $1 AND valid)
		SELECT t.event_id, count(*) FROM t LEFT JOIN resource u ON u.event_id = t.event_id AND u.subject = t.id AND u.kind = 'user'
		WHERE u.subject IS NULL OR NOT u.want GROUP BY t.event_id`
)

func (b *Board) tickets(ctx context.Context, since int64) (map[id.Event]tickets, error) {
	type count struct {
		event id.Event
		role  id.Role
		n     int
	}
	all, err := db.All(ctx, b.db, func(c *count) []any { return []any{&c.event, &c.role, &c.n} }, ticketsSQL)
	if err != nil {
		return nil, err
	}
	fresh, err := db.All(ctx, b.db, func(c *count) []any { return []any{&c.event, &c.n} }, freshSQL, since)
	if err != nil {
		return nil, err
	}
	out := map[id.Event]tickets{}
	for _, c := range all {
		t := out[c.event]
		t.all += c.n
		if c.role == id.Moderator {
			t.moderators += c.n
		}
		out[c.event] = t
	}
	for _, c := range fresh {
		t := out[c.event]
		t.fresh = c.n
		out[c.event] = t
	}
	return out, nil
}

// rest is what an event has and what is left to do for it.
type rest struct {
	Event
	work    work
	members int                          // people in its channel when all is made
	made    struct{ members, users int } // at the provider
}

// creates and deletes name the operations that make and remove a resource of a kind.
var (
	creates = map[string]string{"instance": "CreateAppInstance", "admin_user": "CreateAppInstanceUser", "admin": "CreateAppInstanceAdmin",
		"channel": "CreateChannel", "user": "CreateAppInstanceUser", "moderator": "CreateChannelModerator"}
	deletes = map[string]string{"instance": "DeleteAppInstance", "channel": "DeleteChannel", "user": "DeleteAppInstanceUser",
		"membership": "DeleteChannelMembership", "moderator": "DeleteChannelModerator"}
	renames = map[string]string{"channel": "UpdateChannel", "user": "UpdateAppInstanceUser"}
)

// count adds up one show. batch is how many memberships share a call.
func count(s show, tallies []tally, sold tickets, batch int) rest {
	r := rest{Event: Event{EventID: s.id, State: StateNone}, work: work{}}
	joins, left, accounts, moderators := 0, 0, 0, 0
	for _, t := range tallies {
		r.tally(s, t)
		if t.state != "absent" {
			left += t.n
		}
		switch {
		case t.kind == "membership":
			if t.state == "made" {
				r.made.members += t.n
			} else if t.want && !t.failed && s.make {
				joins += t.n
			}
		case t.kind == "user":
			if t.want {
				accounts += t.n
			}
			if t.state == "made" {
				r.made.users += t.n
			}
		case t.kind == "moderator" && t.want:
			moderators += t.n
		}
	}
	if s.make {
		r.Unplanned = max(0, sold.all-accounts, sold.fresh)
		r.members = max(sold.all, accounts)
		staff := min(r.Unplanned, max(0, sold.moderators-moderators))
		r.Wanted, r.ToMake = r.Wanted+2*r.Unplanned+staff, r.ToMake+2*r.Unplanned+staff
		r.work.add("CreateAppInstanceUser", r.Unplanned)
		r.work.add("CreateChannelModerator", staff)
		r.work.add("BatchCreateChannelMembership", batches(joins+r.Unplanned, batch))
		if s.placed == 0 && r.Unplanned > 0 {
			r.work.add("CreateChannel", 1)
		}
	}
	r.State = stateOf(s, r.Event, left)
	return r
}

// tally adds rows that are alike. Memberships to be made are not among the calls: they share them.
func (r *rest) tally(s show, t tally) {
	if t.want {
		r.Wanted += t.n
	}
	if t.failed {
		r.Failed += t.n
	}
	switch {
	case t.want && t.state == "made":
		r.Made += t.n
		if t.work == "rename" && !t.failed {
			r.work.add(renames[t.kind], t.n)
		}
	case t.want && s.make:
		r.ToMake += t.n
		if op := creates[t.kind]; op != "" && !t.failed {
			r.work.add(op, t.n)
		}
	case !t.want && t.state != "absent":
		r.ToDelete += t.n
		if op := deletes[t.kind]; op != "" && !t.failed && !s.goesAlong(t.kind) {
			r.work.add(op, t.n)
		}
	}
}

// goesAlong reports whether a resource needs no call of its own to be removed: everything goes with the app instance,
// memberships and moderators with the channel.
func (s show) goesAlong(kind string) bool {
	if !s.retire && !s.leaving {
		return false
	}
	if s.own() {
		return kind != "instance"
	}
	return kind == "membership" || kind == "moderator"
}

func stateOf(s show, e Event, left int) State {
	switch {
	case s.retire && left > 0:
		return StateDeleting
	case s.retire:
		return StateGone
	case e.Failed > 0:
		return StateFailing
	case e.ToMake > 0:
		return StateMaking
	case e.Made > 0:
		return StateReady
	}
	return StateNone
}

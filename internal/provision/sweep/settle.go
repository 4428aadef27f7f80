package sweep

import (
	"context"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// listed is one of our accounts as a list shows it, or what it is in a channel.
type listed struct {
	subject id.Ticket
	role    id.Role
	user    chime.User
}

// ourAccount takes an account that looks like one of a ticket apart.
func ourAccount(u chime.User) (l listed, ok bool) {
	role, ticket, ok := id.FromChatUser(u.ARN.ID())
	return listed{ticket, role, u}, ok
}

// certain reports whether nobody but us gives accounts such an id: eighty random bits in base32 (id.NewTicket). Of others
// it is asked whether we sold the ticket.
func (l listed) certain() bool {
	digits, ok := strings.CutPrefix(string(l.subject), "tk")
	return ok && len(digits) == 80/5
}

// sort tells our accounts from others.
func (p *pass) sort(ctx context.Context, page []chime.User) (ours []listed, others []stranger, err error) {
	var doubtful []id.Ticket
	for _, u := range page {
		if l, ok := ourAccount(u); ok && !l.certain() {
			doubtful = append(doubtful, l.subject)
		}
	}
	sold := map[id.Ticket]bool{}
	if len(doubtful) > 0 {
		owners, err := db.All(ctx, p.DB, (*owner).fields, ownersSQL, ledger.Bulk(doubtful))
		if err != nil {
			return nil, nil, err
		}
		for _, o := range owners {
			sold[o.ticket] = true
		}
	}
	for _, u := range page {
		if l, ok := ourAccount(u); ok && (l.certain() || sold[l.subject]) {
			ours = append(ours, l)
		} else {
			others = append(others, stranger{u.ARN, "user", u.Name})
		}
	}
	return ours, others, nil
}

// standing is a ledger row as the sweep judges it.
type standing struct {
	ledger.Row
	want, busy bool
	made       int64 // when it was made or renamed last
	deleted    int64 // when it was deleted last, 0 for never
}

// moving reports whether something happens to the row's thing, or did lately.
func (s standing) moving(before int64) bool {
	lately := func(ms int64) bool { return ms >= before && ms <= future() }
	return s.busy || s.State == ledger.Unknown || (s.State == ledger.Made && lately(s.made)) || (s.State == ledger.Absent && lately(s.deleted))
}

// future is from when on a time cannot be right: it was written before the clock was set back.
func future() int64 { return time.Now().Add(settling).UnixMilli() }

const standingColumns = ledger.Columns + `, want, busy, made_ms, CASE WHEN state = 'absent' THEN COALESCE((SELECT max(h.at_ms) FROM resource_history h
	WHERE h.event_id = resource.event_id AND h.subject = resource.subject AND h.kind = resource.kind AND h.what = 'deleted'), 0) ELSE 0 END`

func (s *standing) fields() []any {
	return append(s.Row.Fields(), &s.want, &s.busy, &s.made, &s.deleted)
}

const (
	standingSQL = "SELECT " + standingColumns + ` FROM resource
		WHERE event_id = $1 AND kind = $2 AND subject IN (SELECT value ->> 's' FROM json_each($3))`
	walkSQL = "SELECT " + standingColumns + ` FROM resource WHERE event_id = $1 AND kind = $2 AND subject > $3 ORDER BY subject LIMIT $4`
)

// settle compares a page of a list with the rows of one show: what is there and the ledger does not know, and accounts
// that have another name.
func (p *pass) settle(ctx context.Context, event id.Event, k ledger.Kind, page []listed, asked time.Time) error {
	subjects := make([]id.Ticket, len(page))
	for i, l := range page {
		subjects[i] = l.subject
	}
	rows, err := db.All(ctx, p.DB, (*standing).fields, standingSQL, event, k, ledger.Bulk(subjects))
	if err != nil {
		return err
	}
	known := make(map[id.Ticket]standing, len(rows))
	for _, r := range rows {
		known[r.Subject] = r
	}
	var lost, unknown, misnamed []listed
	var others []stranger
	for _, l := range page {
		r, ok := known[l.subject]
		switch {
		case !ok:
			unknown = append(unknown, l)
		case r.Role != l.role: // no ticket changes its role
			others = append(others, stranger{l.user.ARN, "user", l.user.Name})
		case r.moving(settled(asked)):
		case r.State == ledger.Absent:
			lost = append(lost, l)
		case k == ledger.KindUser && l.user.Name != "" && l.user.Name != r.Name:
			misnamed = append(misnamed, l)
		}
	}
	if err := p.report(ctx, others); err != nil || len(lost)+len(unknown)+len(misnamed) == 0 {
		return err
	}
	return p.correct(ctx, event, func(tx *db.Tx, t *tally) error {
		if err := p.introduce(tx, event, k, unknown); err != nil {
			return err
		}
		for _, l := range append(lost, unknown...) {
			a := l.user.ARN
			if k != ledger.KindUser {
				a = ""
			}
			if err := p.hold(tx, t, event, l.subject, k, a, l.user.Name); err != nil {
				return err
			}
		}
		for _, l := range misnamed {
			if err := p.callIt(tx, t, event, l.subject, k, l.user.Name, asked); err != nil {
				return err
			}
		}
		return ledger.Decide(tx, event, subjects...)
	})
}

// correct changes the ledger of a show, unless the show is leaving or not where the pass looks any more.
func (p *pass) correct(ctx context.Context, event id.Event, change func(*db.Tx, *tally) error) error {
	var t tally
	err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		t = tally{} // fn may run twice
		n, err := db.Value[int](tx.Context(), tx, `SELECT count(*) FROM placement p JOIN resource i
			ON i.event_id = p.place AND i.subject = '' AND i.kind = 'instance' AND i.arn = $1 AND i.state = 'made'
			WHERE p.event_id = $2 AND p.place = $3 AND p.placed_ms > 0 AND NOT p.leaving`, p.base.Instance, event, p.place)
		if err != nil || n == 0 {
			return err
		}
		return change(tx, &t)
	})
	if err == nil && t != (tally{}) {
		p.count(t)
		p.Changed(event)
	}
	return err
}

func (p *pass) count(t tally) {
	p.tally = tally{p.vanished + t.vanished, p.found + t.found, p.removed + t.removed, p.renamed + t.renamed}
}

// introduce makes rows for what the ledger has never heard of: as its ticket wants it, or unwanted.
func (p *pass) introduce(tx *db.Tx, event id.Event, k ledger.Kind, page []listed) error {
	if len(page) == 0 {
		return nil
	}
	subjects := make([]id.Ticket, len(page))
	for i, l := range page {
		subjects[i] = l.subject
	}
	owners, err := db.All(tx.Context(), tx, (*owner).fields, ownersSQL, ledger.Bulk(subjects))
	if err != nil {
		return err
	}
	for _, l := range page {
		if err := ledger.Introduce(tx, p.Epoch, ledger.Row{Event: event, Subject: l.subject, Kind: k, Role: l.role, WantName: l.user.Name}); err != nil {
			return err
		}
	}
	var own []id.Ticket
	for _, o := range owners {
		if o.event == event {
			own = append(own, o.ticket)
		}
	}
	return ledger.Adopt(tx, p.Epoch, event, own) // now they are wanted as their tickets want them
}

// owner says whose a ticket is.
type owner struct {
	ticket id.Ticket
	event  id.Event
}

func (o *owner) fields() []any { return []any{&o.ticket, &o.event} }

const ownersSQL = "SELECT ticket_id, event_id FROM ticket_role WHERE ticket_id IN (SELECT value ->> 's' FROM json_each($1))"

// hold writes into a row that its thing is there after all.
func (p *pass) hold(tx *db.Tx, t *tally, event id.Event, subject id.Ticket, k ledger.Kind, a arn.ARN, name string) error {
	want, ok, err := ledger.Find(tx, p.Epoch, ledger.Row{Event: event, Subject: subject, Kind: k, ARN: a, Name: name})
	switch {
	case ok && want:
		t.found++
	case ok:
		t.removed++
	}
	return err
}

// callIt takes a name over from the provider.
func (p *pass) callIt(tx *db.Tx, t *tally, event id.Event, subject id.Ticket, k ledger.Kind, name string, asked time.Time) error {
	ok, err := ledger.Misname(tx, p.Epoch, ledger.Row{Event: event, Subject: subject, Kind: k, Name: name}, ledger.Span{Before: settled(asked), After: future()})
	if ok {
		t.renamed++
	}
	return err
}

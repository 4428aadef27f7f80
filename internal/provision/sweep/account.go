package sweep

import (
	"context"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// throughAccount compares the account's app instances with the ledger: two calls for a hundred of them.
func (p *pass) throughAccount(ctx context.Context) error {
	rows, err := p.ledgerInstances(ctx)
	if err != nil {
		return err
	}
	byARN := map[arn.ARN]id.Event{}
	for place, r := range rows {
		if r.ARN != "" {
			byARN[r.ARN] = place
		}
	}
	present := map[id.Event]bool{}
	var extra []chime.AppInstance
	err = pages(ctx, p.sweeper, pace.Call{Op: "ListAppInstances"}, p.Chime.ListAppInstances, func(page []chime.AppInstance, _ time.Time) error {
		for _, a := range page {
			if place, ok := byARN[a.ARN]; ok {
				present[place] = true
			} else {
				extra = append(extra, a)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.counted.instances = len(present)
	for place, r := range rows {
		switch {
		case r.moving(settled(p.began)):
			p.moving++
		case r.State == ledger.Made && !present[place]:
			if err := p.instanceVanished(ctx, r); err != nil {
				return err
			}
		}
	}
	for _, a := range extra {
		if err := p.instanceExtra(ctx, a); err != nil {
			return err
		}
	}
	if p.ledger.instances, err = db.Value[int](ctx, p.DB, "SELECT count(*) FROM ("+instancesSQL+" AND state = 'made') AS made"); err != nil {
		return err
	}
	return p.forgetPlaces(ctx)
}

// instancesSQL reads the ledger's app instances by primary key: there is none without a placement but the shared one.
const instancesSQL = "SELECT " + standingColumns + ` FROM resource WHERE subject = '' AND kind = 'instance'
	AND event_id IN (SELECT place FROM placement UNION SELECT '')`

func (p *pass) ledgerInstances(ctx context.Context) (map[id.Event]standing, error) {
	rows, err := db.All(ctx, p.DB, (*standing).fields, instancesSQL)
	out := make(map[id.Event]standing, len(rows))
	for _, r := range rows {
		out[r.Event] = r
	}
	return out, err
}

// instanceVanished takes an app instance for lost, if the provider says so once more: to make it anew by mistake would
// give everybody in it another ARN.
func (p *pass) instanceVanished(ctx context.Context, r standing) error {
	err := p.ask(ctx, pace.Call{Op: "DescribeAppInstance", Instance: r.ARN}, func(ctx context.Context) error {
		_, err := p.Chime.DescribeAppInstance(ctx, r.ARN)
		return err
	})
	if !chime.Missing(err) {
		return err
	}
	shows, err := p.showsIn(ctx, r.Event)
	if err != nil {
		return err
	}
	before := settled(p.began)
	var t tally
	err = p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		t = tally{}
		if left, err := ledger.Leaving(tx, r.Event); err != nil || left {
			return err
		}
		if err := p.lose(tx, &t, r.Event, ledger.KindInstance, before, "the sweep did not find it at the provider, nor what was inside", ""); err != nil || t.vanished == 0 {
			return err
		}
		for _, k := range []ledger.Kind{ledger.KindAdminUser, ledger.KindAdmin} {
			if err := p.lose(tx, nil, r.Event, k, p.began.UnixMilli(), "", ledger.AdminSubjects(1, rule.MaxAdmins)...); err != nil {
				return err
			}
		}
		for _, show := range shows {
			if err := p.lose(tx, nil, show, ledger.KindChannel, p.began.UnixMilli(), "", ""); err != nil {
				return err
			}
			if err := ledger.Decide(tx, show, ""); err != nil {
				return err
			}
		}
		return ledger.Decide(tx, r.Event, ledger.AdminSubjects(1, rule.MaxAdmins)...)
	})
	if err != nil || t.vanished == 0 {
		return err
	}
	p.count(t)
	p.Log.Warn("an app instance is not at the chat provider any more", "place", r.Event, "arn", r.ARN)
	p.Forget(r.Event)
	p.sweepSoon(r.Event)
	for _, show := range shows {
		if err := p.vanishInside(ctx, show, p.began.UnixMilli(), ledger.KindUser, ledger.KindMembership, ledger.KindModerator); err != nil {
			return err
		}
	}
	return nil
}

// sweepSoon lets a place be swept before those that were swept already.
func (s *sweeper) sweepSoon(place id.Event) { delete(s.due, place) }

// showsIn returns the shows that are placed in a place.
func (p *pass) showsIn(ctx context.Context, place id.Event) ([]id.Event, error) {
	return db.All(ctx, p.DB, func(e *id.Event) []any { return []any{e} },
		"SELECT event_id FROM placement WHERE place = $1 AND placed_ms > 0 AND NOT leaving ORDER BY event_id", place)
}

// ourInstance tells from its name whose app instance something is.
func (p *pass) ourInstance(name string) (place id.Event, ok bool) {
	rest, ok := strings.CutPrefix(name, ledger.Base{Installation: p.Installation}.AppInstanceName())
	if !ok || rest == "" {
		return ledger.Shared, ok
	}
	event, ok := strings.CutPrefix(rest, "-")
	return id.Event(event), ok && event != ""
}

// fate is what is to become of an app instance that the ledger did not have when the list was read.
type fate int

const (
	fateKnown   fate = iota // its create was answered meanwhile
	fateMoving              // something happens to its show
	fateLost                // the ledger wants it and does not know that it is there
	fateOver                // its show is over, the archive sealed
	fateForeign             // it has our name, and the ledger has another one or none: made twice, or the ledger is an older copy
)

func (p *pass) fateOf(ctx context.Context, place id.Event, a arn.ARN) (fate, standing, error) {
	rows, err := p.ledgerInstances(ctx)
	if err != nil {
		return fateKnown, standing{}, err
	}
	shows, err := p.where(ctx, place)
	r, has := rows[place]
	switch {
	case has && r.ARN == a:
		return fateKnown, r, err
	case has && r.moving(settled(p.began)), shows[place].leaves:
		return fateMoving, r, err
	case has && r.State == ledger.Absent && r.want:
		return fateLost, r, err
	case shows[place].sealed:
		return fateOver, r, err
	}
	return fateForeign, r, err
}

// instanceExtra deals with an app instance that is not in the ledger.
func (p *pass) instanceExtra(ctx context.Context, a chime.AppInstance) error {
	place, ours := p.ourInstance(a.Name)
	if !ours {
		return p.report(ctx, []stranger{{a.ARN, "instance", a.Name}})
	}
	f, r, err := p.fateOf(ctx, place, a.ARN)
	if err != nil {
		return err
	}
	switch f {
	case fateKnown:
		return nil
	case fateMoving:
		p.moving++
		return nil
	case fateLost:
		return p.instanceFound(ctx, r, a)
	case fateForeign:
		if empty, err := p.isEmpty(ctx, a.ARN); err != nil {
			return err
		} else if !empty {
			return p.report(ctx, []stranger{{a.ARN, "instance", a.Name}})
		}
	case fateOver:
	}
	_, err = p.dismiss(ctx, dismissal{
		call: pace.Call{Op: "DeleteAppInstance", Instance: a.ARN},
		what: ledger.Row{Event: place, Kind: ledger.KindInstance, ARN: a.ARN},
		still: func(ctx context.Context) (bool, error) {
			now, _, err := p.fateOf(ctx, place, a.ARN)
			return now == f, err
		},
		remove: func(ctx context.Context) error { return p.Chime.DeleteAppInstance(ctx, a.ARN) },
	})
	return err
}

// isEmpty reports whether nobody has an account in an app instance: then nobody can have said anything in it.
func (p *pass) isEmpty(ctx context.Context, instance arn.ARN) (empty bool, err error) {
	err = p.ask(ctx, pace.Call{Op: "ListAppInstanceUsers", Instance: instance}, func(ctx context.Context) error {
		users, err := p.Chime.ListUsers(ctx, instance, "")
		empty = err == nil && len(users.Items) == 0 && users.Next == ""
		return err
	})
	if chime.Missing(err) {
		return true, nil // nothing is left of it
	}
	return empty, err
}

// instanceFound lets the ledger know of an app instance that is ours and wanted.
func (p *pass) instanceFound(ctx context.Context, r standing, a chime.AppInstance) error {
	var t tally
	err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		t = tally{}
		if left, err := ledger.Leaving(tx, r.Event); err != nil || left {
			return err
		}
		if err := p.hold(tx, &t, r.Event, "", ledger.KindInstance, a.ARN, a.Name); err != nil {
			return err
		}
		return ledger.Decide(tx, r.Event, ledger.AdminSubjects(1, rule.MaxAdmins)...)
	})
	if err != nil || t == (tally{}) {
		return err
	}
	p.count(t)
	p.counted.instances++
	p.Forget(r.Event)
	p.Changed(r.Event)
	p.sweepSoon(r.Event)
	return nil
}

// forgetPlaces forgets what was seen in places that are no more.
func (p *pass) forgetPlaces(ctx context.Context) error {
	return p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		for _, table := range []string{"sweep", "stranger"} {
			_, err := tx.Exec("DELETE FROM "+table+` WHERE place <> $1 AND place <> ''
				AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.place = `+table+".place AND p.placed_ms > 0)", wholeAccount)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

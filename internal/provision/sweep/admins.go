package sweep

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// ourAdmin tells from its id which of our admin accounts something is.
func ourAdmin(u chime.User) (subject id.Ticket, ok bool) {
	name, ok := strings.CutPrefix(u.ARN.ID(), ledger.AdminUser(""))
	if name != "" {
		name = "admin" + name
	}
	return id.Ticket(name), ok && slices.Contains(ledger.AdminSubjects(1, rule.MaxAdmins), id.Ticket(name))
}

const adminsSQL = "SELECT " + standingColumns + ` FROM resource WHERE event_id = $1 AND kind = $2
	AND subject IN ` + rule.AllAdmins + " ORDER BY subject"

// sweepAdmins compares who has the administrator's role: without one nothing can be made or listed here. When one has lost it,
// the pass ends, and begins anew when the role is back.
func (p *pass) sweepAdmins(ctx context.Context) error {
	asked := time.Now()
	var others []stranger
	roles := map[id.Ticket]bool{}
	list := func(ctx context.Context, next string) (chime.Page[chime.User], error) {
		return p.Chime.ListAdmins(ctx, p.base.Instance, next)
	}
	err := pages(ctx, p.sweeper, p.call("ListAppInstanceAdmins", ""), list, func(page []chime.User, _ time.Time) error {
		for _, u := range page {
			if n, ok := ourAdmin(u); ok {
				roles[n] = true
			} else {
				others = append(others, stranger{u.ARN, "admin", u.Name})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.report(ctx, others); err != nil {
		return err
	}
	rows, err := db.All(ctx, p.DB, (*standing).fields, adminsSQL, p.place, ledger.KindAdmin)
	if err != nil {
		return err
	}
	lost := false
	for _, r := range rows {
		switch {
		case r.moving(settled(asked)):
		case r.State == ledger.Absent && roles[r.Subject]:
			err = p.adminFound(ctx, ledger.KindAdmin, r.Subject, "")
		case r.State == ledger.Made && !roles[r.Subject]:
			lost = true
			err = p.adminLost(ctx, r.Subject, settled(asked))
		}
		if err != nil {
			return err
		}
	}
	if lost {
		return trouble{rest: unready}
	}
	return nil
}

// adminLost takes an admin's role for lost, and the account if that is gone.
func (p *pass) adminLost(ctx context.Context, n id.Ticket, before int64) error {
	account := p.base.Instance.User(ledger.AdminUser(n))
	c := p.call("DescribeAppInstanceUser", "")
	c.User = account
	err := p.ask(ctx, c, func(ctx context.Context) error {
		_, err := p.Chime.DescribeUser(ctx, account)
		return err
	})
	k := ledger.KindAdmin
	if chime.Missing(err) {
		k, err = ledger.KindAdminUser, nil
	}
	if err != nil {
		return err
	}
	return p.adminsVanished(ctx, k, before, n)
}

func (p *pass) adminsVanished(ctx context.Context, k ledger.Kind, before int64, subjects ...id.Ticket) error {
	return p.correctAdmins(ctx, func(tx *db.Tx, t *tally) error {
		if err := p.lose(tx, t, p.place, k, before, "the sweep did not find it at the provider", subjects...); err != nil {
			return err
		}
		for _, in := range ledger.Inside(k) {
			if err := p.lose(tx, t, p.place, in, before, "", subjects...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *pass) adminFound(ctx context.Context, k ledger.Kind, n id.Ticket, account arn.ARN) error {
	return p.correctAdmins(ctx, func(tx *db.Tx, t *tally) error { return p.hold(tx, t, p.place, n, k, account, "Stagedoor") })
}

// correctAdmins changes the rows of a place's admins.
func (p *pass) correctAdmins(ctx context.Context, change func(*db.Tx, *tally) error) error {
	var t tally
	err := p.Lease.Write(ctx, p.Epoch, func(tx *db.Tx) error {
		t = tally{}
		if left, err := ledger.Leaving(tx, p.place); err != nil || left {
			return err
		}
		if err := change(tx, &t); err != nil {
			return err
		}
		return ledger.Decide(tx, p.place, ledger.AdminSubjects(1, rule.MaxAdmins)...)
	})
	if err != nil || t == (tally{}) {
		return err
	}
	p.count(t)
	p.Forget(p.place)
	p.Changed(p.place)
	return nil
}

// settleAdmins compares the admins' accounts, by subject, with the ledger.
func (p *pass) settleAdmins(ctx context.Context, seen map[id.Ticket]string) error {
	rows, err := db.All(ctx, p.DB, (*standing).fields, adminsSQL, p.place, ledger.KindAdminUser)
	if err != nil {
		return err
	}
	known := map[id.Ticket]standing{}
	for _, r := range rows {
		known[r.Subject] = r
	}
	for i, n := range ledger.AdminSubjects(1, rule.MaxAdmins) {
		r, ok := known[n]
		_, shown := seen[n]
		if ok && r.State == ledger.Made {
			p.ledger.users++
		}
		switch {
		case !ok && shown: // of an older copy of the database: one more that may act
			err = p.correctAdmins(ctx, func(tx *db.Tx, t *tally) error {
				if err := ledger.WantAdmins(tx, p.Epoch, p.place, i+1, i+1); err != nil {
					return err
				}
				return p.hold(tx, t, p.place, n, ledger.KindAdminUser, p.base.Instance.User(ledger.AdminUser(n)), "Stagedoor")
			})
			p.ledger.users++
		case !ok:
		case r.moving(settled(p.began)):
			p.moving++
		case r.State == ledger.Made && !shown:
			err = p.adminsVanished(ctx, ledger.KindAdminUser, settled(p.began), n)
			p.ledger.users--
		case r.State == ledger.Absent && shown:
			err = p.adminFound(ctx, ledger.KindAdminUser, n, p.base.Instance.User(ledger.AdminUser(n)))
			p.ledger.users++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

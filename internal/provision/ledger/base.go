package ledger

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// Base is what every call needs to know: where things are made and who makes them. Fields are "" until made.
type Base struct {
	Installation string
	Place        id.Event
	Round        int
	Instance     arn.ARN
	Admin        arn.ARN   // the first admin, who made the others
	Bearers      []arn.ARN // all accounts with the admin's role, at least the first
}

// AppInstanceName names the app instance of a place. By it, and by nothing else, it is known as ours.
func (b Base) AppInstanceName() string {
	name := "stagedoor-" + b.Installation
	if b.Place != Shared {
		name += "-" + string(b.Place)
	}
	return name
}

// User is the account of the row's ticket.
func (b Base) User(r Row) arn.ARN { return b.Instance.User(id.ChatUser(r.Role, r.Subject)) }

// AdminUser is the AppInstanceUserId of an admin account of ours; n is the row's subject, "" for the first. It cannot be
// mistaken for a ticket's: those begin with one letter and a dash.
func AdminUser(n id.Ticket) string {
	if n == "" {
		return "stagedoor-admin"
	}
	return "stagedoor-" + string(n)
}

// BaseSQL asks for the rows of a place, an account before its role, which may have the same rank.
const BaseSQL = "SELECT " + Columns + ` FROM resource
	WHERE event_id = $1 AND kind IN ('instance', 'admin_user', 'admin') AND subject IN ` + rule.AllAdmins + ` AND state = 'made'
	ORDER BY rank, subject, kind DESC`

// ReadBase reads how far the app instance of a place is, whose show was removed round times. ready says that channels can be made in it.
func ReadBase(ctx context.Context, d *db.DB, installation string, place id.Event, round int) (b Base, ready bool, err error) {
	b = Base{Installation: installation, Place: place, Round: round}
	rows, err := db.All(ctx, d, (*Row).Fields, BaseSQL, place)
	if err != nil {
		return b, false, err
	}
	admins := map[id.Ticket]arn.ARN{}
	for _, r := range rows {
		switch r.Kind {
		case KindInstance:
			b.Instance = r.ARN
		case KindAdminUser:
			admins[r.Subject] = r.ARN
		case KindAdmin:
			b.Bearers = append(b.Bearers, admins[r.Subject])
		default: // channels and what is in them
		}
	}
	b.Admin = admins[""]
	return b, len(b.Bearers) > 0 && b.Bearers[0] == b.Admin, nil
}

// Token is the request token of a create: the same for every repeat of one generation, and no longer than 64 characters.
func (r Row) Token(b Base) string {
	of := string(r.Subject)
	switch {
	case r.Kind == KindAdminUser && r.Event != "":
		of = string(r.Event) + of
	case r.Kind == KindAdminUser, of == "" && r.Event == "":
		of = b.Installation + of
	case of == "":
		of = string(r.Event)
	}
	round := b.Round
	if r.Event == Shared {
		round = 0 // b's is that of the show that asks
	}
	return fmt.Sprintf("%s-%s-%d-%d", r.Kind, of, round, r.Generation)
}

package provision

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// base is what every call needs to know: where things are made and who makes them. Fields are "" until made.
type base struct {
	installation string
	place        id.Event
	round        int
	instance     arn.ARN
	admin        arn.ARN   // the first admin, who made the others
	bearers      []arn.ARN // all accounts with the admin's role, at least the first
}

// appInstanceName names the app instance of a place. By it, and by nothing else, it is known as ours.
func (b base) appInstanceName() string {
	name := "stagedoor-" + b.installation
	if b.place != shared {
		name += "-" + string(b.place)
	}
	return name
}

// user is the account of the row's ticket.
func (b base) user(r row) arn.ARN { return b.instance.User(id.ChatUser(r.Role, r.Subject)) }

// adminUser is the AppInstanceUserId of an admin account of ours; n is the row's subject, "" for the first. It cannot be
// mistaken for a ticket's: those begin with one letter and a dash.
func adminUser(n id.Ticket) string {
	if n == "" {
		return "stagedoor-admin"
	}
	return "stagedoor-" + string(n)
}

// readBase reads how far the app instance of a place is. ready says that channels can be made in it.
func readBase(ctx context.Context, d *db.DB, installation string, place id.Event, round int) (b base, ready bool, err error) {
	b = base{installation: installation, place: place, round: round}
	rows, err := db.All(ctx, d, (*row).fields, "SELECT "+rowColumns+` FROM resource WHERE event_id = $1
		AND kind IN ('instance', 'admin_user', 'admin') AND subject IN ('', 'admin-2', 'admin-3', 'admin-4') AND state = 'made'
		ORDER BY rank, subject, kind DESC`, place) // an account before its role, which may have the same rank
	if err != nil {
		return b, false, err
	}
	admins := map[id.Ticket]arn.ARN{}
	for _, r := range rows {
		switch r.Kind {
		case kindInstance:
			b.instance = r.ARN
		case kindAdminUser:
			admins[r.Subject] = r.ARN
		case kindAdmin:
			b.bearers = append(b.bearers, admins[r.Subject])
		default: // channels and what is in them
		}
	}
	b.admin = admins[""]
	return b, len(b.bearers) > 0 && b.bearers[0] == b.admin, nil
}

// token is the request token of a create: the same for every repeat of one generation, and no longer than 64 characters.
func (r row) token(b base) string {
	of := string(r.Subject)
	switch {
	case r.Kind == kindAdminUser && r.Event != "":
		of = string(r.Event) + of
	case r.Kind == kindAdminUser, of == "" && r.Event == "":
		of = b.installation + of
	case of == "":
		of = string(r.Event)
	}
	round := b.round
	if r.Event == shared {
		round = 0 // b's is that of the show that asks
	}
	return fmt.Sprintf("%s-%s-%d-%d", r.Kind, of, round, r.Generation)
}

package role

import (
	"context"
	"regexp"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

var (
	writesRoles = regexp.MustCompile(`(?i)\b(INTO|UPDATE(\s+OR\s+\w+)?|FROM|TABLE)\s+"?(app_instance|app_instance_user|app_instance_admin|channel|channel_membership|channel_moderator|channel_ban)\b`)
	isRead      = regexp.MustCompile(`(?i)^\s*SELECT\b`)
	// What is written all the time and decides nothing: the clock of a place, and read markers.
	writesClock  = regexp.MustCompile(`^UPDATE channel SET clock_ms = (clock_ms|clock_ms \+ 1|\$\d+)(, last_message_ms = \$\d+)? WHERE [^;]*$`)
	writesMarker = regexp.MustCompile(`^UPDATE channel_membership SET read_ms = \$\d+ WHERE [^;]*$`)
)

// Touches reports whether a statement may change what an Actor says but for its Clock, for db.Watch. It is a list of what
// does not: a new statement that is not in it ends what is remembered too often, and never too late.
func Touches(query string) bool {
	return writesRoles.MatchString(query) && !isRead.MatchString(query) && !writesClock.MatchString(query) && !writesMarker.MatchString(query)
}

const membersSQL = `SELECT ` + actorColumns + `, u.id
FROM channel_membership x CROSS JOIN app_instance_user u ` + whereActor + `
WHERE u.no = x.member AND u.app = $1 AND x.channel = $2 AND x.member > $4 ORDER BY x.channel, x.member LIMIT $5`

// Members reads what the members of the actor's place are there, at most n of them, those behind after in the order of Actor.No.
func (c *Roles) Members(ctx context.Context, q db.Querier, place arn.ARN, a Actor, after int64, n int) ([]Actor, error) {
	ch, _ := c.FindPlace(place)
	all, err := db.All(ctx, q, func(a *Actor) []any { return append(a.fields(), &a.ID) }, membersSQL, a.App, a.Channel, ch.ID, after, n)
	for i := range all {
		all[i].App = a.App
		all[i].settle(ch.ID)
	}
	return all, err
}

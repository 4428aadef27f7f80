package inventory

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// wholeAccount is the place under which the sweep notes the list of all app instances.
const wholeAccount = id.Event("account")

// Sweep is the last comparison of a place with what the provider really has.
type Sweep struct {
	At        *time.Time `json:"at" doc:"When it ended; null before the first."`
	Due       bool       `json:"due" doc:"Somebody asked for another one, which is not at its end."`
	Heard     bool       `json:"-"` // one has begun since somebody asked last
	Since     *time.Time `json:"-"` // when the one that is under way began; nil: none is
	Calls     int        `json:"calls"`
	There     int        `json:"there" doc:"Accounts, channels, memberships and roles that the provider has; for the account its app instances."`
	Ledger    int        `json:"ledger" doc:"The same by the ledger, when the sweep had put it right."`
	Differs   bool       `json:"differs" doc:"The two differ by more than what happened meanwhile."`
	Vanished  int        `json:"vanished" doc:"Was not there any more, and is made anew."`
	Found     int        `json:"found" doc:"Was there, and the ledger did not know."`
	Removed   int        `json:"removed" doc:"Ours and unwanted."`
	Renamed   int        `json:"renamed" doc:"Had another name."`
	Strangers int        `json:"strangers" doc:"Not ours."`
	Error     string     `json:"error" doc:"Why a later one did not get to its end; if due, one that began after somebody asked."`
}

const sweepsSQL = `SELECT place, finished_ms, due, heard, since_ms, calls, instances, users + channels + members + moderators, ledger_instances,
	ledger_users + ledger_channels + ledger_members + ledger_moderators, differs, vanished, found, removed, renamed, strangers, error
	FROM swept_place`

// PlaceSweep is the last comparison of one place.
type PlaceSweep struct {
	Place id.Event `json:"place" doc:"account for the list of all app instances; empty for the app instance that shows share, else the show it is for."`
	Name  string   `json:"name" doc:"Of the show; empty for the others."`
	Sweep
}

// WholeAccount reports whether it is the list of all app instances.
func (p PlaceSweep) WholeAccount() bool { return p.Place == wholeAccount }

// Title names the place for people.
func (p PlaceSweep) Title() string {
	switch {
	case p.Place == wholeAccount:
		return "List of app instances"
	case p.Place == "":
		return "Shared app instance"
	case p.Name == "":
		return string(p.Place)
	}
	return p.Name
}

// Sweeps returns what was compared, is asked to be, or could not be: the list of app instances, the one that shows share, then the others
// by the names of their shows.
func (c *Catalog) Sweeps(ctx context.Context) ([]PlaceSweep, error) {
	sweeps, err := c.sweeps(ctx)
	if err != nil {
		return nil, err
	}
	shows, err := db.All(ctx, c.db, func(p *PlaceSweep) []any { return []any{&p.Place, &p.Name} }, "SELECT id, name FROM event ORDER BY name, id")
	if err != nil {
		return nil, err
	}
	out := []PlaceSweep{}
	for _, p := range append([]PlaceSweep{{Place: wholeAccount}, {Place: ""}}, shows...) {
		if s := sweeps[p.Place]; s != nil && (s.Due || s.At != nil || s.Error != "") {
			p.Sweep = *s
			out = append(out, p)
		}
	}
	return out, nil
}

// sweeps reads the last sweep of every place.
func (c *Catalog) sweeps(ctx context.Context) (map[id.Event]*Sweep, error) {
	type row struct {
		Sweep
		place            id.Event
		ended, since     int64
		instances, known int
	}
	rows, err := db.All(ctx, c.db, func(r *row) []any {
		return []any{&r.place, &r.ended, &r.Due, &r.Heard, &r.since, &r.Calls, &r.instances, &r.There, &r.known, &r.Ledger, &r.Differs, &r.Vanished, &r.Found,
			&r.Removed, &r.Renamed, &r.Strangers, &r.Error}
	}, sweepsSQL)
	out := map[id.Event]*Sweep{}
	for _, r := range rows {
		r.At, r.Since = moment(r.ended), moment(r.since)
		if r.place == wholeAccount {
			r.There, r.Ledger = r.instances, r.known
		}
		out[r.place] = &r.Sweep
	}
	return out, err
}

// Stranger is something in our account or in one of our app instances that is not ours. Nobody touches it.
type Stranger struct {
	ARN       arn.ARN   `json:"arn"`
	Kind      string    `json:"kind" enum:"instance,user,admin,channel"`
	Name      string    `json:"name"`
	Place     id.Event  `json:"place" doc:"account for an app instance; else the place it was seen in, empty for the shared one."`
	FirstSeen time.Time `json:"firstSeen"`
	LastSeen  time.Time `json:"lastSeen"`
}

// Strangers is a page of them.
type Strangers struct {
	Items []Stranger `json:"items" nullable:"false"`
	Next  string     `json:"next" doc:"The cursor of the next page; empty on the last."`
}

const strangersSQL = `SELECT arn, kind, name, place, first_ms, seen_ms FROM seen_stranger WHERE arn > $1 ORDER BY arn LIMIT $2`

// Strangers returns a page of what the sweep has seen that is not ours, by ARN.
// Errors: Invalid "cursor_invalid" on the field cursor.
func (c *Catalog) Strangers(ctx context.Context, cursor string) (Strangers, error) {
	after, err := parsePosition(cursor)
	if err != nil {
		return Strangers{}, err
	}
	type row struct {
		Stranger
		first, seen int64
	}
	rows, err := db.All(ctx, c.db, func(r *row) []any { return []any{&r.ARN, &r.Kind, &r.Name, &r.Place, &r.first, &r.seen} },
		strangersSQL, after.Found, pageSize+1)
	out := Strangers{Items: []Stranger{}}
	for _, r := range rows[:min(len(rows), pageSize)] {
		r.FirstSeen, r.LastSeen = time.UnixMilli(r.first).UTC(), time.UnixMilli(r.seen).UTC()
		out.Items = append(out.Items, r.Stranger)
	}
	if len(rows) > pageSize {
		out.Next = position{Found: string(out.Items[pageSize-1].ARN)}.String()
	}
	return out, err
}

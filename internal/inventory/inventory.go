// Package inventory is the console over everything at the chat provider, which Amazon does not have: counts, lists,
// search, and one resource with its story. It reads the ledger of provision through views and writes nothing.
//
// A page is fifty rows, and costs about fifty rows out of a million: every list is a walk along one index, every search
// a range of another (migration 00009_inventory.sql, plan_test.go). Only the counts must look at every row; they are kept for
// a while, the longer the more they cost.
package inventory

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Kind says what a resource is at the provider.
type Kind string

// The kinds. The first three belong to an app instance, the others to a show.
const (
	Instance   Kind = "instance"
	AdminUser  Kind = "admin_user"
	Admin      Kind = "admin"
	Channel    Kind = "channel"
	User       Kind = "user"
	Membership Kind = "membership"
	Moderator  Kind = "moderator"
)

// kinds in the order of their names, which is the order of the index.
var kinds = [...]Kind{Admin, AdminUser, Channel, Instance, Membership, Moderator, User}

// State is one word for what the ledger knows of a resource.
type State string

// The states, in the order in which people should look at them.
const (
	Failed   State = "failed"    // set aside: somebody should look
	ToDelete State = "to_delete" // there, or perhaps there, and not wanted
	ToMake   State = "to_make"   // wanted and not there yet
	Made     State = "made"      // wanted and there
	Gone     State = "gone"      // neither wanted nor there
	Unknown  State = "unplanned" // only in search: a ticket of which the ledger has nothing
)

// states in the order of lists.
var states = [...]State{Failed, ToDelete, ToMake, Made, Gone}

// Resource is one row of the ledger, and who it is for.
type Resource struct {
	EventID  id.Event  `json:"eventId" doc:"The show, or the place of an app instance and its administrators; empty for the shared one."`
	Subject  id.Ticket `json:"subject" doc:"The ticket; empty for what belongs to the show itself."`
	Kind     Kind      `json:"kind" enum:"instance,admin_user,admin,channel,user,membership,moderator"`
	State    State     `json:"state" enum:"failed,to_delete,to_make,made,gone,unplanned"`
	Role     string    `json:"role" enum:",fan,artist,moderator"`
	Wanted   bool      `json:"wanted"`
	WantName string    `json:"wantName" doc:"The name it shall have."`
	Name     string    `json:"name" doc:"The name the provider has confirmed; empty before."`
	ARN      arn.ARN   `json:"arn" doc:"Empty until made, and for what has none of its own (memberships, roles)."`
	// Known is what is known about the provider's side.
	Known      string     `json:"known" enum:"absent,unknown,made" doc:"unknown: a call was sent, and its answer is not here."`
	Task       string     `json:"task" enum:",blocked,create,join,rename,delete" doc:"What it waits for; blocked: for something else to be made or deleted first."`
	InFlight   bool       `json:"inFlight" doc:"A call is on its way."`
	Generation int        `json:"generation" doc:"How often it was made from nothing."`
	Attempts   int        `json:"attempts" doc:"Since the last success."`
	Error      string     `json:"error" doc:"What the provider said last; empty after a success."`
	NextTryAt  *time.Time `json:"nextTryAt"`
	MadeAt     *time.Time `json:"madeAt"`
	Nickname   string     `json:"nickname" doc:"The name the ticket's holder chose; the provider's may still be an older one."`
	Reference  string     `json:"reference" doc:"Order and position at the box office."`
}

// Catalog answers questions about the ledger. Safe for concurrent use; any process may ask.
type Catalog struct {
	db *db.DB

	mu     sync.Mutex // guards the last counts
	cells  []cell
	counts time.Time // when they began to be counted
	good   time.Duration
}

// New returns the catalog of a migrated platform database.
func New(d *db.DB) *Catalog { return &Catalog{db: d} }

// columns of a Resource, with its person beside it.
const columns = `r.event_id, r.subject, r.kind, r.standing, r.role, r.want, r.want_name, r.name, r.arn, r.state, r.work, r.busy,
	r.generation, r.attempts, r.error, r.next_try_ms, r.made_ms, COALESCE(n.name, ''), COALESCE(t.source_ref, '')`

// from joins the two. LEFT JOIN also fixes the order: first the row, then its person.
const from = ` FROM inventory_resource r LEFT JOIN inventory_ticket t ON t.ticket_id = r.subject LEFT JOIN chosen_name n ON n.ticket_id = r.subject `

// scanned is a Resource with its times as they are stored.
type scanned struct {
	Resource
	next, made int64
}

func (s *scanned) fields() []any {
	return []any{&s.EventID, &s.Subject, &s.Kind, &s.State, &s.Role, &s.Wanted, &s.WantName, &s.Name, &s.ARN, &s.Known, &s.Task,
		&s.InFlight, &s.Generation, &s.Attempts, &s.Error, &s.next, &s.made, &s.Nickname, &s.Reference}
}

// read asks for resources; the text begins after FROM.
func read(ctx context.Context, q db.Querier, where string, args ...any) ([]Resource, error) {
	rows, err := db.All(ctx, q, (*scanned).fields, "SELECT "+columns+from+where, args...)
	if err != nil {
		return nil, err
	}
	out := make([]Resource, len(rows))
	for i, r := range rows {
		out[i] = r.Resource
		if r.Attempts > 0 || r.State == Failed {
			out[i].NextTryAt = moment(r.next)
		}
		out[i].MadeAt = moment(r.made)
	}
	return out, nil
}

// moment reads a stored time; 0 is none.
func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

// Key names one resource.
type Key struct {
	Event   id.Event
	Subject id.Ticket
	Kind    Kind
}

// Story is one resource in full.
type Story struct {
	Resource
	ChannelARN arn.ARN   `json:"channelArn" doc:"Of the show; empty until made."`
	UserARN    arn.ARN   `json:"userArn" doc:"The account of the ticket; empty until made."`
	Valid      bool      `json:"valid" doc:"The ticket was not refunded or cancelled; true where there is no ticket."`
	History    []Happens `json:"history" nullable:"false" doc:"Newest first, the last hundred. That it was made, and when, is in madeAt."`
}

// Happens is one thing that happened to a resource.
type Happens struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Detail string    `json:"detail"`
}

// longestStory bounds a history: what fails all night has the same story on every line.
const longestStory = 100

const (
	oneSQL     = "WHERE r.event_id = $1 AND r.subject = $2 AND r.kind = $3"
	historySQL = `SELECT at_ms, what, detail FROM resource_history WHERE event_id = $1 AND subject = $2 AND kind = $3
		ORDER BY at_ms DESC LIMIT $4`
	arnSQL   = "SELECT arn FROM resource WHERE event_id = $1 AND subject = $2 AND kind = $3"
	validSQL = "SELECT valid FROM inventory_ticket WHERE ticket_id = $1"
)

// Get returns one resource with its history, or NotFound "no_such_resource".
func (c *Catalog) Get(ctx context.Context, k Key) (Story, error) {
	found, err := read(ctx, c.db, oneSQL, k.Event, k.Subject, k.Kind)
	if err != nil {
		return Story{}, err
	}
	if len(found) == 0 {
		return Story{}, fault.New(fault.NotFound, "no_such_resource", "The ledger has no such resource. It may have been deleted.")
	}
	s := Story{Resource: found[0], Valid: true, History: []Happens{}}
	for _, of := range []struct {
		kind    Kind
		subject id.Ticket
		into    *arn.ARN
	}{{Channel, "", &s.ChannelARN}, {User, k.Subject, &s.UserARN}} {
		if k.Subject == "" {
			break // a show's own things and an app instance have no person and no part in a channel
		}
		arns, err := db.All(ctx, c.db, func(a *arn.ARN) []any { return []any{a} }, arnSQL, k.Event, of.subject, of.kind)
		if err != nil {
			return Story{}, err
		}
		if len(arns) > 0 {
			*of.into = arns[0]
		}
	}
	valid, err := db.All(ctx, c.db, func(v *bool) []any { return []any{v} }, validSQL, k.Subject)
	if err != nil {
		return Story{}, err
	}
	if len(valid) > 0 {
		s.Valid = valid[0]
	}
	type line struct {
		Happens
		ms int64
	}
	lines, err := db.All(ctx, c.db, func(l *line) []any { return []any{&l.ms, &l.What, &l.Detail} }, historySQL,
		k.Event, k.Subject, k.Kind, longestStory)
	for _, l := range lines {
		l.At = time.UnixMilli(l.ms).UTC()
		s.History = append(s.History, l.Happens)
	}
	return s, err
}

package inventory

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Query says which resources are asked for. Zero fields mean all.
type Query struct {
	Text   string // ticket, nickname, ARN or reference, see Find
	Event  id.Event
	Kind   Kind
	State  State
	Cursor string // Next of the page before; "" for the first
}

// Page is some resources, and where the next ones begin.
type Page struct {
	Items []Resource `json:"items" nullable:"false"`
	Next  string     `json:"next" doc:"The cursor of the next page; empty on the last."`
}

// pageSize is how many rows a page has: as many as Amazon's own lists.
const pageSize = 50

// Find returns a page of the resources that fit, in an order that stays: by state, then kind, then show and ticket. With
// a text it is a search, ordered by what was found, see search.go.
// Errors: Invalid "cursor_invalid" on the field cursor.
func (c *Catalog) Find(ctx context.Context, q Query) (Page, error) {
	at, err := parsePosition(q.Cursor)
	if err != nil {
		return Page{}, err
	}
	if q.Text != "" {
		return c.search(ctx, q, at)
	}
	return c.list(ctx, q, at)
}

// position is a place in one of the orders. Lists use the first four, searches the others.
type position struct {
	State  State     `json:"s,omitempty"`
	Kind   Kind      `json:"k,omitempty"`
	Event  id.Event  `json:"e,omitempty"`
	Ticket id.Ticket `json:"t,omitempty"`
	Source int       `json:"n,omitempty"` // of the search
	Found  string    `json:"f,omitempty"` // by which text
}

func (p position) String() string {
	text, _ := json.Marshal(p) // strings and a number: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePosition(cursor string) (p position, err error) {
	if cursor == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	// Whoever makes up a cursor gets any page, but no place that does not exist and no text that a database refuses.
	if err != nil || p.Source < 0 || strings.ContainsRune(string(p.State)+string(p.Kind)+string(p.Event)+string(p.Ticket)+p.Found, 0) {
		return position{}, fault.New(fault.Invalid, "cursor_invalid", "This page cannot be continued. Begin again with the first.").On("cursor")
	}
	return p, nil
}

// The walks along resource_standing: over all shows and kinds, over all shows, within one show. Each begins with the last
// row of the page before, which is left out again: rows of no ticket have an empty subject, and nothing is before that.
const (
	allSQL = `WHERE r.standing = $1 AND (r.kind, r.event_id, r.subject) >= ($2, $3, $4)
		ORDER BY r.kind, r.event_id, r.subject LIMIT $5`
	kindSQL = `WHERE r.standing = $1 AND r.kind = $2 AND (r.event_id, r.subject) >= ($3, $4)
		ORDER BY r.event_id, r.subject LIMIT $5`
	showSQL = `WHERE r.standing = $1 AND (r.kind, r.event_id, r.subject) >= ($2, $3, $4) AND (r.kind, r.event_id) <= ($2, $3)
		ORDER BY r.kind, r.event_id, r.subject LIMIT $5`
)

func (c *Catalog) list(ctx context.Context, q Query, after position) (Page, error) {
	var found []Resource
	for _, state := range states {
		if q.State != "" && q.State != state || after.State != "" && slices.Index(states[:], state) < slices.Index(states[:], after.State) {
			continue
		}
		start := position{}
		if state == after.State {
			start = after
		}
		if err := c.walk(ctx, q, state, start, &found); err != nil {
			return Page{}, err
		}
		if len(found) > pageSize {
			break
		}
	}
	return pageOf(found, func(r Resource) position {
		return position{State: r.State, Kind: r.Kind, Event: r.EventID, Ticket: r.Subject}
	}), nil
}

// pageOf cuts what was found to a page. One row more than fits says that there is another.
func pageOf(found []Resource, where func(Resource) position) Page {
	page := Page{Items: []Resource{}}
	page.Items = append(page.Items, found[:min(len(found), pageSize)]...)
	if len(found) > pageSize {
		page.Next = where(page.Items[pageSize-1]).String()
	}
	return page
}

// walk adds the rows of one state that come after start.
func (c *Catalog) walk(ctx context.Context, q Query, state State, start position, found *[]Resource) error {
	ask := func(where string, args ...any) error {
		most := pageSize + 1 - len(*found)
		if most <= 0 {
			return nil
		}
		rows, err := read(ctx, c.db, where, append(append([]any{state}, args...), most+1)...)
		for _, r := range rows {
			if most > 0 && (r.EventID != start.Event || r.Subject != start.Ticket || r.Kind != start.Kind) {
				*found = append(*found, r)
				most--
			}
		}
		return err
	}
	switch {
	case q.Event == "" && q.Kind == "":
		return ask(allSQL, start.Kind, start.Event, start.Ticket)
	case q.Event == "":
		return ask(kindSQL, q.Kind, start.Event, start.Ticket)
	}
	for _, kind := range kinds {
		if q.Kind != "" && q.Kind != kind || kind < start.Kind {
			continue
		}
		from := id.Ticket("")
		if kind == start.Kind {
			from = start.Ticket
		}
		if err := ask(showSQL, kind, q.Event, from); err != nil {
			return err
		}
	}
	return nil
}

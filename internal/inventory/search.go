package inventory

import (
	"context"
	"strings"

	"golang.org/x/text/secure/precis"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// A search finds tickets and then shows their resources. What was typed may be exact: an ARN, a ticket, the id that a
// ticket has at the provider, a show. Otherwise it is the beginning of a reference at the box office, of the nickname
// somebody chose, or of the name that the provider shows; upper and lower case are one.
//
// The filters look at what was found. So that a filter that nothing passes does not read everything, one request looks at
// no more tickets than mostLooked; its page may be empty and still have a next one.
const mostLooked = 200

// hit is a ticket that was found, or a show's own things (no ticket).
type hit struct {
	event  id.Event
	ticket id.Ticket
	found  string // by which text
	again  bool   // an earlier source has found it, too
}

func (h *hit) fields() []any { return []any{&h.event, &h.ticket, &h.found, &h.again} }

// lastRune is greater than every character of a text: a beginning and everything that may follow it is a range.
const lastRune = "\U0010FFFF"

// The sources of a search by words, in the order of their results. The place to go on after is $1 to $3, the beginning $4,
// lastRune $5, the show or "" $6, how many $7, the beginning as names are compared $8. The text of the place and the end of
// the range are the two bounds of one index (SQLite does not take a bound of several columns for one on an expression); the
// rest asks for few rows by their keys. Within one show another index answers, see within.
var sources = [...]struct {
	parameters int
	text       string
}{
	{7, `SELECT f.event_id, f.ticket_id, f.found_by, FALSE
	FROM inventory_reference f
	WHERE f.found_by >= lower($1) AND f.found_by < lower($4) || $5 AND $6 = ''
	AND (f.found_by, f.event_id, f.ticket_id) > (lower($1), $2, $3)
	ORDER BY f.found_by, f.event_id, f.ticket_id LIMIT $7`},

	{8, `SELECT f.event_id, f.ticket_id, f.found_by,
	  EXISTS (SELECT 1 FROM inventory_reference e WHERE e.ticket_id = f.ticket_id AND e.found_by >= lower($4) AND e.found_by < lower($4) || $5)
	FROM inventory_chosen_name f
	WHERE f.found_by >= $1 AND f.found_by < $8 || $5 AND $6 = ''
	AND (f.found_by, f.event_id, f.ticket_id) > ($1, $2, $3)
	ORDER BY f.found_by, f.event_id, f.ticket_id LIMIT $7`},

	{8, `SELECT f.event_id, f.ticket_id, f.found_by,
	  EXISTS (SELECT 1 FROM inventory_reference e WHERE e.ticket_id = f.ticket_id AND e.found_by >= lower($4) AND e.found_by < lower($4) || $5)
	  OR EXISTS (SELECT 1 FROM inventory_chosen_name e WHERE e.ticket_id = f.ticket_id AND e.found_by >= $8 AND e.found_by < $8 || $5)
	FROM inventory_made_name f
	WHERE f.found_by >= lower($1) AND f.found_by < lower($4) || $5 AND $6 = ''
	AND (f.found_by, f.event_id, f.ticket_id) > (lower($1), $2, $3)
	ORDER BY f.found_by, f.event_id, f.ticket_id LIMIT $7`},
}

// within is the text of a source for all shows ("") or for one.
func within(text string, event id.Event) string {
	if event == "" {
		return text
	}
	return strings.Replace(text, "AND $6 = ''", "AND f.event_id = $6", 1)
}

// chosen is the source whose texts are compared as nicknames are.
const chosen = 1

// search finds by text. after is a position of an earlier page, or zero.
func (c *Catalog) search(ctx context.Context, q Query, after position) (Page, error) {
	text := strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(q.Text), "\x00", ""), "")
	s := searching{Catalog: c, Query: q, text: text, key: compareKey(text)}
	if after == (position{}) {
		exact, err := s.exact(ctx)
		if err != nil || len(exact) > 0 {
			return pageOf(exact, func(Resource) position { return position{} }), err
		}
	}
	err := s.words(ctx, after)
	return s.page, err
}

// searching is one search under way.
type searching struct {
	*Catalog
	Query
	text, key string
	page      Page
	looked    int
}

// compareKey is how nicknames are compared (RFC 8266), of which a beginning is compared here. What no nickname may
// contain is found in none.
func compareKey(text string) string {
	key, err := precis.Nickname.CompareKey(text)
	if err != nil {
		return strings.ToLower(text)
	}
	return key
}

// words fills the page from the sources, beginning after a position.
func (s *searching) words(ctx context.Context, after position) error {
	s.page.Items = []Resource{}
	for n := after.Source; n < len(sources); n++ {
		at := position{Source: n, Found: s.text}
		if n == chosen {
			at.Found = s.key
		}
		if n == after.Source && after.Found != "" {
			at = after
		}
		if done, err := s.source(ctx, at); err != nil || done {
			return err
		}
	}
	return nil
}

// source takes what one source has after a position. done says that the page is full, or enough was looked at.
func (s *searching) source(ctx context.Context, at position) (done bool, err error) {
	for {
		args := []any{at.Found, at.Event, at.Ticket, s.text, lastRune, s.Event, pageSize, s.key}
		source := sources[at.Source]
		hits, err := db.All(ctx, s.db, (*hit).fields, within(source.text, s.Event), args[:source.parameters]...)
		if err != nil {
			return true, err
		}
		for _, h := range hits {
			if s.looked == mostLooked || len(s.page.Items) >= pageSize {
				s.page.Next = at.String()
				return true, nil
			}
			s.looked++
			at.Found, at.Event, at.Ticket = h.found, h.event, h.ticket
			if h.again {
				continue
			}
			rows, err := s.resources(ctx, h)
			if err != nil {
				return true, err
			}
			s.page.Items = append(s.page.Items, rows...)
		}
		if len(hits) < pageSize {
			return false, nil
		}
	}
}

const (
	ticketSQL = "WHERE r.event_id = $1 AND r.subject = $2 ORDER BY r.kind"
	personSQL = `SELECT t.event_id, t.role, COALESCE(n.name, ''), t.source_ref FROM inventory_ticket t
		LEFT JOIN chosen_name n ON n.ticket_id = t.ticket_id WHERE t.ticket_id = $1`
	accountSQL = `SELECT p.event_id FROM inventory_ticket p JOIN inventory_resource r ON r.event_id = p.event_id AND r.subject = p.ticket_id
		AND r.kind = 'user' WHERE p.ticket_id = $1 AND r.arn = $2`
	// namedSQL looks through the few things of a kind that have no ticket.
	namedSQL = "WHERE r.standing IN ('failed', 'to_delete', 'to_make', 'made', 'gone') AND r.kind = $1 AND r.arn = $2"
)

// resources reads what passes the filters of a hit. A ticket of which the ledger has nothing is shown, too: somebody who
// looks for it wants to know exactly that.
func (s *searching) resources(ctx context.Context, h hit) ([]Resource, error) {
	rows, err := read(ctx, s.db, ticketSQL, h.event, h.ticket)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 && h.ticket != "" {
		rows, err = db.All(ctx, s.db, func(r *Resource) []any { return []any{&r.EventID, &r.Role, &r.Nickname, &r.Reference} }, personSQL, h.ticket)
		for i := range rows {
			rows[i].Subject, rows[i].Kind, rows[i].State, rows[i].Known = h.ticket, User, Unknown, "absent"
		}
	}
	var out []Resource
	for _, r := range rows {
		if s.passes(r) {
			out = append(out, r)
		}
	}
	return out, err
}

func (s *searching) passes(r Resource) bool {
	return (s.Event == "" || s.Event == r.EventID) && (s.Kind == "" || s.Kind == r.Kind) && (s.State == "" || s.State == r.State)
}

// exact takes the text as a name of one thing. Nothing found means that it was none.
func (s *searching) exact(ctx context.Context) ([]Resource, error) {
	if p, err := arn.Parse(s.text); err == nil {
		return s.byARN(ctx, p)
	}
	text := strings.ToLower(s.text)
	ticket := id.Ticket(text)
	if _, t, ok := id.FromChatUser(text); ok {
		ticket = t
	}
	if found, err := s.ofTicket(ctx, ticket); err != nil || len(found) > 0 {
		return found, err
	}
	return s.resources(ctx, hit{event: id.Event(text)})
}

// ofTicket finds a ticket's resources; none if there is no such ticket.
func (s *searching) ofTicket(ctx context.Context, t id.Ticket) ([]Resource, error) {
	events, err := db.All(ctx, s.db, func(e *id.Event) []any { return []any{e} }, "SELECT event_id FROM inventory_ticket WHERE ticket_id = $1", t)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return s.resources(ctx, hit{event: events[0], ticket: t})
}

// byARN finds what has an ARN; of an account everything that belongs to its ticket.
func (s *searching) byARN(ctx context.Context, p arn.Parts) ([]Resource, error) {
	if _, t, ok := id.FromChatUser(p.ChildID); ok && p.Kind == arn.KindUser {
		known, err := db.All(ctx, s.db, func(e *id.Event) []any { return []any{e} }, accountSQL, t, s.text)
		if err != nil || len(known) == 0 {
			return nil, err // such an account is not in the ledger, perhaps it is in another app instance
		}
		return s.resources(ctx, hit{event: known[0], ticket: t})
	}
	kind := map[arn.Kind]Kind{arn.KindAppInstance: Instance, arn.KindUser: AdminUser, arn.KindChannel: Channel}[p.Kind]
	found, err := read(ctx, s.db, namedSQL, kind, s.text)
	var out []Resource
	for _, r := range found {
		if s.passes(r) {
			out = append(out, r)
		}
	}
	return out, err
}

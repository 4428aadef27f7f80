package message

import (
	"context"
	"encoding/json"
	"math"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/kept"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// The newest page of a place is what everybody wants who comes, and thousands at once after a restart. It is kept as the
// bytes of its answer, under the place's clock: every write that changes a message moves the clock (stir), so a page is
// good exactly as long as its clock is the one that the reader's role was read with. Nothing has to be told of a change,
// on this node or another.
//
// A page is for all readers only if nothing in it depends on who reads: a targeted message among the newest, or one that
// the app instance's retention hides, makes everybody read for themselves.

// pageBytes bounds each half of the memory for pages. One has some 25 KB.
const pageBytes = 16 << 20

type pageKey struct {
	channel int64
	limit   int
	form    form
}

// form is what a page is written for.
type form uint8

const (
	forList    form = iota // the answer of ListChannelMessages
	forDetails             // the messages of CHANNEL_DETAILS
)

type page struct {
	channel int64
	clock   int64
	oldest  int64  // time of the oldest message that was looked at
	body    []byte // nil: there is one that not everybody may see
	more    bool   // there are older ones
}

func newPages() *kept.Memory[pageKey, page] {
	return kept.New[pageKey](pageBytes, func(p page) int { return len(p.body) + 200 })
}

// shared reports whether p is what a sees.
func (p page) shared(a role.Actor) bool {
	return p.channel == a.Channel && p.body != nil && p.oldest >= a.Horizon
}

// stir moves the clock of a place whose messages the running write changes.
func stir(tx *db.Tx, channel int64) error {
	_, err := tx.Exec(`UPDATE channel SET clock_ms = clock_ms + 1 WHERE no = $1`, channel)
	return err
}

// kept returns the page that is good for a, if it is known.
func (c *Messages) kept(a role.Actor, limit int, f form) (page, bool) {
	p, ok := c.pages.Get(pageKey{a.Channel, limit, f})
	return p, ok && p.clock == a.Clock
}

// clockColumn is the clock of place $1, in each row, so that both are of one moment.
const clockColumn = `(SELECT c.clock_ms FROM channel c WHERE c.no = $1)`

const newestSQL = `SELECT ` + messageColumns + `, ` + clockColumn + ` FROM channel_message
WHERE channel = $1 ORDER BY channel DESC, created_ms DESC LIMIT $2`

// page reads the newest page of a's place as everybody sees it, and keeps it.
func (c *Messages) page(ctx context.Context, q db.Querier, a role.Actor, limit int, f form) (page, error) {
	p := page{channel: a.Channel, oldest: math.MaxInt64}
	all, err := db.All(ctx, q, func(m *Message) []any { return append(m.fields(), &p.clock) }, newestSQL, a.Channel, limit+1)
	if err != nil {
		return p, err
	}
	personal := false
	for i := range all {
		all[i] = c.messageNamed(a, all[i])
		p.oldest = min(p.oldest, all[i].CreatedMS)
		personal = personal || all[i].target != 0
	}
	p.more = len(all) > limit
	if !personal {
		if p.body, err = c.write(a, all, limit, f); err != nil {
			return p, err
		}
	}
	if len(all) > 0 { // without a row there is no clock
		c.pages.Put(pageKey{a.Channel, limit, f}, p)
	}
	return p, nil
}

func (c *Messages) write(a role.Actor, all []Message, limit int, f form) ([]byte, error) {
	if f == forDetails {
		return core.JSON(summaries[core.ISO](all[:min(len(all), limit)]))
	}
	all, next := core.Cut(all, core.Page{Max: limit}, listName(a, "DESC"), createdMS)
	return json.Marshal(WireList(c.PlaceOf(a), all, next))
}

// Summaries writes the n newest messages of a's place as everybody sees them: a list of SummaryWire[core.ISO], newest first;
// more says that there are older ones. nil says that they are not the same for everybody (SummariesFor). q reads the state
// that a was read from.
func (c *Messages) Summaries(ctx context.Context, q db.Querier, a role.Actor, n int) (list json.RawMessage, more bool, err error) {
	p, good := c.kept(a, n, forDetails)
	if !good {
		if p, err = c.page(ctx, q, a, n, forDetails); err != nil {
			return nil, false, err
		}
	}
	if !p.shared(a) {
		return nil, false, nil
	}
	return p.body, p.more, nil
}

// SummariesFor is Summaries as a sees them.
func (c *Messages) SummariesFor(ctx context.Context, q db.Querier, a role.Actor, n int) (list json.RawMessage, more bool, err error) {
	all, more, err := c.Newest(ctx, q, a, n)
	if err != nil {
		return nil, false, err
	}
	list, err = core.JSON(summaries[core.ISO](all))
	return list, more, err
}

// asking is who wants the newest page of one place.
type asking struct {
	place arn.ARN
	limit int
}

// answer is what the reader may do, and the page unless they have to read for themselves.
type answer struct {
	actor role.Actor
	body  []byte
	err   error
}

// ListNewest is List of the newest messages, limit of them, as the encoded answer. Those who ask at one time are read together.
func (c *Messages) ListNewest(ctx context.Context, bearer, place arn.ARN, limit int) (json.RawMessage, error) {
	limit = core.Page{Max: limit}.Limit()
	got, err := c.reading.Ask(ctx, asking{place, limit}, bearer)
	if err = errOr(err, got.err); err != nil || got.body != nil {
		return got.body, err
	}
	all, next, err := c.list(ctx, got.actor, History{}, core.Page{Max: limit})
	if err != nil {
		return nil, err
	}
	return json.Marshal(WireList(place, all, next))
}

func errOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// newest answers ListNewest for many readers of one place. Their roles are those at the page's time or later: who was removed
// does not see what was said afterwards.
func (c *Messages) newest(ctx context.Context, key asking, bearers []arn.ARN) ([]answer, error) {
	var fresh *page
	for {
		all, err := c.roles(ctx, key.place, bearers)
		if err != nil {
			return nil, err
		}
		a := welcome(all)
		if a == nil {
			return all, nil
		}
		p, good := c.kept(*a, key.limit, forList)
		if !good && fresh == nil {
			if p, err = c.page(ctx, c.DB, *a, key.limit, forList); err != nil {
				return nil, err
			}
			if p.clock != a.Clock { // something was said meanwhile: to whom?
				fresh = &p
				continue
			}
			good = true
		}
		if !good {
			p = *fresh // the clock has moved on since: it was read, all the same, after they asked
		}
		for i := range all {
			if all[i].err == nil && p.shared(all[i].actor) {
				all[i].body = p.body
			}
		}
		return all, nil
	}
}

// welcome finds somebody among the answers who may read: the one whose role was read first.
func welcome(all []answer) (first *role.Actor) {
	for i := range all {
		if a := &all[i].actor; all[i].err == nil && (first == nil || a.Clock < first.Clock) {
			first = a
		}
	}
	return first
}

// roles reads what each bearer is in the place, and whether they may read there.
func (c *Messages) roles(ctx context.Context, place arn.ARN, bearers []arn.ARN) ([]answer, error) {
	known, err := c.AllInChannel(ctx, c.DB, bearers, place)
	if err != nil {
		return nil, err
	}
	out := make([]answer, len(bearers))
	for i, bearer := range bearers {
		a, ok := known[bearer]
		if !ok {
			a, out[i].err = c.InChannel(ctx, c.DB, bearer, place)
		}
		if out[i].err == nil {
			out[i].err = a.May("ListChannelMessages", false)
		}
		out[i].actor = a
	}
	return out, nil
}

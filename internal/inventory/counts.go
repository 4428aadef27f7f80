package inventory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Tally counts resources by what people should do about them. Those that are gone are not counted.
type Tally struct {
	Made     int `json:"made"`
	ToMake   int `json:"toMake"`
	Failed   int `json:"failed"`
	ToDelete int `json:"toDelete"`
}

func (t *Tally) add(s State, n int) {
	switch s {
	case Made:
		t.Made += n
	case ToMake:
		t.ToMake += n
	case Failed:
		t.Failed += n
	case ToDelete:
		t.ToDelete += n
	case Gone, Unknown:
	}
}

// Counts is everything at the provider in numbers.
type Counts struct {
	CountedAt time.Time    `json:"countedAt" doc:"Counting a large ledger takes a moment, so it is done now and then."`
	Total     Tally        `json:"total"`
	Kinds     []KindCount  `json:"kinds" nullable:"false" doc:"Of the show that was asked for, or of all."`
	Events    []EventCount `json:"events" nullable:"false"`
	Account   *Sweep       `json:"account" doc:"The last look at the list of all app instances; null before the first."`
	Places    []PlaceCount `json:"places" nullable:"false" doc:"App instances, the shared one first."`
}

// KindCount counts the resources of one kind.
type KindCount struct {
	Kind Kind `json:"kind"`
	Tally
}

// EventCount counts the resources of one show.
type EventCount struct {
	EventID id.Event `json:"eventId"`
	Place   id.Event `json:"place"`
	Tally
}

// PlaceCount counts what is in one app instance, itself and its administrators included.
type PlaceCount struct {
	Place  id.Event `json:"place" doc:"Empty for the app instance that shows share, else the show it is for."`
	ARN    arn.ARN  `json:"arn" doc:"Empty until it is made."`
	Name   string   `json:"name"`
	Events int      `json:"events"`
	Users  int      `json:"users" doc:"Accounts that are made, its administrators included: the provider has a ceiling."`
	Sweep  *Sweep   `json:"sweep" doc:"The last comparison with what the provider really has; null before the first."`
	Tally
}

// cell counts ledger rows that are alike.
type cell struct {
	event id.Event
	kind  Kind
	state State
	n     int
}

const (
	// countSQL reads every row, though only their places in an index. Rows that are alike come in several parts.
	countSQL = "SELECT event_id, kind, standing, n FROM inventory_count"
	// A count is good for a second, and for so long that counting takes a twentieth of the time at most.
	countGood  = time.Second
	countShare = 20
)

// count returns the tallies, which may be as old as they were expensive.
func (c *Catalog) count(ctx context.Context) ([]cell, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := time.Now()
	if age := began.Sub(c.counts); age < c.good {
		return c.cells, c.counts, nil
	}
	cells, err := db.All(ctx, c.db, func(x *cell) []any { return []any{&x.event, &x.kind, &x.state, &x.n} }, countSQL)
	if err != nil {
		return nil, began, err
	}
	c.cells, c.counts, c.good = cells, began, max(countGood, countShare*time.Since(began))
	return cells, began, nil
}

// placed says where a show's resources are.
type placed struct {
	event, place id.Event
}

// Counts adds up the ledger. The kinds are those of one show, or of all if event is "".
func (c *Catalog) Counts(ctx context.Context, event id.Event) (Counts, error) {
	out := Counts{Kinds: []KindCount{}, Events: []EventCount{}, Places: []PlaceCount{}}
	cells, at, err := c.count(ctx)
	if err != nil {
		return out, err
	}
	out.CountedAt = at.UTC()
	where, err := db.All(ctx, c.db, func(p *placed) []any { return []any{&p.event, &p.place} }, "SELECT event_id, place FROM placement")
	if err != nil {
		return out, err
	}
	placeOf := map[id.Event]id.Event{}
	for _, p := range where {
		placeOf[p.event] = p.place
	}
	byKind, byEvent, byPlace := map[Kind]*Tally{}, map[id.Event]*EventCount{}, map[id.Event]*PlaceCount{}
	for _, x := range cells {
		out.Total.add(x.state, x.n)
		if event == "" || event == x.event {
			of(byKind, x.kind).add(x.state, x.n)
		}
		place := placeOf[x.event]
		if x.kind == Instance || x.kind == Admin || x.kind == AdminUser {
			place = x.event // the rows of an app instance stand under its place
		} else {
			e := of(byEvent, x.event)
			e.EventID, e.Place = x.event, place
			e.add(x.state, x.n)
		}
		p := of(byPlace, place)
		p.Place = place
		p.add(x.state, x.n)
		if x.state == Made && (x.kind == User || x.kind == AdminUser) {
			p.Users += x.n
		}
	}
	for k, t := range byKind {
		out.Kinds = append(out.Kinds, KindCount{k, *t})
	}
	slices.SortFunc(out.Kinds, func(a, b KindCount) int { return slices.Index(kinds[:], a.Kind) - slices.Index(kinds[:], b.Kind) })
	for _, e := range slices.Sorted(maps.Keys(byEvent)) {
		out.Events = append(out.Events, *byEvent[e])
		byPlace[byEvent[e].Place].Events++
	}
	if err := c.instances(ctx, byPlace); err != nil {
		return out, err
	}
	sweeps, err := c.sweeps(ctx)
	if err != nil {
		return out, err
	}
	out.Account = sweeps[wholeAccount]
	for _, p := range slices.Sorted(maps.Keys(byPlace)) {
		byPlace[p].Sweep = sweeps[p]
		out.Places = append(out.Places, *byPlace[p])
	}
	return out, nil
}

// of returns the entry of a key and makes it first if need be.
func of[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

// instances adds names and ARNs of the app instances: a hundred rows at most, for that is the provider's quota.
func (c *Catalog) instances(ctx context.Context, places map[id.Event]*PlaceCount) error {
	for _, s := range states {
		rows, err := read(ctx, c.db, kindSQL, s, Instance, "", "", 1000)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if p := places[r.EventID]; p != nil {
				p.ARN, p.Name = r.ARN, r.Name
			}
		}
	}
	return nil
}

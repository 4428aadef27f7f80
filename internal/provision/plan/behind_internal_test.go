package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
)

// What is kept in mind of changes was bounded for each show, not in total.
func TestChangesOfManyShowsAreKeptInMindUpToABound(t *testing.T) {
	p := &Planner{behind: map[id.Event]map[id.Ticket]struct{}{}, walked: map[id.Event]time.Time{}}
	for e := range 30 {
		event := id.Event(fmt.Sprint("ev", e))
		p.shows = append(p.shows, Show{ID: event})
		p.walked[event] = time.Now()
		for n := range notedOfOne / 4 {
			p.note(event, id.Ticket(fmt.Sprint(n)))
			p.note(event, id.Ticket(fmt.Sprint(n)))
		}
	}
	kept := 0
	for _, s := range p.shows {
		n := len(p.behind[s.ID])
		kept += n
		if _, ok := p.walked[s.ID]; ok && n < notedOfOne/4 {
			t.Errorf("of %s only %d are kept, and it is not compared from end to end", s.ID, n)
		}
	}
	if kept != p.noted || kept > 100_000 || kept < 90_000 {
		t.Errorf("%d are kept, counted as %d", kept, p.noted)
	}
	for {
		if _, tickets := p.nextBehind(); len(tickets) == 0 {
			break
		}
	}
	if p.noted != 0 || len(p.behind) != 0 {
		t.Errorf("%d are left", p.noted)
	}
}

// When imports for later shows had filled what is kept in mind, a ticket that was sold at the door was forgotten, and found again
// when all of them and then all of its show had been compared.
func TestWhoBuysForTonightIsKeptInMindBesideBigImports(t *testing.T) {
	p := &Planner{behind: map[id.Event]map[id.Ticket]struct{}{}, walked: map[id.Event]time.Time{}}
	for e := range 1 + notedOfAll/notedOfOne {
		event := id.Event(fmt.Sprint("ev", e))
		p.shows = append(p.shows, Show{ID: event})
		p.walked[event] = time.Now()
	}
	for _, s := range p.shows[1:] {
		for n := range notedOfOne {
			p.note(s.ID, id.Ticket(fmt.Sprint(n)))
		}
	}
	p.note("ev0", "late")
	if event, tickets := p.nextBehind(); event != "ev0" || len(tickets) != 1 {
		t.Errorf("%d tickets of %s come first", len(tickets), event)
	}
	last := len(p.shows) - 1
	for i, s := range p.shows {
		if _, ok := p.walked[s.ID]; ok == (i == last) {
			t.Errorf("%s is compared from end to end: %v", s.ID, !ok)
		}
	}
}

package plan

import (
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

const (
	// notedOfOne is how many changed tickets of an event are kept in mind (about 100 B each). Beyond, the event is compared
	// from end to end: that is what a big import needs anyway. So is the one with the latest doors beyond notedOfAll, ten
	// megabytes: whoever buys for tonight does not wait for the end of it.
	notedOfOne = 20_000
	notedOfAll = 100_000
)

// note keeps in mind that a ticket has changed.
func (p *Planner) note(event id.Event, ticket id.Ticket) {
	changed := p.behind[event]
	if changed == nil {
		changed = map[id.Ticket]struct{}{}
		p.behind[event] = changed
	}
	p.noted -= len(changed)
	changed[ticket] = struct{}{}
	p.noted += len(changed)
	if len(changed) > notedOfOne {
		p.unnote(event)
	} else if p.noted > notedOfAll {
		p.unnote(p.leastUrgent())
	}
}

// unnote forgets what has changed of an event, which is compared from end to end instead.
func (p *Planner) unnote(event id.Event) {
	p.noted -= len(p.behind[event])
	delete(p.behind, event)
	p.walkAnew(event)
}

// leastUrgent is the event with the latest doors of which something is noted. One that is no show yet, or none any more, comes
// first: it is walked when it is one.
func (p *Planner) leastUrgent() id.Event {
	doors := make(map[id.Event]int, len(p.shows))
	for i, s := range p.shows {
		doors[s.ID] = i + 1
	}
	last, at := id.Event(""), 0
	for event := range p.behind {
		if doors[event] == 0 {
			return event
		}
		if doors[event] > at {
			last, at = event, doors[event]
		}
	}
	return last
}

// walkAnew lets an event be compared from end to end, also if it is being walked now.
func (p *Planner) walkAnew(event id.Event) {
	delete(p.walked, event)
	p.again = p.again || p.walking == event
}

// nextBehind takes the next chunk of noted tickets: of the show with the earliest doors. Events that are no shows any
// more want nothing.
func (p *Planner) nextBehind() (id.Event, []id.Ticket) {
	if len(p.behind) == 0 {
		return "", nil
	}
	shows := p.shows
	for _, s := range shows {
		changed := p.behind[s.ID]
		if len(changed) == 0 {
			continue
		}
		tickets := make([]id.Ticket, 0, min(len(changed), ledger.Chunk))
		for t := range changed {
			if len(tickets) == ledger.Chunk {
				break
			}
			tickets = append(tickets, t)
			delete(changed, t)
		}
		p.noted -= len(tickets)
		if len(changed) == 0 {
			delete(p.behind, s.ID)
		}
		return s.ID, tickets
	}
	clear(p.behind)
	p.noted = 0
	return "", nil
}

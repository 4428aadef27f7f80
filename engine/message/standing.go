package message

import (
	"context"
	"encoding/json"
	"regexp"
	"sync"

	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Who may read the newest page of a place is remembered for as long as no write of any kind can have changed it (db.Watch),
// and the page for as long as no message was written. Then the page is answered from memory. Otherwise, and for all who may
// not, the database is asked; so it is for everything on PostgreSQL, where other nodes write (docs/adr/0021).

const (
	// After so many who were asked for, the next members of the place are read with each who is not known: they will come, too.
	// The first block has firstBlock of them, the following ones twice as many, up to mostBlock.
	comeTogether = 8
	firstBlock   = 64
	mostBlock    = 1024
	// mostReaders bounds how many are remembered: some 150 bytes each.
	mostReaders = 1 << 16
)

// standing is who may read where.
type standing struct {
	watch *db.Watch

	mu     sync.Mutex
	at     uint64 // what is remembered was read since then
	places map[arn.ARN]*readers
	known  int
}

// readers are those who may read the newest page of a place.
type readers struct {
	one   role.Actor // what they have in common
	may   map[arn.ARN]struct{}
	asked int   // how many were asked for and not known
	last  int64 // Actor.No of the last member that was read in a block
	next  int   // how many the next block has; 0 when all have been read
}

func newStanding(d *db.DB) *standing { return &standing{watch: d.Watch(role.Touches)} }

// may returns what the readers of a place have in common if the bearer is one of them.
func (s *standing) may(bearer, place arn.ARN) (common role.Actor, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.watch.Stands(s.at) {
		s.places, s.known = nil, 0
		return common, false
	}
	r := s.places[place]
	if r == nil {
		return common, false
	}
	if _, ok = r.may[bearer]; !ok {
		return common, false
	}
	return r.one.Now(), true
}

// add remembers those of some who may read, as read since then. It returns what is known of the place while that stands.
func (s *standing) add(then uint64, place arn.ARN, some map[arn.ARN]role.Actor) *readers {
	if !s.watch.Stands(then) {
		return nil
	}
	if s.at != then || s.places == nil || s.known > mostReaders {
		s.at, s.places, s.known = then, map[arn.ARN]*readers{}, 0
	}
	r := s.places[place]
	for bearer, a := range some {
		if a.Elastic && a.Sub == "" || a.May("ListChannelMessages", false) != nil {
			continue // who is in some sub-channel reads alone
		}
		if r == nil {
			r = &readers{one: a, may: map[arn.ARN]struct{}{}, next: firstBlock}
			s.places[place] = r
		}
		before := len(r.may)
		r.may[bearer] = struct{}{}
		s.known += len(r.may) - before
	}
	return r
}

// found remembers those who were asked for. more says that it is time to read a block of members, n of them behind last.
func (s *standing) found(then uint64, place arn.ARN, some map[arn.ARN]role.Actor) (one role.Actor, last int64, n int, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.add(then, place, some)
	if r == nil {
		return one, 0, 0, false
	}
	r.asked += len(some)
	return r.one, r.last, r.next, r.asked >= comeTogether && r.next > 0
}

// ahead remembers a block of members; full says that there may be more behind the last of them.
func (s *standing) ahead(then uint64, place arn.ARN, some map[arn.ARN]role.Actor, last int64, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.add(then, place, some)
	if r == nil {
		return
	}
	r.last = max(r.last, last)
	if r.next = min(2*r.next, mostBlock); !full {
		r.next = 0
	}
}

// remember takes the roles in a place that were read since then, and reads ahead.
func (c *Messages) remember(ctx context.Context, then uint64, place arn.ARN, some map[arn.ARN]role.Actor) error {
	one, last, n, more := c.standing.found(then, place, some)
	if !more {
		return nil
	}
	all, err := c.Members(ctx, c.DB, place, one, last, n)
	if err != nil {
		return err
	}
	next := make(map[arn.ARN]role.Actor, len(all))
	for _, a := range all {
		next[c.ARNOf(a)], last = a, a.No
	}
	c.standing.ahead(then, place, next, last, len(all) == n)
	return nil
}

// messageWrites are the statements that may change a page.
var messageWrites = regexp.MustCompile(`(?i)\b(INTO|UPDATE(\s+OR\s+\w+)?|DELETE\s+FROM|TABLE)\s+"?channel_message\b`)

// remembered is the answer of ListNewest if nothing has to be read for it. The page comes first: who was removed does not see
// what was said afterwards.
func (c *Messages) remembered(bearer, place arn.ARN, limit int) (json.RawMessage, bool) {
	one, ok := c.standing.may(bearer, place)
	if !ok {
		return nil, false
	}
	p, ok := c.pages.Get(pageKey{one.Channel, limit, forList})
	if !ok || !c.said.Holds(p.since) {
		return nil, false
	}
	one, ok = c.standing.may(bearer, place)
	return p.body, ok && p.shared(one)
}

package provision_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// The model: what the commands so far want at the provider. It knows nothing of ledgers and queues.

type simShow struct {
	id      id.Event
	no      int
	name    string
	doors   time.Time
	chat    bool
	state   string
	tickets []*simTicket
	ended   int64 // when it ended or was cancelled last, Unix milliseconds
	sealed  int64 // the end that its archive is sealed for
	seals   int   // how often one was
	deletes int   // how often its channel or app instance was deleted
}

type simTicket struct {
	id        id.Ticket
	show      *simShow
	role      id.Role
	valid     bool
	banned    bool
	name      string // nickname; "" before one is picked
	refunded  bool   // at some time
	wasBanned bool   // at some time
	returned  int    // how often a refund or ban was undone
	renames   int
	renamed   bool // by somebody else's hand
	born      int  // guarded by sim.mu
}

func (t *simTicket) user() string { return id.ChatUser(t.role, t.id) }

func (t *simTicket) shown() string {
	if t.name != "" {
		return t.name
	}
	return "Guest " + string(t.id[len(t.id)-4:])
}

// over: nobody sells, refunds or bans there any more.
func (e *simShow) over() bool { return e.state == "archived" }

// gone: nothing is to be left.
func (e *simShow) gone() bool {
	return e.state == "archived" || e.state == "cancelled" && e.sealed == e.ended
}

// making: what is missing is to be made. Otherwise what is there stays, but for refunds and bans.
func (e *simShow) making() bool { return e.chat && (e.state == "scheduled" || e.state == "open") }

// differs says in words how the provider's books differ from what is wanted, "" if they do not.
func (s *sim) differs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	users, homes := map[string]string{}, map[id.Event]string{} // who is where
	channels := map[id.Event]provisiontest.Channel{}
	names := map[string]int{}
	for _, in := range s.provider.Everything() {
		if in.Stranger {
			continue
		}
		if names[in.Name]++; names[in.Name] > 1 {
			add("two app instances %s", in.Name)
		}
		for c, holds := range in.Channels {
			if strings.HasPrefix(c, "theirs-") {
				continue
			}
			if _, twice := channels[id.Event(c)]; twice {
				add("two channels %s", c)
			}
			channels[id.Event(c)], homes[id.Event(c)] = holds, in.ARN
		}
		for u, name := range in.Users {
			if strings.HasPrefix(u, "stagedoor-admin") || strings.HasPrefix(u, "somebody-") {
				continue
			}
			users[in.ARN+" "+u] = name
		}
		if own := s.ownShow(in.Name); own != nil && own.gone() {
			add("app instance %s is still there", in.Name)
		}
	}
	for _, e := range s.shows {
		s.differsAt(e, channels, homes, users, add)
	}
	for c := range channels {
		add("a channel of nobody: %s", c)
	}
	for u := range users {
		add("an account of nobody: %s", u)
	}
	slices.Sort(out)
	return some(out)
}

// ownShow is the show that an app instance belongs to, nil for the shared one.
func (s *sim) ownShow(name string) *simShow {
	for _, e := range s.shows {
		if strings.HasSuffix(name, "-"+string(e.id)) {
			return e
		}
	}
	return nil
}

// differsAt compares one show, and takes what it has found from the maps.
func (s *sim) differsAt(e *simShow, channels map[id.Event]provisiontest.Channel, homes map[id.Event]string, users map[string]string, add func(string, ...any)) {
	c, there := channels[e.id]
	delete(channels, e.id)
	if e.gone() {
		if there {
			add("the channel of the sealed show %s is still there", e.id)
		}
		return
	}
	if s.haunted && !e.making() { // a half-made place that nobody works on is not swept either
		maps.DeleteFunc(users, func(u, _ string) bool {
			return slices.ContainsFunc(e.tickets, func(t *simTicket) bool { return strings.HasSuffix(u, " "+t.user()) })
		})
		return
	}
	making := e.making() && slices.ContainsFunc(e.tickets, func(t *simTicket) bool { return t.valid })
	if making && !there {
		add("no channel of %s", e.id)
		return
	}
	if making && c.Name != e.name {
		add("the channel of %s is called %q, not %q", e.id, c.Name, e.name)
	}
	admin := func(u string) bool { return strings.HasPrefix(u, "stagedoor-admin") }
	members, moderators := listOf(c.Members, admin), listOf(c.Moderators, admin)
	for _, t := range e.tickets {
		home := homes[e.id] + " " + t.user()
		name, known := users[home]
		delete(users, home)
		isIn, isMod := members[t.user()], moderators[t.user()]
		delete(members, t.user())
		delete(moderators, t.user())
		wantMod := t.role == id.Moderator
		switch {
		case !t.valid && (known || isIn || isMod):
			add("%s is refunded: account %v, member %v, moderator %v", t.id, known, isIn, isMod)
		case t.banned && (isIn || isMod):
			add("%s is banned and in the channel", t.id)
		case isMod && !wantMod:
			add("%s is a moderator", t.id)
		case !t.valid || !e.making():
		case !known:
			add("%s has no account", t.id)
		case name != t.shown():
			add("%s is called %q, not %q", t.id, name, t.shown())
		case !t.banned && (!isIn || isMod != wantMod):
			add("%s: member %v, moderator %v", t.id, isIn, isMod)
		}
	}
	for _, u := range slices.Concat(slices.Collect(maps.Keys(members)), slices.Collect(maps.Keys(moderators))) {
		add("%s is in the channel of %s", u, e.id)
	}
}

func listOf(ids []string, but func(string) bool) map[string]bool {
	out := map[string]bool{}
	for _, u := range ids {
		if !but(u) {
			out[u] = true
		}
	}
	return out
}

// reads: the sweep's own calls change nothing.
func reads(c provisiontest.Call) bool {
	return strings.HasPrefix(c.Op, "List") || strings.HasPrefix(c.Op, "Describe")
}

// witness watches each call: nothing is removed for which there was never a reason.
func (s *sim) witness(c provisiontest.Call) {
	if !reads(c) {
		s.mu.Lock()
		s.acts++
		s.mu.Unlock()
	}
	if c.Effect != provisiontest.Removed && c.Effect != provisiontest.Made {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	blame := func(what string) {
		s.wrong = append(s.wrong, fmt.Sprintf("%8.3f %s %s: %s", time.Since(s.began).Seconds(), c.Op, c.User+c.Channel+c.Name, what))
	}
	t, e := s.ticketOf(c.User), s.showOf(c.Channel)
	switch c.Op {
	case "DeleteAppInstance", "DeleteChannel":
		if c.Op == "DeleteAppInstance" {
			e = s.ownShow(c.Name)
		}
		if e == nil || e.deletes >= e.seals {
			blame("deleted before its archive")
		} else {
			e.deletes++
		}
	case "DeleteAppInstanceUser":
		if t == nil || (!t.refunded && t.show.seals == 0) {
			blame("nobody wanted that")
		}
	case "DeleteChannelMembership", "DeleteChannelModerator":
		if t == nil || (!t.refunded && !t.wasBanned && t.show.seals == 0) {
			blame("nobody wanted that")
		}
	case "CreateAppInstanceUser":
		if t != nil {
			t.born++
			if t.born > 1+t.returned+t.show.seals && !s.haunted {
				blame(fmt.Sprintf("made for the %d. time", t.born))
			}
		}
	}
}

func (s *sim) ticketOf(userARN string) *simTicket {
	for _, e := range s.shows {
		for _, t := range e.tickets {
			if strings.HasSuffix(userARN, "/"+t.user()) || strings.HasSuffix(userARN, "/"+string(t.id)) {
				return t
			}
		}
	}
	return nil
}

func (s *sim) showOf(channelARN string) *simShow {
	for _, e := range s.shows {
		if strings.HasSuffix(channelARN, "/"+string(e.id)) {
			return e
		}
	}
	return nil
}

const (
	// settleWithin is how long after the last command everything must be right: a lost answer takes ten seconds, what was
	// set aside is tried again after ten minutes, and may be set aside again.
	settleWithin = 75 * time.Minute
	// stillFor is how long it must then stay right without a call.
	stillFor = 7 * time.Second
)

// settle waits until the books are as wanted and stay so.
func (s *sim) settle() {
	last := time.Now()
	right, calls, swept := time.Time{}, -1, time.Time{}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		s.openDoors()
		if s.haunted && right.IsZero() && time.Since(swept) > sweepEach {
			swept = time.Now()
			s.exorcise()
		}
		s.mu.Lock()
		n := s.acts
		s.mu.Unlock()
		if n != calls || right.IsZero() {
			calls, right = n, time.Time{}
			if s.differs() == "" {
				right = time.Now()
			}
		}
		still := !right.IsZero() && time.Since(right) >= stillFor && time.Since(last) > stillFor+3*time.Second
		if still && s.told() == "" {
			s.note("settled")
			return
		}
		if time.Since(last) > settleWithin {
			s.Errorf("not settled: %s\n%s", s.differs(), s.told())
			return
		}
		<-tick.C
	}
}

// leftSQL finds what the ledger still wants to be done: answers that are waited for, removals, and of shows that want their
// chat what is missing.
const leftSQL = `SELECT r.event_id || ' ' || r.subject || ' ' || r.kind || ' ' || r.state || ' ' || r.work || ' ' || r.error FROM resource r
	LEFT JOIN wanted_event w ON w.event_id = r.event_id
	WHERE r.busy OR (NOT r.want AND r.state <> 'absent' AND (COALESCE(w.retire, TRUE) OR r.kind IN ('user', 'membership', 'moderator'))) OR (COALESCE(w.make, FALSE) AND r.want AND r.state <> 'made')`

// told says in words how what other rooms are told differs from what is so, "" if it does not.
func (s *sim) told() string {
	type ready struct {
		event  id.Event
		ticket id.Ticket
		name   string
	}
	all, err := db.All(context.Background(), s.db, func(r *ready) []any { return []any{&r.event, &r.ticket, &r.name} },
		"SELECT event_id, ticket_id, made_name FROM chat_ready")
	if err != nil {
		return err.Error()
	}
	told := map[id.Ticket]ready{}
	for _, r := range all {
		told[r.ticket] = r
	}
	var out []string
	for _, e := range s.shows {
		for _, t := range e.tickets {
			r, ok := told[t.id]
			delete(told, t.id)
			may := t.valid && !t.banned && !e.gone()
			switch {
			case ok && !may:
				out = append(out, fmt.Sprintf("%s is called ready", t.id))
			case may && e.making() && (!ok || r.name != t.shown()):
				out = append(out, fmt.Sprintf("%s: ready %v as %q", t.id, ok, r.name))
			}
		}
	}
	for _, r := range told {
		out = append(out, fmt.Sprintf("%s is called ready and nobody's", r.ticket))
	}
	left, err := db.All(context.Background(), s.db, func(r *string) []any { return []any{r} }, leftSQL)
	if err != nil {
		return err.Error()
	}
	for _, row := range left {
		event, _, _ := strings.Cut(row, " ")
		if e := s.showOf("/" + event); e == nil || !s.haunted || e.making() || e.gone() { // else: see differsAt
			out = append(out, row+" is left to do")
		}
	}
	return some(out)
}

// some is the first lines of many.
func some(lines []string) string {
	if n := len(lines); n > 20 {
		lines = append(lines[:20], fmt.Sprint("and ", n-20, " more"))
	}
	return strings.Join(lines, "\n")
}

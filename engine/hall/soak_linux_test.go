package hall_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soak is an evening of coming and going: sessions open and end in every way, people enter and leave rooms and lines are
// said, all at a steady pace, so that whatever grows in the engine is a leak.
type soak struct {
	testing.TB
	*crowd
	p      *process
	house  *house
	rnd    *rand.Rand
	people []*attendee
	moves  chan move // to the movers
	moved  chan move // and back
	pace   pace
	opened int // sessions so far
	tally  struct{ lines, connects, ends, moves int }
}

// pace is how much happens in a second.
type pace struct {
	sessions              int // how many are kept open
	churn, moves, lines   float64
	owed, owedMoves, said float64 // what is due and has not been done
}

// attendee is somebody with a session or without.
type attendee struct {
	no      int
	rooms   map[int]bool
	seat    *seat
	moving  bool // an answer about a membership of his is awaited
	leaving bool
}

// free reports whether something new may be begun: one thing at a time, so that it is known who is where.
func (a *attendee) free() bool {
	return !a.moving && !a.leaving && (a.seat == nil || a.seat.stage == seated)
}

// move is a membership that is made or ended.
type move struct {
	person, room int
	in           bool
	err          error
}

func newSoak(tb testing.TB, people, rooms int, pace pace) *soak {
	tb.Helper()
	s := &soak{TB: tb, rnd: rand.New(rand.NewPCG(1, 2)), pace: pace, moves: make(chan move, people), moved: make(chan move, people)}
	database := "sqlite:" + filepath.Join(tb.TempDir(), "engine.db")
	s.p = birth(tb, engineRole(database), -1)
	s.house = build(tb, s.p, database, people+1, 1) // the admin is in every room and never comes
	w := s.house.wire(s.p.Addr)
	books := []*room{}
	for i := range rooms {
		var ch struct{ ChannelArn string }
		s.house.must(w.call(http.MethodPost, "/channels", s.house.people[0], map[string]any{"AppInstanceArn": s.house.app,
			"Name": fmt.Sprint("soak ", i), "Mode": "UNRESTRICTED", "Privacy": "PRIVATE", "ClientRequestToken": fmt.Sprint("soak-", i)}, &ch))
		books = append(books, newRoom(i, ch.ChannelArn))
	}
	members := make([][]string, rooms)
	for no := range people {
		a := &attendee{no: no, rooms: map[int]bool{}}
		for k := range min(3, rooms) {
			r := (no + k*k) % rooms
			a.rooms[r] = true
			members[r] = append(members[r], s.house.people[no+1])
		}
		s.people = append(s.people, a)
	}
	for i, all := range members {
		for some := range slices.Chunk(all, 100) {
			s.house.must(w.call(http.MethodPost, membershipsOf(books[i])+"?operation=batch-create", s.house.people[0], map[string]any{"MemberArns": some}, nil))
		}
	}
	s.crowd = newCrowd(tb, s.p.Addr, books...)
	s.churn = true
	s.onEvent, s.onEnd = s.told, s.ended
	voices := make([]speaker, 8)
	for i := range voices {
		voices[i] = &member{wire: s.house.wire(s.p.Addr), arn: s.house.people[0]}
	}
	s.choir = newChoir(tb, voices...)
	for range 4 {
		w := s.house.wire(s.p.Addr)
		go s.mover(w)
	}
	tb.Cleanup(func() { close(s.moves) })
	return s
}

func membershipsOf(r *room) string { return "/channels/" + url.PathEscape(r.arn) + "/memberships" }

// mover makes and ends memberships.
func (s *soak) mover(w *wire) {
	for m := range s.moves {
		who := s.house.people[m.person+1]
		if m.in {
			m.err = w.call(http.MethodPost, membershipsOf(s.rooms[m.room]), s.house.people[0],
				map[string]any{"MemberArn": who, "Type": "DEFAULT", "ClientRequestToken": fmt.Sprint(time.Now().UnixNano())}, nil)
		} else {
			m.err = w.call(http.MethodDelete, membershipsOf(s.rooms[m.room])+"/"+url.PathEscape(who), s.house.people[0], nil, nil)
		}
		s.moved <- m
	}
}

// tick does what is due.
func (s *soak) tick(passed float64) {
	for done := false; !done; {
		select {
		case m := <-s.moved:
			s.noted(m)
		default:
			done = true
		}
	}
	p := &s.pace
	p.owed, p.owedMoves, p.said = p.owed+passed*p.churn, p.owedMoves+passed*p.moves, p.said+passed*p.lines
	for ; p.owed >= 1; p.owed-- {
		s.leave()
	}
	for s.open+s.opening < p.sessions && s.opening < 64 && s.come() {
	}
	for ; p.owedMoves >= 1; p.owedMoves-- {
		s.move()
	}
	for ; p.said >= 1; p.said-- {
		s.choir.say(s.rooms[s.rnd.IntN(len(s.rooms))], s.now())
		s.tally.lines++
	}
}

// some picks somebody who is free; nil if luck has it that all it finds are otherwise.
func (s *soak) some(here bool) *attendee {
	for range 64 {
		if a := s.people[s.rnd.IntN(len(s.people))]; a.free() && (a.seat != nil) == here {
			return a
		}
	}
	return nil
}

func (s *soak) come() bool {
	a := s.some(false)
	if a == nil {
		return false
	}
	s.opened++
	ticket := s.house.tickets(s.p.Addr, fmt.Sprint(s.opened%7), []int{a.no + 1})
	a.seat = s.sit(a.no, ticket[0], 0)
	for r := range a.rooms {
		a.seat.chairs = append(a.seat.chairs, chair{room: s.rooms[r]})
	}
	return true
}

// leave ends a session: with a close frame, without a word, or as a network does that breaks.
func (s *soak) leave() {
	a := s.some(true)
	if a == nil {
		return
	}
	a.leaving = true
	switch s.rnd.IntN(3) {
	case 0:
		_, _ = syscall.Write(a.seat.fd, []byte{0x88, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff})
	case 1:
		_ = syscall.Shutdown(a.seat.fd, syscall.SHUT_WR)
	default:
		s.end(a.seat)
	}
}

func (s *soak) ended(seat *seat) {
	a := s.people[seat.person]
	if !a.leaving && !seat.shed {
		s.faults.note(&s.faults.broken, 1, "session %d was ended by the engine, code %d", seat.fd, seat.code)
	}
	a.seat, a.leaving = nil, false
	s.tally.ends++
}

// move has somebody enter or leave a room.
func (s *soak) move() {
	a := s.some(s.rnd.IntN(4) > 0)
	if a == nil {
		return
	}
	r := s.rnd.IntN(len(s.rooms))
	a.moving = true
	s.moves <- move{person: a.no, room: r, in: !a.rooms[r]}
}

func (s *soak) noted(m move) {
	a := s.people[m.person]
	a.moving = false
	s.tally.moves++
	if m.err != nil {
		s.faults.note(&s.faults.broken, 1, "a membership: %v", m.err)
		return
	}
	if m.in {
		a.rooms[m.room] = true
	} else {
		delete(a.rooms, m.room)
	}
}

// told handles what the engine says beside lines: a session's own comings and goings open and end its chairs.
func (s *soak) told(seat *seat, event string, frame []byte) {
	if event != "CREATE_CHANNEL_MEMBERSHIP" && event != "DELETE_CHANNEL_MEMBERSHIP" || !bytes.Contains(frame, []byte(`"`+s.house.people[seat.person+1]+`\"`)) {
		return
	}
	for _, r := range s.rooms {
		if !bytes.Contains(frame, []byte(r.arn)) {
			continue
		}
		at := slices.IndexFunc(seat.chairs, func(c chair) bool { return c.room == r })
		switch {
		case event[0] == 'C' && at < 0:
			seat.chairs = append(seat.chairs, s.join(r))
		case event[0] == 'D' && at >= 0:
			seat.chairs = slices.Delete(seat.chairs, at, at+1)
		}
	}
}

// sample is what the engine holds at a moment.
type sample struct {
	resident, collected  int64
	heap, database       int64 // Go's objects, and the file that SQLite caches some of
	goroutines, files    int
	sessions             int
	p50, p99             time.Duration
	lines, deliveries    int
	connects, ends, move int
}

// look takes a sample, after a garbage collection.
func (s *soak) look() sample {
	out := sample{resident: s.p.resident(), p50: s.delays.quantile(0.5), p99: s.delays.quantile(0.99), lines: s.tally.lines,
		deliveries: s.deliveries, connects: s.opened, ends: s.tally.ends, move: s.tally.moves}
	r := s.p.ask("collect", "")
	out.collected, out.goroutines, out.files, out.sessions = s.p.resident(), r.Goroutines, s.p.descriptors(), r.Sessions
	out.heap = int64(r.Heap)
	if file, err := os.Stat(strings.TrimPrefix(s.house.database, "sqlite:")); err == nil {
		out.database = file.Size()
	}
	s.delays = delays{}
	return out
}

// run churns for so long and looks every now and then.
func (s *soak) run(long, every time.Duration, each func(sample)) (all []sample) {
	s.issue = func() { s.tick(0) } // only comings
	s.until(func() bool { return s.open == s.pace.sessions })
	last, start := s.now(), s.now()
	s.issue = func() {
		now := s.now()
		s.tick((now - last).Seconds())
		last = now
	}
	for next := start + every; next <= start+long; next += every {
		s.until(func() bool { return s.now() >= next })
		one := s.look()
		last = s.now() // the look is no time that anybody is owed
		all = append(all, one)
		each(one)
	}
	s.issue = func() { s.tick(0) } // answers still come
	s.pace.sessions = 0
	s.until(func() bool { return !slices.ContainsFunc(s.people, func(a *attendee) bool { return !a.free() }) })
	s.issue = nil
	s.settle(0)
	return all
}

// flat says what grew between the second quarter of the samples and the last. Every measure may breathe a little. The
// history grows all evening, and with it what SQLite has of it in memory, in the writer and in readers, up to a limit: that is
// taken out of the memory.
func flat(all []sample) (grown []string) {
	quarter := len(all) / 4
	if quarter == 0 {
		return nil
	}
	for _, m := range []struct {
		name   string
		of     func(sample) float64
		spared float64 // that much is no growth
	}{
		{"memory in MB without the database", func(s sample) float64 { return float64(s.collected-2*s.database) / (1 << 20) }, 8},
		{"Go's objects in MB", func(s sample) float64 { return float64(s.heap) / (1 << 20) }, 2},
		{"goroutines", func(s sample) float64 { return float64(s.goroutines) }, 32},
		{"descriptors without sessions", func(s sample) float64 { return float64(s.files - s.sessions) }, 32},
	} {
		before, after := typical(all[quarter:2*quarter], m.of), typical(all[len(all)-quarter:], m.of)
		if after > before*1.1+m.spared {
			grown = append(grown, fmt.Sprintf("%s grew from %.0f to %.0f", m.name, before, after))
		}
	}
	return grown
}

func typical(all []sample, of func(sample) float64) float64 {
	values := make([]float64, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// TestSoak is make soak: an hour of it, or as long as asked, and a failure if anything grew.
func TestSoak(t *testing.T) {
	long := variable(t, "STAGEDOOR_SOAK", 0, time.ParseDuration)
	if long == 0 {
		t.Skip("make soak")
	}
	n := variable(t, "STAGEDOOR_SOAK_SESSIONS", 1500, strconv.Atoi)
	needFiles(t, n+200)
	s := newSoak(t, 2*n, 12, pace{sessions: n, churn: float64(n) / 50, moves: 10, lines: 20})
	_, _ = fmt.Fprintf(os.Stdout, "\n| min | sessions | comings | goings | moves | lines | deliveries | p50 / p99 ms | MB | collected | Go's | database | goroutines | descriptors | faults |\n"+
		"|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	every := max(long/60, time.Second)
	all := s.run(long, every, func(one sample) {
		_, _ = fmt.Fprintf(os.Stdout, "| %.1f | %d | %d | %d | %d | %d | %d | %.1f / %.1f | %.1f | %.1f | %.1f | %.1f | %d | %d | %d |\n", s.now().Minutes(), one.sessions,
			one.connects, one.ends, one.move, one.lines, one.deliveries, ms(one.p50), ms(one.p99), float64(one.resident)/(1<<20),
			float64(one.collected)/(1<<20), float64(one.heap)/(1<<20), float64(one.database)/(1<<20), one.goroutines, one.files, s.faults.sum())
	})
	s.check()
	if heap := os.Getenv("STAGEDOOR_SOAK_HEAP"); heap != "" {
		s.p.ask("heap", heap) // what is left when nobody leaves any more
	}
	for _, grown := range flat(all) {
		t.Error(grown)
	}
}

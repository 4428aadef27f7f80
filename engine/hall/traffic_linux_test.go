package hall_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/iam"
)

// traffic is an evening of coming and going: sessions open and end in every way that there is, memberships too, and
// lines are said. What each session must hear, must not hear and how it must end is known at every moment.
type traffic struct {
	testing.TB
	*crowd
	p      *process
	house  *house
	rnd    *rand.Rand
	people []*attendee
	visits map[*seat]*visit
	moves  chan *move // to the movers
	moved  chan *move // and back
	pace   pace
	mint   func(person int, good time.Duration) aws.Credentials
	asked  time.Duration // when the engine was asked to end; 0 before
	looked time.Duration // when farewells were last checked
	tally  tally
}

// pace is how much happens in a second.
type pace struct {
	sessions           int // how many are kept open
	each               int // how many one person may have
	churn, moves       float64
	lines              float64 // said a second, or
	underWay           int     // how many are under way at any time
	kicks              float64
	owed, owedMoves    float64 // what is due and has not been done
	owedLines, owedOut float64
}

// tally is what has happened.
type tally struct {
	opened, ends, lines                            int
	moves                                          [deletion + 1]int // people
	kicked, expired, replaced, slow, sentAway, cut int
	tooLate                                        time.Duration // the most that a session outlived its credentials
	firstAway, lastAway                            time.Duration // after the engine was asked to end
}

func (t *tally) allMoves() (n int) {
	for _, moved := range t.moves {
		n += moved
	}
	return n
}

// attendee is somebody with sessions or without.
type attendee struct {
	no    int
	rooms map[int]bool
	seats []*seat
	move  *move // what is being done to him; one thing at a time, so that it is known who is where
	gone  bool  // deleted
}

// still reports whether nothing is under way with him, not even a session that opens.
func (a *attendee) still() bool {
	return a.move == nil && !a.gone && !slices.ContainsFunc(a.seats, func(s *seat) bool { return s.stage != seated })
}

// visit is a session of somebody.
type visit struct {
	*seat
	who     *attendee
	name    string // its sessionId
	until   time.Time
	leaving bool   // we end it
	want    int    // the close code that is to come, 0 for none yet
	gives   *visit // the older session of the same name, which ends when this one is there
}

// The close codes of docs/wire.md.
const (
	codeReplaced = 1000
	codeRestart  = 1012
	codeSlow     = 1013
	codeStayAway = 4003
	codeUnsigned = 4401
	codeExpired  = 4419
)

// drainTime is how long the engine takes to tell everybody that it ends, and the second that who was told last has to answer.
const drainTime = 2 * time.Second

// overtime is how long a session may outlive its credentials: the engine looks every second, and a machine may be busy.
const overtime = 30 * time.Second

func newTraffic(tb testing.TB, cfg engine.Config, core, people, rooms int, pace pace) *traffic {
	tb.Helper()
	t := &traffic{TB: tb, rnd: rand.New(rand.NewPCG(1, 2)), pace: pace, visits: map[*seat]*visit{},
		moves: make(chan *move, people), moved: make(chan *move, people)}
	database := "sqlite:" + filepath.Join(tb.TempDir(), "engine.db")
	cfg.Database = database
	t.p = birth(tb, role{Kind: "engine", Engine: cfg}, core)
	t.house = build(tb, t.p, database, people+1, 1) // the admin is in every room and never comes
	t.house.deflate = cfg.Compress
	t.mint = t.house.mint()
	t.crowd = newCrowd(tb, t.p.Addr, t.furnish(people, rooms)...)
	t.churn, t.deflate = true, cfg.Compress
	t.onEvent, t.onEnd = t.told, t.ended
	voices := make([]speaker, 8)
	for i := range voices {
		voices[i] = &member{wire: t.house.wire(t.p.Addr), arn: t.house.people[0]}
	}
	t.choir = newChoir(tb, t.began, voices...)
	for range 4 {
		w := t.house.wire(t.p.Addr)
		go t.mover(w)
	}
	tb.Cleanup(func() { close(t.moves) })
	return t
}

// furnish makes rooms, of which everybody is in the first and in some of the others.
func (t *traffic) furnish(people, rooms int) (books []*room) {
	t.Helper()
	w := t.house.wire(t.p.Addr)
	books = []*room{newRoom(0, t.house.rooms[0])}
	for i := 1; i < rooms; i++ {
		var ch struct{ ChannelArn string }
		t.house.must(w.call(http.MethodPost, "/channels", t.house.people[0], map[string]any{"AppInstanceArn": t.house.app,
			"Name": fmt.Sprint("room ", i), "Mode": "UNRESTRICTED", "Privacy": "PRIVATE", "ClientRequestToken": fmt.Sprint("room-", i)}, &ch))
		books = append(books, newRoom(i, ch.ChannelArn))
	}
	members := make([][]string, rooms)
	for no := range people {
		a := &attendee{no: no, rooms: map[int]bool{0: true}}
		for k := range min(2, rooms-1) {
			r := 1 + (no+k*k+k)%(rooms-1)
			if !a.rooms[r] {
				members[r] = append(members[r], t.house.people[no+1])
			}
			a.rooms[r] = true
		}
		t.people = append(t.people, a)
	}
	for i, all := range members {
		for some := range slices.Chunk(all, 100) {
			t.house.must(w.call(http.MethodPost, membershipsOf(books[i])+"?operation=batch-create", t.house.people[0], map[string]any{"MemberArns": some}, nil))
		}
	}
	return books
}

// begin lets the sessions in.
func (t *traffic) begin() {
	t.issue = t.come
	t.until(func() bool { return t.crowd.open >= t.pace.sessions || t.faults.sum() > 0 })
	t.issue = nil
}

// run has traffic for so long, at its pace.
func (t *traffic) run(long time.Duration) {
	last := t.now()
	end := last + long
	t.latest = last
	t.issue = func() {
		now := t.now()
		t.tick((now - last).Seconds())
		last = now
	}
	for t.now() < end {
		t.until(func() bool { return t.now() >= end })
	}
	t.issue = nil
}

// rest has everything that is under way come to its end, but for the sessions, and looks at the books.
func (t *traffic) rest() {
	t.issue = t.answers
	still := func(a *attendee) bool { return a.gone && len(a.seats) == 0 || a.still() }
	if !t.until(func() bool { return !slices.ContainsFunc(t.people, func(a *attendee) bool { return !still(a) }) }) {
		t.faults.note(&t.faults.lost, 1, "some have not been told what became of their memberships")
	}
	t.issue = nil
	t.settle(0)
	for _, v := range t.visits {
		if time.Since(v.until) > overtime {
			t.faults.note(&t.faults.broken, 1, "session %d is there %s after its credentials ended", v.fd, time.Since(v.until))
		}
	}
}

// tick does what is due.
func (t *traffic) tick(passed float64) {
	t.answers()
	p := &t.pace
	p.owed, p.owedMoves, p.owedOut, p.owedLines = p.owed+passed*p.churn, p.owedMoves+passed*p.moves, p.owedOut+passed*p.kicks, p.owedLines+passed*p.lines
	for ; p.owed >= 1; p.owed-- {
		t.leave()
	}
	for ; p.owedMoves >= 1; p.owedMoves-- {
		t.move()
	}
	for ; p.owedOut >= 1; p.owedOut-- {
		t.kick()
	}
	t.come()
	t.speak()
	if now := t.now(); now > t.looked+time.Second {
		t.looked = now
		t.checkFarewells(now - overtime)
	}
}

// speak says what is due. A line that lost half of its hall while it was under way would be so for ever: when nothing has
// been heard for a while, nothing is under way.
func (t *traffic) speak() {
	p, now := &t.pace, t.now()
	for ; p.owedLines >= 1; p.owedLines-- {
		t.say(now)
	}
	if t.under = max(0, t.under); now > t.latest+time.Second {
		t.under, t.latest = 0, now
	}
	for n := t.under; n < p.underWay; n++ { // or fewer, where a room is empty
		t.say(now)
	}
}

func (t *traffic) say(now time.Duration) {
	if r := t.rooms[t.rnd.IntN(len(t.rooms))]; r.chairs > 0 {
		t.under++
		t.tally.lines++
		t.choir.say(r, now)
	}
}

// some picks one whom it may be; nil if luck has it that all it finds are others.
func (t *traffic) some(may func(*attendee) bool) *attendee {
	for range 64 {
		if a := t.people[t.rnd.IntN(len(t.people))]; may(a) {
			return a
		}
	}
	return nil
}

// come opens sessions. Everybody has credentials of his own, a third of them end soon; some take the place of an older one.
func (t *traffic) come() {
	for t.crowd.open+t.opening < t.pace.sessions && t.opening < 64 {
		a := t.some(func(a *attendee) bool { return a.move == nil && !a.gone && len(a.seats) < t.pace.each })
		if a == nil {
			return
		}
		t.enter(a)
	}
}

func (t *traffic) enter(a *attendee) {
	t.tally.opened++
	v := &visit{who: a, name: fmt.Sprint("session-", t.tally.opened)}
	good := iam.MinDuration
	switch t.rnd.IntN(6) {
	case 0, 1:
		good = time.Duration(2000+t.rnd.IntN(12000)) * time.Millisecond
	case 2:
		for _, s := range a.seats {
			if old := t.visits[s]; s.stage == seated && !old.leaving && old.want == 0 {
				v.name, v.gives = old.name, old
				old.want = codeReplaced
				break
			}
		}
	}
	with := t.mint(a.no+1, good)
	v.until = with.Expires
	v.seat = t.sit(a.no, t.house.ticket(t.p.Addr, v.name, a.no+1, with), 0)
	for r := range a.rooms {
		v.chairs = append(v.chairs, chair{room: t.rooms[r]})
	}
	a.seats = append(a.seats, v.seat)
	t.visits[v.seat] = v
}

// guest picks a session that nobody has anything in mind with.
func (t *traffic) guest() *visit {
	for range 64 {
		if s := t.seats[t.rnd.IntN(len(t.seats))]; s != nil && s.stage == seated {
			if v := t.visits[s]; !v.leaving && v.want == 0 {
				return v
			}
		}
	}
	return nil
}

// leave ends a session: with a close frame, without a word, or as a network does that breaks.
func (t *traffic) leave() {
	v := t.guest()
	if v == nil {
		return
	}
	v.leaving = true
	switch t.rnd.IntN(3) {
	case 0:
		_, _ = syscall.Write(v.fd, []byte{0x88, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff})
	case 1:
		_ = syscall.Shutdown(v.fd, syscall.SHUT_WR)
	default:
		t.end(v.seat)
	}
}

// kick has the engine end all sessions of somebody, which may open new ones.
func (t *traffic) kick() {
	a := t.some(func(a *attendee) bool { return a.still() && len(a.seats) > 0 })
	if a == nil {
		return
	}
	t.p.ask("kick", t.house.people[a.no+1])
	for _, s := range a.seats {
		if v := t.visits[s]; !v.leaving && v.want == 0 {
			v.want = codeStayAway
		}
		t.shutOut(s)
	}
	t.tally.kicked++
}

// shutOut notes the answer that a session is out of all its rooms.
func (t *traffic) shutOut(s *seat) {
	for i := range s.chairs {
		s.chairs[i].out, s.chairs[i].ceiling = true, t.choir.next
	}
}

// ended judges how a session ended. Who is sent away in the order of things has to have what was acknowledged before.
// Expiry, a kick and a newer session do not wait for lines on their way: what came is in order, and the next session reads on.
func (t *traffic) ended(s *seat) {
	v, now := t.visits[s], t.now()
	delete(t.visits, s)
	a := v.who
	a.seats = slices.DeleteFunc(a.seats, func(o *seat) bool { return o == s })
	if m := a.move; m != nil {
		delete(m.waiting, s)
		t.over(m)
	}
	t.tally.ends++
	late := time.Since(v.until)
	expired := late >= 0
	switch {
	case s.shed || expired && s.code == codeUnsigned: // it never was there
		if v.gives != nil && v.gives.want == codeReplaced {
			v.gives.want = 0
		}
		return
	case v.leaving:
		return
	case s.code == codeSlow:
		t.tally.slow++
		return
	case s.code == codeExpired && expired:
		t.tally.expired++
		t.tally.tooLate = max(t.tally.tooLate, late)
		if late > overtime {
			t.faults.note(&t.faults.broken, 1, "session %d ended %s after its credentials", s.fd, late)
		}
	case t.asked > 0 && s.code == codeRestart:
		t.tally.sentAway++
		if t.tally.lastAway = now - t.asked; t.tally.firstAway == 0 {
			t.tally.firstAway = now - t.asked
		}
		for len(s.chairs) > 0 {
			t.stand(s, 0, t.asked, "at the end")
		}
	case t.asked > 0 && s.code == 0 && now > t.asked+drainTime: // told, but it did not answer in time, for this machine is busy
		t.tally.cut++
	case v.want == s.code && s.code == codeReplaced:
		t.tally.replaced++
	case v.want == s.code && s.code == codeStayAway:
	default:
		t.faults.note(&t.faults.broken, 1, "session %d was ended by the engine, code %d, %d was to come, credentials for another %s, seated %t, %s after the end began",
			s.fd, s.code, v.want, -late, s.sat, now-t.asked)
	}
}

// told handles what the engine says beside lines: a session's own comings and goings open and end its chairs.
func (t *traffic) told(s *seat, event string, frame []byte) {
	in := event == "CREATE_CHANNEL_MEMBERSHIP" || event == "BATCH_CREATE_CHANNEL_MEMBERSHIP"
	if !in && event != "DELETE_CHANNEL_MEMBERSHIP" || !bytes.Contains(frame, []byte(`"`+t.house.people[s.person+1]+`\"`)) {
		return
	}
	no := slices.IndexFunc(t.rooms, func(r *room) bool { return bytes.Contains(frame, []byte(r.arn)) })
	a, m := t.people[s.person], t.people[s.person].move
	at := slices.IndexFunc(s.chairs, func(c chair) bool { return c.room.no == no })
	if m == nil || m.in() != in || m.kind != deletion && (m.room != no || !m.waiting[s]) || in != (at < 0) {
		t.faults.note(&t.faults.doubled, 1, "session %d of %d was told %s of room %d", s.fd, a.no, event, no)
		return
	}
	asked := time.Duration(m.asked.Load())
	if in {
		c := t.join(t.rooms[no])
		if c.since = asked; m.answered {
			c.floor, c.next = min(c.floor, m.answer), -1
		}
		s.chairs = append(s.chairs, c)
	} else {
		t.stand(s, at, asked, event)
	}
	if m.kind != deletion {
		delete(m.waiting, s)
		t.over(m)
	}
}

func membershipsOf(r *room) string { return "/channels/" + url.PathEscape(r.arn) + "/memberships" }

package hall_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

type kind int

const (
	entry    kind = iota // CreateChannelMembership
	batch                // BatchCreateChannelMembership
	exit                 // DeleteChannelMembership
	ban                  // CreateChannelBan
	pardon               // DeleteChannelBan, after each of these
	deletion             // DeleteAppInstanceUser
)

// move is what becomes of memberships: asked for by a mover, told to each session of those whom it concerns, and
// answered, in any order. It is over when all of that has happened.
type move struct {
	kind     kind
	people   []*attendee
	room     int
	asked    atomic.Int64 // on the crowd's clock
	err      error
	answered bool
	answer   uint32         // the first line that was said after the answer
	waiting  map[*seat]bool // who has not been told
}

func (m *move) in() bool { return m.kind == entry || m.kind == batch }

// mover makes and ends memberships.
func (t *traffic) mover(w *wire) {
	admin := t.house.people[0]
	for m := range t.moves {
		who := t.house.people[m.people[0].no+1]
		room := "/channels/" + url.PathEscape(t.rooms[m.room].arn)
		m.asked.Store(int64(t.now()))
		switch m.kind {
		case entry:
			m.err = w.call(http.MethodPost, room+"/memberships", admin,
				map[string]any{"MemberArn": who, "Type": "DEFAULT", "ClientRequestToken": fmt.Sprint(time.Now().UnixNano())}, nil)
		case batch:
			var all []string
			for _, a := range m.people {
				all = append(all, t.house.people[a.no+1])
			}
			m.err = w.call(http.MethodPost, room+"/memberships?operation=batch-create", admin, map[string]any{"MemberArns": all}, nil)
		case exit:
			m.err = w.call(http.MethodDelete, room+"/memberships/"+url.PathEscape(who), admin, nil, nil)
		case ban:
			m.err = w.call(http.MethodPost, room+"/bans", admin, map[string]any{"MemberArn": who}, nil)
		case pardon:
			m.err = w.call(http.MethodDelete, room+"/bans/"+url.PathEscape(who), admin, nil, nil)
		case deletion:
			m.err = w.call(http.MethodDelete, "/app-instance-users/"+url.PathEscape(who), "", nil, nil)
		}
		t.moved <- m
	}
}

// move has somebody enter or leave a room, or several enter it, or is the end of somebody.
func (t *traffic) move() {
	a := t.some(func(a *attendee) bool { return a.still() && (len(a.seats) > 0 || t.rnd.IntN(8) == 0) })
	if a == nil {
		return
	}
	m := &move{people: []*attendee{a}, room: t.rnd.IntN(len(t.rooms)), waiting: map[*seat]bool{}}
	switch dice := t.rnd.IntN(16); {
	case dice == 0 && t.tally.moves[deletion] < len(t.people)/8:
		m.kind = deletion
	case !a.rooms[m.room] && dice < 4:
		m.kind = batch
		for range 4 {
			b := t.some(func(b *attendee) bool { return b.still() && !b.rooms[m.room] && !slices.Contains(m.people, b) })
			if b != nil {
				m.people = append(m.people, b)
			}
		}
	case !a.rooms[m.room]:
		m.kind = entry
	case dice < 4:
		m.kind = ban
	default:
		m.kind = exit
	}
	for _, a := range m.people {
		a.move = m
		for _, s := range a.seats {
			m.waiting[s] = true
			if v := t.visits[s]; m.kind == deletion && !v.leaving && v.want == 0 {
				v.want = codeStayAway
			}
		}
	}
	t.moves <- m
}

// answers takes what the movers bring back.
func (t *traffic) answers() {
	for {
		select {
		case m := <-t.moved:
			t.answer(m)
		default:
			return
		}
	}
}

func (t *traffic) answer(m *move) {
	m.answered, m.answer = true, t.choir.next
	if m.err != nil {
		t.faults.note(&t.faults.broken, 1, "a membership: %v", m.err)
	}
	for _, a := range m.people {
		switch {
		case m.kind == deletion:
			for _, s := range a.seats {
				t.shutOut(s)
			}
			a.gone = true
		case m.in():
			a.rooms[m.room] = true
		case m.kind != pardon:
			delete(a.rooms, m.room)
		}
		for _, s := range a.seats {
			for i := range s.chairs {
				if c := &s.chairs[i]; !m.in() && c.room.no == m.room && m.waiting[s] {
					c.out, c.ceiling = true, m.answer
				}
			}
		}
	}
	t.tally.moves[m.kind] += len(m.people)
	t.over(m)
}

// over lets people go about their business when a move is.
func (t *traffic) over(m *move) {
	if !m.answered || len(m.waiting) > 0 {
		return
	}
	for _, a := range m.people {
		a.move = nil
	}
	if m.kind == ban {
		m.people[0].move = &move{kind: pardon, people: m.people, room: m.room}
		t.moves <- m.people[0].move
	}
}

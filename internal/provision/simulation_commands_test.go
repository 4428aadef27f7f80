package provision_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// What people do to shows and tickets in a simulated world.

func onSale(e *simShow) bool { return e.state == "scheduled" || e.state == "open" }

func (s *sim) importMore() {
	if e := s.show(onSale); e != nil {
		n := 1 + s.rnd.IntN(8)
		s.note("%d more tickets of %s", n, e.id)
		s.sell(e, id.Fan, n)
	}
}

func (s *sim) importAgain() {
	if e := s.show(onSale); e != nil {
		s.note("the same tickets of %s again", e.id)
		s.store(e, e.tickets)
	}
}

func (s *sim) moreStaff() {
	if e := s.show(onSale); e != nil {
		s.note("one more moderator of %s", e.id)
		s.sell(e, id.Moderator, 1)
	}
}

func (s *sim) refund() {
	for range 1 + s.rnd.IntN(3) {
		if t := s.ticket(func(t *simTicket) bool { return t.valid }); t != nil {
			s.setValid(t, false)
		}
	}
}

func (s *sim) reinstate() {
	if t := s.ticket(func(t *simTicket) bool { return !t.valid }); t != nil {
		s.setValid(t, true)
	}
}

func (s *sim) setValid(t *simTicket, valid bool) {
	s.note("ticket %s valid %v", t.id, valid)
	s.mu.Lock()
	t.valid = valid
	if valid {
		t.returned++
	} else {
		t.refunded = true
	}
	s.mu.Unlock()
	s.exec("UPDATE ticket SET valid = $1, updated_ms = $2 WHERE id = $3", valid, now(), t.id)
	s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: t.show.id})
}

func (s *sim) reschedule() {
	if e := s.show(onSale); e != nil {
		doors := time.Now().Add(one(s.rnd, -time.Hour, 2*time.Second, 5*time.Minute, 24*time.Hour, 14*24*time.Hour))
		s.note("show %s has doors at %v", e.id, doors.Sub(s.began))
		e.doors = doors
		s.exec("UPDATE event SET doors_ms = $1, starts_ms = $1 WHERE id = $2", doors.UnixMilli(), e.id)
		s.setState(e, byClock(doors))
	}
}

func (s *sim) renameShow() {
	if e := s.show(onSale); e != nil {
		s.mu.Lock()
		e.name = fmt.Sprint("A show called ", s.rnd.IntN(1000))
		s.mu.Unlock()
		s.note("show %s is called %s", e.id, e.name)
		s.write(e, bus.EventChanged, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE event SET name = $1, updated_ms = $2 WHERE id = $3", e.name, now(), e.id)
			return err
		})
	}
}

func (s *sim) rename() {
	if t := s.ticket(func(t *simTicket) bool { return t.valid }); t != nil {
		name := fmt.Sprintf("Zoë %d 🔥", s.rnd.IntN(1000))
		s.note("ticket %s is called %s", t.id, name)
		s.mu.Lock()
		t.name = name
		t.renames++
		s.mu.Unlock()
		s.exec(`INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) VALUES ($1, $2, $3, $1, $1, $4)
			ON CONFLICT (ticket_id) DO UPDATE SET name = excluded.name, updated_ms = excluded.updated_ms`, t.id, t.show.id, name, now())
		s.bus.Publish(bus.Hint{Topic: bus.NameChanged, Event: t.show.id, Ticket: t.id})
	}
}

// ban writes the ban and calls the provider, as the moderator's room does; in either order.
func (s *sim) ban() {
	t := s.ticket(func(t *simTicket) bool {
		return t.valid && !t.banned && t.role != id.Moderator && !t.show.doors.After(time.Now())
	})
	if t == nil {
		return
	}
	s.note("ticket %s is banned", t.id)
	s.mu.Lock()
	t.banned, t.wasBanned = true, true
	s.mu.Unlock()
	first := s.rnd.IntN(2) == 0
	if first {
		s.provider.Ban(string(t.show.id), t.user(), true)
	}
	s.act(t, "ban", "INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', 1)")
	if !first {
		s.provider.Ban(string(t.show.id), t.user(), true)
	}
	s.bus.Publish(bus.Hint{Topic: bus.Banned, Event: t.show.id, Ticket: t.id})
}

func (s *sim) unban() {
	if t := s.ticket(func(t *simTicket) bool { return t.banned && !t.show.doors.After(time.Now()) }); t != nil {
		s.note("ticket %s is not banned any more", t.id)
		s.mu.Lock()
		t.banned = false
		t.returned++
		s.mu.Unlock()
		s.act(t, "unban", "DELETE FROM ban WHERE ticket_id = $1 AND event_id = $2")
		s.provider.Ban(string(t.show.id), t.user(), false)
		s.bus.Publish(bus.Hint{Topic: bus.Banned, Event: t.show.id, Ticket: t.id})
	}
}

// act changes the ban and writes the act into the trail, in one write.
func (s *sim) act(t *simTicket, kind, query string) {
	err := s.db.Write(context.Background(), func(tx *db.Tx) error {
		if _, err := tx.Exec(query, t.id, t.show.id); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO moderator_act (id, event_id, by_ticket, kind, user_id, message_id, part_of, original, sender, sent_ms, reason, created_ms)
			VALUES ($1, $2, '', $3, $4, '', '', '', '', 0, '', $5)`, id.NewToken(), t.show.id, kind, t.user(), now())
		return err
	})
	if err != nil {
		s.Error(err)
	}
}

func (s *sim) end() {
	if e := s.show(onSale); e != nil && s.rnd.IntN(2) == 0 {
		s.note("show %s has ended", e.id)
		s.setState(e, "ended")
	}
}

// archive seals what was said at an ended or cancelled show. That is what lets the chat go.
func (s *sim) archive() {
	e := s.show(func(e *simShow) bool {
		return e.state == "ended" || e.state == "cancelled" || onSale(e) && s.rnd.IntN(6) == 0
	})
	if e == nil {
		return
	}
	if onSale(e) {
		s.setState(e, "ended")
	}
	s.note("the archive of %s is sealed", e.id)
	s.mu.Lock()
	if e.sealed != e.ended {
		e.sealed, e.seals = e.ended, e.seals+1
	}
	s.mu.Unlock()
	s.write(e, bus.EventChanged, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO archive (event_id, path, ended_ms, messages, bytes, sha256, exported_ms, sealed) VALUES ($1, 'x', $2, 0, 0, '', $3, TRUE)
			ON CONFLICT (event_id) DO UPDATE SET ended_ms = excluded.ended_ms`, e.id, e.ended, now())
		return err
	})
	if e.state == "ended" {
		s.setState(e, "archived")
	}
}

func (s *sim) cancel() {
	if e := s.show(onSale); e != nil {
		s.note("show %s is cancelled", e.id)
		s.setState(e, "cancelled")
	}
}

func (s *sim) uncancel() {
	if e := s.show(func(e *simShow) bool { return e.state == "cancelled" }); e != nil {
		s.note("show %s takes place after all", e.id)
		s.setState(e, byClock(e.doors))
	}
}

func (s *sim) reopen() {
	if e := s.show(func(e *simShow) bool { return e.state == "ended" }); e != nil {
		s.note("show %s is open again", e.id)
		s.setState(e, byClock(e.doors))
	}
}

func (s *sim) toggleChat() {
	if e := s.show(onSale); e != nil {
		s.mu.Lock()
		e.chat = !e.chat
		s.mu.Unlock()
		s.note("show %s has chat %v", e.id, e.chat)
		s.exec("UPDATE event SET chat = $1, updated_ms = $2 WHERE id = $3", e.chat, now(), e.id)
		s.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e.id})
	}
}

// killSomebody seals the fate of a process: at once, at one of its next calls, or by a clean stop.
func (s *sim) killSomebody() {
	place, how, call, after := s.rnd.IntN(s.standbys+1), s.rnd.IntN(5), 1+s.rnd.IntN(6), s.rnd.IntN(2) == 0
	s.mu.Lock()
	p := s.places[place]
	s.deaths++
	s.mu.Unlock()
	s.note("kill of place %d: way %d, call %d, after %v", place, how, call, after)
	switch {
	case p == nil:
	case how == 0:
		p.kill()
	case how == 1:
		p.cancel()
	default:
		p.mu.Lock()
		p.fatal, p.calls = fate{call, after}, 0
		p.mu.Unlock()
	}
}

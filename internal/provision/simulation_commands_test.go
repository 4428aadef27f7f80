package provision_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// commands are what people do, as often as each stands here.
var commands = []func(*sim){
	(*sim).importMore, (*sim).importMore, (*sim).importAgain, (*sim).refund, (*sim).refund, (*sim).reinstate, (*sim).reinstate, (*sim).reschedule,
	(*sim).rename, (*sim).rename, (*sim).rename, (*sim).ban, (*sim).ban, (*sim).unban, (*sim).moreStaff, (*sim).end, (*sim).archive, (*sim).archive, (*sim).reopen, (*sim).cancel, (*sim).cancel, (*sim).uncancel, (*sim).uncancel,
	(*sim).toggleChat, (*sim).renameShow,
}

// scenes are commands that undo each other.
var scenes = [][]func(*sim){
	{(*sim).refund, (*sim).reinstate},
	{(*sim).refund, (*sim).killSomebody, (*sim).reinstate},
	{(*sim).ban, (*sim).unban, (*sim).ban},
	{(*sim).ban, (*sim).killSomebody, (*sim).unban},
	{(*sim).rename, (*sim).rename, (*sim).killSomebody, (*sim).rename},
	{(*sim).cancel, (*sim).uncancel, (*sim).refund},
	{(*sim).cancel, (*sim).archive, (*sim).uncancel},
	{(*sim).cancel, (*sim).archive, (*sim).killSomebody, (*sim).uncancel, (*sim).cancel},
	{(*sim).end, (*sim).reopen, (*sim).importMore},
	{(*sim).importMore, (*sim).refund, (*sim).importAgain, (*sim).reinstate},
	{(*sim).moreStaff, (*sim).refund, (*sim).reinstate, (*sim).killSomebody},
	{(*sim).reschedule, (*sim).killSomebody, (*sim).reschedule},
	{(*sim).toggleChat, (*sim).refund, (*sim).toggleChat},
}

func (s *sim) exec(query string, args ...any) {
	s.Helper()
	if _, err := s.db.Exec(context.Background(), query, args...); err != nil {
		s.Fatal(err)
	}
}

func now() int64 { return time.Now().UnixMilli() }

// announce makes a show and imports its first tickets.
func (s *sim) announce(n, size int) {
	doors := time.Now().Add(one(s.rnd, -time.Minute, 3*time.Second, 8*time.Second, time.Hour, 48*time.Hour, 7*24*time.Hour))
	e := &simShow{id: id.Event(fmt.Sprintf("ev%012x%04d", s.seed, n)), no: n, name: "A show", doors: doors, chat: true, state: byClock(doors)}
	s.note("show %s with %d tickets, doors %v", e.id, size, doors.Sub(s.began))
	s.exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, 'A show', 'An artist', '', 'UTC', $3, $3, '', TRUE, $4, $5, $5)`, e.id, string(e.id), doors.UnixMilli(), e.state, now())
	s.mu.Lock()
	s.shows = append(s.shows, e)
	s.mu.Unlock()
	s.sell(e, id.Fan, size)
	s.sell(e, id.Moderator, s.rnd.IntN(3))
	s.sell(e, id.Artist, s.rnd.IntN(2))
}

func byClock(doors time.Time) string {
	if doors.After(time.Now()) {
		return "scheduled"
	}
	return "open"
}

// openDoors is the clock of the event room.
func (s *sim) openDoors() {
	for _, e := range s.shows {
		if e.state == "scheduled" && !e.doors.After(time.Now()) {
			s.setState(e, "open")
		}
	}
}

// setState moves a show as the event room does: under the lock that a seal takes too, and with a time for each end.
func (s *sim) setState(e *simShow, state string) {
	s.mu.Lock()
	e.state = state
	if state == "ended" || state == "cancelled" {
		e.ended = max(e.ended+1, now())
	}
	s.mu.Unlock()
	s.write(e, bus.EventChanged, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE event SET state = $1, ended_ms = $2, updated_ms = $3 WHERE id = $4", state, e.ended, now(), e.id)
		return err
	})
}

func (s *sim) write(e *simShow, hint bus.Topic, fn func(*db.Tx) error) {
	err := s.db.Write(context.Background(), func(tx *db.Tx) error {
		if err := tx.Lock(e.id.Seal()); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		s.Error(err)
	}
	s.bus.Publish(bus.Hint{Topic: hint, Event: e.id})
}

// sell imports n new tickets as the gate does: in one write, with one timestamp and one hint.
func (s *sim) sell(e *simShow, role id.Role, n int) {
	s.mu.Lock()
	from := len(e.tickets)
	for range n {
		t := id.Ticket(fmt.Sprintf("tk%08x%02d%06d", s.seed&0xffffffff, e.no, len(e.tickets)))
		e.tickets = append(e.tickets, &simTicket{id: t, show: e, role: role, valid: true})
	}
	s.mu.Unlock()
	s.store(e, e.tickets[from:])
}

func (s *sim) store(e *simShow, tickets []*simTicket) {
	if len(tickets) == 0 {
		return
	}
	at := now()
	err := s.db.Write(context.Background(), func(tx *db.Tx) error {
		for _, t := range tickets {
			if _, err := tx.Exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
				VALUES ($1, $2, $1, $3, '', TRUE, $4, $4) ON CONFLICT (event_id, code_hash) DO NOTHING`, t.id, e.id, t.role, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e.id})
}

// show chooses a show for which ok, the last one rather than another.
func (s *sim) show(ok func(*simShow) bool) *simShow {
	var fit []*simShow
	for _, e := range s.shows {
		if ok(e) {
			fit = append(fit, e)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	if !slices.Contains(fit, s.lastShow) || s.rnd.IntN(4) == 0 {
		s.lastShow = one(s.rnd, fit...)
	}
	return s.lastShow
}

// ticket chooses a ticket of a show that is not over for which ok, the last one rather than another.
func (s *sim) ticket(ok func(*simTicket) bool) *simTicket {
	var fit []*simTicket
	for _, e := range s.shows {
		if e.over() {
			continue
		}
		for _, t := range e.tickets {
			if ok(t) {
				fit = append(fit, t)
			}
		}
	}
	if len(fit) == 0 {
		return nil
	}
	if !slices.Contains(fit, s.lastTicket) || s.rnd.IntN(4) == 0 {
		s.lastTicket = one(s.rnd, fit...)
	}
	return s.lastTicket
}

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
	s.seal(e)
	if e.state == "ended" {
		s.setState(e, "archived")
	}
}

func (s *sim) seal(e *simShow) {
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

// changeMind cancels a show, seals it and lets it take place after all, in one moment of virtual time: meanwhile the provisioner gets
// as far as the machine lets it.
func (s *sim) changeMind() {
	e := s.show(onSale)
	if e == nil {
		return
	}
	s.note("show %s is cancelled, sealed, and takes place after all", e.id)
	s.setState(e, "cancelled")
	s.seal(e)
	for range s.rnd.IntN(100) {
		if _, err := db.Value[int](context.Background(), s.db, "SELECT count(*) FROM event"); err != nil {
			s.Error(err)
		}
	}
	s.setState(e, byClock(e.doors))
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

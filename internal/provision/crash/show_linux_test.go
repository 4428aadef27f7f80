package crash_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// show is what a show's tickets want, as the test knows it.
type show struct {
	archived bool
	people   map[id.Ticket]*person
}

type person struct {
	role          id.Role
	nickname      string
	valid, banned bool
}

// name is what the provider shall show.
func (p person) name(t id.Ticket) string {
	if p.nickname != "" {
		return p.nickname
	}
	return "Guest " + string(t[len(t)-4:])
}

// newShow opens a show, with open doors or later, and sells its first tickets.
func (w *world) newShow() {
	w.Helper()
	e, now := id.NewEvent(), time.Now()
	doors := now.Add(time.Duration(w.rnd.IntN(180)-60) * time.Minute)
	w.exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, 'A show', 'An artist', '', 'UTC', $3, $3, '', TRUE, 'scheduled', $4, $4)`, e, string(e), doors.UnixMilli(), now.UnixMilli())
	w.shows[e] = &show{people: map[id.Ticket]*person{}}
	w.sell(e, 3, id.Moderator)
	w.sell(e, 8, id.Fan)
	w.note("new show %s", e)
}

// running are the shows that are not archived, sorted.
func (w *world) running() []id.Event {
	var out []id.Event
	for _, e := range slices.Sorted(maps.Keys(w.shows)) {
		if !w.shows[e].archived {
			out = append(out, e)
		}
	}
	return out
}

// sell makes tickets, as an import does: in one write.
func (w *world) sell(e id.Event, n int, role id.Role) {
	w.Helper()
	now := time.Now().UnixMilli()
	err := w.db.Write(context.Background(), func(tx *db.Tx) error {
		for range n {
			t := id.NewTicket()
			if _, err := tx.Exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
				VALUES ($1, $2, $3, $4, '', TRUE, $5, $5)`, t, e, string(t), role, now); err != nil {
				return err
			}
			w.shows[e].people[t] = &person{role: role, valid: true}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// churn is what people do between two deaths: buy, return, take a name, are banned; now and then a show is over.
func (w *world) churn() {
	w.Helper()
	running := w.running()
	e := running[w.rnd.IntN(len(running))]
	fans := 2 + w.rnd.IntN(6)
	if w.pace != "case" {
		fans *= 4
	}
	if len(w.shows[e].people) < 150 && w.unfinished() < 60 {
		w.sell(e, fans, id.Fan)
	}
	if w.rnd.IntN(5) == 0 {
		w.sell(e, 1, []id.Role{id.Moderator, id.Artist}[w.rnd.IntN(2)])
	}
	for _, t := range slices.Sorted(maps.Keys(w.shows[e].people)) {
		p, now := w.shows[e].people[t], time.Now().UnixMilli()
		switch w.rnd.IntN(40) {
		case 0:
			w.takeBack(t, p)
		case 1, 2:
			p.nickname = fmt.Sprintf("Name %d", w.rnd.Uint32())
			w.exec(`INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) VALUES ($1, $2, $3, $3, $3, $4)
				ON CONFLICT (ticket_id) DO UPDATE SET name = excluded.name, compare_key = excluded.name, skeleton = excluded.name,
				updated_ms = excluded.updated_ms`, t, e, p.nickname, now)
		case 3:
			if !p.banned {
				p.banned = true
				w.exec("INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, '', '', '', $3)", t, e, now)
			}
		}
	}
	if w.rnd.IntN(6) == 0 && len(running) > 1 {
		w.shows[e].archived = true
		w.exec("UPDATE event SET state = 'archived', updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), e)
		w.note("archived %s", e)
		w.newShow()
	}
}

func (w *world) takeBack(t id.Ticket, p *person) {
	w.Helper()
	p.valid = false
	w.exec("UPDATE ticket SET valid = FALSE, updated_ms = $1 WHERE id = $2", time.Now().UnixMilli(), t)
}

// regret takes back half of the tickets whose calls were on their way when a provisioner died: nobody knows what came of them,
// and nobody wants them any more.
func (w *world) regret() {
	w.Helper()
	for _, subject := range w.rows("SELECT DISTINCT subject FROM resource WHERE busy AND kind = 'user'") {
		for _, e := range w.running() {
			if p := w.shows[e].people[id.Ticket(subject)]; p != nil && w.rnd.IntN(2) == 0 {
				w.takeBack(id.Ticket(subject), p)
			}
		}
	}
}

// unfinishedSQL finds ledger rows that are not yet as they shall be.
const unfinishedSQL = `FROM resource WHERE busy OR (want AND (state <> 'made' OR (kind = 'user' AND name <> want_name))) OR (NOT want AND state <> 'absent')`

func (w *world) unfinished() int {
	w.Helper()
	n, err := db.Value[int](context.Background(), w.db, "SELECT count(*) "+unfinishedSQL)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

package provision_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// judge asks the books everything else.
func (s *sim) judge() {
	for _, w := range s.wrong {
		s.Error(w)
	}
	calls := s.provider.Calls()
	for _, over := range provisiontest.Overruns(provisiontest.LimitsOf(s.preset), calls) {
		s.Errorf("too fast: %s", over)
	}
	if harmed := s.untouched(); len(harmed) > 0 {
		s.Errorf("strangers' things were touched: %v", harmed)
	}
	if again := s.provider.Reused(); len(again) > 0 && !s.haunted {
		s.Errorf("request tokens of what was removed: %v", again)
	}
	s.judgeLettingGo()
	s.judgeWaste(calls)
	s.judgeSweep()
}

// unsealedSQL has the database watch, in the same write, what letting go must not do: begin without a seal.
const unsealedSQL = `CREATE TABLE unsealed (event_id TEXT);
	CREATE TRIGGER unsealed AFTER UPDATE OF leaving ON placement
	WHEN NEW.leaving AND NOT OLD.leaving AND NOT EXISTS (SELECT 1 FROM wanted_event WHERE event_id = NEW.event_id AND retire)
	BEGIN INSERT INTO unsealed VALUES (NEW.event_id); END`

func (s *sim) judgeLettingGo() {
	if s.db.Dialect() != db.SQLite {
		return
	}
	shows, err := db.All(context.Background(), s.db, func(e *id.Event) []any { return []any{e} }, "SELECT event_id FROM unsealed")
	if err != nil {
		s.Error(err)
	}
	for _, e := range shows {
		s.Errorf("%s was let go without a seal", e)
	}
}

// judgeWaste looks at calls that did nothing. Where nothing goes wrong, each has its reason.
func (s *sim) judgeWaste(calls []provisiontest.Call) {
	useful, useless := 0, map[string]int{}
	strict := s.weather.name == "calm" && s.gives == 1 && s.deaths == 0 && !s.haunted
	gone, bans := map[string]time.Time{}, map[*simShow]int{}
	for _, c := range provisiontest.Acts(calls) {
		if c.Effect != provisiontest.Nothing {
			useful++
			if c.Effect == provisiontest.Removed {
				gone[removed(c)] = c.At
			}
			continue
		}
		useless[fmt.Sprint(c.Op, " ", c.Status)]++
		if strict && !s.excused(c, gone, bans) {
			s.Errorf("%8.3f %s %s %s did nothing: %d %s", c.At.Sub(s.began).Seconds(), c.Op, c.User, c.Channel, c.Status, c.Code)
		}
	}
	for e, n := range bans {
		if most := e.patience(); n > most {
			s.Errorf("%d calls to %s did nothing, at most %d because of bans that came and went", n, e.id, most)
		}
	}
	s.note("%d calls: %d useful, useless %v", len(calls), useful, useless)
}

// removed is the ARN of what a call has removed for good.
func removed(c provisiontest.Call) string {
	switch c.Op {
	case "DeleteAppInstance":
		return c.Instance
	case "DeleteChannel":
		return c.Channel
	case "DeleteAppInstanceUser":
		return c.User
	}
	return ""
}

// excused reports whether a call was on its way already when what it was about went, which is all that is let go in one
// call beside others; or whether people came and went, in which case it counts among theirs.
func (s *sim) excused(c provisiontest.Call, gone map[string]time.Time, bans map[*simShow]int) bool {
	const onItsWay = 100 * time.Millisecond // announced so long before it leaves: the slots that are taken ahead
	for _, a := range []string{c.Instance, c.Channel, c.User} {
		if at, ok := gone[a]; ok && a != "" && c.At.Sub(at) <= onItsWay+s.way+s.detour {
			return true
		}
	}
	e := s.showOf(c.Channel)
	if t := s.ticketOf(c.User); t != nil {
		e = t.show
	}
	if e == nil {
		return false
	}
	bans[e]++
	return e.patience() > 0
}

// patience is how many calls of no use are explained by people of a show: who is banned is out before the ledger takes the
// membership away, a ban that is lifted late refuses the first attempts, and a refund that is undone may be half done.
func (e *simShow) patience() (n int) {
	for _, t := range e.tickets {
		n += 2 * t.returned
		if t.wasBanned {
			n += 5
		}
	}
	return n
}

// judgeSweep: where nobody forgets anything and nothing is added by others, the sweep has nothing to put right. Except two
// things: of a ban that came and went while nobody led and whose show was put off meanwhile it is the first to hear; and
// whether a new name arrived whose answer was lost, when the show that wanted it was over before the next attempt. In a haunted world only names are
// looked at: who is called by a name that neither we nor somebody else gave him was taken for somebody he is not. Which is allowed
// where a create was repeated: it may have met itself.
func (s *sim) judgeSweep() {
	type repair struct {
		event            id.Event
		ticket           id.Ticket
		kind, what, text string
	}
	all, err := db.All(context.Background(), s.db, func(r *repair) []any { return []any{&r.event, &r.ticket, &r.kind, &r.what, &r.text} }, `SELECT event_id, subject, kind, what,
		at_ms || ' ' || event_id || ' ' || subject || ' ' || kind || ': ' || what || ' ' || detail FROM resource_history
		WHERE what IN ('vanished', 'found', 'misnamed') OR (what = 'deleted' AND detail <> '') ORDER BY at_ms`)
	if err != nil {
		s.Error(err)
	}
	var out []string
	for _, r := range all {
		t, e := s.ticketOf("/"+string(r.ticket)), s.showOf("/"+string(r.event))
		switch {
		case s.haunted && (r.what != "misnamed" || t == nil || t.renamed || s.asked(t)):
		case r.kind == "membership" && t != nil && t.wasBanned:
		case r.what == "misnamed" && e != nil && !e.making():
		default:
			out = append(out, r.text)
		}
	}
	if len(out) > 0 {
		s.Errorf("the sweep had to put something right:\n%s", some(out))
	}
}

// asked reports whether an account may have been asked for twice, because an answer did not come.
func (s *sim) asked(t *simTicket) bool {
	return s.deaths > 0 || slices.ContainsFunc(s.provider.Calls(), func(c provisiontest.Call) bool {
		return c.Op == "CreateAppInstanceUser" && s.ticketOf(c.User) == t && (c.Status == 0 || c.Status >= 500 || s.provider.Trouble(c).Lost)
	})
}

package inventory_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// ledger is a platform database with shows, tickets and rows as provision would have written them.
type ledger struct {
	t testing.TB
	*db.DB
	*inventory.Catalog
	tx *db.Tx // set by together
}

// together writes many rows in one commit.
func (l ledger) together(f func(ledger)) {
	l.t.Helper()
	err := l.Write(context.Background(), func(tx *db.Tx) error {
		l.tx = tx
		f(l)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func each(t *testing.T, f func(l ledger)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) { f(ledger{t, d, inventory.New(d), nil}) })
}

func (l ledger) exec(query string, args ...any) {
	l.t.Helper()
	write := func() (int64, error) { return l.Exec(context.Background(), query, args...) }
	if l.tx != nil {
		write = func() (int64, error) { return l.tx.Exec(query, args...) }
	}
	if _, err := write(); err != nil {
		l.t.Error(err)
	}
}

func (l ledger) show(e id.Event) {
	l.t.Helper()
	l.exec(`INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat, state, created_ms, updated_ms)
		VALUES ($1, $2, 'Winter Songs', 'x', '', 'UTC', 1, 1, '', TRUE, 'scheduled', 0, 0)`, e, string(e))
}

func (l ledger) ticket(e id.Event, t id.Ticket, reference, nickname string) {
	l.t.Helper()
	l.exec(`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		VALUES ($1, $2, $3, 'fan', $4, TRUE, 1, 1)`, t, e, string(t), reference)
	if nickname != "" {
		l.exec("INSERT INTO nickname (ticket_id, event_id, name, compare_key, skeleton, updated_ms) VALUES ($1, $2, $3, $4, $4, 1)",
			t, e, nickname, strings.ToLower(nickname))
	}
}

// row is a ledger row; zero fields are those of something wanted and not begun.
type row struct {
	event    id.Event
	subject  id.Ticket
	kind     inventory.Kind
	known    string
	unwanted bool
	failed   bool
	name     string
	arn      arn.ARN
	attempts int
	err      string
}

func (l ledger) row(r row) {
	l.t.Helper()
	if r.known == "" {
		r.known = "absent"
	}
	l.exec(`INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed, generation,
		attempts, next_try_ms, error, epoch, made_ms) VALUES ($1, $2, $3, '', 1, $4, $5, $6, $5, $7, '', FALSE, $8, 1, $9, 5000, $10, 1, 1000)`,
		r.event, r.subject, r.kind, !r.unwanted, r.name, r.known, r.arn, r.failed, r.attempts, r.err)
}

const instance = arn.ARN("arn:aws:chime:us-east-1:000000000000:app-instance/6f1d")

// keys writes resources as "state kind event/ticket".
func keys(rows []inventory.Resource) []string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s %s %s/%s", r.State, r.Kind, r.EventID, r.Subject))
	}
	return out
}

// all reads every page.
func (l ledger) all(q inventory.Query) (out []string) {
	l.t.Helper()
	for range 1000 {
		page, err := l.Find(context.Background(), q)
		if err != nil {
			l.t.Fatal(err)
		}
		out = append(out, keys(page.Items)...)
		if q.Cursor = page.Next; page.Next == "" {
			return out
		}
	}
	l.t.Fatal("the pages never end")
	return nil
}

func (l ledger) expect(q inventory.Query, want ...string) {
	l.t.Helper()
	if got := l.all(q); !slices.Equal(got, want) {
		l.t.Errorf("%+v:\n got  %q\n want %q", q, got, want)
	}
}

func TestEveryStateHasOneWordAndEveryFilterItsRows(t *testing.T) {
	each(t, func(l ledger) {
		l.row(row{kind: inventory.Instance, known: "made", arn: instance})
		l.row(row{kind: inventory.AdminUser, known: "made", arn: instance.User("stagedoor-admin")})
		l.row(row{event: "ev1", kind: inventory.Channel, known: "made", arn: instance.Channel("ev1")})
		l.row(row{event: "ev1", subject: "tk1", kind: inventory.User, known: "made"})
		l.row(row{event: "ev1", subject: "tk1", kind: inventory.Membership})
		l.row(row{event: "ev1", subject: "tk2", kind: inventory.User, known: "unknown"})
		l.row(row{event: "ev1", subject: "tk3", kind: inventory.User, known: "unknown", unwanted: true})
		l.row(row{event: "ev1", subject: "tk4", kind: inventory.User, unwanted: true})
		l.row(row{event: "ev2", subject: "tk5", kind: inventory.User, known: "made", failed: true})
		l.row(row{event: "ev2", kind: inventory.Channel, failed: true})

		everything := []string{
			"failed channel ev2/", "failed user ev2/tk5",
			"to_delete user ev1/tk3",
			"to_make membership ev1/tk1", "to_make user ev1/tk2",
			"made admin_user /", "made channel ev1/", "made instance /", "made user ev1/tk1",
			"gone user ev1/tk4",
		}
		l.expect(inventory.Query{}, everything...)
		for _, state := range []inventory.State{inventory.Failed, inventory.ToDelete, inventory.ToMake, inventory.Made, inventory.Gone} {
			for _, kind := range []inventory.Kind{"", inventory.Instance, inventory.Channel, inventory.User, inventory.Membership, inventory.Moderator} {
				for _, event := range []id.Event{"", "ev1", "ev2", "ev3"} {
					var want []string
					for _, k := range everything {
						f := strings.Fields(k)
						if f[0] == string(state) && (kind == "" || f[1] == string(kind)) && (event == "" || strings.HasPrefix(f[2], string(event)+"/")) {
							want = append(want, k)
						}
					}
					l.expect(inventory.Query{State: state, Kind: kind, Event: event}, want...)
				}
			}
		}
		l.expect(inventory.Query{Event: "ev2"}, everything[:2]...)
		l.expect(inventory.Query{Kind: inventory.Instance}, "made instance /")
	})
}

func TestPagesHaveEveryRowOnce(t *testing.T) {
	each(t, func(l ledger) {
		want := map[string]bool{}
		l.together(func(l ledger) {
			for e := range 3 {
				for n := range 60 {
					event, ticket := id.Event(fmt.Sprintf("ev%d", e)), id.Ticket(fmt.Sprintf("tk%03d", n))
					l.row(row{event: event, subject: ticket, kind: inventory.User, known: []string{"absent", "made"}[n%2]})
					l.row(row{event: event, subject: ticket, kind: inventory.Membership})
				}
			}
		})
		for _, q := range []inventory.Query{{}, {Event: "ev1"}, {Kind: inventory.User}, {State: inventory.ToMake}, {State: inventory.ToMake, Event: "ev2", Kind: inventory.Membership}} {
			clear(want)
			got := l.all(q)
			for _, k := range got {
				if want[k] {
					t.Errorf("%+v: %s twice", q, k)
				}
				want[k] = true
			}
			rows := 360
			if q.Event != "" {
				rows = 120
			}
			switch {
			case q.Kind == inventory.User:
				rows /= 2
			case q.Kind == inventory.Membership:
				rows /= 2
			case q.State == inventory.ToMake:
				rows = rows / 4 * 3
			}
			if len(got) != rows {
				t.Errorf("%+v: %d rows, want %d", q, len(got), rows)
			}
		}
		if _, err := l.Find(t.Context(), inventory.Query{Cursor: "nonsense!"}); !fault.HasCode(err, "cursor_invalid") {
			t.Errorf("a broken cursor: %v", err)
		}
	})
}

func (l ledger) fill() {
	l.show("ev1")
	l.show("ev2")
	l.row(row{kind: inventory.Instance, known: "made", name: "stagedoor-x", arn: instance})
	l.row(row{kind: inventory.AdminUser, known: "made", name: "Stagedoor", arn: instance.User("stagedoor-admin")})
	l.row(row{event: "ev1", kind: inventory.Channel, known: "made", name: "Winter Songs", arn: instance.Channel("ev1")})
	for _, p := range []struct {
		event                     id.Event
		ticket                    id.Ticket
		reference, nickname, made string
	}{
		{"ev1", "tk1", "ABCDE-1", "Anna K", "Anna K"},
		{"ev1", "tk2", "ABCDE-2", "annabel", "Guest 0tk2"},
		{"ev1", "tk3", "XYZ-1", "", "Guest 0tk3"},
		{"ev2", "tk4", "anna@example.org", "Anna K", "Anna K"},
		{"ev2", "tk5", "100%_A", "Bo", "Anna's old name"},
	} {
		l.ticket(p.event, p.ticket, p.reference, p.nickname)
		l.row(row{event: p.event, subject: p.ticket, kind: inventory.User, known: "made", name: p.made, arn: instance.User("f-" + string(p.ticket))})
		l.row(row{event: p.event, subject: p.ticket, kind: inventory.Membership, known: "made"})
	}
	l.ticket("ev2", "tk6", "UNPLANNED-7", "")
}

func TestATicketIsFoundByEverythingThatIsKnownOfIt(t *testing.T) {
	each(t, func(l ledger) {
		l.fill()
		of := func(e, ticket string) []string {
			return []string{"made membership " + e + "/" + ticket, "made user " + e + "/" + ticket}
		}
		find := func(text string, want ...[]string) {
			t.Helper()
			l.expect(inventory.Query{Text: text}, slices.Concat(want...)...)
		}
		find("tk2", of("ev1", "tk2"))
		find(" TK2 ", of("ev1", "tk2"))
		find("f-tk2", of("ev1", "tk2"))
		find(string(instance.User("f-tk2")), of("ev1", "tk2"))
		find(string(instance.User("f-tk2")) + "0")
		find("arn:aws:chime:us-east-1:000000000000:app-instance/other/user/f-tk2")
		find(string(instance), []string{"made instance /"})
		find(string(instance.User("stagedoor-admin")), []string{"made admin_user /"})
		find(string(instance.Channel("ev1")), []string{"made channel ev1/"})
		find("ev1", []string{"made channel ev1/"})
		find("abcde", of("ev1", "tk1"), of("ev1", "tk2"))
		find("ABCDE-2", of("ev1", "tk2"))
		find("100%_", of("ev2", "tk5"))
		// First who has it as a reference, then as a nickname, then who is still called so at the provider.
		find("ANNA", of("ev2", "tk4"), of("ev1", "tk1"), of("ev1", "tk2"), of("ev2", "tk5"))
		find("anna k", of("ev1", "tk1"), of("ev2", "tk4"))
		find("guest 0tk3", of("ev1", "tk3"))
		find("unplanned", []string{"unplanned user ev2/tk6"})
		find("%")
		find("nobody")
		find("q\x00\xff") // no text at all to PostgreSQL
		l.expect(inventory.Query{Text: "anna", Event: "ev1", Kind: inventory.User}, "made user ev1/tk1", "made user ev1/tk2")
		l.expect(inventory.Query{Text: "tk1", Event: "ev2"})
		l.expect(inventory.Query{Text: "anna", State: inventory.Failed})
		l.expect(inventory.Query{Text: string(instance.User("f-tk2")), Kind: inventory.Membership}, "made membership ev1/tk2")
	})
}

func TestASearchHasPagesAndNeverLooksAtEverything(t *testing.T) {
	each(t, func(l ledger) {
		l.show("ev1")
		l.together(func(l ledger) {
			for n := range 250 {
				ticket := id.Ticket(fmt.Sprintf("tk%03d", n))
				l.ticket("ev1", ticket, "", fmt.Sprintf("Mia %03d", n))
				l.row(row{event: "ev1", subject: ticket, kind: inventory.User, known: "made", name: fmt.Sprintf("Mia %03d", n), failed: n == 244})
			}
		})
		got := l.all(inventory.Query{Text: "mia"})
		sorted := slices.Sorted(slices.Values(got))
		if len(got) != 250 || len(slices.Compact(sorted)) != 250 {
			t.Errorf("%d rows, %d of them different", len(got), len(slices.Compact(sorted)))
		}
		page, err := l.Find(t.Context(), inventory.Query{Text: "mia", State: inventory.Failed})
		if err != nil || len(page.Items) != 0 || page.Next == "" {
			t.Errorf("the first 200 names are not failed, there is more to look at: %v, %v", page, err)
		}
		l.expect(inventory.Query{Text: "mia", State: inventory.Failed}, "failed user ev1/tk244")
	})
}

func TestOneResourceIsToldInFull(t *testing.T) {
	each(t, func(l ledger) {
		l.fill()
		l.exec("UPDATE resource SET failed = TRUE, attempts = 5, error = 'The quota is used up.' WHERE subject = 'tk1' AND kind = 'membership'")
		for at, what := range []string{"failed", "retried", "failed"} {
			l.exec("INSERT INTO resource_history (event_id, subject, kind, at_ms, what, detail) VALUES ('ev1', 'tk1', 'membership', $1, $2, 'x')", at, what)
		}
		l.exec("UPDATE ticket SET valid = FALSE WHERE id = 'tk1'")
		s, err := l.Get(t.Context(), inventory.Key{Event: "ev1", Subject: "tk1", Kind: inventory.Membership})
		if err != nil {
			t.Fatal(err)
		}
		if s.State != inventory.Failed || s.Error != "The quota is used up." || s.Attempts != 5 || s.NextTryAt == nil || s.NextTryAt.UnixMilli() != 5000 ||
			s.Nickname != "Anna K" || s.Reference != "ABCDE-1" || s.Valid ||
			s.ChannelARN != instance.Channel("ev1") || s.UserARN != instance.User("f-tk1") {
			t.Errorf("%+v", s)
		}
		if len(s.History) != 3 || s.History[0].At.UnixMilli() != 2 || s.History[1].What != "retried" {
			t.Errorf("history: %+v", s.History)
		}
		if s, err = l.Get(t.Context(), inventory.Key{Kind: inventory.Instance}); err != nil || s.Name != "stagedoor-x" || !s.Valid || s.History == nil {
			t.Errorf("the app instance: %+v, %v", s, err)
		}
		if _, err = l.Get(t.Context(), inventory.Key{Event: "ev1", Subject: "tk9", Kind: inventory.User}); !fault.HasCode(err, "no_such_resource") {
			t.Errorf("what is not there: %v", err)
		}
	})
}

func TestCountsAddUp(t *testing.T) {
	each(t, func(l ledger) {
		l.fill()
		own := arn.ARN("arn:aws:chime:us-east-1:000000000000:app-instance/own2")
		l.exec("INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ('ev1', '', 1, 0, FALSE), ('ev2', 'ev2', 1, 0, FALSE)")
		l.row(row{event: "ev2", kind: inventory.Instance, known: "made", name: "stagedoor-x-ev2", arn: own})
		l.row(row{event: "ev2", kind: inventory.AdminUser, known: "made"})
		l.row(row{event: "ev2", kind: inventory.Channel, failed: true})
		l.row(row{event: "ev2", subject: "tk6", kind: inventory.User})
		l.row(row{event: "ev2", subject: "tk7", kind: inventory.User, known: "unknown", unwanted: true})
		l.row(row{event: "ev2", subject: "tk8", kind: inventory.User, unwanted: true})

		got, err := l.Counts(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if want := (inventory.Tally{Made: 15, ToMake: 1, Failed: 1, ToDelete: 1}); got.Total != want {
			t.Errorf("all: %+v", got.Total)
		}
		places := []inventory.PlaceCount{
			{ARN: instance, Name: "stagedoor-x", Events: 1, Users: 4, Tally: inventory.Tally{Made: 9}},
			{Place: "ev2", ARN: own, Name: "stagedoor-x-ev2", Events: 1, Users: 3, Tally: inventory.Tally{Made: 6, ToMake: 1, Failed: 1, ToDelete: 1}},
		}
		if !slices.Equal(got.Places, places) {
			t.Errorf("places: %+v", got.Places)
		}
		events := []inventory.EventCount{
			{EventID: "ev1", Tally: inventory.Tally{Made: 7}},
			{EventID: "ev2", Place: "ev2", Tally: inventory.Tally{Made: 4, ToMake: 1, Failed: 1, ToDelete: 1}},
		}
		if !slices.Equal(got.Events, events) {
			t.Errorf("shows: %+v", got.Events)
		}
		if got, err = l.Counts(t.Context(), "ev2"); err != nil || !slices.Equal(got.Kinds, []inventory.KindCount{
			{Kind: inventory.AdminUser, Tally: inventory.Tally{Made: 1}},
			{Kind: inventory.Channel, Tally: inventory.Tally{Failed: 1}},
			{Kind: inventory.Instance, Tally: inventory.Tally{Made: 1}},
			{Kind: inventory.Membership, Tally: inventory.Tally{Made: 2}},
			{Kind: inventory.User, Tally: inventory.Tally{Made: 2, ToMake: 1, ToDelete: 1}},
		}) {
			t.Errorf("kinds of ev2: %+v, %v", got.Kinds, err)
		}
	})
}

func TestTheLastSweepStandsBesideItsPlace(t *testing.T) {
	each(t, func(l ledger) {
		l.fill()
		l.exec("INSERT INTO placement (event_id, place, placed_ms, round, leaving) VALUES ('ev2', 'ev2', 1, 0, FALSE)")
		l.row(row{event: "ev2", kind: inventory.Instance, known: "made"})
		// The shared place is being compared (heard), but not to the end (done); nobody will compare a show that has gone.
		l.exec(`INSERT INTO sweep (place, asked, heard, done, finished_ms, instances, users, channels, members, moderators, ledger_users, ledger_channels,
			ledger_members, ledger_moderators, vanished) VALUES ('', 2, 2, 1, 7000, 1, 6, 1, 5, 0, 5, 1, 5, 0, 1),
			('account', 1, 1, 1, 8000, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('ev9', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('ev2', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`)
		got, err := l.Counts(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		s := got.Places[0].Sweep
		if s == nil || s.At.UnixMilli() != 7000 || !s.Due || s.There != 12 || s.Ledger != 11 || s.Vanished != 1 {
			t.Errorf("the shared place: %+v", s)
		}
		if a := got.Account; a == nil || a.Due || a.There != 3 {
			t.Errorf("the account: %+v", a)
		}
		places, err := l.Sweeps(t.Context())
		var all []string
		for _, p := range places {
			all = append(all, fmt.Sprint(p.Title(), " ", p.Due, " ", p.There))
		}
		if want := []string{"List of app instances false 3", "Shared app instance true 12", "Winter Songs true 0"}; err != nil || !slices.Equal(all, want) {
			t.Errorf("%q, %v; want %q", all, err, want)
		}
	})
}

func TestStrangersAreListedPageByPage(t *testing.T) {
	each(t, func(l ledger) {
		for n := range 60 {
			l.exec("INSERT INTO stranger (arn, kind, name, place, first_ms, seen_ms) VALUES ($1, 'user', 'Somebody', '', 1, 2)", fmt.Sprintf("arn:%02d", n))
		}
		first, err := l.Strangers(t.Context(), "")
		if err != nil || len(first.Items) != 50 || first.Items[0].LastSeen.UnixMilli() != 2 {
			t.Fatal(first, err)
		}
		rest, err := l.Strangers(t.Context(), first.Next)
		if err != nil || len(rest.Items) != 10 || rest.Next != "" || rest.Items[0].ARN != "arn:50" {
			t.Error(rest, err)
		}
	})
}

func TestACursorThatSomebodyMadeUpIsRefused(t *testing.T) {
	each(t, func(l ledger) {
		l.fill()
		for _, text := range []string{`{"n":-1}`, `{"n":1,"f":"\u0000"}`, `{"s":"made","e":"\u0000"}`, `{"t":7}`, `[]`} {
			cursor := base64.RawURLEncoding.EncodeToString([]byte(text))
			for _, q := range []inventory.Query{{Cursor: cursor}, {Cursor: cursor, Text: "a"}} {
				if _, err := l.Find(t.Context(), q); !fault.HasCode(err, "cursor_invalid") || fault.As(err).Field != "cursor" {
					t.Errorf("%s with %q: %v", text, q.Text, err)
				}
			}
			if _, err := l.Strangers(t.Context(), cursor); !fault.HasCode(err, "cursor_invalid") {
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, text := range []string{`{"n":99}`, `{"s":"odd","k":"odd"}`} { // places where nothing is, or everything
			q := inventory.Query{Cursor: base64.RawURLEncoding.EncodeToString([]byte(text)), Text: "a"}
			if _, err := l.Find(t.Context(), q); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

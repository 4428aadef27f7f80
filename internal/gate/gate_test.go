package gate_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func pepper() []byte { return bytes.Repeat([]byte("p"), 32) }

// newEvent puts an event into the database, as its room would.
func newEvent(t testing.TB, d *db.DB) id.Event {
	t.Helper()
	event := id.NewEvent()
	if _, err := d.Exec(t.Context(), `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat,
		state, created_ms, updated_ms) VALUES ($1, $1, 'n', 'a', '', 'UTC', 1, 1, '', TRUE, 'open', 1, 1)`, string(event)); err != nil {
		t.Fatal(err)
	}
	return event
}

func eachDB(t *testing.T, f func(t *testing.T, d *db.DB, g *gate.Gate, event id.Event)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) { f(t, d, gate.New(d, pepper()), newEvent(t, d)) })
}

func each(t *testing.T, f func(t *testing.T, g *gate.Gate, event id.Event)) {
	eachDB(t, func(t *testing.T, _ *db.DB, g *gate.Gate, event id.Event) { f(t, g, event) })
}

func importFile(t testing.TB, g *gate.Gate, event id.Event, data []byte) gate.Report {
	t.Helper()
	r, err := g.Import(t.Context(), event, bytes.NewReader(data), noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func redeem(t *testing.T, g *gate.Gate, event id.Event, typed string) gate.Ticket {
	t.Helper()
	tk, err := g.Redeem(t.Context(), event, typed, noon)
	if err != nil {
		t.Fatalf("redeem %q: %v", typed, err)
	}
	return tk
}

func TestAnIssuedCodeOpensItsEventHoweverItIsTyped(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB, g *gate.Gate, event id.Event) {
		for _, role := range []id.Role{id.Fan, id.Artist, id.Moderator} {
			code, ticket, err := g.IssueCode(t.Context(), event, role, noon)
			if err != nil {
				t.Fatal(err)
			}
			want := gate.Ticket{ID: ticket, Event: event, Role: role, Valid: true}
			letters := strings.ReplaceAll(string(code), "-", "")
			for _, typed := range []string{
				string(code), letters, strings.ToLower(letters), "  " + strings.ReplaceAll(string(code), "-", " ") + "\n",
				strings.ReplaceAll(letters, "0", "o"), strings.ReplaceAll(letters, "0", "O"), strings.ReplaceAll(letters, "1", "i"),
				strings.ReplaceAll(letters, "1", "l"), strings.ReplaceAll(letters, "1", "L"), strings.ReplaceAll(string(code), "-", "–"),
				strings.ReplaceAll(string(code), "-", "\u00ad"), letters[:5] + "\u00a0" + letters[5:], letters[:3] + "." + letters[3:],
			} {
				if diff := cmp.Diff(want, redeem(t, g, event, typed)); diff != "" {
					t.Errorf("typed %q: %s", typed, diff)
				}
			}
			if _, err := g.Redeem(t.Context(), newEvent(t, d), string(code), noon); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
				t.Errorf("the code opened another event: %v", err)
			}
		}
	})
}

func TestWhatCannotBeACodeAndWhatIsUnknownAreToldApart(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		for typed, code := range map[string]string{
			"": "code_malformed", "abc": "code_malformed", "ABCDE": "code_malformed", "ABC<script>": "code_malformed", "Fünfundzwanzig": "code_malformed",
			strings.Repeat("A", 161): "code_malformed", strings.Repeat(" ", 10_000): "code_malformed", "\xff\xfe123456": "code_malformed",
			"ABCDEF": "code_unknown", "1234567890": "code_unknown", strings.Repeat("A", 160): "code_unknown",
		} {
			_, err := g.Redeem(t.Context(), event, typed, noon)
			if !fault.HasCode(err, code) || fault.As(err).Field != "code" {
				t.Errorf("%.20q: %v, want %s", typed, err, code)
			}
		}
	})
}

func TestATypingMistakeInOurOwnCodeIsCalledOne(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		code, _, err := g.IssueCode(t.Context(), event, id.Fan, noon)
		if err != nil {
			t.Fatal(err)
		}
		wrong := "Z"
		if strings.HasPrefix(string(code), wrong) {
			wrong = "Y"
		}
		if _, err := g.Redeem(t.Context(), event, wrong+string(code)[1:], noon); !fault.HasCode(err, "code_malformed") || !strings.Contains(fault.As(err).Public, "mistake") {
			t.Errorf("%v", err)
		}
	})
}

func TestARevokedTicketIsToldSoAndCanBeRestored(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		code, ticket, err := g.IssueCode(t.Context(), event, id.Fan, noon)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if err := g.Revoke(t.Context(), ticket, noon); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := g.Redeem(t.Context(), event, string(code), noon); !fault.HasCode(err, "ticket_revoked") || !fault.Is(err, fault.Denied) {
			t.Errorf("revoked: %v", err)
		}
		if tk, err := g.Ticket(t.Context(), ticket); err != nil || tk.Valid {
			t.Errorf("%+v %v", tk, err)
		}
		if err := g.Restore(t.Context(), ticket, noon); err != nil {
			t.Fatal(err)
		}
		redeem(t, g, event, string(code))
		if err := g.Revoke(t.Context(), "tkunknown", noon); !fault.HasCode(err, "ticket_unknown") {
			t.Errorf("unknown: %v", err)
		}
		if _, err := g.Ticket(t.Context(), "tkunknown"); !fault.HasCode(err, "ticket_unknown") {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestCountsSayWhoHasEntered(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB, g *gate.Gate, event id.Event) {
		other := newEvent(t, d)
		var fans []gate.Code
		for i := range 5 {
			code, ticket, err := g.IssueCode(t.Context(), event, id.Fan, noon)
			if err != nil {
				t.Fatal(err)
			}
			fans = append(fans, code)
			if i == 4 {
				if err := g.Revoke(t.Context(), ticket, noon); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, role := range []id.Role{id.Artist, id.Moderator, id.Moderator} {
			if _, _, err := g.IssueCode(t.Context(), event, role, noon); err != nil {
				t.Fatal(err)
			}
		}
		redeem(t, g, event, string(fans[0]))
		redeem(t, g, event, string(fans[0]))
		redeem(t, g, event, string(fans[1]))
		got, err := g.Counts(t.Context(), event)
		if want := (gate.Counts{Fan: 4, Artist: 1, Moderator: 2, Revoked: 1, Entered: 2}); err != nil || got != want {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
		if got, err := g.Counts(t.Context(), other); err != nil || got != (gate.Counts{}) {
			t.Errorf("other event: %+v %v", got, err)
		}
	})
}

func TestCodesAreNeitherStoredNorLogged(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB, g *gate.Gate, event id.Event) {
		code, _, err := g.IssueCode(t.Context(), event, id.Fan, noon)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "code", code)
		all, err := db.Value[string](t.Context(), d, "SELECT id || event_id || code_hash || role || source_ref FROM ticket")
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{string(code), strings.ReplaceAll(string(code), "-", "")} {
			if strings.Contains(all, secret) || strings.Contains(log.String(), secret) {
				t.Errorf("the code stands in %s or %s", all, log.String())
			}
		}
		if _, err := gate.New(d, []byte("another pepper that is long enough")).Redeem(t.Context(), event, string(code), noon); err == nil {
			t.Error("the code opened with another pepper")
		}
	})
}

func TestARoleThatDoesNotExistGetsNoCode(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		if _, _, err := g.IssueCode(t.Context(), event, "owner", noon); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	})
}

func BenchmarkRedeem(b *testing.B) {
	d := dbtest.SQLite(b, schema.Platform())
	g, event := gate.New(d, pepper()), newEvent(b, d)
	var file strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&file, "CODE%08d\n", i)
	}
	importFile(b, g, event, []byte(file.String()))
	b.ResetTimer()
	for i := range b.N {
		if _, err := g.Redeem(b.Context(), event, fmt.Sprintf("code-%08d", i%10_000), noon); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkImport100000(b *testing.B) {
	d := dbtest.SQLite(b, schema.Platform())
	g := gate.New(d, pepper())
	var file strings.Builder
	file.WriteString("Code,Order\n")
	for i := range 100_000 {
		fmt.Fprintf(&file, "%s%08d,ORDER-%d\n", strings.Repeat("ABCD", 4), i, i)
	}
	for b.Loop() {
		if r := importFile(b, g, newEvent(b, d), []byte(file.String())); r.New != 100_000 {
			b.Fatalf("%+v", r)
		}
	}
}

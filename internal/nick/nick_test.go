package nick_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/nick"
	"github.com/stagedoor/stagedoor/internal/schema"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// hall is an event whose tickets are made as they are asked for.
type hall struct {
	t     testing.TB
	d     *db.DB
	book  *nick.Book
	event id.Event
}

func newHall(t testing.TB, d *db.DB) hall {
	t.Helper()
	h := hall{t: t, d: d, book: nick.New(d), event: id.NewEvent()}
	if _, err := d.Exec(t.Context(), `INSERT INTO event (id, slug, name, artist, description, time_zone, doors_ms, starts_ms, stream_url, chat,
		state, created_ms, updated_ms) VALUES ($1, $1, 'n', 'a', '', 'UTC', 1, 1, '', TRUE, 'open', 1, 1)`, string(h.event)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h hall) person(role id.Role) nick.Person {
	h.t.Helper()
	ticket := id.NewTicket()
	if _, err := h.d.Exec(h.t.Context(), `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		VALUES ($1, $2, $1, $3, '', TRUE, 1, 1)`, string(ticket), string(h.event), string(role)); err != nil {
		h.t.Fatal(err)
	}
	return nick.Person{Event: h.event, Ticket: ticket, Role: role, Artist: "Lena Königswald"}
}

func (h hall) pick(p nick.Person, wanted string) (string, error) {
	h.t.Helper()
	return h.book.Pick(h.t.Context(), p, wanted, noon)
}

func each(t *testing.T, f func(t *testing.T, h hall)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) { f(t, newHall(t, d)) })
}

func TestANameIsShownAsPickedWithTidySpaces(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		for typed, want := range map[string]string{
			"Mia": "Mia", "  Jörg  der   Große ": "Jörg der Große", "Chloé": "Chloé", "Ｗｉｄｅ": "Wide", "Nguyễn Thị": "Nguyễn Thị", "山田太郎": "山田太郎",
			"たろう99": "たろう99", "Анна": "Анна", "Ελένη": "Ελένη", "محمد": "محمد", "שרה": "שרה", "xX_Rocker_Xx": "xX_Rocker_Xx", "O’Brien": "O’Brien", "김민준": "김민준",
			"Zoe ❤️": "Zoe ❤️", "🎉 Party Paul 🎉": "🎉 Party Paul 🎉", "Ida 👩‍🎤": "Ida 👩‍🎤", "Karl 🇩🇪": "Karl 🇩🇪", "Nele 👏🏽": "Nele 👏🏽", "Nr 5️⃣ lebt": "Nr 5️⃣ lebt", "अमित": "अमित",
			"Ha❤Ha": "Ha❤Ha", "สมชาย": "สมชาย", strings.Repeat("ab", 12): strings.Repeat("ab", 12),
		} {
			p := h.person(id.Fan)
			if got, err := h.pick(p, typed); err != nil || got != want {
				t.Errorf("%q: %q %v, want %q", typed, got, err, want)
			}
			if got, err := h.book.Of(t.Context(), p.Ticket); err != nil || got != want {
				t.Errorf("%q is stored as %q %v", typed, got, err)
			}
		}
		if got, err := h.book.Of(t.Context(), "tknobody"); err != nil || got != "" {
			t.Errorf("no name yet: %q %v", got, err)
		}
	})
}

func TestARefusedNameSaysWhichRule(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		for typed, rule := range map[string]string{
			"": "at least 2", "a": "at least 2", "  ": "at least 2", "🎉🎉": "at least 2", "--": "at least 2", strings.Repeat("ab", 12) + "c": "at most 24",
			strings.Repeat("x", 5000): "at most 24", "Mia\u202e": "invisible", "M\u200bia": "invisible", "M\u200dia": "invisible", "Mia\u2066": "invisible",
			"Mi\u00ada": "invisible", "Mi\u3164a": "invisible", "Mia\U000E0041": "invisible", "Mia\ufe0f": "invisible", "M\u0000ia": "invisible",
			"Mia\uFEFF": "invisible", "Mia\u2800": "invisible", "Mia\nMod": "invisible", "Z̷̢̛a̴l̶g̷o̸": "accents", "M\u20DDia": "enclose",
			"Mia [Mod]": "character [", "Mia:": "character :", "<b>Mia</b>": "character <", "Mia ★": "character ★", "a@b.example": "character @", "http://x.example": "character :",
			"Mia ✔️": "badge", "Mia 🛡️": "badge", "Mia ✅": "badge", "👑 Mia": "badge", "Mia 🎉🎉🎉🎉": "3 emoji", "Мia Kraus": "alphabets", "Paypаl": "alphabets", "\xff\xfe": "cannot be shown",
			"a▓b": "character ▓", "\u0301Mia": "accent", "👩‍": "invisible",
		} {
			_, err := h.pick(h.person(id.Fan), typed)
			if !fault.HasCode(err, "nickname_invalid") || fault.As(err).Field != "nickname" || !strings.Contains(fault.As(err).Public, rule) {
				t.Errorf("%q: %v, want %q", typed, err, rule)
			}
		}
	})
}

func TestLookAlikesOfATakenNameAreTaken(t *testing.T) {
	names := map[string][]string{
		"Mia Kraus": {"mia kraus", "MIA KRAUS", "MiaKraus", "Mia_Kraus", "mia-kraus", "Mia.Kraus", "Mla Kraus", "M1a Kraus", "Ｍｉａ Ｋｒａｕｓ", "Mia  Kraus"},
		"Anna":      {"ANNA", "ΑΝΝΑ", "anna"},
		"Zoe ❤️":    {"zoe ❤", "Zoe❤️"},
		"Leo 👏":     {"Leo 👏🏽", "leo👏🏿", "Ieo 👏", "1eo 👏"},
		"Rocko":     {"R0cko", "rockO", "ROCK0"},
		"Burn":      {"BURN", "Bum"},
		"corn":      {"com"},
		"СОВА":      {"сова", "COBA"},
		"Straße":    {"STRASSE", "strasse"},
	}
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		for taken, likes := range names {
			h := newHall(t, d)
			owner := h.person(id.Fan)
			if _, err := h.pick(owner, taken); err != nil {
				t.Fatalf("%q: %v", taken, err)
			}
			for _, l := range likes {
				if _, err := h.pick(h.person(id.Fan), l); !fault.HasCode(err, "nickname_taken") || !fault.Is(err, fault.Conflict) {
					t.Errorf("%q beside %q: %v", l, taken, err)
				}
				if _, err := h.pick(owner, l); err != nil {
					t.Errorf("the owner of %q may write it %q: %v", taken, l, err)
				}
				if _, err := h.pick(owner, taken); err != nil {
					t.Errorf("and back: %v", err)
				}
			}
		}
	})
}

func TestDifferentNamesStayDifferent(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		for _, n := range []string{"Mia", "Mia 2", "Mia!", "Mia ❤️", "Mia 🔥", "Maria", "Mika", "Müller", "Muller", "Möller", "Jan", "Jana", "Tom", "Tim"} {
			if _, err := h.pick(h.person(id.Fan), n); err != nil {
				t.Errorf("%q: %v", n, err)
			}
		}
	})
}

func TestNamesOfficesAndTheArtistAreKeptFree(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		for _, n := range []string{"Lena Königswald", "lena königswald", "LenaKonigswald", "Lena Königswa1d", "Lena Könlgswald", "Lena Konigswalt", "The real Lena Königswald",
			"Lena Königswald official", "Lena Königswald 1", "Lena Königswald ❤️", "Lena-Königswald TV", "Moderator", "m0derator", "MODERAT0R", "Moderator Kim", "Moderatr", "Admin",
			"admin 1", "ADM1N", "Àdmin", "Staff", "Stage Door", "StageD00r", "Stagedoor Support", "official news", "Mod", "Veranstalter", "Künstler", "Künstlerin", "System", "Team"} {
			if _, err := h.pick(h.person(id.Fan), n); !fault.HasCode(err, "nickname_invalid") || !strings.Contains(fault.As(err).Public, "kept for") {
				t.Errorf("a fan got %q: %v", n, err)
			}
		}
		for _, n := range []string{"Lena", "Königswald Fan", "Modest Mia", "Adminton", "Staffan", "Teamo", "Lenas Mama"} {
			if _, err := h.pick(h.person(id.Fan), n); err != nil {
				t.Errorf("a fan did not get %q: %v", n, err)
			}
		}
		if _, err := h.pick(h.person(id.Moderator), "Lena Königswald"); err == nil {
			t.Error("a moderator got the artist's name")
		}
		if _, err := h.pick(h.person(id.Moderator), "Moderator Kim"); err != nil {
			t.Errorf("a moderator: %v", err)
		}
		if got, err := h.pick(h.person(id.Artist), "Lena Königswald"); err != nil || got != "Lena Königswald" {
			t.Errorf("the artist: %v", err)
		}
	})
}

func TestANewNameFreesTheOldOneAndAFailedChangeKeepsIt(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		mia, leo := h.person(id.Fan), h.person(id.Fan)
		for _, step := range []struct {
			p    nick.Person
			name string
			code string
		}{{mia, "Mia", ""}, {leo, "Mia", "nickname_taken"}, {leo, "Leo", ""}, {leo, "mia", "nickname_taken"}, {mia, "Maja", ""}, {leo, "Mia", ""}, {mia, "Leo", ""}} {
			_, err := h.pick(step.p, step.name)
			if (err != nil || step.code != "") && !fault.HasCode(err, step.code) {
				t.Fatalf("%s: %v, want %q", step.name, err, step.code)
			}
		}
		for p, want := range map[nick.Person]string{mia: "Leo", leo: "Mia"} {
			if got, err := h.book.Of(t.Context(), p.Ticket); err != nil || got != want {
				t.Errorf("%q %v, want %q", got, err, want)
			}
		}
		other := newHall(t, h.d)
		if _, err := other.pick(other.person(id.Fan), "Mia"); err != nil {
			t.Errorf("at another event: %v", err)
		}
	})
}

// TestOfThirtyTwoWhoWantLookAlikesOneWins is F41 and R14 in small.
func TestOfThirtyTwoWhoWantLookAlikesOneWins(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		for round := range 5 {
			variants := []string{"Rocker %d", "rocker %d", "R0cker%d", "ROCKER_%d", "Rocker-%d", "Ｒｏｃｋｅｒ %d", "rocker.%d", "RockeR  %d"}
			people := make([]nick.Person, 32)
			for i := range people {
				people[i] = h.person(id.Fan)
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			winners := 0
			for i, p := range people {
				wg.Go(func() {
					_, err := h.pick(p, fmt.Sprintf(variants[i%len(variants)], round+70))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						winners++
					} else if !fault.HasCode(err, "nickname_taken") {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if winners != 1 {
				t.Fatalf("round %d: %d winners", round, winners)
			}
		}
	})
}

func TestSuggestionsAreFreeDifferentAndAllowed(t *testing.T) {
	each(t, func(t *testing.T, h hall) {
		seen := map[string]bool{}
		for range 10 {
			names, err := h.book.Suggest(t.Context(), h.event, 5)
			if err != nil || len(names) != 5 {
				t.Fatalf("%v %v", names, err)
			}
			for _, n := range names {
				if seen[n] {
					t.Errorf("%q was taken and suggested", n)
				}
				seen[n] = true
				if got, err := h.pick(h.person(id.Fan), n); err != nil || got != n {
					t.Errorf("%q cannot be picked: %q %v", n, got, err)
				}
			}
		}
		for n, want := range map[int]int{-1: 0, 0: 0, 1: 1, 1000: 20} {
			if names, err := h.book.Suggest(t.Context(), h.event, n); err != nil || len(names) != want {
				t.Errorf("%d asked: %v %v", n, names, err)
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	h := newHall(b, dbtest.SQLite(b, schema.Platform()))
	p := h.person(id.Fan)
	for i := range b.N {
		if _, err := h.pick(p, fmt.Sprintf("Velvet Otter %d", i)); err != nil {
			b.Fatal(err)
		}
	}
}

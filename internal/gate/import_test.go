package gate_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

func utf16Bytes(s string, order binary.ByteOrder, mark bool) []byte {
	var b []byte
	if mark {
		s = "\uFEFF" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], u)
	}
	return b
}

func TestEveryEncodingAndSeparatorOfASpreadsheetIsRead(t *testing.T) {
	const plain = "Bestellnummer,Status,Produkt,Ticket-Code\nMÜ-1,bezahlt,„Größe“ Ää,abcdef000001\nMÜ-2,storniert,x,abcdef000002\n"
	latin := strings.NewReplacer("„", `""`, "“", `""`, `„Größe“`, `Größe`).Replace(plain)
	files := map[string][]byte{
		"UTF-8": []byte(plain), "UTF-8 with mark": []byte("\uFEFF" + plain), "semicolons": []byte(strings.ReplaceAll(plain, ",", ";")),
		"tabs": []byte(strings.ReplaceAll(plain, ",", "\t")), "CR LF": []byte(strings.ReplaceAll(plain, "\n", "\r\n")),
		"old Mac line ends": []byte(strings.ReplaceAll(plain, "\n", "\r")), "no last line end": []byte(strings.TrimSpace(plain)),
		"sep line of Excel": []byte("sep=;\r\n" + strings.ReplaceAll(plain, ",", ";")), "blank lines": []byte("\n\n" + strings.ReplaceAll(plain, "\n", "\n\n  \n")),
		"quoted": []byte(`"` + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(plain), ",", `","`), "\n", "\"\n\"") + `"`),
		"UTF-16": utf16Bytes(plain, binary.LittleEndian, true), "UTF-16 big-endian": utf16Bytes(plain, binary.BigEndian, true),
		"UTF-16 without mark": utf16Bytes(plain, binary.LittleEndian, false), "UTF-16 big-endian without mark": utf16Bytes(plain, binary.BigEndian, false),
	}
	for name, cm := range map[string]*charmap.Charmap{"Windows-1252": charmap.Windows1252, "Latin-1": charmap.ISO8859_1} {
		text := plain
		if name == "Latin-1" {
			text = strings.ReplaceAll(latin, `""`, "")
		}
		b, err := cm.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	eachDB(t, func(t *testing.T, d *db.DB, g *gate.Gate, _ id.Event) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			event := newEvent(t, d)
			got := importFile(t, g, event, files[name])
			got.RevokedIDs = nil
			if diff := cmp.Diff(gate.Report{Layout: "pretix", Lines: 2, New: 1, Revoked: 1}, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
				continue
			}
			if tk := redeem(t, g, event, "ABCDEF-000001"); tk.SourceRef != "MÜ-1" {
				t.Errorf("%s: reference %q", name, tk.SourceRef)
			}
		}
	})
}

func TestEachLineIsRefusedForItsOwnReasonAndNeverStopsTheRest(t *testing.T) {
	file := strings.Join([]string{
		`code;status;note`,                         // 1
		`good00000001;paid;"a note`,                // 2–4: a quoted line break
		`over three`,                               //
		`lines; really"`,                           //
		`good00000002;;`,                           // 5
		`"open;paid;x`,                             // 6: closed by the quote of the next line
		`good00000003;valid;5" vinyl`,              // 7: a quote in the middle is text
		`"good00000004"x;paid;`,                    // 8
		`;paid;nothing`,                            // 9
		`abc;paid;short`,                           // 10
		`8,14847E+17;paid;rounded`,                 // 11
		`Straße0001;paid;umlaut`,                   // 12
		`good00000005;pending;`,                    // 13
		`good00000006;gone fishing;`,               // 14
		`g00d-0000-000l;paid;like the first`,       // 15
		`GOOD00000001;paid;the first again`,        // 16
		`good00000007;refunded;`,                   // 17
		strings.Repeat("a", 161) + `;paid;long`,    // 18
		`="good00000008";paid;kept from rounding`,  // 19
		strings.Repeat(";", 1200),                  // 20
		`good00000009;paid;` + "\x00\xff" + `last`, // 21: makes the file Windows-1252
	}, "\n")
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		r := importFile(t, g, event, []byte(file))
		want := map[int]string{6: "behind a closing quote", 8: "behind a closing quote", 9: "missing", 10: "only 3 characters", 11: "spreadsheet", 12: "characters that no",
			13: "Not paid yet", 14: "“gone fishing” is not known", 15: "like the one in line 2", 18: "longer than 160", 20: "too many columns"}
		for _, f := range r.Refused {
			if w, ok := want[f.Line]; !ok || !strings.Contains(f.Reason, w) {
				t.Errorf("line %d: %q, want %q", f.Line, f.Reason, w)
			}
			if strings.ContainsAny(f.Excerpt, "\x00\n") || len([]rune(f.Excerpt)) > 61 {
				t.Errorf("line %d: excerpt %q", f.Line, f.Excerpt)
			}
			delete(want, f.Line)
		}
		for line, reason := range want {
			t.Errorf("line %d was not refused: %s", line, reason)
		}
		r.Refused, r.RevokedIDs = nil, nil
		if diff := cmp.Diff(gate.Report{Layout: "generic", Lines: 18, New: 5, Known: 1, Revoked: 1, RefusedCount: 11}, r); diff != "" {
			t.Error(diff)
		}
		for _, n := range []int{1, 2, 3, 8, 9} {
			redeem(t, g, event, fmt.Sprintf("good%08d", n))
		}
	})
}

func TestAListOfBareCodesIsGeneric(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		r := importFile(t, g, event, []byte("ABCD-0001\nABCD-0002;Müller\n"))
		if r.Layout != "generic" || r.New != 1 || r.RefusedCount != 1 {
			t.Errorf("%+v", r) // the first line decides the separator: there is none in it, so a comma
		}
		if r := importFile(t, g, event, []byte("ABCD-0003;x\nABCD-0004;Müller\n")); r.New != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestFilesWeCannotReadSayWhatIsMissing(t *testing.T) {
	files := map[string]struct{ file, code, text string }{
		"empty":            {"", "file_layout", "empty"},
		"blank":            {"\n \n", "file_layout", "empty"},
		"prose":            {"Dear colleagues,\nhere are the codes", "file_layout", "No column"},
		"pretix, no code":  {"Order code,Position ID,Product\nA,1,x", "file_layout", "pretix"},
		"Eventbrite, none": {"Order #;Attendee #;Attendee Status\n1;2;Attending", "file_layout", "Barcode #"},
		"too large":        {strings.Repeat("x", gate.MaxFile+1), "file_too_large", "16 MiB"},
		"too long":         {"code\n" + strings.Repeat("A\n", gate.MaxLines+1), "file_too_long", "200000"},
	}
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		for name, f := range files {
			_, err := g.Import(t.Context(), event, strings.NewReader(f.file), noon)
			if !fault.HasCode(err, f.code) || !fault.Is(err, fault.Invalid) || fault.As(err).Field != "file" || !strings.Contains(fault.As(err).Public, f.text) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := g.Import(t.Context(), event, io.MultiReader(strings.NewReader("code\nABCDEFGH\n"), iotest.ErrReader(io.ErrUnexpectedEOF)), noon); !fault.HasCode(err, "file_unreadable") {
			t.Errorf("broken upload: %v", err)
		}
		if c, err := g.Counts(t.Context(), event); err != nil || c != (gate.Counts{}) {
			t.Errorf("something was imported: %+v %v", c, err)
		}
	})
}

func TestARefundRevokesAndAnOldFileDoesNotBringTheTicketBack(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		paid, refunded := []byte("code,status\nABCDEF01,paid\n"), []byte("code,status\nABCDEF01,refunded\n")
		importFile(t, g, event, paid)
		ticket := redeem(t, g, event, "ABCDEF01")
		if r := importFile(t, g, event, refunded); r.Revoked != 1 || len(r.RevokedIDs) != 1 || r.RevokedIDs[0] != ticket.ID {
			t.Errorf("%+v", r)
		}
		if r := importFile(t, g, event, refunded); r.Revoked != 0 || r.Known != 1 {
			t.Errorf("again: %+v", r)
		}
		r := importFile(t, g, event, paid)
		if r.New != 0 || r.RefusedCount != 1 || r.Refused[0].Line != 2 || !strings.Contains(r.Refused[0].Reason, "stays cancelled") {
			t.Errorf("old file: %+v", r)
		}
		if _, err := g.Redeem(t.Context(), event, "ABCDEF01", noon); !fault.HasCode(err, "ticket_revoked") {
			t.Errorf("%v", err)
		}
		if err := g.Restore(t.Context(), ticket.ID, noon); err != nil {
			t.Fatal(err)
		}
		if r := importFile(t, g, event, paid); r.Known != 1 {
			t.Errorf("restored: %+v", r)
		}
	})
}

func TestCodesThatCanBeGuessedAreCalledWeak(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		for file, weak := range map[string]bool{"code\n12345678\n12345679": true, "code\nABCDEFGHJK\nABCDEFGHJM": false, "code\n123456789012\n": false, "code\nABCD1234\n123456": true} {
			if r := importFile(t, g, event, []byte(file)); (r.Weak != "") != weak {
				t.Errorf("%q: %q", file, r.Weak)
			}
		}
	})
}

func TestStaffIsNotRevokedByAFile(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		code, _, err := g.IssueCode(t.Context(), event, id.Moderator, noon)
		if err != nil {
			t.Fatal(err)
		}
		importFile(t, g, event, []byte("code,status\n"+string(code)+",refunded\n"))
		redeem(t, g, event, string(code))
	})
}

// TestImportsInAnyOrderAndOverlapEndTheSame is F12: the same lines, cut into files in any way, with repetitions and in any
// order, give the same tickets, and each file reports every line exactly once.
func TestImportsInAnyOrderAndOverlapEndTheSame(t *testing.T) {
	d := dbtest.SQLite(t, schema.Platform())
	g := gate.New(d, pepper())
	rapid.Check(t, func(rt *rapid.T) {
		line := rapid.Custom(func(rt *rapid.T) string {
			return fmt.Sprintf("CODE-%04d,%s", rapid.IntRange(0, 12).Draw(rt, "code"), rapid.SampledFrom([]string{"paid", "paid", "paid", "canceled"}).Draw(rt, "status"))
		})
		lines := rapid.SliceOfN(line, 1, 25).Draw(rt, "lines")
		valid, revoked := map[string]bool{}, map[string]bool{}
		for _, l := range lines {
			code, status, _ := strings.Cut(l, ",")
			if status == "paid" {
				valid[code] = true
			} else {
				revoked[code] = true
			}
		}
		for code := range revoked {
			delete(valid, code)
		}
		event := newEvent(t, d)
		shuffled := rapid.Permutation(append(slices.Clone(lines), lines[:len(lines)/2]...)).Draw(rt, "order")
		created := 0
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(rt, "cut")
			r := importFile(t, g, event, []byte("code,status\n"+strings.Join(shuffled[:n], "\n")))
			if r.Lines != n || r.New+r.Known+r.Revoked+r.RefusedCount != n {
				rt.Fatalf("%d lines, report %+v", n, r)
			}
			created += r.New
			shuffled = shuffled[n:]
		}
		c, err := g.Counts(t.Context(), event)
		if err != nil || c.Fan != len(valid) || c.Revoked != len(revoked) {
			rt.Fatalf("%+v %v, want %d valid and %d revoked", c, err, len(valid), len(revoked))
		}
	})
}

func TestTwoImportsAtOnceAddEachTicketOnce(t *testing.T) {
	var a, b strings.Builder
	a.WriteString("code,status\n")
	b.WriteString("code,status\n")
	for i := range 600 { // twelve batches
		fmt.Fprintf(&a, "CODE-%06d,paid\n", i)
		fmt.Fprintf(&b, "CODE-%06d,%s\n", 899-i, map[bool]string{true: "canceled", false: "paid"}[i%100 == 0])
	}
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		event := newEvent(t, d)
		gates := []*gate.Gate{gate.New(d, pepper()), gate.New(d, pepper())}
		for _, g := range gates {
			g.SetBatch(50)
		}
		reports := make([]gate.Report, 8)
		var wg sync.WaitGroup
		for i := range reports {
			wg.Go(func() { reports[i] = importFile(t, gates[i%2], event, []byte([]string{a.String(), b.String()}[i/4])) })
		}
		wg.Wait()
		created := 0
		for _, r := range reports {
			created += r.New
			if r.New+r.Known+r.Revoked+r.RefusedCount != 600 {
				t.Errorf("%+v", r)
			}
		}
		c, err := gates[0].Counts(t.Context(), event)
		if err != nil || c.Fan+c.Revoked != 900 || c.Revoked != 6 {
			t.Errorf("%+v %v", c, err)
		}
		if created > 900 || created < 900-6 { // some of the cancelled were never new
			t.Errorf("%d new tickets reported", created)
		}
	})
}

func TestAFieldMayNotBreakTheBulkParameter(t *testing.T) {
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		for i, ref := range []string{`"],["x`, `\`, "\u2028", "a\u0000b", "🎟", `'; DROP TABLE ticket; --`} {
			r := importFile(t, g, event, []byte(fmt.Sprintf("code,order\nABCDEF%02d,\"%s\"\n", i, strings.ReplaceAll(ref, `"`, `""`))))
			if r.New != 1 {
				t.Errorf("%q: %+v", ref, r)
			}
		}
		if tk := redeem(t, g, event, "ABCDEF00"); tk.SourceRef != `"],["x` {
			t.Errorf("%q", tk.SourceRef)
		}
	})
}

package gate

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// FuzzRead feeds the importer's reading half, which is everything but the database.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"pretix-attendees.csv", "eventbrite-attendees.csv"} {
		data, err := os.ReadFile("../../examples/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:2000])
	}
	f.Add([]byte("code;status\nABCDEF01;paid\n\"open\n"))
	f.Add([]byte("\xff\xfec\x00o\x00d\x00e\x00\n\x00A\x00B\x00C\x00D\x00E\x00F\x00"))
	f.Add([]byte("sep=;\ncode\n=\"0123456\""))
	f.Add([]byte("code\rABCDEF\r\rABCDEF\r\n\"ABCDEF\nG\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := read(toText(data))
		if err != nil {
			if !fault.Is(err, fault.Invalid) || fault.As(err).Field != "file" {
				t.Fatalf("not the file's fault: %v", err)
			}
			return
		}
		for i := range in.entries {
			in.entries[i].outcome = outcome(i % 4)
			if code, ok := normalize(in.entries[i].code); !ok || code != in.entries[i].code {
				t.Fatalf("entry with code %q", in.entries[i].code)
			}
		}
		r := in.report()
		if r.New+r.Known+r.Revoked+r.RefusedCount != r.Lines {
			t.Fatalf("%+v", r)
		}
		if !slices.IsSortedFunc(r.Refused, func(a, b Refusal) int { return a.Line - b.Line }) {
			t.Fatalf("out of order: %+v", r.Refused)
		}
		lines := 1 + strings.Count(toText(data), "\n") + strings.Count(toText(data), "\r")
		for _, x := range r.Refused {
			if x.Line < 1 || x.Line > lines || x.Reason == "" || len([]rune(x.Excerpt)) > maxExcerpt+1 || strings.ContainsAny(x.Excerpt, "\n\r\x00") {
				t.Fatalf("%+v of %d lines", x, lines)
			}
		}
	})
}

func TestAForgottenQuoteCostsItsOwnLineOnly(t *testing.T) {
	var file strings.Builder
	file.WriteString("code\n\"OPEN00000000\n")
	for i := range 10_000 {
		fmt.Fprintf(&file, "CODE%08d\n", i)
	}
	in, err := read(file.String())
	if err != nil || len(in.entries) != 10_000 || len(in.refused) != 1 || in.refused[0].Line != 2 {
		t.Fatalf("%d taken, refused %+v, %v", len(in.entries), in.refused, err)
	}
}

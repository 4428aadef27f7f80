package screen

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// screenful is what a terminal shows of what was written to it: so much of it as Block uses.
func screenful(t *testing.T, text string, columns int) []string {
	t.Helper()
	rows, wrap := []string{""}, true
	for text != "" {
		up := 0
		switch n, _ := fmt.Sscanf(text, "\x1b[%dA", &up); {
		case n == 1:
			text = text[strings.IndexByte(text, 'A')+1:]
			rows = append(rows[:len(rows)-1-up], "") // every A is followed by J, at the beginning of a row
		case strings.HasPrefix(text, "\x1b[J"):
			text = text[len("\x1b[J"):]
		case strings.HasPrefix(text, "\x1b[?7"):
			wrap, text = text[4] == 'h', text[5:]
		case text[0] == '\n':
			rows, text = append(rows, ""), text[1:]
		default:
			last := len(rows) - 1
			letter := []rune(text)[:1]
			switch at := len([]rune(rows[last])); {
			case at < columns:
				rows[last] += string(letter)
			case wrap:
				rows = append(rows, string(letter))
			}
			text = text[len(string(letter)):]
		}
	}
	return rows
}

// A terminal that was narrower than the lines kept a piece of each second, and so did a line of the log.
func TestABlockIsDrawnOverItself(t *testing.T) {
	var out strings.Builder
	b := &Block{w: &out, terminal: true}
	log := beside{b, &out}
	write := func(text string) {
		t.Helper()
		if n, err := log.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	write("before\n")
	for i := range 3 {
		if err := b.Draw(fit([]string{fmt.Sprint("a long line, for so narrow a terminal ", i), "short"}, 20, 24)); err != nil {
			t.Fatal(err)
		}
		write(fmt.Sprintf("log %d\n", i))
	}
	want := []string{"before", "log 0", "log 1", "log 2", "a long line, for so", "      narrow a", "      terminal 2", "short", ""}
	if got := screenful(t, out.String(), 20); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestABlockFitsIntoTheTerminal(t *testing.T) {
	long := strings.Repeat("x", 50)
	for _, c := range []struct {
		lines         []string
		columns, rows int
		want          []string
	}{
		{[]string{long, "b"}, 0, 0, []string{long, "b"}},
		{[]string{long}, 50, 24, []string{long}},
		{[]string{long}, 30, 24, []string{long[:30], "      " + long[30:]}},
		{[]string{long}, 5, 24, []string{long}}, // nobody reads that anyway
		{[]string{"a", "b", "c", "d", "e"}, 80, 5, []string{"a", "b", "c", "  … and 2 more lines: stagedoor provision status"}},
		{[]string{"a", "b", "c", "d"}, 80, 5, []string{"a", "b", "c", "d"}},
	} {
		if got := fit(c.lines, c.columns, c.rows); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d × %d: %q", c.lines, c.columns, c.rows, got)
		}
	}
}

// What is no terminal keeps everything, and gets no signs for one.
func TestAFileGetsPlainLines(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out") // #nosec G304 -- a test's own
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b := NewBlock(f)
	if columns, rows := size(f); columns != 0 || rows != 0 || b.Beside(f) != f {
		t.Error("a file is no terminal")
	}
	for range 2 {
		if err := b.Draw([]string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(f.Name()); err != nil || string(text) != "a\nb\na\nb\n" {
		t.Errorf("%q, %v", text, err)
	}
}

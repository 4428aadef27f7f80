package modeltest

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Violation is one request that the model forbids for exactly one reason.
type Violation struct {
	Name  string // says what is wrong: "CreateChannel.Name: 257 characters"
	In    Place  // of the member that is wrong
	Input map[string]any
	Raw   string // the body, instead of the input's, when it is no JSON object
}

// Request writes the violation as a request.
func (v Violation) Request(o *Operation, endpoint string) (*http.Request, []byte, error) {
	if v.Raw == "" {
		return o.Request(endpoint, v.Input)
	}
	r, _, err := o.Request(endpoint, v.Input)
	if err != nil {
		return nil, nil, err
	}
	raw, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(v.Raw))
	if err != nil {
		return nil, nil, err
	}
	raw.Header = r.Header
	return raw, []byte(v.Raw), nil
}

// Violations makes forbidden requests of a sample: each member missing, of another type, too short, too long, out of
// range, off its pattern or its list of values, down to the innermost, several ways each. What HTTP cannot carry is left
// out: an empty path segment, an empty optional query value, which is an absent one, and letters that no header has.
func (o *Operation) Violations(names Names) iter.Seq[Violation] {
	return func(yield func(Violation) bool) {
		for _, m := range o.Input.Members {
			var base map[string]any
			if m.Required {
				base = o.Sample(names)
				if m.In != InPath && !yield(Violation{o.Name + "." + m.Name + ": missing", m.In, without(base, m.Name), ""}) {
					return
				}
			} else {
				base = o.Sample(names, m.Name)
			}
			for why, bad := range m.broken(base[m.Name]) {
				if !yield(Violation{o.Name + "." + m.Name + why, m.In, replaced(base, m.Name, bad), ""}) {
					return
				}
			}
		}
		if !o.hasBody() {
			return
		}
		for _, raw := range []string{
			"{", "}", "[]", "[{}]", `"a"`, "1", "true", "{}{}", "{} x", `{"a":}`, `{"a":1,}`, `{a:1}`, `{'a':1}`, "\x00", "x", "<a/>",
			`{"a":"` + "\n" + `"}`, `{"a":01}`, `{"a":"\x"}`, `{"a":nul}`, `{"a"}`, `{"a":1`, "{\"a\":\"\x01\"}", `=`,
		} {
			if !yield(Violation{fmt.Sprintf("%s: body %q", o.Name, raw), InBody, o.Sample(names), raw}) {
				return
			}
		}
	}
}

// broken makes wrong values of a good one, each with the reason.
func (m *Member) broken(good any) iter.Seq2[string, any] {
	if m.In == InBody {
		return func(yield func(string, any) bool) {
			if m.Required && !yield(": null", nil) {
				return
			}
			m.Shape.broken(good)(yield)
		}
	}
	return func(yield func(string, any) bool) {
		for why, bad := range m.Shape.brokenParam(fmt.Sprint(good)) {
			if bad == "" && (m.In == InPath || !m.Required) || bad == "." || bad == ".." || m.In == InHeader && !printable(bad) {
				continue
			}
			if !yield(why, bad) {
				return
			}
		}
	}
}

// printable reports whether a header can carry a text unchanged.
func printable(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return strings.TrimSpace(text) == text
}

// brokenParam is broken for a member that travels as text.
func (s *Shape) brokenParam(good string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		var wrong []string
		switch s.Type {
		case "integer":
			wrong = []string{"x", "five", "0x5", "5.5", "5.", "1e1", "1 ", " 1", "1,0", "--1", "١", "NaN", "true", "null",
				"2147483648", "4294967297", "9223372036854775808", "18446744073709551617", "1_0", "1;", "1\n", "1\x00"}
			for _, n := range s.outside() {
				wrong = append(wrong, strconv.Itoa(n))
			}
		case "timestamp":
			wrong = []string{"yesterday", "2026", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T25:04:05Z",
				"2026-01-02T03:60:05Z", "2026-01-02T03:04:05", "03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04Z", "x", "null",
				"2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0100", "2026-00-02T03:04:05Z", "20260102T030405Z", "2026-01-02T03:04:05Zx"}
		default:
			for why, bad := range s.brokenText(good) {
				if !yield(why, bad) {
					return
				}
			}
		}
		for _, bad := range wrong {
			if !yield(fmt.Sprintf(": %q", bad), bad) {
				return
			}
		}
	}
}

// outside are numbers, or lengths, just and far beyond the bounds.
func (s *Shape) outside() []int {
	var all []int
	if s.Min != nil {
		all = append(all, *s.Min-1, *s.Min-2, -*s.Min-1, -1<<31)
	}
	if s.Max != nil {
		all = append(all, *s.Max+1, *s.Max+2, 2**s.Max, 10**s.Max, 1<<31-1)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// broken makes wrong JSON values of a good one.
func (s *Shape) broken(good any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, bad := range s.otherTypes(good) {
			text, _ := json.Marshal(bad) // of literals
			if !yield(fmt.Sprintf(": type of %.60s", text), bad) {
				return
			}
		}
		switch good := good.(type) {
		case map[string]any:
			if s.Type == "map" {
				s.brokenMap(good, yield)
			} else {
				s.brokenStructure(good, yield)
			}
		case []any:
			s.brokenList(good, yield)
		case string:
			for why, bad := range s.brokenText(good) {
				if !yield(why, bad) {
					return
				}
			}
		case int:
			for _, n := range s.outside() {
				if !yield(fmt.Sprintf(": %d", n), n) {
					return
				}
			}
		}
	}
}

// otherTypes are JSON values of types that the shape is not.
func (s *Shape) otherTypes(good any) []any {
	object, list := map[string]any{"a": "b"}, []any{"a", 1}
	switch s.Type {
	case "structure":
		return []any{"", "x", 1, true, []any{}, []any{good}, number("1.5")}
	case "map":
		return []any{"", "x", 1, true, []any{}, list, number("-0.5")}
	case "list":
		return []any{"", "x", 1, true, object, map[string]any{}, number("1e3"), number("0")}
	case "boolean":
		return []any{"true", "", 0, 1, list, object, []any{}}
	case "integer":
		return []any{"1", "", "x", true, list, object, number("1.5"), number("1e30"), number("-1e30"), number("9223372036854775808")}
	}
	return []any{0, 1, -1, number("1.5"), number("1e400"), true, false, []any{}, []any{good}, map[string]any{}, object}
}

func (s *Shape) brokenStructure(good map[string]any, yield func(string, any) bool) bool {
	for _, m := range s.Members {
		if m.Required && !yield("."+m.Name+": missing", without(good, m.Name)) {
			return false
		}
		for why, bad := range m.broken(good[m.Name]) {
			if !yield("."+m.Name+why, replaced(good, m.Name, bad)) {
				return false
			}
		}
	}
	return true
}

func (s *Shape) brokenList(good []any, yield func(string, any) bool) bool {
	for _, n := range s.outside() {
		if n < 0 || n > 1000 {
			continue
		}
		many := []any{}
		for range n {
			many = append(many, good[0])
		}
		if !yield(fmt.Sprintf(": %d entries", n), many) {
			return false
		}
	}
	for why, bad := range s.Item.broken(good[0]) {
		if !yield("[0]"+why, []any{bad}) {
			return false
		}
		if (s.Max == nil || *s.Max > 1) && !yield("[1]"+why, []any{good[0], bad}) {
			return false
		}
	}
	return true
}

func (s *Shape) brokenMap(good map[string]any, yield func(string, any) bool) bool {
	for key, v := range good {
		for why, bad := range s.Key.brokenText(key) {
			if !yield(" key"+why, map[string]any{bad: v}) {
				return false
			}
		}
		for why, bad := range s.Value.broken(v) {
			if !yield("."+key+why, map[string]any{key: bad}) {
				return false
			}
		}
	}
	return true
}

// foreign are letters of which most patterns forbid some.
var foreign = []string{"\n", "\r\n", " ", "\t", "/", "\\", "%", "?", "#", "*", "+", "\"", "A", "_", "é", "漢", "😀", "\u2028", "\u007f", "\u0001", "\ufffe"}

// brokenText makes strings that break one constraint: a length, the list of values, or the pattern.
func (s *Shape) brokenText(good string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		given := map[string]bool{}
		try := func(why, bad string) bool {
			if given[bad] || s.allows(bad) {
				return true
			}
			given[bad] = true
			return yield(": "+why+" "+strconv.Itoa(utf8.RuneCountInString(bad))+" characters "+strconv.Quote(bad[:min(len(bad), 120)]), bad)
		}
		for _, bad := range s.wrongLengths(good) {
			if !try("length", bad) {
				return
			}
		}
		if len(s.Enum) > 0 {
			for _, bad := range []string{strings.ToLower(good), strings.ToTitle(good) + " ", " " + good, good + "\n", good + good, good[1:],
				good[:len(good)-1], "NONE_OF_THESE", "0", "null", "*", "", good + "," + good, "\"" + good + "\"", good + "S", "É" + good} {
				if !try("value", bad) {
					return
				}
			}
		}
		if s.Pattern == nil {
			return
		}
		for _, bad := range offPattern(good) {
			if s.fits(bad) && !try("pattern", bad) {
				return
			}
		}
	}
}

// wrongLengths cuts and stretches a text beyond its bounds.
func (s *Shape) wrongLengths(good string) []string {
	var all []string
	if s.Min != nil {
		for n := range min(*s.Min, len(good)) {
			all = append(all, good[:n])
		}
	}
	if s.Max != nil {
		long := func(n int, filler string) string {
			return good + strings.Repeat(filler, n-utf8.RuneCountInString(good))
		}
		all = append(all, long(*s.Max+1, "x"), long(*s.Max+2, "0"), long(2**s.Max+1, "x"))
		if *s.Max <= 256 { // long ones cost time, in a path above all
			all = append(all, long(*s.Max+1, "é"), long(*s.Max+1, "漢"), long(*s.Max+1, "😀"))
		}
	}
	return all
}

// offPattern puts foreign letters before, behind, between and in place of those of a text, at its joints.
func offPattern(good string) []string {
	joints := []int{0, len(good)}
	for i, r := range good {
		if r == ':' || r == '/' || i == len(good)/2 {
			joints = append(joints, i, i+1)
		}
	}
	var all []string
	for j, at := range joints {
		for l, letter := range foreign {
			if (j+l)%5 != 0 {
				continue // every letter comes to a fifth of the joints: enough of each kind, and quick
			}
			all = append(all, good[:at]+letter+good[at:])
			if at < len(good) {
				all = append(all, good[:at]+letter+good[at+1:])
			}
		}
		all = append(all, good[at:], good[:at])
	}
	return append(all, "nonsense", "arn:aws:chime", "*", "-", "null", strings.ToUpper(good), good+" "+good)
}

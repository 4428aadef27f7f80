package event

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxSlug bounds the address in bytes: it is read out, typed and printed on tickets.
const maxSlug = 60

// letters says how letters that do not decompose into a Latin base are written in Latin. German umlauts come first:
// people expect ä as ae, not as a. Cyrillic follows the passport rule (ICAO Doc 9303), Greek ISO 843, both shortened.
func letters(r rune) (string, bool) {
	const from = "äöüßæœøåðþđłıŋ" + "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў" + "αβγδεζηθικλμνξοπρσςτυφχψω"
	to := strings.Fields("ae oe ue ss ae oe o a d th d l i ng " +
		"a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e iu ia i i ie g u " +
		"a v g d e z i th i k l m n x o p r s s t y f ch ps o")
	for i, c := range []rune(from) {
		if c == r {
			return strings.Trim(to[i], "-"), true // "-": the sign has no sound of its own
		}
	}
	return "", false
}

// makeSlug writes a show's name as an address: lower-case Latin letters, digits and single dashes.
func makeSlug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(strings.ToLower(name)) {
		if s, ok := letters(r); ok {
			b.WriteString(s)
			continue
		}
		for _, d := range norm.NFKD.String(string(r)) {
			d = unicode.ToLower(d) // № decomposes into capitals
			s, ok := letters(d)    // accented Greek and Cyrillic
			switch {
			case ok:
				b.WriteString(s)
			case d >= 'a' && d <= 'z' || d >= '0' && d <= '9':
				b.WriteRune(d)
			case unicode.Is(unicode.Mn, d) || d == '\'' || d == '’':
				// accents and apostrophes leave no gap
			default:
				b.WriteByte('-')
			}
		}
	}
	s := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == '-' }), "-")
	if len(s) > maxSlug {
		s = strings.TrimRight(s[:maxSlug], "-")
	}
	if s == "" {
		return "show" // a name without any letter we can write in Latin
	}
	return s
}

// checkSlug checks an address that the organizer chose; "" is returned as it is.
func checkSlug(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", nil
	case len(s) > maxSlug:
		return "", invalid("slug", "The address has more than %d characters.", maxSlug)
	case s != makeSlug(s):
		return "", invalid("slug", "The address can have lower-case letters a–z, digits and single dashes, for example %s.", makeSlug(s))
	case reserved(s):
		return "", invalid("slug", "The address %s is reserved.", s)
	}
	return s, nil
}

// reserved are words that our own pages use or may come to use, or that would mislead in an address.
func reserved(slug string) bool {
	return slices.Contains([]string{"admin", "api", "assets", "chime", "console", "demo-reset", "e", "health", "help", "live", "login",
		"metrics", "moderate", "new", "sign-in", "sign-out", "stagedoor", "static", "stream", "support", "test-stream", "tour"}, slug)
}

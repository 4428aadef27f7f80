package nick

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Limits in what a person sees as one character: a letter with its accents, or one emoji.
const (
	minLength = 2
	maxLength = 24
	maxMarks  = 2   // accents on one letter; more is "zalgo" that runs into other lines. Vietnamese needs two
	maxBytes  = 400 // before any work: 24 characters never need more
)

// name is a name that keeps all rules but those about other people.
type name struct {
	shown    string // as it is displayed
	text     string // the same with placeholders for emoji
	compare  string // PRECIS compare key: case and width do not matter
	skeleton string // look-alikes and separators do not matter
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, "nickname_invalid", format, args...).On("nickname")
}

// read checks what a person typed against the rules of form and derives the keys.
func read(typed string) (name, error) {
	if len(typed) > maxBytes {
		return name{}, invalid("A name can have at most %d characters.", maxLength)
	}
	if !utf8.ValidString(typed) || strings.ContainsRune(typed, utf8.RuneError) {
		return name{}, invalid("This name contains characters that cannot be shown.")
	}
	if strings.ContainsRune(typed, placeholder) {
		return name{}, invalid("A name cannot contain the character %c.", placeholder)
	}
	rest, emoji := lift(typed)
	if r, found := firstFunc(rest, invisible); found {
		return name{}, invalid("A name cannot contain invisible or direction-changing characters (U+%04X).", r)
	}
	for _, e := range emoji {
		if isBadge(e) {
			return name{}, invalid("The emoji %s looks like a badge. Please choose another.", e)
		}
	}
	if strings.TrimSpace(rest) == "" {
		return name{}, invalid("A name needs at least %d letters or digits.", minLength)
	}
	text, err := precis.Nickname.String(rest) // RFC 8266 §2.3 enforcement: NFKC, spaces
	if err != nil {
		return name{}, invalid("This name contains characters that names cannot have.")
	}
	if err := checkText(text, len(emoji)); err != nil {
		return name{}, err
	}
	compare, err := precis.Nickname.CompareKey(text)
	if err != nil {
		return name{}, invalid("This name contains characters that names cannot have.")
	}
	plain := make([]string, len(emoji))
	for i, e := range emoji {
		plain[i] = plainEmoji(e)
	}
	return name{shown: drop(text, emoji), text: text, compare: drop(compare, plain), skeleton: drop(skeleton(text), plain)}, nil
}

// drop puts emoji back where their placeholders stand.
func drop(text string, emoji []string) string {
	var b strings.Builder
	for _, r := range text {
		if r == placeholder && len(emoji) > 0 {
			b.WriteString(emoji[0])
			emoji = emoji[1:]
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func firstFunc(s string, f func(rune) bool) (rune, bool) {
	if i := strings.IndexFunc(s, f); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return r, true
	}
	return 0, false
}

// invisible tells control and format characters (all of Cc and Cf: bidi controls, zero-width characters, tags), variation
// selectors, Hangul and Khmer fillers, and what is not assigned or private.
func invisible(r rune) bool {
	switch {
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return true
	case unicode.In(r, unicode.Zl, unicode.Zp), r == 0x2800: // line separators; the empty Braille pattern
		return true
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs) // not assigned
}

// checkText applies the rules about length, letters, accents and alphabets to a normalised name.
func checkText(text string, emoji int) error {
	if emoji > maxEmoji {
		return invalid("A name can have at most %d emoji.", maxEmoji)
	}
	length, letters, marks := 0, 0, 0
	for _, r := range norm.NFD.String(text) {
		switch {
		case unicode.Is(unicode.Me, r):
			return invalid("A name cannot contain signs that enclose a letter.")
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				return invalid("A letter in a name can have at most %d accents.", maxMarks)
			}
			if length == 0 {
				return invalid("A name cannot begin with an accent.")
			}
			continue
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			letters++
		case r != placeholder && !strings.ContainsRune(" _-.'’·&+!?~*", r):
			return invalid("A name cannot contain the character %c.", r)
		}
		length, marks = length+1, 0
	}
	switch {
	case length > maxLength:
		return invalid("A name can have at most %d characters.", maxLength)
	case length < minLength || letters < minLength:
		return invalid("A name needs at least %d letters or digits.", minLength)
	case mixed(text):
		return invalid("A name cannot mix letters of different alphabets.")
	}
	return nil
}

// mixed reports letters of scripts that are not written together: everything that UTS #39 §5.2 calls Highly Restrictive
// is allowed (one script; or Latin with Japanese, Korean or Chinese).
func mixed(text string) bool {
	scripts := map[string]bool{}
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			continue
		}
		scripts[scriptOf(r)] = true
	}
	delete(scripts, "Common")
	delete(scripts, "Inherited")
	if len(scripts) <= 1 {
		return false
	}
	for _, together := range [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"}} {
		rest := len(scripts)
		for _, s := range together {
			if scripts[s] {
				rest--
			}
		}
		if rest == 0 {
			return false
		}
	}
	return true
}

func scriptOf(r rune) string {
	for _, s := range []string{"Latin", "Cyrillic", "Greek", "Han", "Arabic", "Hebrew"} { // most names end here
		if unicode.Is(unicode.Scripts[s], r) {
			return s
		}
	}
	for s, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return s
		}
	}
	return "Common"
}

// skeleton maps text that looks alike to one form (UTS #39 §4), lower-cased, and goes a little further: i, l, 1 and |
// are one, and spaces, dashes, dots and underscores do not count.
func skeleton(text string) string {
	s := confusable.Skeleton(strings.ToLower(confusable.Skeleton(text)))
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'i' || r == 'ı':
			return 'l'
		case r == placeholder || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r):
			return r
		case strings.ContainsRune("&+!?~*", r):
			return r // told apart: Mia and Mia!
		}
		return -1
	}, strings.ReplaceAll(strings.ToLower(s), "ß", "ss"))
}

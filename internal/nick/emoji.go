package nick

import (
	"slices"
	"strings"

	"go.mau.fi/util/emojirunes"
)

const (
	joiner   = '\u200D' // joins emoji to one picture: 👩 + 🎤 = 👩‍🎤
	picture  = '\uFE0F' // asks for the colourful form: ❤️
	keycap   = '\u20E3' // puts a cap around a digit: 5️⃣
	maxEmoji = 3        // a name is to be read, not decoded
	maxJoins = 4        // the longest recommended sequences, families, have three
)

// placeholder stands for one emoji while PRECIS looks at the rest, which rejects variation selectors and joiners. It is
// a symbol that PRECIS lets through unchanged and that our own rule refuses in names.
const placeholder = '▓'

// lift replaces the emoji of a name by placeholders and returns them in order.
func lift(name string) (rest string, emoji []string) {
	runes := []rune(name)
	var b strings.Builder
	for i := 0; i < len(runes); {
		if n := sequence(runes[i:]); n > 0 {
			emoji = append(emoji, string(runes[i:i+n]))
			b.WriteRune(placeholder)
			i += n
			continue
		}
		b.WriteRune(runes[i])
		i++
	}
	return b.String(), emoji
}

// sequence is the length in runes of the emoji at the beginning of s, 0 if there is none: a simplified grammar of
// UTS #51 (flag, keycap, pictures joined by ZWJ). Flags spelled in invisible tag characters are no emoji here.
func sequence(s []rune) int {
	switch {
	case len(s) >= 2 && isRegional(s[0]) && isRegional(s[1]):
		return 2
	case len(s) >= 3 && strings.ContainsRune("0123456789#*", s[0]) && s[1] == picture && s[2] == keycap:
		return 3
	}
	n := element(s)
	for joins := 0; n > 0 && n < len(s) && s[n] == joiner && joins < maxJoins; joins++ {
		more := element(s[n+1:])
		if more == 0 {
			break // a joiner that joins nothing stays in the text and is refused there
		}
		n += 1 + more
	}
	return n
}

// element is one picture with its variation selector or skin tone.
func element(s []rune) int {
	switch {
	case len(s) == 0 || !isPicture(s[0]):
		return 0
	case len(s) > 1 && (s[1] == picture || isTone(s[1])):
		return 2
	}
	return 1
}

func isRegional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
func isTone(r rune) bool     { return r >= 0x1F3FB && r <= 0x1F3FF }

// isPicture reports whether r is a picture by itself. The list's parts of sequences, and ©, ® and ™, which are text,
// are left out.
func isPicture(r rune) bool {
	if r < 0x203C || r == keycap || r == 0x2122 || r == 0x2139 || r == picture || isRegional(r) || isTone(r) || r >= 0xE0000 {
		return false
	}
	_, found := slices.BinarySearch(emojirunes.EmojiRunes, r)
	return found
}

// plainEmoji is the form in which emoji are compared: without skin tone and variation selector, which look alike at the
// size of a chat line.
func plainEmoji(s string) string {
	return strings.Map(func(r rune) rune {
		if r == picture || isTone(r) {
			return -1
		}
		return r
	}, s)
}

// isBadge tells emoji that look like a sign of office or of being verified.
func isBadge(s string) bool {
	return strings.ContainsAny(s, "✅✔☑🛡👮🆗Ⓜ🅰🅱🔰⚜🏅🎖🔧⚙🔨👑")
}

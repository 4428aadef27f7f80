package nick

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/id"
)

// offices are words that fans cannot be called, alone or with digits and separators around them.
func offices() []string {
	return []string{"admin", "artist", "crew", "host", "info", "mod", "mods", "moderation", "operator", "security", "staff", "stage door",
		"support", "system", "team", "veranstalter", "organizer", "organiser", "künstler", "künstlerin", "everyone", "all", "here", "channel", "bot", "root", "deleted"}
}

// strong are words that no fan's name may contain or differ from by one letter.
func strong() []string {
	return []string{"moderator", "administrator", "stagedoor", "official", "offiziell"}
}

// dressing is what people put around an artist's name to pass for the artist.
func dressing() []string {
	return []string{"the", "real", "official", "offiziell", "officiel", "echte", "echter", "original", "live", "team", "band", "music", "musik", "artist", "tv"}
}

// reserved checks the name against words that promise an office, and against the artist's name. The artist may have the
// artist's name; artist and moderators may have any word of office. Digits around a word do not count; they are taken
// off before the skeleton, which makes letters of some.
func (n name) reserved(role id.Role, artist string) error {
	words := []string{bareSkeleton(n.text), bareSkeleton(trimDigits(n.text))}
	if role != id.Artist && likeArtist(words, artist) {
		return invalid("This name is kept for the artist. Please choose another.")
	}
	if role == id.Fan && likeOffice(words) {
		return invalid("This name is kept for the people who run the show. Please choose another.")
	}
	return nil
}

func trimDigits(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

func likeOffice(words []string) bool {
	for _, own := range words {
		for _, w := range strong() {
			if w := bareSkeleton(w); strings.Contains(own, w) || withinOne(own, w) {
				return true
			}
		}
		for _, w := range offices() {
			if own == bareSkeleton(w) {
				return true
			}
		}
	}
	return false
}

// bareSkeleton is the skeleton of a text without accents, signs and emoji: Àdmin! is admin.
func bareSkeleton(text string) string {
	return strings.Map(func(r rune) rune {
		if r != placeholder && (unicode.IsLetter(r) || unicode.IsNumber(r)) {
			return r
		}
		return -1
	}, skeleton(text))
}

// likeArtist compares words with the artist's name, dressed and undressed. Short names need to be equal; from six
// letters on one wrong letter is too close.
func likeArtist(words []string, artist string) bool {
	artist = bareSkeleton(artist)
	if artist == "" {
		return false
	}
	for _, own := range words {
		for _, a := range []string{artist, undress(artist)} {
			for _, o := range []string{own, undress(own)} {
				if o == a || utf8.RuneCountInString(a) >= 6 && withinOne(o, a) {
					return true
				}
			}
		}
	}
	return false
}

// undress takes dressing off both ends until none is left; something always stays.
func undress(s string) string {
	for again := true; again; {
		again = false
		for _, d := range dressing() {
			d = bareSkeleton(d)
			if t := strings.TrimSuffix(strings.TrimPrefix(s, d), d); t != "" && t != s {
				s, again = t, true
			}
		}
	}
	return s
}

// withinOne reports whether two words differ by at most one inserted, removed, changed or swapped letter.
func withinOne(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) < len(y) {
		return string(x[i:]) == string(y[i+1:])
	}
	if i == len(x) || string(x[i+1:]) == string(y[i+1:]) {
		return true
	}
	return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && string(x[i+2:]) == string(y[i+2:])
}

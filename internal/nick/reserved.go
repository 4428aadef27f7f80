package nick

import (
	"strings"
	"unicode"

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
// artist's name; artist and moderators may have any word of office.
func (n name) reserved(role id.Role, artist string) error {
	own := bareSkeleton(n.skeleton)
	if role != id.Artist && artist != "" && likeArtist(own, bareSkeleton(skeleton(artist))) {
		return invalid("This name is kept for the artist. Please choose another.")
	}
	if role != id.Fan {
		return nil
	}
	for _, w := range strong() {
		if w := bareSkeleton(skeleton(w)); strings.Contains(own, w) || withinOne(own, w) {
			return invalid("This name is kept for the people who run the show. Please choose another.")
		}
	}
	word := strings.TrimFunc(own, unicode.IsNumber)
	for _, w := range offices() {
		if w := bareSkeleton(skeleton(w)); own == w || word == w {
			return invalid("This name is kept for the people who run the show. Please choose another.")
		}
	}
	return nil
}

// bareSkeleton is a skeleton without accents, signs and emoji: Àdmin! is admin.
func bareSkeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, s)
}

// likeArtist compares a name with the artist's, without digits around it and without dressing. Short names need to be
// equal; from six letters on one wrong letter is too close.
func likeArtist(own, artist string) bool {
	if artist == "" {
		return false
	}
	candidates := []string{own, strings.TrimFunc(own, unicode.IsNumber)}
	for _, d := range dressing() {
		d = bareSkeleton(skeleton(d))
		for _, c := range candidates[:2] {
			candidates = append(candidates, strings.TrimPrefix(c, d), strings.TrimSuffix(c, d), strings.TrimSuffix(strings.TrimPrefix(c, "the"), d))
		}
	}
	for _, c := range candidates {
		if c == artist || len([]rune(artist)) >= 6 && withinOne(c, artist) {
			return true
		}
	}
	return false
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

package rest

import (
	"regexp"
	"testing"
	"unicode/utf8"
)

// FuzzPatterns holds the patterns matched by hand against the models' regular expressions.
func FuzzPatterns(f *testing.F) {
	for _, s := range []string{"", "arn:aws:chime:us-east-1:000000000000:app-instance/x/user/y", "arn:::::", "arn:a::::b", "arn:a::::/b",
		"arn:a::::\n", "arn:a::::b\n", "arn:a:b:c:d", "arn:A:b:c:d:e", "arn:a.-9:b:c:d:é", "abc-_9", "ab c", "a\nb", "ä", "-.-"} {
		f.Add(s)
	}
	// RE2 allows a thousand repetitions at most, hence the two pieces.
	arn := regexp.MustCompile(`^arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1000}.{0,23}$`)
	word, line := regexp.MustCompile(`^[-_a-zA-Z0-9]*$`), regexp.MustCompile(`^.*$`)
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip("refused before")
		}
		for _, p := range []struct {
			name string
			hand func(string) bool
			want *regexp.Regexp
		}{{"ARN", isARN, arn}, {"word", isWord, word}, {"line", isLine, line}} {
			if p.hand(s) != p.want.MatchString(s) {
				t.Errorf("%s %q: by hand %v", p.name, s, p.hand(s))
			}
		}
	})
}

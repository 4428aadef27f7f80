package policy

import (
	"regexp"
	"testing"
)

// FuzzShapes holds what is matched by hand against the regular expressions of IAM's grammar.
func FuzzShapes(f *testing.F) {
	sid, action := regexp.MustCompile(`^[A-Za-z0-9]*$`), regexp.MustCompile(`^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$`)
	for _, s := range []string{"", "*", "**", "chime:Connect", "chime:*", "*:*", "c-h?:a", "a:b-c", "a:b:c", ":", "a:", ":a", "chime", "a b:c", "a:b\n", "é:a", "a:é", "A-", "Z9z0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isSid(s) != sid.MatchString(s) {
			t.Errorf("%q is a Sid: %v", s, isSid(s))
		}
		if isAction(s) != action.MatchString(s) {
			t.Errorf("%q is an action: %v", s, isAction(s))
		}
	})
}

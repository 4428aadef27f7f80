package core

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// A NextToken comes from anybody. Whatever it is, it names a place in the list it was made for or is Invalid; and what was
// made for a list names its place there and nowhere else.
func FuzzNextToken(f *testing.F) {
	for _, seed := range []string{"", "a", "bm9wZQ", "AAAAAAAA", "AAAAAAAAYQ", "AAAAAAAAYQ==", "AAAAAAAA_w", "AAAAAAAAAA", "%00", "a b", "ä",
		nextToken("list", "key"), nextToken("list", "1234"), nextToken("other", "key"), nextToken("list", "")} {
		f.Add(seed, "list", "key")
	}
	f.Add("", List("messages", "room"), Itoa(-1))
	f.Fuzz(func(t *testing.T, token, list, key string) {
		got, err := Page{Token: token}.Key(list)
		switch {
		case err != nil && (!fault.Is(err, fault.Invalid) || got != ""):
			t.Errorf("%q of %q: %q, %v", token, list, got, err)
		case err == nil && token != "" && (got == "" || !IsText(got)):
			t.Errorf("%q of %q names %q", token, list, got)
		}
		if n, err := (Page{Token: token}).KeyNo(list, 7); err != nil && !fault.Is(err, fault.Invalid) || err == nil && token == "" && n != 7 {
			t.Errorf("%q of %q: number %d, %v", token, list, n, err)
		}
		if key == "" || !IsText(key) {
			return
		}
		made := Page{Token: nextToken(list, key)}
		if back, err := made.Key(list); err != nil || back != key {
			t.Errorf("place %q of %q came back as %q, %v", key, list, back, err)
		}
		if back, err := made.Key(list + "x"); err == nil {
			t.Errorf("place %q of %q is %q elsewhere", key, list, back)
		}
	})
}

package nick

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestEveryInvisibleCharacterIsRefused is T10: no control or format character of Unicode gets into a name.
func TestEveryInvisibleCharacterIsRefused(t *testing.T) {
	for _, table := range []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point} {
		for _, r := range table.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += max(rune(r.Stride), rune(r.Hi-r.Lo)/50) {
				if n, err := read("Mi" + string(c) + "a"); err == nil {
					t.Errorf("U+%04X was let through as %q", c, n.shown)
				}
			}
		}
		for _, r := range table.R32 {
			for c := r.Lo; c <= r.Hi; c += max(r.Stride, (r.Hi-r.Lo)/50) {
				if n, err := read("Mi" + string(rune(c)) + "a"); err == nil {
					t.Errorf("U+%04X was let through as %q", c, n.shown)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"Mia", "Zoe ❤️", "👩‍🎤 Ida", "Z̷̢a̴l̶g̷o̸", "Мia", "M\u202eia", "5️⃣ lives", "🇩🇪 Karl", "Ｗｉｄｅ", "ß ẞ", "ﬃ ligature", "İstanbul", "ǅ caron", "1\u20e3x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		n, err := read(typed)
		if err != nil {
			return
		}
		if !utf8.ValidString(n.shown) || n.shown != strings.TrimSpace(n.shown) || n.compare == "" || n.skeleton == "" {
			t.Fatalf("%q became %+q", typed, n)
		}
		if strings.ContainsAny(n.shown, "<>\"`[]{}\\\n\x00▓") {
			t.Fatalf("%q became %q", typed, n.shown)
		}
		if count := utf8.RuneCountInString(n.shown); count > 200 {
			t.Fatalf("%q has %d runes", n.shown, count)
		}
		again, err := read(n.shown)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", typed, n.shown, err)
		}
		if again != n {
			t.Fatalf("not idempotent: %+q, then %+q", n, again)
		}
	})
}

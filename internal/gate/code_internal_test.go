package gate

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheCheckCharacterFindsEveryWrongAndEverySwappedCharacter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_ = rapid.Byte().Draw(rt, "seed") // the code itself is random; rapid only repeats
		code, ok := normalize(string(newCode()))
		if !ok || mistyped(code) {
			rt.Fatalf("%q is not a code of ours", code)
		}
		for i := range code {
			for _, c := range alphabet {
				wrong := code[:i] + string(c) + code[i+1:]
				if mistyped(wrong) == (wrong == code) {
					rt.Fatalf("%s for %s", wrong, code)
				}
			}
			for j := range i {
				b := []byte(code)
				b[i], b[j] = b[j], b[i]
				if mistyped(string(b)) == (string(b) == code) {
					rt.Fatalf("%s for %s", b, code)
				}
			}
		}
	})
}

func TestNewCodesUseTheWholeAlphabetAndNeverRepeat(t *testing.T) {
	seen, letters := map[Code]bool{}, map[rune]int{}
	for range 5000 {
		c := newCode()
		if seen[c] {
			t.Fatalf("%s twice", c)
		}
		seen[c] = true
		for _, r := range strings.ReplaceAll(string(c), "-", "") {
			letters[r]++
		}
	}
	for _, r := range alphabet {
		if n := letters[r]; n < 2200 || n > 3200 { // 85,000 draws of 32 letters: 2,656 each, ten standard deviations
			t.Errorf("%c was drawn %d times", r, n)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"ABCD-EFGH-JKMN-PQRST", "o0iIlL", " 1234 5678 ", "０１２３４５", "pretix_sig1/ab+c=", "ab\x00cdefg", "\u202eABCDEF"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := normalize(typed)
		if !ok {
			if code != "" {
				t.Fatalf("refused and returned %q", code)
			}
			return
		}
		if len(code) < minCode || len(code) > maxCode || strings.Trim(code, "0123456789ABCDEFGHJKMNPQRSTUVWXYZ+/=") != "" {
			t.Fatalf("%q became %q", typed, code)
		}
		if again, ok := normalize(code); !ok || again != code {
			t.Fatalf("not idempotent: %q, %q, %q", typed, code, again)
		}
		if dressed, ok := normalize(" " + strings.ToLower(code) + "-"); !ok || dressed != code {
			t.Fatalf("%q and %q differ", dressed, code)
		}
	})
}

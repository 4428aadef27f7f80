package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// Keys and texts of every length around the blocks of the hash.
func TestOurMACIsThatOfTheStandardLibrary(t *testing.T) {
	for n := range 3*sha256.BlockSize + 2 {
		for _, key := range []string{"", "key", strings.Repeat("k", n), strings.Repeat("\xff", 1+n)} {
			text := strings.Repeat("t", n)
			m := hmac.New(sha256.New, []byte(key))
			m.Write([]byte(text))
			if got := sigv4.MAC([]byte(key), text); !hmac.Equal(got[:], m.Sum(nil)) {
				t.Fatalf("another code for a key of %d and a text of %d bytes", len(key), n)
			}
		}
	}
}

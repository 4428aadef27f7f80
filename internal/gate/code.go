package gate

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Code is a ticket code as it is printed for people: ABCD-EFGH-JKMN-PQRST, 16 random characters and a check character.
// It is a secret: logs show ***.
type Code string

// LogValue keeps the code out of logs.
func (Code) LogValue() slog.Value { return slog.StringValue("***") }

// alphabet is Crockford's base32: no I, L, O (read as 1, 1, 0) and no U. https://www.crockford.com/base32.html
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ownLength is the length of our own codes: 16 characters of 5 random bits – with 100,000 valid codes ten million
// guesses hit with probability 1e-12 – and the check character.
const ownLength = 17

// Limits for any code, in characters after normalising. Shorter ones can be guessed, longer ones are no codes; signed
// codes of box offices reach about 120.
const (
	minCode = 6
	maxCode = 160
)

// newCode draws a code.
func newCode() Code {
	var b [ownLength]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	for i := range b {
		b[i] = alphabet[b[i]%32] // 256 is a multiple of 32: no bias
	}
	b[ownLength-1] = checkCharacter(string(b[:ownLength-1]))
	return Code(string(b[:4]) + "-" + string(b[4:8]) + "-" + string(b[8:12]) + "-" + string(b[12:]))
}

// checkCharacter is the polynomial of the code's characters over GF(32) at the generator: it differs after any single
// wrong character and after any two swapped ones, wherever they stand (the generator's powers differ up to 31).
func checkCharacter(s string) byte {
	var sum byte
	for i := range len(s) {
		value := strings.IndexByte(alphabet, s[i])
		sum = timesGenerator(sum ^ byte(value)) //nolint:gosec // an index of 32 letters
	}
	return alphabet[sum]
}

// timesGenerator multiplies by x in GF(2)[x]/(x⁵+x²+1).
func timesGenerator(a byte) byte {
	if a <<= 1; a&32 != 0 {
		a ^= 0b100101
	}
	return a
}

// normalize brings a typed or imported code to the one form that is hashed: upper case, O as 0, I and L as 1, without
// spaces, dashes, dots and underscores. ok is false for text that can be no code. It is idempotent.
func normalize(typed string) (code string, ok bool) {
	if len(typed) > 4*maxCode { // before any work: somebody pastes a novel
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9' || r == '/' || r == '+' || r == '=': // the last three stand in signed codes (base64)
			b.WriteRune(r)
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			b.WriteRune(upper(r))
		case r >= '０' && r <= '９': // full-width digits of Japanese keyboards
			b.WriteRune(r - '０' + '0')
		case unicode.Is(unicode.Pd, r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == '_' || r == '.' || r == '−':
			// grouping, and what copying from a PDF leaves behind
		default:
			return "", false
		}
	}
	if n := b.Len(); n < minCode || n > maxCode {
		return "", false
	}
	return b.String(), true
}

// upper is an ASCII letter in upper case, or the digit that it is mistaken for.
func upper(r rune) rune {
	switch r = unicode.ToUpper(r); r {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	}
	return r
}

// mistyped reports whether a normalised code has the form of our own codes and a wrong check character.
func mistyped(code string) bool {
	if len(code) != ownLength {
		return false
	}
	for i := range len(code) {
		if strings.IndexByte(alphabet, code[i]) < 0 {
			return false
		}
	}
	return checkCharacter(code[:ownLength-1]) != code[ownLength-1]
}

// hash is the blind index of a normalised code. The event is part of it: one code at two shows is two tickets, and the
// database does not show that they have the same code.
func (g *Gate) hash(event id.Event, code string) string {
	mac := hmac.New(sha256.New, g.pepper)
	mac.Write([]byte("ticket-code\x00" + string(event) + "\x00" + code))
	return hex.EncodeToString(mac.Sum(nil))
}

// IssueCode makes a ticket of our own, for staff or for a guest. The code is returned this once and stored nowhere.
func (g *Gate) IssueCode(ctx context.Context, event id.Event, role id.Role, now time.Time) (Code, id.Ticket, error) {
	if !role.Valid() {
		return "", "", fault.New(fault.Invalid, "invalid_role", "A code is for a fan, an artist or a moderator.").On("role")
	}
	code, ticket := newCode(), id.NewTicket()
	plain, _ := normalize(string(code))
	_, err := g.db.Exec(ctx, `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
		VALUES ($1, $2, $3, $4, '', TRUE, $5, $5)`, string(ticket), string(event), g.hash(event, plain), string(role), now.UnixMilli())
	if err != nil {
		return "", "", err
	}
	return code, ticket, nil
}

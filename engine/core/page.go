package core

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// MaxPage is the largest page the service gives, and the one it gives when nobody asked.
const MaxPage = 50

// Page asks for a part of a list: at most Max entries (0 means MaxPage) after the place Token names ("" is the start).
type Page struct {
	Max   int
	Token string
}

// Limit is Max within the service's bounds.
func (p Page) Limit() int {
	if p.Max <= 0 || p.Max > MaxPage {
		return MaxPage
	}
	return p.Max
}

// A token is the last key of the page before, bound to the list it came from so that it cannot steer another one. It
// never goes stale: keys are places, not cursors.
func nextToken(list, key string) string {
	sum := sha256.Sum256([]byte(list))
	return base64.RawURLEncoding.EncodeToString(append(sum[:6], key...))
}

// Key returns the place a token names in the list, "" for the start.
func (p Page) Key(list string) (string, error) {
	if p.Token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Token)
	sum := sha256.Sum256([]byte(list))
	if err != nil || len(b) < 7 || string(b[:6]) != string(sum[:6]) || !IsText(string(b[6:])) {
		return "", fault.New(fault.Invalid, "next_token", "The NextToken does not belong to this list.").On("NextToken")
	}
	return string(b[6:]), nil
}

// KeyNo is Key for lists in the order of a number; zero is returned for the start.
func (p Page) KeyNo(list string, zero int64) (int64, error) {
	key, err := p.Key(list)
	if err != nil || key == "" {
		return zero, err
	}
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "next_token", "The NextToken does not belong to this list.").On("NextToken")
	}
	return n, nil
}

// Cut ends a page that was read with one row too many: that row proves that there is a next page.
func Cut[T any](rows []T, p Page, list string, key func(T) string) ([]T, string) {
	if len(rows) <= p.Limit() {
		return rows, ""
	}
	rows = rows[:p.Limit()]
	return rows, nextToken(list, key(rows[len(rows)-1]))
}

// List names a list: what it is and which, for NextTokens.
func List(parts ...string) string { return strings.Join(parts, "\n") }

// Itoa writes a number as the key of a page.
func Itoa(n int64) string { return strconv.FormatInt(n, 10) }

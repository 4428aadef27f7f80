// Package id holds the typed identifiers that rooms share, so that no room needs to import another for a name.
//
// Every identifier is chosen by us, never by the provider, and is safe inside an AppInstanceUserId or ChannelId
// ([A-Za-z0-9] with inner [:-_.@], 1–64 characters; Amazon Chime SDK API reference).
package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// Event, Ticket and Organizer identify what their names say. The zero value identifies nothing.
type (
	Event     string
	Ticket    string
	Organizer string
)

// Seal names the lock (db.Tx.Lock) under which a show's archive is sealed, its chat is let go, or the show comes back.
func (e Event) Seal() string { return "seal " + string(e) }

// Role is what a ticket lets its holder be at the event.
type Role string

// The three roles of a ticket.
const (
	Fan       Role = "fan"
	Artist    Role = "artist"
	Moderator Role = "moderator"
)

// Valid reports whether r is one of the three roles.
func (r Role) Valid() bool { return r == Fan || r == Artist || r == Moderator }

var lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// random returns n random bytes as lower-case Crockford base32.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return lower.EncodeToString(b)
}

// NewEvent makes an event identifier of 80 random bits.
func NewEvent() Event { return Event("ev" + random(10)) }

// NewTicket makes a ticket identifier of 80 random bits.
func NewTicket() Ticket { return Ticket("tk" + random(10)) }

// NewOrganizer makes an organizer identifier of 80 random bits.
func NewOrganizer() Organizer { return Organizer("or" + random(10)) }

// NewToken makes a bearer secret of 160 random bits: session cookies, sign-in links.
func NewToken() string { return random(20) }

// NewUUID makes a random UUID (RFC 9562, version 4).
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ChatUser derives the provider's AppInstanceUserId from a ticket. Its first letter tells the role, so that every
// client can draw a badge from the sender's ARN, which nobody can forge, and never from text.
func ChatUser(role Role, t Ticket) string { return string(role[0]) + "-" + string(t) }

// FromChatUser takes a ChatUser apart again; ok is false for a foreign id.
func FromChatUser(user string) (role Role, t Ticket, ok bool) {
	letter, rest, found := strings.Cut(user, "-")
	if !found || rest == "" {
		return "", "", false
	}
	for _, r := range []Role{Fan, Artist, Moderator} {
		if letter == string(r[0]) {
			return r, Ticket(rest), true
		}
	}
	return "", "", false
}

// Package examples holds ticket files as real box offices export them, with invented people. The demo show imports one.
package examples

import _ "embed"

// Pretix is an attendee export of pretix: a few hundred tickets, duplicates, a cancelled order and a broken line.
//
//go:embed pretix-attendees.csv
var Pretix []byte

// Eventbrite is an attendee summary of Eventbrite.
//
//go:embed eventbrite-attendees.csv
var Eventbrite []byte

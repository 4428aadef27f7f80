package core

import (
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// The service writes time in two ways: REST answers carry seconds since 1970 with a fraction, frames of the messaging
// session carry ISO 8601 text. Everything else about the structures is the same, so they are written once, over the
// kind of time. Zero times are left out.

// Epoch is a time in Unix milliseconds that reads as a JSON number of seconds.
type Epoch int64

// ISO is a time in Unix milliseconds that reads as ISO 8601 text in UTC.
type ISO int64

// Stamp is the kind of time a wire structure is written with.
type Stamp interface{ Epoch | ISO }

// MarshalJSON writes seconds with three decimals.
func (e Epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(e)/1000, 'f', 3, 64), nil
}

// MarshalJSON writes e.g. "2026-11-22T19:30:00.042Z".
func (i ISO) MarshalJSON() ([]byte, error) {
	return time.UnixMilli(int64(i)).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// Identity names a user as they were called at the time.
type Identity struct {
	Arn  arn.ARN
	Name string
}

// Package words writes numbers, durations and times as the operator reads them.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Number writes n with commas: 42,000.
func Number(n int) string {
	if n < 0 {
		return "-" + Number(-n)
	}
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Plural writes "1 ticket", "42,000 tickets".
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + one + "s"
}

// Span writes a duration as people say it: 45 s, 12 min, 2 h 47 min, 3 d 4 h.
func Span(d time.Duration) string {
	if d < 0 {
		return "-" + Span(-d)
	}
	pair := func(a int64, one string, b int64, two string) string {
		if b == 0 {
			return fmt.Sprintf("%d %s", a, one)
		}
		return fmt.Sprintf("%d %s %d %s", a, one, b, two)
	}
	switch minutes := int64(d.Round(time.Minute) / time.Minute); {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int64(d.Round(time.Second)/time.Second))
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes < 24*60:
		return pair(minutes/60, "h", minutes%60, "min")
	default:
		return pair(minutes/(24*60), "d", minutes/60%24, "h")
	}
}

// Moment writes a time of the next days as "Tuesday 14:05", others as "Tuesday 1 December 14:05".
func Moment(t, now time.Time, in *time.Location) string {
	t, now = t.In(in), now.In(in)
	if until := t.Sub(now); until.Abs() < 6*24*time.Hour {
		return t.Format("Monday 15:04")
	}
	if t.Year() != now.Year() {
		return t.Format("Monday 2 January 2006 15:04")
	}
	return t.Format("Monday 2 January 15:04")
}

// Zone finds a time zone by name; UTC if there is none of that name.
func Zone(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

// Rate writes calls a second: 10/s, 4.9/s.
func Rate(r float64) string {
	if r >= 9.5 || r == float64(int(r)) {
		return fmt.Sprintf("%.0f/s", r)
	}
	return fmt.Sprintf("%.1f/s", r)
}

// Printable keeps a name that people made up from moving the cursor.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '·'
		}
		return r
	}, text)
}

// Short is Printable with at most so many characters.
func Short(text string, most int) string {
	runes := []rune(Printable(text))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

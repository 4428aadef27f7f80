package readiness

import (
	"fmt"
	"strconv"
	"time"
)

// number writes n with commas: 42,000.
func number(n int) string {
	if n < 0 {
		return "-" + number(-n)
	}
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural writes "1 ticket", "42,000 tickets".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// span writes a duration as people say it: 45 s, 12 min, 2 h 47 min, 3 d 4 h.
func span(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
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

// moment writes a time of the next days as "Tuesday 14:05", others as "Tuesday 1 December 14:05".
func moment(t, now time.Time, in *time.Location) string {
	t, now = t.In(in), now.In(in)
	if until := t.Sub(now); until.Abs() < 6*24*time.Hour {
		return t.Format("Monday 15:04")
	}
	if t.Year() != now.Year() {
		return t.Format("Monday 2 January 2006 15:04")
	}
	return t.Format("Monday 2 January 15:04")
}

// zone finds a time zone by name; UTC if there is none of that name.
func zone(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

// rate writes calls a second: 10/s, 4.9/s.
func rate(r float64) string {
	if r >= 9.5 || r == float64(int(r)) {
		return fmt.Sprintf("%.0f/s", r)
	}
	return fmt.Sprintf("%.1f/s", r)
}

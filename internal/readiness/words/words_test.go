package words_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

func TestNumbersAndTimesAreWrittenForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 42_000: "42,000", 1_234_567: "1,234,567", -1500: "-1,500"} {
		if got := words.Number(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 s", 89 * time.Second: "89 s", 90 * time.Second: "2 min", 47 * time.Minute: "47 min", 59*time.Minute + 40*time.Second: "1 h",
		167 * time.Minute: "2 h 47 min", 76 * time.Hour: "3 d 4 h", -90 * time.Minute: "-1 h 30 min",
	} {
		if got := words.Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	now := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]string{
		time.Hour: "Monday 13:00", 26 * time.Hour: "Tuesday 14:00", 200 * time.Hour: "Tuesday 1 December 20:00", 50 * 24 * time.Hour: "Tuesday 12 January 2027 12:00",
	} {
		if got := words.Moment(now.Add(after), now, words.Zone("Europe/Berlin")); got != want {
			t.Errorf("in %v: %s, want %s", after, got, want)
		}
	}
	for r, want := range map[float64]string{1: "1/s", 9.85: "10/s", 4.92: "4.9/s", 0.5: "0.5/s", 50: "50/s"} {
		if got := words.Rate(r); got != want {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
	if got := words.Printable("a\x1b[2Jb\n\u0085"); got != "a·[2Jb··" {
		t.Errorf("%q", got)
	}
}

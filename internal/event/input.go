package event

import (
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // a container without zone files must not refuse "Europe/Berlin"
	"unicode"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Limits of the form, in characters unless said otherwise. They fit a phone's screen and a provider's resource name
// (Amazon Chime SDK: channel names up to 256 characters).
const (
	maxName        = 120
	maxArtist      = 80
	maxDescription = 4000
	maxStreamURL   = 2000
	maxEarlyDoors  = 7 * 24 * time.Hour       // doors are never more than a week before the start
	maxLate        = time.Hour                // a form filled in while the show begins is still taken
	maxAhead       = 3 * 366 * 24 * time.Hour // later than that is a mistyped year
)

func invalid(field, format string, args ...any) error {
	return fault.New(fault.Invalid, "invalid_"+field, format, args...).On(field)
}

// check turns the form into an event without identifier, state and bookkeeping.
func (in Input) check() (Event, error) {
	e := Event{Chat: in.Chat, TimeZone: strings.TrimSpace(in.TimeZone)}
	var err error
	if e.Name, err = line("name", "The name", in.Name, maxName); err != nil {
		return Event{}, err
	}
	if e.Artist, err = line("artist", "The artist's name", in.Artist, maxArtist); err != nil {
		return Event{}, err
	}
	if e.Description, err = prose(in.Description); err != nil {
		return Event{}, err
	}
	if e.StreamURL, err = streamURL(in.StreamURL); err != nil {
		return Event{}, err
	}
	if e.Slug, err = checkSlug(in.Slug); err != nil {
		return Event{}, err
	}
	e.DoorsAt, e.StartsAt, err = times(e.TimeZone, in.DoorsAt, in.StartsAt)
	return e, err
}

// line checks one required line of text: runs of white space become one space, control characters are refused.
func line(field, what, s string, limit int) (string, error) {
	if !utf8.ValidString(s) {
		return "", invalid(field, "%s is not valid text.", what)
	}
	s = strings.Join(strings.Fields(s), " ")
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return "", invalid(field, "%s is missing.", what)
	case n > limit:
		return "", invalid(field, "%s has %d characters; at most %d are possible.", what, n, limit)
	case strings.ContainsFunc(s, hidden):
		return "", invalid(field, "%s contains invisible characters.", what)
	}
	return s, nil
}

// hidden tells control characters and those that turn the direction of text around, with which a name could pretend to
// be another. Joiners stay: emoji and some scripts need them.
func hidden(r rune) bool {
	return unicode.IsControl(r) || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069) || r == 0xFEFF
}

func prose(s string) (string, error) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	if !utf8.ValidString(s) {
		return "", invalid("description", "The description is not valid text.")
	}
	if n := utf8.RuneCountInString(s); n > maxDescription {
		return "", invalid("description", "The description has %d characters; at most %d are possible.", n, maxDescription)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && hidden(r) }) {
		return "", invalid("description", "The description contains invisible characters.")
	}
	return s, nil
}

// streamURL takes an absolute http(s) address or a path on this server. The server never fetches it; only browsers do.
func streamURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil // known later; the page says so
	}
	if len(s) > maxStreamURL {
		return "", invalid("streamUrl", "The stream address is longer than %d characters.", maxStreamURL)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7F || unicode.Is(unicode.C, r) }) {
		return "", invalid("streamUrl", "The stream address contains a space or a character that addresses cannot have.")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", invalid("streamUrl", "This is not an address: it should look like https://example.org/live.m3u8.")
	case strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"):
		return s, nil
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", invalid("streamUrl", "The stream address must start with https:// or http://, or with / for a path on this server.")
	case u.User != nil:
		return "", invalid("streamUrl", "The stream address must not contain a user name or password: every fan would see it.")
	}
	return s, nil
}

// times reads doors and start in the zone and checks their order.
func times(zone, doors, start string) (doorsAt, startsAt time.Time, err error) {
	if zone == "" || zone == "Local" { // both mean something to Go and nothing to an organizer
		return doorsAt, startsAt, invalid("timeZone", "The time zone is missing, for example Europe/Berlin.")
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return doorsAt, startsAt, invalid("timeZone", "The time zone is not known; it should look like Europe/Berlin.")
	}
	if startsAt, err = local("startsAt", start, loc); err != nil {
		return doorsAt, startsAt, err
	}
	if doorsAt, err = local("doorsAt", doors, loc); err != nil {
		return doorsAt, startsAt, err
	}
	switch {
	case doorsAt.After(startsAt):
		err = invalid("doorsAt", "Doors must open before the show starts.")
	case startsAt.Sub(doorsAt) > maxEarlyDoors:
		err = invalid("doorsAt", "Doors can open at most 7 days before the show starts.")
	}
	return doorsAt, startsAt, err
}

// local turns "2026-11-22T20:00" (seconds are allowed) into the absolute time it means in loc: see the package doc for
// times that the clocks skip or repeat.
func local(field, s string, loc *time.Location) (time.Time, error) {
	wall, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		if wall, err = time.Parse("2006-01-02T15:04:05", s); err != nil {
			return time.Time{}, invalid(field, "A date and time should look like 2026-11-22T20:00.")
		}
	}
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, loc)
	from, until := guess.ZoneBounds() // of the period with the guess's offset; zero at the ends of time
	probes := []time.Time{guess}
	if !from.IsZero() {
		probes = append(probes, from.Add(-time.Second))
	}
	if !until.IsZero() {
		probes = append(probes, until)
	}
	var found time.Time
	for _, p := range probes {
		_, offset := p.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, got := t.In(loc).Zone()
		if got == offset && (found.IsZero() || t.Before(found)) {
			found = t
		}
	}
	if found.IsZero() {
		return time.Time{}, invalid(field, "On that day the clocks of %s skip %s: choose another time.", loc, wall.Format("15:04"))
	}
	return found.UTC(), nil
}

func checkStart(start, now time.Time) error {
	switch {
	case start.Before(now.Add(-maxLate)):
		return invalid("startsAt", "The start lies in the past.")
	case start.After(now.Add(maxAhead)):
		return invalid("startsAt", "The start lies more than three years ahead.")
	}
	return nil
}

package gate

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Limits of one import. The largest box office file we know of has 130 bytes a line.
const (
	MaxFile     = 16 << 20 // bytes
	MaxLines    = 200_000  // records without the heading
	maxRefusals = 1000     // that a report lists; more are only counted
	maxExcerpt  = 60       // characters
)

// Report says what an import did. Every record of the file is in exactly one of New, Known, Revoked and RefusedCount.
type Report struct {
	Layout       string // "pretix", "eventbrite" or "generic"
	Lines        int    // records of the file without the heading
	New          int    // tickets that did not exist
	Known        int    // tickets that existed and stay as they are
	Revoked      int    // tickets that this file takes back
	RefusedCount int    // records that were refused
	Refused      []Refusal
	RevokedIDs   []id.Ticket // the tickets counted in Revoked: whoever sits there has to leave
	Weak         string      // a sentence for the organizer when the file's codes can be guessed, else ""
}

// Refusal is one record of the file that was not taken. A report holds the first 1,000 in the order of the file.
type Refusal struct {
	Line    int    // physical line of the file on which the record begins, from 1
	Reason  string // for people
	Excerpt string // beginning of the line, with anything that may be a ticket code masked
}

// Import reads a box office file into an event's tickets; layout, separator and character set are recognised. A record
// that makes no sense is refused with its line and reason and never stops the rest. Importing a file again, also at the
// same time, adds nothing. A cancelled or refunded record revokes its ticket, for good: see the package doc. Errors:
// Invalid on the field file, with "file_too_large", "file_too_long" or "file_layout"; then nothing was imported.
func (g *Gate) Import(ctx context.Context, event id.Event, file io.Reader, now time.Time) (Report, error) {
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return Report{}, fault.Wrap(err, fault.Invalid, "file_unreadable", "The file could not be read to its end.").On("file")
	}
	if len(data) > MaxFile {
		return Report{}, fault.New(fault.Invalid, "file_too_large", "The file is larger than %d MiB. Please split it.", MaxFile>>20).On("file")
	}
	in, err := read(toText(data))
	if err != nil {
		return Report{}, err
	}
	if err := g.store(ctx, event, in, now); err != nil {
		return Report{}, err
	}
	return in.report(), nil
}

// entry is one readable record: a code and what the box office says about it.
type entry struct {
	line      int
	raw       string
	written   string // the code as it stands in the file
	code      string // normalised
	ref       string
	cancelled bool
	outcome   outcome
	hash      string
	ticket    id.Ticket // set when outcome is isRevoked
}

type outcome int

const (
	isKnown outcome = iota
	isNew
	isRevoked
	staysRevoked // the file says good, but the ticket was taken back before
)

// intake is a file on its way into the database.
type intake struct {
	layout  layout
	lines   int
	entries []entry // one per code, in the order of the file
	repeats int     // further records with the same code
	refused []Refusal
	first   map[string]int // code → index in entries
}

// read turns text into entries and refusals.
func read(text string) (*intake, error) {
	skipped := 0
	if first := firstLine(text); strings.HasPrefix(strings.ToLower(first), "sep=") { // a note of Excel to itself
		text, skipped = text[len(first)+lineEnd(text[len(first):]):], 1
	}
	l, comma, err := detect(text)
	if err != nil {
		return nil, err
	}
	in := &intake{layout: l, first: map[string]int{}}
	s := scanner{rest: text, comma: comma, line: skipped}
	if l.header {
		s.next()
	}
	for {
		rec, ok := s.next()
		if !ok {
			return in, nil
		}
		if in.lines++; in.lines > MaxLines {
			return nil, fault.New(fault.Invalid, "file_too_long", "The file has more than %d lines. Please split it.", MaxLines).On("file")
		}
		if reason := in.take(rec); reason != "" {
			in.refuse(rec.line, rec.raw, rec.at(l.code), reason)
		}
	}
}

// take adds one record, or says why not.
func (in *intake) take(rec record) (reason string) {
	if rec.problem != "" {
		return "The line cannot be read: " + rec.problem + "."
	}
	l := in.layout
	if l.code >= len(rec.fields) {
		return fmt.Sprintf("The line is incomplete: it has %d columns, and the code is in column %d.", len(rec.fields), l.code+1)
	}
	written := unwrap(rec.fields[l.code])
	code, reason := readCode(written)
	if reason != "" {
		return reason
	}
	stand := standingOf(rec.at(l.status))
	if no := strings.ToLower(rec.at(l.paid)); stand == good && (no == "no" || no == "nein") {
		stand = waiting
	}
	if blocked := strings.ToLower(rec.at(l.ok)); stand == good && (blocked == "yes" || blocked == "ja") {
		stand = cancelled
	}
	switch stand {
	case good, cancelled:
		return in.add(entry{line: rec.line, raw: rec.raw, written: written, code: code, ref: reference(rec, l), cancelled: stand == cancelled})
	case waiting:
		return "Not paid yet (" + clip(rec.at(l.status)) + "). Import the file again when it is."
	default:
		return "The status “" + clip(rec.at(l.status)) + "” is not known."
	}
}

// add merges records with the same code: a cancelled one wins, wherever it stands.
func (in *intake) add(e entry) (reason string) {
	i, seen := in.first[e.code]
	if !seen {
		in.first[e.code] = len(in.entries)
		in.entries = append(in.entries, e)
		return ""
	}
	if !strings.EqualFold(in.entries[i].written, e.written) {
		return fmt.Sprintf("The code reads like the one in line %d: people could not tell them apart.", in.entries[i].line)
	}
	in.repeats++
	in.entries[i].cancelled = in.entries[i].cancelled || e.cancelled
	return ""
}

// readCode normalises a code or says what is wrong with it.
func readCode(written string) (code, reason string) {
	if written == "" {
		return "", "The ticket code is missing."
	}
	if rounded(written) {
		return "", "A spreadsheet has rounded the code to " + clip(written) + ". Export again and do not save the file from a spreadsheet."
	}
	if code, ok := normalize(written); ok {
		return code, ""
	}
	if n := utf8.RuneCountInString(written); n < minCode {
		return "", fmt.Sprintf("The code has only %d characters; at least %d are needed, because short ones can be guessed.", n, minCode)
	} else if n > maxCode {
		return "", fmt.Sprintf("The code is longer than %d characters.", maxCode)
	}
	return "", "The code contains characters that no ticket code has."
}

// rounded tells a number as spreadsheets write long ones: 8,14847E+17.
func rounded(s string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToUpper(s), "E+")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return found && digits(exponent) && digits(strings.Map(func(r rune) rune {
		if r == '.' || r == ',' {
			return -1
		}
		return r
	}, mantissa))
}

// unwrap removes what is put around a code to keep spreadsheets from rounding it: ="0123" or a leading apostrophe.
func unwrap(s string) string {
	if inner, ok := strings.CutPrefix(s, `="`); ok {
		return strings.TrimSuffix(inner, `"`)
	}
	return strings.TrimPrefix(s, "'")
}

// at is a column of a record, "" when the layout or the record does not have it.
func (r record) at(column int) string {
	if column < 0 || column >= len(r.fields) {
		return ""
	}
	return r.fields[column]
}

// reference is the order and position at the box office, for support; never longer than a person can read.
func reference(r record, l layout) string {
	order, position := clip(r.at(l.order)), clip(r.at(l.position))
	if order != "" && position != "" {
		return order + "-" + position
	}
	return order + position
}

// clip cuts text to what fits an answer.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxExcerpt {
		return string(r[:maxExcerpt]) + "…"
	}
	return s
}

func (in *intake) refuse(line int, raw, code, reason string) {
	in.refused = append(in.refused, Refusal{Line: line, Reason: reason, Excerpt: excerpt(raw, code)})
}

// excerpt is the beginning of a line with its ticket code masked but for three characters to find it by: reports are
// mailed around. Where the code is not known, because the line could not be read, every long word with a digit is masked.
func excerpt(raw, code string) string {
	if len(raw) > 16*maxExcerpt {
		raw = raw[:16*maxExcerpt]
	}
	raw = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, raw), "")
	if code != "" {
		return clip(strings.ReplaceAll(raw, code, mask(code)))
	}
	isWord := func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }
	for _, word := range strings.FieldsFunc(raw, func(r rune) bool { return !isWord(r) }) {
		if len(word) >= 12 && strings.ContainsAny(word, "0123456789") {
			raw = strings.ReplaceAll(raw, word, mask(word))
		}
	}
	return clip(raw)
}

func mask(code string) string {
	r := []rune(code)
	return string(r[:min(3, len(r))]) + "…"
}

// maxDensity is the share of possible codes that may be valid: at 1e-8 a guesser at the limiter's 5,000 guesses an hour
// needs years for one hit.
const maxDensity = 1e-8

// weak measures how many of the codes of this shape are valid. It sees length and alphabet only: codes that count up
// are weaker than they look.
func (in *intake) weak() string {
	if len(in.entries) == 0 {
		return ""
	}
	bits := math.Inf(1)
	for _, e := range in.entries {
		symbols := 32.0 // letters and digits, look-alikes counted once
		if strings.Trim(e.code, "0123456789") == "" {
			symbols = 10
		}
		bits = min(bits, float64(len(e.code))*math.Log2(symbols))
	}
	if guesses := math.Exp2(bits) / float64(len(in.entries)); guesses < 1/maxDensity {
		return fmt.Sprintf("The codes are short: about every %.0f-th guess is right. Attempts are limited, but longer codes are safer.", max(guesses, 1))
	}
	return ""
}

// report sums up after store has set the outcomes.
func (in *intake) report() Report {
	r := Report{Layout: in.layout.name, Lines: in.lines, Known: in.repeats, Weak: in.weak()}
	for _, e := range in.entries {
		switch e.outcome {
		case isKnown:
			r.Known++
		case isNew:
			r.New++
		case isRevoked:
			r.Revoked++
			r.RevokedIDs = append(r.RevokedIDs, e.ticket)
		case staysRevoked:
			in.refuse(e.line, e.raw, e.written, "The ticket was cancelled before and stays cancelled. If that is wrong, restore it by hand.")
		}
	}
	slices.SortStableFunc(in.refused, func(a, b Refusal) int { return a.Line - b.Line })
	r.RefusedCount = len(in.refused)
	r.Refused = in.refused[:min(len(in.refused), maxRefusals)]
	return r
}

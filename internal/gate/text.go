package gate

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// toText decodes a file as spreadsheets and box offices write it: UTF-8 with or without byte order mark, UTF-16 with
// one (or recognised by its zero bytes), else Windows-1252, of which Latin-1's letters are a part.
func toText(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return strings.ToValidUTF8(string(data[3:]), "\uFFFD")
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return fromUTF16(data[2:], 1, 0)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return fromUTF16(data[2:], 0, 1)
	case len(data) >= 4 && data[0] != 0 && data[1] == 0 && data[3] == 0: // Latin letters, little-endian
		return fromUTF16(data, 1, 0)
	case len(data) >= 4 && data[0] == 0 && data[1] != 0 && data[2] == 0:
		return fromUTF16(data, 0, 1)
	case utf8.Valid(data):
		return string(data)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil { // cannot happen: every byte has a meaning or becomes U+FFFD
		return strings.ToValidUTF8(string(data), "\uFFFD")
	}
	return string(out)
}

// fromUTF16 reads two bytes at a time; high and low say where in them the parts stand. An odd last byte is dropped.
func fromUTF16(data []byte, high, low int) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i+high])<<8|uint16(data[i+low]))
	}
	return string(utf16.Decode(units))
}

// maxField bounds a quoted field in bytes. It also bounds how far a forgotten closing quote is searched for.
const maxField = 8 << 10

// maxColumns bounds a record; box offices add a column per question.
const maxColumns = 1000

// record is one record of the file: a line, or several when a quoted field contains line breaks.
type record struct {
	line    int // physical line it begins on, from 1
	fields  []string
	raw     string // its first physical line
	problem string // why it cannot be read, "" if it can; fields are then empty
}

// scanner cuts text into records after RFC 4180, forgiving what real files do: any line end, quotes inside unquoted
// fields, spaces around quoted ones. A record that cannot be read costs its first line only: reading goes on with the next line.
type scanner struct {
	rest  string
	line  int
	comma byte
}

// next returns the next record that is not blank; ok is false at the end.
func (s *scanner) next() (rec record, ok bool) {
	for s.rest != "" {
		s.line++
		rec = record{line: s.line, raw: firstLine(s.rest)}
		if strings.TrimSpace(rec.raw) == "" {
			s.skipLine()
			continue
		}
		var size, breaks int
		rec.fields, size, breaks, rec.problem = parse(s.rest, s.comma)
		if rec.problem != "" {
			rec.fields = nil
			s.skipLine()
			return rec, true
		}
		s.rest, s.line = s.rest[size:], s.line+breaks
		return rec, true
	}
	return record{}, false
}

func firstLine(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return s[:i]
	}
	return s
}

// lineEnd is the length of the line break that s starts with: 0, 1 or 2 (CR LF).
func lineEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case s != "" && (s[0] == '\n' || s[0] == '\r'):
		return 1
	}
	return 0
}

func (s *scanner) skipLine() {
	n := len(firstLine(s.rest))
	s.rest = s.rest[n+lineEnd(s.rest[n:]):]
}

// parse reads one record from the beginning of s: its fields, its length with the line break, and the number of line
// breaks inside quoted fields.
func parse(s string, comma byte) (fields []string, size, breaks int, problem string) {
	at := 0
	for {
		if len(fields) >= maxColumns {
			return nil, 0, 0, "the line has too many columns"
		}
		field, n, inner, problem := parseField(s[at:], comma)
		if problem != "" {
			return nil, 0, 0, problem
		}
		fields, at, breaks = append(fields, field), at+n, breaks+inner
		if at < len(s) && s[at] == comma {
			at++
			continue
		}
		return fields, at + lineEnd(s[at:]), breaks, ""
	}
}

// parseField reads one field up to the comma, line break or end behind it.
func parseField(s string, comma byte) (field string, size, breaks int, problem string) {
	blank := len(s) - len(strings.TrimLeft(s, " "))
	if !strings.HasPrefix(s[blank:], `"`) {
		n := strings.IndexAny(s, string([]byte{comma, '\r', '\n'}))
		if n < 0 {
			n = len(s)
		}
		return strings.TrimSpace(s[:n]), n, 0, ""
	}
	var b strings.Builder
	i := blank + 1
	for {
		if i >= len(s) || b.Len() > maxField {
			return "", 0, 0, "a quoted field is not closed"
		}
		switch n := lineEnd(s[i:]); {
		case s[i] == '"' && strings.HasPrefix(s[i+1:], `"`):
			b.WriteByte('"')
			i += 2
		case s[i] == '"':
			i++
			i += len(s[i:]) - len(strings.TrimLeft(s[i:], " "))
			if i < len(s) && s[i] != comma && lineEnd(s[i:]) == 0 {
				return "", 0, 0, "there is text behind a closing quote"
			}
			return strings.TrimSpace(b.String()), i, breaks, ""
		case n > 0:
			b.WriteByte('\n')
			breaks++
			i += n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
}

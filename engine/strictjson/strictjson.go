// Package strictjson reads JSON documents on which something depends: policies, tokens' claims, key files.
//
// encoding/json takes a member in any case of letters, lets the last of two equal names win and mends broken UTF-8.
// Each of those lets two readers understand one document differently ({"Effect":"Deny","effect":"Allow"}), so here
// names are exact and occur once, and the text must be UTF-8.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is more than any policy, claim or key set nests, and little enough for any stack.
const maxDepth = 16

// Member is one name and value of an object, in the order of the document.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Object reads a document that is one JSON object. The whole of it is checked, values within values too. The error is fit
// to show.
func Object(b []byte) ([]Member, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the text is not valid UTF-8")
	}
	if !json.Valid(b) {
		return nil, syntax(b)
	}
	s := scanner{b: b}
	if s.peek() != '{' {
		return nil, errors.New("the JSON is not an object")
	}
	return s.object(0)
}

// Fields reads an object whose members are all known: into holds a pointer for each name. What is read into a json.RawMessage
// or a Checked shares the memory of b. The error names the member.
func Fields(b []byte, into map[string]any) error {
	members, err := Object(b)
	if err != nil {
		return err
	}
	return fill(members, into)
}

// Checked is a value of a document that was checked as a whole. It is part of the document's memory; the zero value is none.
type Checked struct{ value []byte }

// String is the text of the value.
func (c Checked) String() string { return string(c.value) }

// Fields is Fields of a value that need not be checked once more.
func (c Checked) Fields(into map[string]any) error {
	s := scanner{b: c.value}
	if len(c.value) == 0 || s.peek() != '{' {
		return errors.New("the JSON is not an object")
	}
	members, err := s.object(0)
	if err != nil {
		return err
	}
	return fill(members, into)
}

// List returns the entries of an array. Another value is a list of itself, and no value an empty one.
func (c Checked) List() ([]Checked, error) {
	switch {
	case len(c.value) == 0:
		return nil, nil
	case c.value[0] != '[':
		return []Checked{c}, nil
	}
	var list []Checked
	s := scanner{b: c.value}
	err := s.array(0, func(entry Checked) { list = append(list, entry) })
	return list, err
}

func fill(members []Member, into map[string]any) error {
	for _, m := range members {
		target, known := into[m.Name]
		if !known {
			return fmt.Errorf("unknown element %.64q", m.Name)
		}
		if err := assign(target, m.Value); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) {
				return fmt.Errorf("element %q must not be a %s", m.Name, kind.Value)
			}
			return fmt.Errorf("element %q: %w", m.Name, err)
		}
	}
	return nil
}

// assign is json.Unmarshal, by a shorter way for what most documents consist of.
func assign(target any, value json.RawMessage) error {
	switch t := target.(type) {
	case *Checked:
		*t = Checked{value}
		return nil
	case *json.RawMessage:
		*t = value
		return nil
	case *string:
		if text, ok := plain(value); ok {
			*t = text
			return nil
		}
	case *int64:
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			*t = n
			return nil
		}
	case *Strings:
		return t.UnmarshalJSON(value)
	}
	return json.Unmarshal(value, target)
}

// plain reads a string in which nothing but quotes and backslashes is escaped, as in a document within a document.
func plain(value json.RawMessage) (text string, ok bool) {
	if value[0] != '"' {
		return "", false
	}
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value), true
	}
	var b strings.Builder
	b.Grow(len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' {
			if i++; value[i] != '"' && value[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(value[i])
	}
	return b.String(), true
}

// scanner walks over text that is known to be valid JSON.
type scanner struct {
	b  []byte
	at int
}

// peek skips white space and returns the byte behind it.
func (s *scanner) peek() byte {
	for s.b[s.at] == ' ' || s.b[s.at] == '\t' || s.b[s.at] == '\n' || s.b[s.at] == '\r' {
		s.at++
	}
	return s.b[s.at]
}

// value walks over one value.
func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the JSON is nested more than %d deep", maxDepth)
	}
	switch s.peek() {
	case '{':
		_, err := s.object(depth)
		return err
	case '[':
		return s.array(depth, func(Checked) {})
	case '"':
		s.text()
	default: // a number, true, false or null
		for s.at < len(s.b) && !bytes.ContainsRune([]byte(" \t\n\r,]}"), rune(s.b[s.at])) {
			s.at++
		}
	}
	return nil
}

// array walks over an array and hands out its entries.
func (s *scanner) array(depth int, each func(Checked)) error {
	for s.at++; s.peek() != ']'; {
		if s.b[s.at] == ',' {
			s.at++
			s.peek()
		}
		start := s.at
		if err := s.value(depth + 1); err != nil {
			return err
		}
		each(Checked{s.b[start:s.at:s.at]})
	}
	s.at++
	return nil
}

// object walks over an object and takes its members out.
func (s *scanner) object(depth int) ([]Member, error) {
	members := make([]Member, 0, 4)
	for s.at++; s.peek() != '}'; {
		if s.b[s.at] == ',' {
			s.at++
			s.peek()
		}
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if s.peek(); s.b[s.at] == ':' {
			s.at++
		}
		s.peek()
		start := s.at
		if err := s.value(depth + 1); err != nil {
			return nil, err
		}
		members = append(members, Member{name, s.b[start:s.at:s.at]})
	}
	s.at++
	return members, unique(members)
}

// text walks over a string.
func (s *scanner) text() {
	for s.at++; s.b[s.at] != '"'; s.at++ {
		if s.b[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

func (s *scanner) name() (string, error) {
	start := s.at
	s.text()
	raw := s.b[start:s.at]
	if name, ok := plain(raw); ok {
		return name, nil
	}
	var name string
	err := json.Unmarshal(raw, &name)
	return name, err
}

// unique refuses a name that occurs twice.
func unique(members []Member) error {
	twice := func(name string) error { return fmt.Errorf("the name %.64q occurs twice in one object", name) }
	if len(members) > 16 {
		seen := make(map[string]bool, len(members))
		for _, m := range members {
			if seen[m.Name] {
				return twice(m.Name)
			}
			seen[m.Name] = true
		}
		return nil
	}
	for i, m := range members {
		for _, other := range members[:i] {
			if m.Name == other.Name {
				return twice(m.Name)
			}
		}
	}
	return nil
}

// syntax says what is wrong with text that is not JSON.
func syntax(b []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(b, &any)
	switch {
	case err == nil: // only if json.Valid and json.Unmarshal disagree
		return errors.New("the text is not valid JSON")
	case strings.Contains(err.Error(), "unexpected end"):
		return errors.New("the JSON ends too early")
	case strings.Contains(err.Error(), "after top-level value"):
		return errors.New("the JSON is followed by something else")
	}
	return fmt.Errorf("the text is not valid JSON: %w", err)
}

// Strings is a JSON string or an array of strings.
type Strings []string

// UnmarshalJSON reads either form; b is valid JSON.
func (l *Strings) UnmarshalJSON(b []byte) error {
	list, err := Checked{b}.List()
	if err != nil {
		return err
	}
	out := make(Strings, len(list))
	for i, element := range list {
		var ok bool
		if out[i], ok = plain(element.value); ok {
			continue
		}
		if element.value[0] != '"' { // a null would be read as ""
			return errors.New("it must be a string or a list of strings")
		}
		if err := json.Unmarshal(element.value, &out[i]); err != nil {
			return err
		}
	}
	*l = out
	return nil
}

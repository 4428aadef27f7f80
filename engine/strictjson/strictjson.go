// Package strictjson reads JSON documents on which something depends: policies, tokens' claims, key files.
//
// encoding/json takes a member in any case of letters, lets the last of two equal names win and mends broken UTF-8.
// Each of those lets two readers understand one document differently ({"Effect":"Deny","effect":"Allow"}), so here
// names are exact, occur once, and nothing is mended.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := value(d, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the JSON is followed by something else")
	}
	d = json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the JSON is not an object")
	}
	var members []Member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, syntax(err)
		}
		var m Member
		m.Name, _ = name.(string) // value has seen that names are strings
		if err := d.Decode(&m.Value); err != nil {
			return nil, syntax(err)
		}
		members = append(members, m)
	}
	return members, nil
}

// Fields reads an object whose members are all known: into holds a pointer for each name. The error names the member.
func Fields(b []byte, into map[string]any) error {
	members, err := Object(b)
	if err != nil {
		return err
	}
	for _, m := range members {
		target, known := into[m.Name]
		if !known {
			return fmt.Errorf("unknown element %.64q", m.Name)
		}
		if err := json.Unmarshal(m.Value, target); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) {
				return fmt.Errorf("element %q must not be a %s", m.Name, kind.Value)
			}
			return fmt.Errorf("element %q: %w", m.Name, err)
		}
	}
	return nil
}

// value reads one value and looks for names that occur twice.
func value(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the JSON is nested more than %d deep", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	open, nested := t.(json.Delim)
	if !nested {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return syntax(err)
			}
			name, ok := t.(string)
			if !ok {
				return errors.New("the JSON has a name that is no string")
			}
			if seen[name] {
				return fmt.Errorf("the name %.64q occurs twice in one object", name)
			}
			seen[name] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return syntax(err)
	}
	return nil
}

func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends too early")
	}
	var at *json.SyntaxError
	if errors.As(err, &at) {
		return fmt.Errorf("the text is not valid JSON: %w", at)
	}
	return err
}

// Strings is a JSON string or an array of strings.
type Strings []string

// UnmarshalJSON reads either form.
func (l *Strings) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*l = make(Strings, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	var list []*string // a null in the list would read as ""
	if err := json.Unmarshal(b, &list); err != nil || list == nil {
		return errors.New("it must be a string or a list of strings")
	}
	*l = make(Strings, len(list))
	for i, s := range list {
		if s == nil {
			return errors.New("it must be a string or a list of strings")
		}
		(*l)[i] = *s
	}
	return nil
}

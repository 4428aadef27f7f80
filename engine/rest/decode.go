package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Unavailable is a member that the API has and this engine does not: whoever sends it is told, and never believes that
// it took effect.
type Unavailable struct{}

// wire is a request taken apart: where the members of an input come from.
type wire struct {
	path  map[string]string
	query url.Values
	body  map[string]json.RawMessage
}

// parseBody reads the JSON object of a request; no bytes are an object without members.
func parseBody(body []byte) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	var out map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&out); err != nil || out == nil {
		return nil, fault.Wrap(err, fault.Invalid, "json", "The request body is not a JSON object.")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, "json", "There is something behind the JSON object of the request body.")
	}
	return out, nil
}

// decode fills an input structure and checks every member against its shape.
func (w wire) decode(into any) error { return w.fill(reflect.ValueOf(into).Elem()) }

func (w wire) fill(v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if err := w.fill(v.Field(i)); err != nil {
				return err
			}
			continue
		}
		if err := w.member(f, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w wire) member(f reflect.StructField, v reflect.Value) error {
	given, err := w.read(f, v)
	if err != nil {
		return err
	}
	name, required := strings.CutSuffix(f.Tag.Get("is"), "!")
	switch {
	case given && f.Type == reflect.TypeFor[Unavailable]():
		return fault.New(fault.Invalid, "unavailable", "%s is not available in this engine yet.", f.Name).On(f.Name)
	case given:
		return check(f.Name, name, v)
	case required:
		return badMember(f.Name, "it is required.")
	}
	return nil
}

// read stores the member's value and reports whether there was one. JSON null is none, and so is an empty query value.
func (w wire) read(f reflect.StructField, v reflect.Value) (bool, error) {
	place, name, _ := strings.Cut(f.Tag.Get("wire"), "=")
	switch place {
	case "path":
		v.SetString(w.path[name])
		return true, nil
	case "query":
		text := w.query.Get(name)
		if len(w.query[name]) > 1 {
			return false, badMember(f.Name, "it is given twice.")
		}
		switch {
		case text == "":
			return false, nil
		case v.Kind() == reflect.Int:
			n, err := strconv.Atoi(text)
			if err != nil {
				return false, badMember(f.Name, "it must be a number.")
			}
			v.SetInt(int64(n))
		case v.Kind() == reflect.String:
			v.SetString(text)
		}
		return true, nil
	}
	raw := w.body[f.Name]
	if len(raw) == 0 || string(raw) == "null" {
		return false, nil
	}
	if f.Type == reflect.TypeFor[Unavailable]() {
		return string(raw) != "[]" && string(raw) != `""`, nil
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		return false, badMember(f.Name, "it has the wrong type.")
	}
	return true, nil
}

// check holds a value, and everything inside it, against the shape of that name.
func check(member, name string, v reflect.Value) error {
	s := shapes[name]
	switch v.Kind() {
	case reflect.Pointer:
		return check(member, name, v.Elem())
	case reflect.String:
		return s.checkString(member, v.String())
	case reflect.Int:
		return s.checkNumber(member, int(v.Int()), s.min, s.max, "be")
	case reflect.Slice:
		if err := s.checkNumber(member, v.Len(), s.min, s.max, "have entries,"); err != nil {
			return err
		}
		for i := range v.Len() {
			if err := check(member, s.of, v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := check(member, s.keys, it.Key()); err != nil {
				return err
			}
			if err := check(member, s.of, it.Value()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkStruct(member, v)
	}
	return nil
}

// checkStruct is check for a structure inside a member.
func checkStruct(member string, v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, required := strings.CutSuffix(f.Tag.Get("is"), "!")
		if v.Field(i).IsZero() {
			if required {
				return badMember(member+"."+f.Name, "it is required.")
			}
			continue
		}
		if err := check(member+"."+f.Name, name, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// expand fills in a resource template from an input: "{AppInstanceArn}/user/{AppInstanceUserId}".
func expand(template string, input any, bearer string) string {
	var out strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		if name == "Bearer" {
			out.WriteString(bearer)
		} else {
			out.WriteString(reflect.ValueOf(input).Elem().FieldByName(name).String())
		}
		template = after
	}
	return out.String()
}

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
func (w wire) decode(into any, p *plan) error {
	v := reflect.ValueOf(into).Elem()
	for i := range p.members {
		f := &p.members[i]
		if err := w.member(f, v.FieldByIndex(f.at)); err != nil {
			return err
		}
	}
	return nil
}

func (w wire) member(f *field, v reflect.Value) error {
	switch f.place {
	case "path":
		v.SetString(w.path[f.name])
		return checkText(f.StructField, v)
	case "query":
		return w.param(f.StructField, v, f.name)
	}
	return read(f.Name, f.StructField, w.body[f.Name], v)
}

// param reads a member of the query. An empty value is none.
func (w wire) param(f reflect.StructField, v reflect.Value, name string) error {
	text := w.query.Get(name)
	switch {
	case len(w.query[name]) > 1:
		return badMember(f.Name, "it is given twice.")
	case text == "":
		return absent(f.Name, f)
	case v.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return badMember(f.Name, "it must be a number.")
		}
		v.SetInt(int64(n))
	case v.Kind() == reflect.String:
		v.SetString(text)
	}
	return checkText(f, v)
}

// absent is the answer to a member that is not there: nothing, unless it is required.
func absent(member string, f reflect.StructField) error {
	if strings.HasSuffix(f.Tag.Get("is"), "!") {
		return badMember(member, "it is required.")
	}
	return nil
}

// checkText holds a member of path or query against its shape.
func checkText(f reflect.StructField, v reflect.Value) error {
	s := shapes[strings.TrimSuffix(f.Tag.Get("is"), "!")]
	if v.Kind() == reflect.Int {
		return s.checkNumber(f.Name, int(v.Int()), s.min, s.max, "be")
	}
	return s.checkString(f.Name, v.String())
}

// read stores a member of a structure and holds it, and everything inside it, against its shape. JSON null is none.
// Names are exact: encoding/json's own way with structures takes any case.
func read(member string, f reflect.StructField, raw json.RawMessage, v reflect.Value) error {
	if len(raw) == 0 || string(raw) == "null" {
		return absent(member, f)
	}
	return value(member, strings.TrimSuffix(f.Tag.Get("is"), "!"), raw, v)
}

// value is read for the value itself, which is of the shape of that name.
func value(member, name string, raw json.RawMessage, v reflect.Value) error {
	s := shapes[name]
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return value(member, name, raw, v.Elem())
	case reflect.Slice:
		return list(member, s, raw, v)
	case reflect.Map:
		return table(member, s, raw, v)
	case reflect.Struct:
		var members map[string]json.RawMessage
		if err := inner(member, raw, &members); err != nil {
			return err
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if err := read(member+"."+f.Name, f, members[f.Name], v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := inner(member, raw, v.Addr().Interface()); err != nil {
		return err
	}
	switch {
	case v.Kind() == reflect.String:
		return s.checkString(member, v.String())
	case v.CanInt():
		return s.checkNumber(member, int(v.Int()), s.min, s.max, "be")
	}
	return nil
}

// inner is json.Unmarshal of something that must be there.
func inner(member string, raw json.RawMessage, into any) error {
	if string(raw) == "null" {
		return badMember(member, "it must not hold null.")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return badMember(member, "it has the wrong type.")
	}
	return nil
}

func list(member string, s shape, raw json.RawMessage, v reflect.Value) error {
	var entries []json.RawMessage
	if err := inner(member, raw, &entries); err != nil {
		return err
	}
	if err := s.checkNumber(member, len(entries), s.min, s.max, "have entries,"); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(entries), len(entries)))
	for i, e := range entries {
		if err := value(member, s.of, e, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func table(member string, s shape, raw json.RawMessage, v reflect.Value) error {
	var entries map[string]json.RawMessage
	if err := inner(member, raw, &entries); err != nil {
		return err
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
	for key, e := range entries {
		if err := shapes[s.keys].checkString(member, key); err != nil {
			return err
		}
		entry := reflect.New(v.Type().Elem()).Elem()
		if err := value(member, s.of, e, entry); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), entry)
	}
	return nil
}

package modeltest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// also are members that the live service answers though no model has them.
var also = map[string]string{
	"ChannelMembershipSummary.ReadMarkerTimestamp":              "timestamp", // aws-sdk-js-v3 issue 6315
	"AssumeRoleResponse.SessionTokenSize":                       "integer",   // the Go SDK reads both since v1.51
	"AssumeRoleResponse.SessionTokenUtilization":                "integer",
	"AssumeRoleWithWebIdentityResponse.SessionTokenSize":        "integer", // likewise
	"AssumeRoleWithWebIdentityResponse.SessionTokenUtilization": "integer",
}

// check is one look at a value. Values are as encoding/json makes them, with json.Number.
type check struct {
	strict bool // unknown members are wrong: answers. Requests may hold some, and services ignore them.
	wrong  func(path, why string)
	saw    func(path string) // told of every member that is there; may be nil
}

func (c check) value(path string, s *Shape, v any) {
	switch s.Type {
	case "structure":
		if m, ok := v.(map[string]any); ok {
			c.structure(path, s, m)
			return
		}
	case "list":
		if list, ok := v.([]any); ok {
			c.bounds(path, s, len(list), "entries")
			for _, e := range list {
				c.value(path+"[]", s.Item, e)
			}
			return
		}
	case "map":
		if m, ok := v.(map[string]any); ok {
			for k, e := range m {
				c.text(path+"{}", s.Key, k)
				c.value(path+"{}", s.Value, e)
			}
			return
		}
	case "string":
		if text, ok := v.(string); ok {
			c.text(path, s, text)
			return
		}
	default:
		if c.scalar(path, s, v) {
			return
		}
	}
	c.wrong(path, fmt.Sprintf("%T is no %s", v, s.Type))
}

// scalar checks numbers, booleans and times; false means another type.
func (c check) scalar(path string, s *Shape, v any) bool {
	switch s.Type {
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "timestamp":
		n, ok := v.(json.Number)
		if f, err := n.Float64(); ok && (err != nil || f < 1e9 || f > 1e11) {
			c.wrong(path, n.String()+" is no time in seconds")
		}
		return ok
	case "integer":
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		i, err := strconv.ParseInt(n.String(), 10, 32)
		if err != nil {
			c.wrong(path, n.String()+" is no integer")
			return true
		}
		c.bounds(path, s, int(i), "as value")
		return true
	}
	return false
}

func (c check) structure(path string, s *Shape, v map[string]any) {
	for _, m := range s.Members {
		if got, there := v[m.Name]; m.Required && m.In == InBody && (!there || got == nil) {
			c.wrong(path+"."+m.Name, "is required and missing")
		}
	}
	for name, e := range v {
		at := path + "." + name
		m := s.member(name)
		switch {
		case m != nil && m.In == InBody && e == nil:
			if c.strict {
				c.wrong(at, "is null; a member that is not there is left out")
			}
		case m != nil && m.In == InBody:
			if c.saw != nil {
				c.saw(at)
			}
			c.value(at, m.Shape, e)
		case also[s.Name+"."+name] != "":
			c.value(at, &Shape{Type: also[s.Name+"."+name]}, e)
		case c.strict:
			c.wrong(at, "is not in the model")
		}
	}
}

func (c check) bounds(path string, s *Shape, n int, what string) {
	if s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max {
		c.wrong(path, fmt.Sprintf("%d %s: the model allows %s", n, what, s.span()))
	}
}

func (s *Shape) span() string {
	bound := func(n *int) string {
		if n == nil {
			return "any"
		}
		return strconv.Itoa(*n)
	}
	return bound(s.Min) + " to " + bound(s.Max)
}

func (c check) text(path string, s *Shape, v string) {
	c.bounds(path, s, utf8.RuneCountInString(v), "characters")
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		c.wrong(path, fmt.Sprintf("%q is none of %v", v, s.Enum))
	}
	if s.Pattern != nil && !s.Pattern.MatchString(v) {
		c.wrong(path, fmt.Sprintf("%.200q does not match the pattern of %s", v, s.Name))
	}
}

// param checks a member that travels as text in path, query or header.
func (c check) param(path string, s *Shape, v string) {
	switch s.Type {
	case "integer":
		c.value(path, s, json.Number(v))
	case "timestamp":
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			c.wrong(path, fmt.Sprintf("%q is no ISO 8601 time", v))
		}
	default:
		c.text(path, s, v)
	}
}

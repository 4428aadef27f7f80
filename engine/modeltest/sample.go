package modeltest

import (
	"encoding/json"
	"maps"
	"strings"
	"unicode/utf8"
)

// Names are the resources that samples speak of.
type Names struct {
	Instance, User, Bot, Channel, Flow string // ARNs
	Bearer                             string // an ARN
}

// Sample makes a valid input: the required members and those of the optional ones that are named. Structures inside it
// are complete. The bearer is always there: two operations call it optional in the model and mandatory in their text.
func (o *Operation) Sample(names Names, with ...string) map[string]any {
	in := map[string]any{}
	for _, m := range o.Input.Members {
		if m.Required || m.As == BearerHeader {
			in[m.Name] = names.sample(m.Name, m.Shape)
		}
	}
	for _, name := range with {
		in[name] = names.sample(name, o.Input.member(name).Shape)
	}
	return in
}

// Optional lists the members that Sample may be asked for.
func (o *Operation) Optional() []string {
	var all []string
	for _, m := range o.Input.Members {
		if !m.Required {
			all = append(all, m.Name)
		}
	}
	return all
}

func (n Names) sample(member string, s *Shape) any {
	switch s.Type {
	case "structure":
		v := map[string]any{}
		for _, m := range s.Members {
			v[m.Name] = n.sample(m.Name, m.Shape)
		}
		return v
	case "list":
		return []any{n.sample(strings.TrimSuffix(member, "s"), s.Item)}
	case "map":
		return map[string]any{"key": n.sample("value", s.Value)}
	case "boolean":
		return true
	case "timestamp":
		return "2026-01-02T03:04:05.678Z" // inputs have times in queries only
	case "integer":
		if s.Min != nil {
			return *s.Min
		}
		return 1
	}
	return n.text(member, s)
}

func (n Names) text(member string, s *Shape) string {
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	first := "Sample"
	if s.Name == "FilterRule" {
		first = `{"key":["value"]}` // JSON, which the model does not say
	}
	if strings.HasSuffix(strings.ToLower(member), "arn") || s.Name == "ChimeArn" || member == "ChimeBearer" {
		first = n.arn(member)
	}
	for _, text := range []string{
		first, "en_US", "6f1f9c3c-0d8e-4b9b-8a54-2f6a0c1d9e77",
		"arn:aws:lambda:us-east-1:000000000000:function:sample",
		"arn:aws:lex:us-east-1:000000000000:bot-alias/ABCDEFGHIJ/ABCDEFGHIJ",
	} {
		if s.allows(text) {
			return text
		}
	}
	panic("no sample for " + member + " of " + s.Name)
}

// arn chooses what a member of the ARN shape names.
func (n Names) arn(member string) string {
	switch member {
	case "ChimeBearer":
		return n.Bearer
	case "AppInstanceArn":
		return n.Instance
	case "AppInstanceBotArn":
		return n.Bot
	case "ChannelArn", "ResourceARN":
		return n.Channel
	case "ChannelFlowArn":
		return n.Flow
	case "ResourceArn":
		return "arn:aws:kinesis:us-east-1:000000000000:stream/chime-messaging-sample"
	}
	return n.User
}

// allows reports whether a text keeps to a string shape.
func (s *Shape) allows(text string) bool {
	ok := true
	check{wrong: func(string, string) { ok = false }}.text("", s, text)
	return ok
}

// fits reports whether the length of a text is right, whatever is in it.
func (s *Shape) fits(text string) bool {
	n := utf8.RuneCountInString(text)
	return (s.Min == nil || n >= *s.Min) && (s.Max == nil || n <= *s.Max)
}

// replaced is a copy of a structure with one member changed.
func replaced(in map[string]any, name string, v any) map[string]any {
	out := maps.Clone(in)
	out[name] = v
	return out
}

// without is a copy of a structure without a member.
func without(in map[string]any, name string) map[string]any {
	out := maps.Clone(in)
	delete(out, name)
	return out
}

// number is a JSON number as it is written.
func number(text string) json.Number { return json.Number(text) }

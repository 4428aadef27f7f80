package rest

import (
	"reflect"
	"strings"
)

// plan is an input structure taken apart, once: to look for its members by name takes longer than all that is done with them.
type plan struct {
	members []field          // in their order, those of embedded structures among them
	texts   map[string][]int // where the text members are
}

// field is a member of an input structure.
type field struct {
	reflect.StructField
	at          []int  // its index in the whole structure
	place, name string // in the request: "path" or "query" and the name there, "" for the body
}

func newPlan(input reflect.Type) *plan {
	p := &plan{texts: map[string][]int{}}
	p.add(input, nil)
	for _, f := range p.members {
		if found, ok := input.FieldByName(f.Name); ok && f.Type.Kind() == reflect.String {
			p.texts[f.Name] = found.Index
		}
	}
	return p
}

func (p *plan) add(part reflect.Type, at []int) {
	for i := range part.NumField() {
		f := part.Field(i)
		here := append(at[:len(at):len(at)], i)
		if f.Anonymous {
			p.add(f.Type, here)
			continue
		}
		place, name, _ := strings.Cut(f.Tag.Get("wire"), "=")
		p.members = append(p.members, field{f, here, place, name})
	}
}

// text is a text member of an input, "" if it has none of that name.
func (p *plan) text(input any, name string) string {
	at, there := p.texts[name]
	if !there {
		return ""
	}
	return reflect.ValueOf(input).Elem().FieldByIndex(at).String()
}

// template names a resource by the members of an input: "{AppInstanceArn}/user/{AppInstanceUserId}".
type template []part

// part is a text, or the member of that name; {Bearer} is the header.
type part struct{ text, member string }

func newTemplate(s string) (t template) {
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		name, after, _ := strings.Cut(rest, "}")
		if before != "" {
			t = append(t, part{text: before})
		}
		if found {
			t = append(t, part{member: name})
		}
		s = after
	}
	return t
}

// expand fills the members in.
func (t template) expand(p *plan, input any, bearer string) (resource string) {
	for _, each := range t {
		switch each.member {
		case "":
			resource += each.text
		case "Bearer":
			resource += bearer
		default:
			resource += p.text(input, each.member)
		}
	}
	return resource
}

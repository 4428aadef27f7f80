// Package modeltest judges the engine's wire by the published API models: every request and answer of a test passes
// through Transport, Violations makes requests that the models forbid, and Operations is what tables are compared with.
//
// Only tests of the engine use it. The facts (*.json) are those of AWS's API models without their texts: Amazon Chime SDK
// Identity 2021-04-20, Amazon Chime SDK Messaging 2021-05-15, AWS STS 2011-06-15 (the operations that the engine has), and
// the resource types per action from the service authorization reference.
package modeltest

import (
	"embed"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed *.json
var facts embed.FS

// Operation is one operation of a REST service.
type Operation struct {
	Service      string // "identity" or "messaging"
	Name         string
	Method, Path string // "{name}" in a path takes one segment
	Query        string // "key=value" that tells operations on one path apart, or ""
	Status       int    // of success
	Input        *Shape
	Output       *Shape   // nil: answers nothing
	Errors       []*Shape // the modelled exceptions, each with its Status
	Resources    []string // IAM resource types of the action "chime:" + Name, in the order of the alphabet

	segments []string // of Path
}

// Key names the operation among both services, which share three names: "messaging.TagResource".
func (o *Operation) Key() string { return o.Service + "." + o.Name }

// ErrorNames are the names of the modelled exceptions.
func (o *Operation) ErrorNames() []string {
	names := make([]string, len(o.Errors))
	for i, e := range o.Errors {
		names[i] = e.Name
	}
	return names
}

// BearerHeader carries the ARN of the user for whom an operation is done.
const BearerHeader = "x-amz-chime-bearer" //nolint:gosec // a header's name

// Bearer reports whether the operation has the bearer header, and whether the model requires it.
func (o *Operation) Bearer() (has, required bool) {
	for _, m := range o.Input.Members {
		if m.As == BearerHeader {
			return true, m.Required
		}
	}
	return false, false
}

// Shape is what a model says about one kind of value.
type Shape struct {
	Name     string
	Type     string // structure, list, map, string, integer, boolean, timestamp
	Min, Max *int   // characters of a string, entries of a list, or the value of a number; nil means no bound
	Pattern  *Pattern
	Enum     []string
	Members  []*Member // of a structure, by name
	Item     *Shape    // of a list
	Key      *Shape    // of a map
	Value    *Shape    // of a map
	Status   int       // HTTP status of an exception, else 0
	Code     string    // of an exception of STS, which may differ from its name
}

// Member is one member of a structure.
type Member struct {
	Name     string
	Shape    *Shape
	Required bool
	In       Place
	As       string // the name in the path, query or header
}

// Place says where a member travels.
type Place string

// The places; a member of a nested structure is always InBody.
const (
	InBody   Place = ""
	InPath   Place = "uri"
	InQuery  Place = "querystring"
	InHeader Place = "header"
)

// member returns the member of that name, or nil.
func (s *Shape) member(name string) *Member {
	i := slices.IndexFunc(s.Members, func(m *Member) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return s.Members[i]
}

// Operations returns the 30 operations of Identity and the 51 of Messaging, by name. The three about tags are in both.
func Operations() []*Operation {
	return append(load("identity"), load("messaging")...)
}

func load(service string) []*Operation {
	iam := map[string][]string{}
	parse("iam.json", &iam)
	var f file
	parse(service+".json", &f)
	shapes := f.link()
	var all []*Operation
	for name, o := range f.Operations {
		op := &Operation{Service: service, Name: name, Method: o.Method, Path: o.Path, Query: o.Query, Status: o.Status,
			Input: shapes[o.Input], Output: shapes[o.Output], Resources: iam[name], segments: strings.Split(o.Path[1:], "/")}
		if op.Input == nil {
			op.Input = &Shape{Name: name + "Request", Type: "structure"}
		}
		for _, e := range o.Errors {
			op.Errors = append(op.Errors, shapes[e])
		}
		all = append(all, op)
	}
	slices.SortFunc(all, func(a, b *Operation) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// file is a fact file as it is written.
type file struct {
	Operations map[string]struct {
		Method, Path, Query string
		Status              int
		Input, Output       string
		Errors              []string
	}
	Shapes map[string]struct {
		Type               string
		Min, Max           *int
		Pattern            string
		Enum, Required     []string
		Members            map[string]struct{ Shape, In, As string }
		Member, Key, Value string
		Status             int
		Code               string
	}
}

func parse(name string, into any) {
	text, err := facts.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(err) // part of the program
	}
}

// link makes shapes that point at each other.
func (f file) link() map[string]*Shape {
	shapes := map[string]*Shape{}
	for name := range f.Shapes {
		shapes[name] = &Shape{Name: name}
	}
	for name, from := range f.Shapes {
		s := shapes[name]
		s.Type, s.Min, s.Max, s.Enum, s.Status = from.Type, from.Min, from.Max, from.Enum, from.Status
		s.Code = from.Code
		s.Item, s.Key, s.Value = shapes[from.Member], shapes[from.Key], shapes[from.Value]
		if from.Pattern != "" {
			s.Pattern = newPattern(from.Pattern)
		}
		for member, m := range from.Members {
			s.Members = append(s.Members, &Member{Name: member, Shape: shapes[m.Shape], In: Place(m.In), As: m.As,
				Required: slices.Contains(from.Required, member)})
		}
		slices.SortFunc(s.Members, func(a, b *Member) int { return strings.Compare(a.Name, b.Name) })
	}
	return shapes
}

// Pattern is a regular expression of a model, for the whole string.
type Pattern struct {
	whole *regexp.Regexp
	tail  int // how many letters its only group may match; 0 means any number
}

// counted is the end of the models' longest pattern: more repetitions than Go's regular expressions have, and slow if
// written out.
var counted = regexp.MustCompile(`\.\{0,(\d{4})\}$`)

// newPattern compiles a pattern. The models write code points as \uXXXX, five digits included.
func newPattern(text string) *Pattern {
	var p Pattern
	if m := counted.FindStringSubmatch(text); m != nil {
		p.tail, _ = strconv.Atoi(m[1]) // digits
		text = counted.ReplaceAllString(text, `(.*)`)
	}
	text = regexp.MustCompile(`\\u(10000|10[0-9A-F]{4}|[0-9A-F]{4})`).ReplaceAllString(text, `\x{$1}`)
	p.whole = regexp.MustCompile(`^(?:` + text + `)$`)
	return &p
}

// MatchString reports whether the whole string matches.
func (p *Pattern) MatchString(text string) bool {
	if p.tail == 0 {
		return p.whole.MatchString(text)
	}
	m := p.whole.FindStringSubmatch(text)
	return m != nil && utf8.RuneCountInString(m[1]) <= p.tail
}

func (p *Pattern) String() string { return p.whole.String() }

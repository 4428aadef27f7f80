package rest

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// ourNames are the shapes that have another name here than in the models.
var ourNames = map[string]string{
	"identity.ExpirationCriterion":         "UserExpirationCriterion", // both services have one, with different values
	"identity.SensitiveString1600":         "Name1600",
	"identity.NonEmptySensitiveString1600": "Token1600",
}

func TestShapesHaveTheBoundsAndValuesOfTheModels(t *testing.T) {
	seen := map[string]bool{"Structure": true} // any
	for _, m := range modeltest.Operations() {
		for _, member := range m.Input.Members {
			compareShape(t, m.Service, member.Shape, seen)
		}
	}
	for name := range shapes {
		if !seen[name] {
			t.Errorf("%s is in no input of the models", name)
		}
	}
}

func compareShape(t *testing.T, service string, want *modeltest.Shape, seen map[string]bool) {
	t.Helper()
	if want == nil || seen[service+"."+want.Name] {
		return
	}
	seen[service+"."+want.Name] = true
	for _, inner := range append([]*modeltest.Shape{want.Item, want.Key, want.Value}, members(want)...) {
		compareShape(t, service, inner, seen)
	}
	name := cmp.Or(ourNames[service+"."+want.Name], want.Name)
	got, there := shapes[name]
	if !there {
		return // a structure, or of an operation that is not available yet
	}
	seen[name] = true
	bound := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	if got.min != bound(want.Min) || got.max != bound(want.Max) || !slices.Equal(got.enum, want.Enum) {
		t.Errorf("%s: %d to %d %v, the model has %d to %d %v", name, got.min, got.max, got.enum, bound(want.Min), bound(want.Max), want.Enum)
	}
	if anything := want.Pattern == nil || want.Pattern.MatchString("\n \x00é"); got.pattern == nil && !anything {
		t.Errorf("%s has no pattern, the model has %v", name, want.Pattern)
	}
	for name, inner := range map[string]*modeltest.Shape{got.of: want.Item, got.keys: want.Key} {
		if name != "" && (inner == nil || inner.Name != name) {
			t.Errorf("%s holds %q, the model has %v", want.Name, name, inner)
		}
	}
}

func members(s *modeltest.Shape) []*modeltest.Shape {
	var all []*modeltest.Shape
	for _, m := range s.Members {
		all = append(all, m.Shape)
	}
	return all
}

// FuzzARN holds the hand-written pattern against the model's.
func FuzzARN(f *testing.F) {
	model := arnOfTheModel(f)
	for _, tail := range []string{"", "/", "a", "\n", "a\n", ":", "é", "/a", strings.Repeat("x", 1024), strings.Repeat("é", 1024), strings.Repeat("x", 1025)} {
		for _, head := range []string{"arn:aws:chime:us-east-1:1:", "arn:aws::::", "arn:::::", "arn:a_b:c:d:e:", "arn:a:B:c:d:", "arn:a:b:c:" + strings.Repeat("d", 64) + ":", "arn:a:b:c:", "xarn:a:b:c:d:"} {
			f.Add(head + tail)
		}
	}
	f.Fuzz(func(t *testing.T, v string) {
		if got, want := (arnPattern{}).MatchString(v), model.MatchString(v); got != want && utf8.ValidString(v) {
			t.Errorf("%q: %v, the model %v", v, got, want)
		}
	})
}

func arnOfTheModel(f *testing.F) *modeltest.Pattern {
	for _, o := range modeltest.Operations() {
		for _, m := range o.Input.Members {
			if m.Shape.Name == "ChimeArn" {
				return m.Shape.Pattern
			}
		}
	}
	f.Fatal("no ARN in the models")
	return nil
}

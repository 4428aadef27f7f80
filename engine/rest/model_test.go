package rest

import (
	"cmp"
	"slices"
	"testing"

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
		return // a structure
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
	if anything := want.Pattern == nil || want.Pattern.MatchString("\n \x00é"); got.match == nil && !anything {
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

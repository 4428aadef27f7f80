package rest

import (
	"slices"
	"testing"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

func TestShapesHaveTheBoundsAndValuesOfTheModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range modeltest.Operations() {
		for _, member := range m.Input.Members {
			compareShape(t, member.Shape, seen)
		}
	}
	for name := range shapes {
		if !seen[name] {
			t.Errorf("%s is in no input of the models", name)
		}
	}
}

func compareShape(t *testing.T, want *modeltest.Shape, seen map[string]bool) {
	t.Helper()
	if want == nil || seen[want.Name] {
		return
	}
	seen[want.Name] = true
	for _, inner := range append([]*modeltest.Shape{want.Item, want.Key, want.Value}, members(want)...) {
		compareShape(t, inner, seen)
	}
	got, there := shapes[want.Name]
	if !there {
		return // of an operation that is not available yet
	}
	bound := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	if got.min != bound(want.Min) || got.max != bound(want.Max) || !slices.Equal(got.enum, want.Enum) {
		t.Errorf("%s: %d to %d %v, the model has %d to %d %v", want.Name, got.min, got.max, got.enum, bound(want.Min), bound(want.Max), want.Enum)
	}
	if any := want.Pattern == nil || want.Pattern.MatchString("\n \x00é"); got.pattern == nil && !any {
		t.Errorf("%s has no pattern, the model has %v", want.Name, want.Pattern)
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

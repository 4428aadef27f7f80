package provisiontest

import (
	"slices"
	"strings"
)

// Looks reports whether the call only looks: it lists or describes.
func (c Call) Looks() bool {
	return strings.HasPrefix(c.Op, "List") || strings.HasPrefix(c.Op, "Describe")
}

// Acts returns the calls that do not only look.
func Acts(calls []Call) []Call { return slices.DeleteFunc(slices.Clone(calls), Call.Looks) }

package member

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// The limits of a FilterRule (developer guide, "Using filter rules to filter messages").
const (
	maxRule       = 2048 // bytes
	maxAlternates = 5    // constraints inside one $or
	maxComplexity = 20   // attribute names and values together
)

func badRule(why string, args ...any) error {
	return fault.New(fault.Invalid, "filter_rule", "Invalid value for FilterRule: "+why, args...).On("FilterRule")
}

// checkFilterRule reads a rule about message attributes:
//
//	rule       = { name: [match, …], …, "$or": [rule, …] }   every member must hold; of $or, one
//	match      = "value" | { "anything-but": ["value", …] }
//
// A name is an attribute, a value is compared exactly. Every list has at least one entry.
func checkFilterRule(text string) error {
	if len(text) > maxRule {
		return badRule("it must have at most %d bytes.", maxRule)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	var rule map[string]json.RawMessage
	if err := d.Decode(&rule); err != nil || rule == nil {
		return badRule("it must be a JSON object.")
	}
	if _, err := d.Token(); err != io.EOF {
		return badRule("there is something behind the JSON object.")
	}
	n, err := complexity(rule)
	if err == nil && n > maxComplexity {
		err = badRule("its complexity is %d, at most %d is allowed.", n, maxComplexity)
	}
	return err
}

// complexity counts the attribute names and values of a rule.
func complexity(rule map[string]json.RawMessage) (int, error) {
	if len(rule) == 0 {
		return 0, badRule("an object needs a member.")
	}
	sum := 0
	for name, value := range rule {
		var n int
		var err error
		if name == "$or" {
			n, err = alternates(value)
		} else {
			n, err = matches(name, value)
			n++
		}
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func alternates(value json.RawMessage) (int, error) {
	var rules []map[string]json.RawMessage
	if json.Unmarshal(value, &rules) != nil || len(rules) == 0 {
		return 0, badRule("$or must be a list of objects.")
	}
	if len(rules) > maxAlternates {
		return 0, badRule("$or has %d constraints, at most %d are allowed.", len(rules), maxAlternates)
	}
	sum := 0
	for _, rule := range rules {
		n, err := complexity(rule)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func matches(name string, value json.RawMessage) (int, error) {
	var list []json.RawMessage
	if name == "" || json.Unmarshal(value, &list) != nil || len(list) == 0 {
		return 0, badRule("%.64q must be a list of strings or of anything-but.", name)
	}
	sum := 0
	for _, entry := range list {
		var one *string
		if json.Unmarshal(entry, &one) == nil && one != nil {
			sum++
			continue
		}
		var object map[string][]*string
		if json.Unmarshal(entry, &object) != nil || len(object) != 1 || len(object["anything-but"]) == 0 {
			return 0, badRule("an entry of %.64q is neither a string nor anything-but a list of strings.", name)
		}
		for _, not := range object["anything-but"] {
			if not == nil {
				return 0, badRule("an entry of anything-but is no string.")
			}
			sum++
		}
	}
	return sum, nil
}

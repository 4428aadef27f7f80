package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// verdict is the outcome of a test. maybe means that the engine cannot tell: it does not know the condition key, or a
// variable has no value. A Deny that may apply applies, an Allow that may apply does not.
type verdict int

const (
	no verdict = iota
	maybe
	yes
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

func (v verdict) not() verdict { return yes - v }

// condition is one line of a Condition block: every one of them must hold.
type condition struct {
	key string // in lower case: names of keys are case-insensitive
	operator
	ifExists bool
	set      quantifier
	values   []operand
}

// quantifier says how a key with several values is compared.
type quantifier int

const (
	single quantifier = iota // the key has one value
	forAll                   // ForAllValues: every value of the request must be in the policy's
	forAny                   // ForAnyValue: one of them is enough
)

// operator is how two values are compared (IAM User Guide, "Condition operators").
type operator struct {
	kind    kind
	negated bool
	holds   func(order int) bool // of the ordered kinds
}

type kind int

const (
	foreign kind = iota // exists at Amazon, but for keys that the engine does not have
	text
	textFold
	like
	arnLike
	number
	date
	boolean
	null
)

// operand is a value of the policy.
type operand struct {
	pattern
	arn arnPattern // of arnLike
}

func operatorNamed(name string) (operator, bool) {
	for prefix, k := range map[string]kind{"Numeric": number, "Date": date} {
		if order, ok := strings.CutPrefix(name, prefix); ok {
			switch order {
			case "Equals":
				return operator{kind: k, holds: func(c int) bool { return c == 0 }}, true
			case "NotEquals":
				return operator{kind: k, negated: true, holds: func(c int) bool { return c == 0 }}, true
			case "LessThan":
				return operator{kind: k, holds: func(c int) bool { return c < 0 }}, true
			case "LessThanEquals":
				return operator{kind: k, holds: func(c int) bool { return c <= 0 }}, true
			case "GreaterThan":
				return operator{kind: k, holds: func(c int) bool { return c > 0 }}, true
			case "GreaterThanEquals":
				return operator{kind: k, holds: func(c int) bool { return c >= 0 }}, true
			}
		}
	}
	o, ok := map[string]operator{
		"StringEquals": {kind: text}, "StringNotEquals": {kind: text, negated: true},
		"StringEqualsIgnoreCase": {kind: textFold}, "StringNotEqualsIgnoreCase": {kind: textFold, negated: true},
		"StringLike": {kind: like}, "StringNotLike": {kind: like, negated: true},
		"ArnEquals": {kind: arnLike}, "ArnNotEquals": {kind: arnLike, negated: true}, // the same two at Amazon
		"ArnLike": {kind: arnLike}, "ArnNotLike": {kind: arnLike, negated: true},
		"Bool": {kind: boolean}, "Null": {kind: null},
		"BinaryEquals": {}, "IpAddress": {}, "NotIpAddress": {},
	}[name]
	return o, ok
}

// parseConditions reads a Condition block: operator → key → values.
func parseConditions(raw json.RawMessage, variables bool) ([]condition, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	operators, err := strictjson.Object(raw)
	if err != nil {
		return nil, fmt.Errorf("the Condition: %w", err)
	}
	var all []condition
	for _, o := range operators {
		keys, err := strictjson.Object(o.Value)
		if err != nil || len(keys) == 0 {
			return nil, fmt.Errorf("the Condition %.64q must be an object of condition keys", o.Name)
		}
		for _, k := range keys {
			c, err := parseCondition(o.Name, k, variables)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func parseCondition(name string, k strictjson.Member, variables bool) (condition, error) {
	c := condition{key: strings.ToLower(k.Name)}
	if !strings.Contains(k.Name, ":") {
		return c, fmt.Errorf("the condition key %.64q needs a prefix, e.g. aws:PrincipalTag/Name", k.Name)
	}
	base := name
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, c.set = rest, forAll
	} else if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		base, c.set = rest, forAny
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	var ok bool
	if c.operator, ok = operatorNamed(base); !ok || c.kind == null && base != name {
		return c, fmt.Errorf("invalid condition operator %.64q", name)
	}
	values, err := scalars(k.Value)
	if err != nil {
		return c, fmt.Errorf("the condition key %.64q: %w", k.Name, err)
	}
	for _, v := range values {
		o := operand{pattern: compile(v, variables, c.kind == like)}
		switch {
		case c.kind == arnLike:
			if o.arn, ok = compileARN(v, variables); !ok {
				return c, fmt.Errorf("the condition key %.64q: %.64q is not an ARN", k.Name, v)
			}
		case o.variables(): // known only when asked
		case c.kind == number && !isNumber(v), c.kind == date && !isDate(v),
			(c.kind == boolean || c.kind == null) && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false"):
			return c, fmt.Errorf("the condition key %.64q: %.64q does not fit the operator %s", k.Name, v, name)
		}
		c.values = append(c.values, o)
	}
	return c, nil
}

// scalars reads a value or a list of values; numbers and booleans may be written bare.
func scalars(raw json.RawMessage) ([]string, error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
			return nil, errors.New("it has no values")
		}
	}
	out := make([]string, len(list))
	for i, v := range list {
		switch {
		case bytes.HasPrefix(v, []byte(`"`)):
			if err := json.Unmarshal(v, &out[i]); err != nil {
				return nil, err
			}
		case bytes.ContainsAny(v[:1], "{[n"):
			return nil, errors.New("its values must be strings, numbers or booleans")
		default:
			out[i] = string(v)
		}
	}
	return out, nil
}

func isNumber(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }
func isDate(s string) bool   { _, ok := parseDate(s); return ok }

// parseDate reads the ISO 8601 forms that IAM names, and Unix seconds.
func parseDate(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(seconds, 0), err == nil
}

// test decides c for a request.
func (c *condition) test(in *Scope) verdict {
	got := in.Lookup(c.key)
	switch {
	case !got.Known || c.kind == foreign:
		return maybe
	case c.kind == null:
		return c.one(strconv.FormatBool(len(got.Values) == 0), in)
	case len(got.Values) == 0:
		// "If the key is not present": a negated test holds, and a set of no values has none that is not in the policy's.
		return verdictOf(c.ifExists || c.set == forAll || c.set == single && c.negated)
	case c.set == single && got.Several:
		return maybe // Amazon leaves this undefined
	}
	v := no
	if c.set == forAll {
		v = yes
	}
	for _, each := range got.Values {
		if one := c.one(each, in); c.set == forAll {
			v = min(v, one)
		} else {
			v = max(v, one)
		}
	}
	return v
}

// one compares one value of the request: with any of the policy's, or with none of them if the operator is negated.
func (c *condition) one(value string, in *Scope) verdict {
	v := no
	for i := range c.values {
		v = max(v, c.compare(&c.values[i], value, in))
	}
	if c.negated {
		return v.not()
	}
	return v
}

func (c *condition) compare(o *operand, value string, in *Scope) verdict {
	if c.kind == arnLike {
		return o.arn.covers(SplitARN(value, false), in)
	}
	g, ok := o.expand(in)
	if !ok {
		return maybe
	}
	if c.kind == like {
		return verdictOf(match(g, value))
	}
	want := string(g)
	switch c.kind {
	case text:
		return verdictOf(value == want)
	case textFold, boolean, null:
		return verdictOf(strings.EqualFold(value, want))
	case number:
		a, errA := strconv.ParseFloat(value, 64)
		b, errB := strconv.ParseFloat(want, 64)
		if errA == nil && errB == nil && !math.IsNaN(a) && !math.IsNaN(b) {
			return verdictOf(c.holds(compareFloats(a, b)))
		}
	case date:
		a, okA := parseDate(value)
		b, okB := parseDate(want)
		if okA && okB {
			return verdictOf(c.holds(a.Compare(b)))
		}
	case foreign, like, arnLike:
	}
	return maybe
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

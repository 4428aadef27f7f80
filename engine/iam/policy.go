package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// policy is a parsed policy document ("Grammar of the IAM JSON policy language", IAM User Guide), less Condition and
// Principal: the engine knows no condition keys, and a document that needs one is refused rather than half obeyed.
type policy struct {
	statements []statement
	variables  bool // Version 2012-10-17 substitutes ${…}; without it the text is literal
}

type statement struct {
	deny                   bool
	actions, resources     list
	notAction, notResource bool // NotAction, NotResource: the list names what the statement is not about
}

// list is a JSON string or an array of strings.
type list []string

func (l *list) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*l = list{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// document and documentStatement are the JSON forms.
type document struct {
	Version   string
	ID        string `json:"Id"`
	Statement json.RawMessage
}

type documentStatement struct {
	Sid, Effect                              string
	Action, NotAction, Resource, NotResource list
	Condition                                map[string]json.RawMessage
}

// parsePolicy reads a policy document. Its error is fit to show.
func parsePolicy(text string) (*policy, error) {
	var doc document
	if err := strict([]byte(text), &doc); err != nil {
		return nil, err
	}
	switch doc.Version {
	case "", "2008-10-17", "2012-10-17":
	default:
		return nil, errors.New("the policy's Version must be 2012-10-17 or 2008-10-17")
	}
	raw := bytes.TrimSpace(doc.Statement)
	var all []documentStatement
	switch {
	case len(raw) == 0:
		return nil, errors.New("the policy has no Statement")
	case raw[0] == '[':
		if err := strict(raw, &all); err != nil {
			return nil, err
		}
	default:
		all = make([]documentStatement, 1)
		if err := strict(raw, &all[0]); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the policy has no Statement")
	}
	p := &policy{variables: doc.Version == "2012-10-17"}
	for i, s := range all {
		st, err := s.compile()
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		p.statements = append(p.statements, st)
	}
	return p, nil
}

func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the policy is not a valid document: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the policy is followed by something else")
	}
	return nil
}

func (s documentStatement) compile() (statement, error) {
	st := statement{actions: s.Action, resources: s.Resource}
	switch s.Effect {
	case "Allow":
	case "Deny":
		st.deny = true
	default:
		return st, errors.New("the Effect must be Allow or Deny")
	}
	if len(s.Condition) > 0 {
		return st, errors.New("a Condition is not supported; name the resources instead")
	}
	if (len(s.Action) == 0) == (len(s.NotAction) == 0) {
		return st, errors.New("exactly one of Action and NotAction is needed")
	}
	if (len(s.Resource) == 0) == (len(s.NotResource) == 0) {
		return st, errors.New("exactly one of Resource and NotResource is needed")
	}
	if len(s.NotAction) > 0 {
		st.actions, st.notAction = s.NotAction, true
	}
	if len(s.NotResource) > 0 {
		st.resources, st.notResource = s.NotResource, true
	}
	for _, a := range st.actions {
		if a != "*" && !strings.Contains(a, ":") {
			return st, fmt.Errorf("the action %.64q needs a service prefix, e.g. chime:Connect", a)
		}
	}
	return st, nil
}

// decision is the outcome of one policy; a denial in any policy beats every allowance.
type decision int

const (
	silent decision = iota
	allowed
	denied
)

// decide evaluates p for one action on one resource.
func (p *policy) decide(action, resource string, tags map[string]string) decision {
	d := silent
	for _, s := range p.statements {
		if !s.matches(p.variables, action, resource, tags) {
			continue
		}
		if s.deny {
			return denied
		}
		d = allowed
	}
	return d
}

func (s *statement) matches(variables bool, action, resource string, tags map[string]string) bool {
	hit := false
	for _, a := range s.actions {
		if match(pattern(strings.ToLower(a)), strings.ToLower(action)) { // actions are case-insensitive, resources are not
			hit = true
			break
		}
	}
	if hit == s.notAction {
		return false
	}
	hit = false
	for _, r := range s.resources {
		glob, ok := pattern(r), true
		if variables {
			glob, ok = expand(r, tags)
		}
		if !ok {
			// A variable without a value: AWS lets the statement match nothing. A Deny stays on the safe side.
			if s.deny {
				return true
			}
			if s.notResource {
				return false
			}
			continue
		}
		if match(glob, resource) {
			hit = true
			break
		}
	}
	return hit != s.notResource
}

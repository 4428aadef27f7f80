// Package policy is the language of IAM: it reads policy documents and decides what they say about a call ("IAM JSON policy
// language", IAM User Guide). Who calls, and what the condition keys stand for, it is told.
package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// Policy is a parsed policy document ("Grammar of the IAM JSON policy language", IAM User Guide).
type Policy struct {
	statements []statement
}

type statement struct {
	deny       bool
	actions    []glob // in lower case
	resources  []arnPattern
	principals []Principal // of a trust policy
	conditions []condition

	notAction, notResource bool // NotAction, NotResource: the list names what the statement is not about
}

// Use is what a document is for: the elements it may have depend on it.
type Use int

const (
	Identity Use = iota // what a role or a session may do
	Trust               // who may take a role
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// isSid is [A-Za-z0-9]*
func isSid(s string) bool { return strings.Trim(s, letters) == "" }

// isAction is (\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)
func isAction(s string) bool {
	service, name, found := strings.Cut(s, ":")
	return s == "*" || found && service != "" && name != "" && strings.Trim(service, letters+"*?-") == "" && strings.Trim(name, letters+"*?") == ""
}

// Parse reads a policy document. Its error is fit to show.
func Parse(text string, use Use) (*Policy, error) {
	var version, id string
	var body strictjson.Checked
	err := strictjson.Fields([]byte(text), map[string]any{"Version": &version, "Id": &id, "Statement": &body})
	if err != nil {
		return nil, fmt.Errorf("the policy is not a valid document: %w", err)
	}
	switch version {
	case "", "2008-10-17", "2012-10-17":
	default:
		return nil, errors.New("the policy's Version must be 2012-10-17 or 2008-10-17")
	}
	list, err := body.List()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("the policy has no Statement")
	}
	p, sids := &Policy{statements: make([]statement, 0, len(list))}, map[string]bool{}
	for i, raw := range list {
		// Without the new version ${…} is plain text.
		st, sid, err := parseStatement(raw, use, version == "2012-10-17")
		if err == nil && sid != "" && sids[sid] {
			err = errors.New("the Sid must be unique in a policy")
		}
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		sids[sid] = true
		p.statements = append(p.statements, st)
	}
	return p, nil
}

func parseStatement(raw strictjson.Checked, use Use, variables bool) (st statement, sid string, err error) {
	var (
		effect                                   string
		action, notAction, resource, notResource strictjson.Strings
		condition, who                           json.RawMessage
	)
	elements := map[string]any{"Sid": &sid, "Effect": &effect, "Action": &action, "NotAction": &notAction, "Condition": &condition}
	if use == Trust {
		elements["Principal"] = &who
	} else {
		elements["Resource"], elements["NotResource"] = &resource, &notResource
	}
	if err := raw.Fields(elements); err != nil {
		return st, "", err
	}
	if effect != "Allow" && effect != "Deny" {
		return st, "", errors.New("the Effect must be Allow or Deny")
	}
	st.deny = effect == "Deny"
	if !isSid(sid) {
		return st, "", errors.New("the Sid must consist of letters and digits")
	}
	if err := st.about(action, notAction, use); err != nil {
		return st, "", err
	}
	if use == Trust {
		st.principals, err = parsePrincipals(who)
	} else {
		err = st.on(resource, notResource, variables)
	}
	if err != nil {
		return st, "", err
	}
	st.conditions, err = parseConditions(condition, variables)
	return st, sid, err
}

// about sets the actions.
func (s *statement) about(action, notAction []string, use Use) error {
	if (len(action) == 0) == (len(notAction) == 0) {
		return errors.New("exactly one of Action and NotAction is needed")
	}
	s.notAction = len(notAction) > 0
	s.actions = make([]glob, 0, len(action)+len(notAction))
	for _, a := range append(action, notAction...) {
		if !isAction(a) {
			return fmt.Errorf("the action %.64q must have a service prefix, e.g. chime:Connect", a)
		}
		a = strings.ToLower(a)
		if use == Trust && !strings.HasPrefix(a, "sts:") {
			return fmt.Errorf("the action %.64q: a trust policy is about actions of sts only", a)
		}
		s.actions = append(s.actions, wild(a))
	}
	return nil
}

// on sets the resources.
func (s *statement) on(resource, notResource []string, variables bool) error {
	if (len(resource) == 0) == (len(notResource) == 0) {
		return errors.New("exactly one of Resource and NotResource is needed")
	}
	s.notResource = len(notResource) > 0
	s.resources = make([]arnPattern, 0, len(resource)+len(notResource))
	for _, r := range append(resource, notResource...) {
		p, ok := compileARN(r, variables)
		if !ok {
			return fmt.Errorf(`the resource %.128q must be in ARN format or "*"`, r)
		}
		s.resources = append(s.resources, p)
	}
	return nil
}

// Scope is what a policy is asked about.
type Scope struct {
	Action string                 // in lower case: actions are case-insensitive
	Parts  []string               // of the resource's ARN, as SplitARN makes them; nil for "*", an action that has none
	Lookup func(key string) Found // what a condition key, in lower case, stands for
}

// Found is what a condition key stands for in a call.
type Found struct {
	Known   bool // somebody can tell; a known key without values is absent from the request
	Several bool // the key may have several values
	Values  []string
}

// Decision is the outcome of policies; a denial in any policy beats every allowance.
type Decision int

const (
	Silent Decision = iota
	Allowed
	Denied
)

// Decide evaluates policies that stand side by side: one of them has to allow, none may deny.
func Decide(in *Scope, policies ...*Policy) Decision {
	d := Silent
	for _, p := range policies {
		for i := range p.statements {
			s := &p.statements[i]
			switch v := s.matches(in); {
			case s.deny && v != no:
				return Denied
			case !s.deny && v == yes:
				d = Allowed
			}
		}
	}
	return d
}

// matches tells whether the statement is about the call.
func (s *statement) matches(in *Scope) verdict {
	hit := false
	for _, a := range s.actions {
		if hit = match(a, in.Action); hit {
			break
		}
	}
	if hit == s.notAction {
		return no
	}
	v := yes
	if len(s.resources) > 0 { // a trust policy has none: its role is the resource
		v = no
		for _, r := range s.resources {
			if v = max(v, r.covers(in.Parts, in)); v == yes {
				break
			}
		}
		if s.notResource {
			v = v.not()
		}
	}
	for i := 0; i < len(s.conditions) && v != no; i++ {
		v = min(v, s.conditions[i].test(in))
	}
	return v
}

package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// principal is one of those whom a statement of a trust policy is about. Exactly one field is set.
type principal struct {
	anybody  bool
	account  string // all of an account
	arn      string // a role, or one session of it
	provider string // an issuer of web identity tokens, without https://
}

var (
	accountRoot      = regexp.MustCompile(`^(?:arn:aws:iam::)?([0-9]{12})(?::root)?$`)
	principalPattern = regexp.MustCompile(`^arn:aws:(?:iam::[0-9]{12}:(?:role|user)/[\x21-\x29\x2b-\x3e\x40-\x7e]+|sts::[0-9]{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)$`)
	providerPattern  = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:oidc-provider/([\x21-\x29\x2b-\x3e\x40-\x7e]+)$`)
)

// parsePrincipals reads a Principal element ("Principal", IAM User Guide).
func parsePrincipals(raw json.RawMessage) ([]principal, error) {
	if len(raw) == 0 {
		return nil, errors.New("a Principal is needed")
	}
	if bytes.Equal(raw, []byte(`"*"`)) {
		return []principal{{anybody: true}}, nil
	}
	var aws, federated, service strictjson.Strings
	err := strictjson.Fields(raw, map[string]any{"AWS": &aws, "Federated": &federated, "Service": &service})
	if err != nil {
		return nil, fmt.Errorf("the Principal: %w", err)
	}
	var all []principal
	for _, s := range aws {
		switch m := accountRoot.FindStringSubmatch(s); {
		case s == "*":
			all = append(all, principal{anybody: true})
		case m != nil && strings.HasPrefix(s, "arn:") == strings.HasSuffix(s, ":root"):
			all = append(all, principal{account: m[1]})
		case principalPattern.MatchString(s):
			all = append(all, principal{arn: s})
		default:
			return nil, fmt.Errorf(`invalid principal in policy: "AWS":%.128q`, s)
		}
	}
	for _, s := range federated {
		m := providerPattern.FindStringSubmatch(s)
		if m == nil {
			return nil, fmt.Errorf(`invalid principal in policy: "Federated":%.128q; it must be arn:aws:iam::ACCOUNT:oidc-provider/HOST`, s)
		}
		all = append(all, principal{provider: m[1]})
	}
	if len(all)+len(service) == 0 {
		return nil, errors.New("the Principal names nobody")
	}
	return all, nil // services never call: none of them is anybody here
}

// bond is how a trust policy names somebody. The weaker it is, the more his own policies have to say.
type bond int

const (
	stranger  bond = iota // not named
	ofAccount             // his account is: his own policies must allow it too
	ofRole                // his role is: his session policy must allow it too
	himself               // his session, or his provider, is
)

// names tells how p names a caller, or the provider of a web identity.
func (p principal) names(caller *Principal, provider string) bond {
	switch {
	case provider != "":
		if p.anybody || p.provider == provider {
			return himself
		}
	case p.anybody, p.account != "" && p.account == caller.Account:
		return ofAccount
	case p.arn == "":
	case p.arn == caller.ARN:
		return himself
	case p.arn == caller.RoleARN:
		return ofRole
	}
	return stranger
}

// trusts evaluates the trust policy of a role.
func (r *role) trusts(in *scope, provider string) bond {
	best := stranger
	for i := range r.trust.statements {
		s := &r.trust.statements[i]
		b := stranger
		for _, each := range s.principals {
			b = max(b, each.names(in.p, provider))
		}
		if b == stranger {
			continue
		}
		switch v := s.matches(in); {
		case s.deny && v != no:
			return stranger
		case !s.deny && v == yes:
			best = max(best, b)
		}
	}
	return best
}

// admits decides whether caller may do action, of sts, to the role. As between a principal and a resource of one account,
// what the resource says about the principal itself counts as much as what the principal's policies say ("Policy
// evaluation logic", IAM User Guide); nothing beats a Deny.
func (r *role) admits(caller *Principal, action string, c Call) bool {
	c.Action, c.Resource = action, r.arn
	in := newScope(caller, &c)
	own, session := allowed, allowed
	if !caller.root {
		own = decide(in, caller.policies...)
		if caller.session != nil {
			session = decide(in, caller.session)
		}
	}
	if own == denied || session == denied {
		return false
	}
	switch r.trusts(in, "") {
	case himself:
		return true
	case ofRole:
		return session == allowed
	case ofAccount:
		return own == allowed && session == allowed
	case stranger:
	}
	return false
}

// admitsFrom decides the same for a web identity, who has no policies of his own.
func (r *role) admitsFrom(provider, action string, c Call) bool {
	c.Action, c.Resource = action, r.arn
	return r.trusts(newScope(&Principal{}, &c), provider) == himself
}

package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// Principal is one of those whom a statement of a trust policy is about. Exactly one field is set.
type Principal struct {
	Anybody  bool
	Account  string // all of an account
	ARN      string // a role, or one session of it
	Provider string // an issuer of web identity tokens, without https://
}

var (
	accountRoot      = regexp.MustCompile(`^(?:arn:aws:iam::)?([0-9]{12})(?::root)?$`)
	principalPattern = regexp.MustCompile(`^arn:aws:(?:iam::[0-9]{12}:(?:role|user)/[\x21-\x29\x2b-\x3e\x40-\x7e]+|sts::[0-9]{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)$`)
	providerPattern  = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:oidc-provider/([\x21-\x29\x2b-\x3e\x40-\x7e]+)$`)
)

// parsePrincipals reads a Principal element ("Principal", IAM User Guide).
func parsePrincipals(raw json.RawMessage) ([]Principal, error) {
	if len(raw) == 0 {
		return nil, errors.New("a Principal is needed")
	}
	if bytes.Equal(raw, []byte(`"*"`)) {
		return []Principal{{Anybody: true}}, nil
	}
	var aws, federated, service strictjson.Strings
	err := strictjson.Fields(raw, map[string]any{"AWS": &aws, "Federated": &federated, "Service": &service})
	if err != nil {
		return nil, fmt.Errorf("the Principal: %w", err)
	}
	var all []Principal
	for _, s := range aws {
		switch m := accountRoot.FindStringSubmatch(s); {
		case s == "*":
			all = append(all, Principal{Anybody: true})
		case m != nil && strings.HasPrefix(s, "arn:") == strings.HasSuffix(s, ":root"):
			all = append(all, Principal{Account: m[1]})
		case principalPattern.MatchString(s):
			all = append(all, Principal{ARN: s})
		default:
			return nil, fmt.Errorf(`invalid principal in policy: "AWS":%.128q`, s)
		}
	}
	for _, s := range federated {
		m := providerPattern.FindStringSubmatch(s)
		if m == nil {
			return nil, fmt.Errorf(`invalid principal in policy: "Federated":%.128q; it must be arn:aws:iam::ACCOUNT:oidc-provider/HOST`, s)
		}
		all = append(all, Principal{Provider: m[1]})
	}
	if len(all)+len(service) == 0 {
		return nil, errors.New("the Principal names nobody")
	}
	return all, nil // services never call: none of them is anybody here
}

// Bond is how a trust policy names somebody. The weaker it is, the more his own policies have to say.
type Bond int

// From the weakest to the strongest.
const (
	Stranger  Bond = iota // not named
	OfAccount             // his account is: his own policies must allow it too
	OfRole                // his role is: his session policy must allow it too
	Himself               // his session, or his provider, is
)

// Trusts evaluates a trust policy: the strongest bond that one of its statements allows, and none if one denies. names tells
// how a principal names the caller.
func (p *Policy) Trusts(in *Scope, names func(Principal) Bond) Bond {
	best := Stranger
	for i := range p.statements {
		s := &p.statements[i]
		b := Stranger
		for _, each := range s.principals {
			b = max(b, names(each))
		}
		if b == Stranger {
			continue
		}
		switch v := s.matches(in); {
		case s.deny && v != no:
			return Stranger
		case !s.deny && v == yes:
			best = max(best, b)
		}
	}
	return best
}

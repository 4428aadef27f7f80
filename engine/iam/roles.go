package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/stagedoor/stagedoor/engine/policy"
	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// Roles are all roles of an account. nil means that there is no list: every name can be assumed by the root key, and
// allows chime:* on everything, to be narrowed by the session policy. An empty list means that nobody can assume anything.
type Roles []Role

// Role is a role as it is configured.
type Role struct {
	ARN      string   // arn:aws:iam::123456789012:role/Name or …:role/path/Name
	Trust    string   // policy document: who may assume it; "" means whoever the account itself allows to
	Policies []string // policy documents: what it may do; none means nothing

	// MaxDuration is the longest session, 1 to 12 hours. 0 means 1 hour, as at Amazon.
	MaxDuration time.Duration
}

// Limits of roles ("IAM and AWS STS quotas": characters, white space not counted).
const (
	maxRolePolicies = 10240
	maxTrust        = 4096
	maxRolesFile    = 16 << 20 // bytes: a thousand of the largest roles
)

// role is a Role made ready.
type role struct {
	arn, name, path string // path is "" or "a/b/"
	max             time.Duration
	trust           *policy.Policy
	policies        []*policy.Policy
}

// key is the role's name in session tokens. A role with a path is never the one whose name it ends in.
func (r *role) key() string { return r.path + r.name }

var rolePattern = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/((?:[\x21-\x2e\x30-\x7e]+/)*)([\w+=,.@-]{1,64})$`)

// anyRole is what a role may do when no roles are configured.
const anyRole = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:*","Resource":"*"}]}`

// accountTrust is the trust policy of a role that has none: those whom their own policies allow.
const accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},` +
	`"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`

// ReadRoles reads a roles file:
//
//	{"Roles": [{
//	  "Arn": "arn:aws:iam::123456789012:role/Fan",
//	  "AssumeRolePolicyDocument": {…},
//	  "Policies": [{…}, …],
//	  "MaxSessionDuration": 43200
//	}, …]}
//
// Only Arn is required. The error names the role and what is wrong with it.
func ReadRoles(r io.Reader) (Roles, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxRolesFile+1))
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	if len(b) > maxRolesFile {
		return nil, fmt.Errorf("roles: the file is larger than %d bytes", maxRolesFile)
	}
	var entries []json.RawMessage
	if err := strictjson.Fields(b, map[string]any{"Roles": &entries}); err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	if entries == nil {
		return nil, errors.New(`roles: the file has no list "Roles"`)
	}
	roles := make(Roles, 0, len(entries))
	for i, raw := range entries {
		one, err := readRole(raw)
		if err != nil {
			return nil, fmt.Errorf("roles: entry %d: %w", i+1, err)
		}
		roles = append(roles, one)
	}
	_, err = compileRoles(roles, "")
	return roles, err
}

func readRole(raw json.RawMessage) (Role, error) {
	var r Role
	var trust json.RawMessage
	var policies []json.RawMessage
	var seconds *int64
	err := strictjson.Fields(raw, map[string]any{"Arn": &r.ARN, "AssumeRolePolicyDocument": &trust, "Policies": &policies,
		"MaxSessionDuration": &seconds})
	if err != nil {
		return r, err
	}
	r.Trust = string(trust)
	for _, p := range policies {
		r.Policies = append(r.Policies, string(p))
	}
	if seconds != nil {
		if *seconds < 3600 || *seconds > 43200 {
			return r, fmt.Errorf("role %q: MaxSessionDuration must be 3600 to 43200 seconds", r.ARN)
		}
		r.MaxDuration = time.Duration(*seconds) * time.Second
	}
	return r, nil
}

// compileRoles makes roles ready, by key. account "" means whichever each ARN names.
func compileRoles(roles Roles, account string) (map[string]*role, error) {
	all, names := map[string]*role{}, map[string]string{}
	for _, r := range roles {
		one, err := r.compile(account)
		if err != nil {
			return nil, fmt.Errorf("roles: role %q: %w", r.ARN, err)
		}
		folded := strings.ToLower(one.name)
		if other, twice := names[folded]; twice {
			return nil, fmt.Errorf("roles: role %q: its name is that of %q, path and case do not count", r.ARN, other)
		}
		names[folded] = r.ARN
		all[one.key()] = one
	}
	return all, nil
}

func (r Role) compile(account string) (*role, error) {
	one, home, err := newRole(r.ARN)
	if err != nil {
		return nil, err
	}
	if account != "" && home != account {
		return nil, fmt.Errorf("the account must be %s", account)
	}
	if r.MaxDuration != 0 {
		one.max = r.MaxDuration
	}
	if one.max < time.Hour || one.max > MaxDuration {
		return nil, errors.New("the longest session must be 1 to 12 hours")
	}
	text := r.Trust
	if text == "" {
		text = fmt.Sprintf(accountTrust, home)
	}
	if size(text) > maxTrust {
		return nil, fmt.Errorf("the trust policy has more than %d characters", maxTrust)
	}
	if one.trust, err = policy.Parse(text, policy.Trust); err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	total := 0
	for i, text := range r.Policies {
		if total += size(text); total > maxRolePolicies {
			return nil, fmt.Errorf("its policies have more than %d characters", maxRolePolicies)
		}
		p, err := policy.Parse(text, policy.Identity)
		if err != nil {
			return nil, fmt.Errorf("policy %d: %w", i+1, err)
		}
		one.policies = append(one.policies, p)
	}
	return one, nil
}

// newRole reads the ARN of a role and returns its account too.
func newRole(arn string) (*role, string, error) {
	m := rolePattern.FindStringSubmatch(arn)
	if m == nil || len(m[2]) > 511 {
		return nil, "", errors.New("it must be the ARN of a role, arn:aws:iam::123456789012:role/Name")
	}
	return &role{arn: arn, path: m[2], name: m[3], max: time.Hour}, m[1], nil
}

// size counts characters as IAM's quotas do.
func size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

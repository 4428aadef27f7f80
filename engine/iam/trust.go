package iam

import "github.com/stagedoor/stagedoor/engine/policy"

// names tells how p names a caller, or the provider of a web identity.
func names(p policy.Principal, caller *Principal, provider string) policy.Bond {
	switch {
	case provider != "":
		if p.Anybody || p.Provider == provider {
			return policy.Himself
		}
	case p.Anybody, p.Account != "" && p.Account == caller.Account:
		return policy.OfAccount
	case p.ARN == "":
	case p.ARN == caller.ARN:
		return policy.Himself
	case p.ARN == caller.RoleARN:
		return policy.OfRole
	}
	return policy.Stranger
}

// trusts evaluates the trust policy of a role.
func (r *role) trusts(in *scope, provider string) policy.Bond {
	return r.trust.Trusts(&in.Scope, func(p policy.Principal) policy.Bond { return names(p, in.p, provider) })
}

// admits decides whether caller may do action, of sts, to the role. As between a principal and a resource of one account,
// what the resource says about the principal itself counts as much as what the principal's policies say ("Policy
// evaluation logic", IAM User Guide); nothing beats a Deny.
func (r *role) admits(caller *Principal, action string, c Call) bool {
	c.Action, c.Resource = action, r.arn
	in := newScope(caller, &c)
	own, session := policy.Allowed, policy.Allowed
	if !caller.root {
		own = policy.Decide(&in.Scope, caller.policies...)
		if caller.session != nil {
			session = policy.Decide(&in.Scope, caller.session)
		}
	}
	if own == policy.Denied || session == policy.Denied {
		return false
	}
	switch r.trusts(in, "") {
	case policy.Himself:
		return true
	case policy.OfRole:
		return session == policy.Allowed
	case policy.OfAccount:
		return own == policy.Allowed && session == policy.Allowed
	case policy.Stranger:
	}
	return false
}

// admitsFrom decides the same for a web identity, who has no policies of his own.
func (r *role) admitsFrom(provider, action string, c Call) bool {
	c.Action, c.Resource = action, r.arn
	return r.trusts(newScope(&Principal{}, &c), provider) == policy.Himself
}

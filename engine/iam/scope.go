package iam

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/policy"
)

// Call is what a principal wants to do.
type Call struct {
	Action   string // e.g. chime:SendChannelMessage
	Resource string // an ARN, or "*" for an action that has none

	// RequestTags are the tags the request would set. nil means that nobody looked: a policy that asks for them then
	// neither allows nor fails to deny. A request without tags has an empty map.
	RequestTags map[string]string
	TagKeys     []string // keys of tags that are in the request without a value, as when one is taken away
	// ResourceTags finds the tags of the resource, if a policy asks for them. nil, or false, means unknown, as above.
	ResourceTags func() (map[string]string, bool)

	now   time.Time
	extra map[string][]string // further condition keys in lower case
}

// scope is a call and who makes it: what conditions and policy variables can ask for.
type scope struct {
	policy.Scope
	p    *Principal
	call *Call
}

func is(values ...string) policy.Found { return policy.Found{Known: true, Values: values} }

// lookup finds the values of a condition key, given in lower case (IAM User Guide, "Global condition context keys").
func (in *scope) lookup(key string) policy.Found {
	prefix, name, _ := strings.Cut(key, "/")
	switch prefix {
	case "aws:principaltag":
		return tagged(in.p.Tags, name)
	case "aws:requesttag":
		if in.call.RequestTags != nil {
			return tagged(in.call.RequestTags, name)
		}
		return policy.Found{}
	case "aws:resourcetag":
		if in.call.ResourceTags != nil {
			if tags, ok := in.call.ResourceTags(); ok {
				return tagged(tags, name)
			}
		}
		return policy.Found{}
	}
	if values, ok := in.call.extra[key]; ok {
		return policy.Found{Known: true, Several: key == "sts:transitivetagkeys", Values: values}
	}
	switch key {
	case "aws:tagkeys":
		f := policy.Found{Known: in.call.RequestTags != nil, Several: true}
		f.Values = slices.AppendSeq(f.Values, maps.Keys(in.call.RequestTags))
		f.Values = append(f.Values, in.call.TagKeys...)
		return f
	case "aws:currenttime":
		return is(in.now().Format(time.RFC3339))
	case "aws:epochtime":
		return is(strconv.FormatInt(in.now().Unix(), 10))
	case "aws:resourceaccount":
		if in.Parts != nil {
			return is(in.Parts[4])
		}
		return is()
	case "sts:externalid", "sts:sourceidentity", "sts:rolesessionname", "sts:transitivetagkeys":
		return is() // only a request to STS has them
	}
	return in.p.lookup(key)
}

func (in *scope) now() time.Time {
	if in.call.now.IsZero() {
		return time.Now().UTC()
	}
	return in.call.now.UTC()
}

// lookup finds the keys that tell who calls.
func (p *Principal) lookup(key string) policy.Found {
	one := func(s string) policy.Found {
		if s == "" {
			return is()
		}
		return is(s)
	}
	switch key {
	case "aws:principalarn":
		if p.RoleARN != "" {
			return is(p.RoleARN)
		}
		return one(p.ARN)
	case "aws:principalaccount":
		return one(p.Account)
	case "aws:principaltype":
		if p.root {
			return is("Account")
		}
		return is("AssumedRole")
	case "aws:userid":
		return one(p.UserID)
	case "aws:sourceidentity":
		return one(p.SourceIdentity)
	case "aws:username", "aws:multifactorauthpresent":
		return is() // there are no IAM users and no second factors
	}
	return policy.Found{}
}

// tagged finds the value of a tag. Keys of tags are case-insensitive here, as all of a condition key is; where two tags
// differ in case only, nobody can tell which one is meant.
func tagged(tags map[string]string, name string) policy.Found {
	f := is()
	if name == "" {
		return policy.Found{}
	}
	for key, value := range tags {
		if strings.EqualFold(key, name) {
			f.Values = append(f.Values, value)
		}
	}
	if len(f.Values) > 1 {
		return policy.Found{}
	}
	return f
}

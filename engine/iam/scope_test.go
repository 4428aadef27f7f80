package iam_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
)

// TestConditionKeys asks for each key that the engine knows, and for some that it does not.
func TestConditionKeys(t *testing.T) {
	tags := func(tags map[string]string, known bool) func() (map[string]string, bool) {
		return func() (map[string]string, bool) { return tags, known }
	}
	for _, c := range []struct {
		name, condition string
		call            iam.Call
		allows, denies  bool // as the condition of an Allow, and of a Deny beside an Allow of everything
	}{
		{"principal tag", `{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, iam.Call{}, true, true},
		{"no such principal tag", `{"StringEquals":{"aws:PrincipalTag/x":"red"}}`, iam.Call{}, false, false},
		{"the role's ARN, not the session's", `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::` + account + `:role/p/Fan"}}`, iam.Call{}, true, true},
		{"accounts", `{"StringEquals":{"aws:PrincipalAccount":"` + account + `","aws:ResourceAccount":"` + account + `"}}`, iam.Call{}, true, true},
		{"no resource, no account", `{"Null":{"aws:ResourceAccount":"true"}}`, iam.Call{Resource: "*"}, true, true},
		{"kind", `{"StringEquals":{"aws:PrincipalType":"AssumedRole"}}`, iam.Call{}, true, true},
		{"user id", `{"StringLike":{"aws:userid":"AROA*:tk1"}}`, iam.Call{}, true, true},
		{"source identity", `{"StringEquals":{"aws:SourceIdentity":"ann"}}`, iam.Call{}, true, true},
		{"no user name", `{"Null":{"aws:username":"true","aws:MultiFactorAuthPresent":"true"}}`, iam.Call{}, true, true},
		{"time", `{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"},"NumericGreaterThan":{"aws:EpochTime":1577836800}}`, iam.Call{}, true, true},
		{"sts keys are absent elsewhere", `{"Null":{"sts:ExternalId":"true","sts:SourceIdentity":"true","sts:RoleSessionName":"true","sts:TransitiveTagKeys":"true"}}`, iam.Call{}, true, true},
		{"request tag", `{"StringEquals":{"aws:RequestTag/a":"b"}}`, iam.Call{RequestTags: map[string]string{"A": "b"}}, true, true},
		{"no request tag", `{"StringEquals":{"aws:RequestTag/a":"b"}}`, iam.Call{RequestTags: map[string]string{}}, false, false},
		{"request tags nobody looked up", `{"StringEquals":{"aws:RequestTag/a":"b"}}`, iam.Call{}, false, true},
		{"tag keys", `{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, iam.Call{RequestTags: map[string]string{"a": "1", "b": "2"}}, true, true},
		{"more tag keys", `{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`, iam.Call{RequestTags: map[string]string{"a": "1", "b": "2"}}, false, false},
		{"tag keys nobody looked up", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}`, iam.Call{}, false, true},
		{"resource tag", `{"StringEquals":{"aws:ResourceTag/a":"${aws:PrincipalTag/Team}"}}`, iam.Call{ResourceTags: tags(map[string]string{"a": "red"}, true)}, true, true},
		{"no resource tag", `{"StringEquals":{"aws:ResourceTag/a":"b"}}`, iam.Call{ResourceTags: tags(nil, true)}, false, false},
		{"resource tags that cannot be read", `{"StringEquals":{"aws:ResourceTag/a":"b"}}`, iam.Call{ResourceTags: tags(nil, false)}, false, true},
		{"resource tags nobody looked up", `{"StringNotEquals":{"aws:ResourceTag/a":"b"}}`, iam.Call{}, false, true},
		{"two resource tags that differ in case", `{"StringEquals":{"aws:ResourceTag/a":"b"}}`, iam.Call{ResourceTags: tags(map[string]string{"a": "b", "A": "c"}, true)}, false, true},
		{"keys of tags to take away", `{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}`, iam.Call{RequestTags: map[string]string{}, TagKeys: []string{"a"}}, true, true},
		{"a key of AWS that is not here", `{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`, iam.Call{}, false, true},
		{"a tag key without a name", `{"StringEquals":{"aws:PrincipalTag":"red"}}`, iam.Call{}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := `{"Effect":"Allow","Action":"chime:*","Resource":"*"}`
			about := `"Action":"chime:*","Resource":"*","Condition":` + c.condition + `}`
			for statements, want := range map[string]bool{
				`{"Effect":"Allow",` + about:             c.allows,
				all + `,{"Effect":"Deny",` + about:       !c.denies,
				`{"Effect":"Deny",` + about + `,` + all:  !c.denies,
				all + `,` + `{"Effect":"Allow",` + about: true,
			} {
				document := `{"Version":"2012-10-17","Statement":[` + statements + `]}`
				for place, p := range principals(t, document, all) {
					call := c.call
					if call.Action = "chime:SendChannelMessage"; call.Resource == "" {
						call.Resource = user
					}
					if got := p.May(call); got != want {
						t.Errorf("%s as %s: %v", document, place, got)
					}
				}
			}
		})
	}
}

// principals makes a session with the document as its role's policy, and one with it as its session policy.
func principals(t *testing.T, document, all string) map[string]*iam.Principal {
	t.Helper()
	in := iam.Request{RoleARN: roleARN + "p/Fan", SessionName: "tk1", Tags: map[string]string{"Team": "red"}, SourceIdentity: "ann"}
	out := map[string]*iam.Principal{}
	a := newAuthority(t, with(iam.Role{ARN: in.RoleARN, Policies: []string{document}}))
	out["role's policy"] = assume(t, a, in).Principal
	a = newAuthority(t, with(iam.Role{ARN: in.RoleARN, Policies: []string{`{"Statement":` + all + `}`}}))
	in.Policy = document
	out["session policy"] = assume(t, a, in).Principal
	return out
}

func TestAnExplicitDenyBeatsEverything(t *testing.T) {
	allow := func(action string) string {
		return `{"Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}`
	}
	deny := func(action string) string {
		return `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"` + action + `","Resource":"*"}]}`
	}
	for name, c := range map[string]struct {
		role    []string
		session string
		want    bool
	}{
		"nothing":                       {nil, "", false},
		"one allows":                    {[]string{allow("chime:Send*")}, "", true},
		"another allows":                {[]string{allow("chime:Connect"), allow("chime:Send*")}, "", true},
		"one allows, another denies":    {[]string{allow("chime:Send*"), deny("chime:Send*")}, "", false},
		"one denies, another allows":    {[]string{deny("chime:Send*"), allow("chime:Send*")}, "", false},
		"session narrows":               {[]string{allow("chime:*")}, allow("chime:Connect"), false},
		"session agrees":                {[]string{allow("chime:*")}, allow("chime:SendChannelMessage"), true},
		"session gives what is not had": {[]string{allow("chime:Connect")}, allow("chime:*"), false},
		"session denies":                {[]string{allow("chime:*")}, deny("chime:Send*"), false},
		"role denies, session allows":   {[]string{deny("chime:Send*")}, allow("*"), false},
		"session denies something else": {[]string{allow("chime:*")}, deny("chime:Connect"), true},
	} {
		a := newAuthority(t, with(iam.Role{ARN: fanRole, Policies: c.role}))
		p := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: c.session, Duration: time.Hour}).Principal
		if got := p.Allows("chime:SendChannelMessage", user); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

package iam_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
)

const (
	rootARN   = `"arn:aws:iam::` + account + `:root"`
	roleARN   = "arn:aws:iam::" + account + ":role/"
	provider  = "id.example/tenant"
	federated = `"arn:aws:iam::` + account + `:oidc-provider/` + provider + `"`
	chimeAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"chime:*","Resource":"*"}}`
	stsAll    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}`
)

// trusting makes a role of a trust policy's statements.
func trusting(name, statements string, policies ...string) iam.Role {
	return iam.Role{ARN: roleARN + name, Trust: `{"Version":"2012-10-17","Statement":[` + statements + `]}`, Policies: policies}
}

func with(roles ...iam.Role) func(*iam.Config) {
	return func(c *iam.Config) { c.Roles = roles }
}

func TestConfiguredRolesAreTheOnlyOnes(t *testing.T) {
	pinned := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"chime:Connect",` +
		`"Resource":"arn:aws:chime:us-east-1:123456789012:app-instance/ai/user/${aws:PrincipalTag/UserUUID}"}}`
	a := newAuthority(t, with(iam.Role{ARN: fanRole, Policies: []string{pinned}}))
	c := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Tags: map[string]string{"UserUUID": "u-1"}})
	if !c.Principal.Allows("chime:Connect", user) || c.Principal.Allows("chime:Connect", other) {
		t.Error("the tag does not pin the user")
	}
	for _, arn := range []string{roleARN + "Admin", roleARN + "fan", roleARN + "path/Fan", roleARN + "x/y/Fan"} {
		_, err := a.AssumeRole(root(t, a), iam.Request{RoleARN: arn, SessionName: "tk1"}, now)
		wantCode(t, err, "AccessDenied")
	}
	for name, roles := range map[string]iam.Roles{"taken out": {}, "moved": {{ARN: roleARN + "path/Fan", Policies: []string{pinned}}}} {
		_, _, err := newAuthority(t, with(roles...)).Lookup(c.AccessKeyID, c.SessionToken, now)
		if name == "taken out" {
			_, _, err = newAuthority(t, func(c *iam.Config) { c.Roles = iam.Roles{} }).Lookup(c.AccessKeyID, c.SessionToken, now)
		}
		wantKey(t, err, "UnrecognizedClientException")
	}
	_, p, err := newAuthority(t, with(iam.Role{ARN: fanRole})).Lookup(c.AccessKeyID, c.SessionToken, now)
	if err != nil || p.Allows("chime:Connect", user) {
		t.Errorf("the role's policy is not today's: %v", err)
	}
}

// role/path/Fan once was the role Fan: a Deny on role/Fan did not cover it.
func TestARoleWithAPathIsAnotherRole(t *testing.T) {
	a := newAuthority(t, with(trusting("Backend", `{"Effect":"Allow","Principal":{"AWS":`+rootARN+`},"Action":"sts:AssumeRole"}`,
		`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+roleARN+`*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"`+fanRole+`"}]}`),
		iam.Role{ARN: fanRole, Policies: []string{chimeAll}}))
	backend := assume(t, a, iam.Request{RoleARN: roleARN + "Backend", SessionName: "be"}).Principal
	for _, arn := range []string{fanRole, roleARN + "path/Fan"} {
		_, err := a.AssumeRole(backend, iam.Request{RoleARN: arn, SessionName: "tk1"}, now)
		wantCode(t, err, "AccessDenied")
	}
	any := newAuthority(t, nil)
	plain, under := assume(t, any, iam.Request{RoleARN: fanRole, SessionName: "tk1"}), assume(t, any, iam.Request{RoleARN: roleARN + "a/b/Fan", SessionName: "tk1"})
	if plain.Principal.UserID == under.Principal.UserID || under.Principal.RoleARN != roleARN+"a/b/Fan" {
		t.Errorf("%+v is %+v", under.Principal, plain.Principal)
	}
}

func TestTrustPoliciesSayWhoMayTakeARole(t *testing.T) {
	backend, session := roleARN+"Backend", "arn:aws:sts::"+account+":assumed-role/Backend/be"
	who := func(w string) string {
		return `{"Effect":"Allow","Principal":{"AWS":` + w + `},"Action":["sts:AssumeRole","sts:TagSession"]}`
	}
	deny := func(w string) string {
		return `,{"Effect":"Deny","Principal":{"AWS":` + w + `},"Action":"sts:AssumeRole"}`
	}
	when := func(c string) string {
		return `{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":` + c + `}`
	}
	session1 := `{"Statement":{"Effect":"Allow","Action":"chime:Connect","Resource":"*"}}`
	for _, c := range []struct {
		name, trust, own, session string // the caller's role's policy and session policy; own "" is the root key
		request                   iam.Request
		ok                        bool
	}{
		{"the root key, by its account", who(rootARN), "", "", iam.Request{}, true},
		{"the root key, by its number", who(`"` + account + `"`), "", "", iam.Request{}, true},
		{"the root key of another account", who(`"999999999999"`), "", "", iam.Request{}, false},
		{"the root key where a role is named", who(`"` + backend + `"`), "", "", iam.Request{}, false},
		{"anybody is the root key too", who(`"*"`), "", "", iam.Request{}, true},
		{"denied to the account", who(rootARN) + deny(rootARN), "", "", iam.Request{}, false},
		{"account, and the role allows", who(rootARN), stsAll, "", iam.Request{}, true},
		{"account, and the role is silent", who(rootARN), chimeAll, "", iam.Request{}, false},
		{"account, and the session policy is silent", who(rootARN), stsAll, session1, iam.Request{}, false},
		{"anybody, and the role is silent", who(`"*"`), chimeAll, "", iam.Request{}, false},
		{"role by name, silent itself", who(`"` + backend + `"`), chimeAll, "", iam.Request{}, true},
		{"role by name, session policy silent", who(`"` + backend + `"`), stsAll, session1, iam.Request{}, false},
		{"role by name, denied by itself", who(`"` + backend + `"`), `{"Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}`, "", iam.Request{}, false},
		{"session by name", who(`"` + session + `"`), chimeAll, session1, iam.Request{}, true},
		{"session by name, denied by its session policy", who(`"` + session + `"`), stsAll, `{"Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}`, iam.Request{}, false},
		{"other session by name", who(`"` + session + `2"`), stsAll, "", iam.Request{}, false},
		{"other role by name", who(`"` + backend + `2"`), stsAll, "", iam.Request{}, false},
		{"same name under a path", who(`"` + roleARN + `x/Backend"`), stsAll, "", iam.Request{}, false},
		{"session by name, its role denied", who(`"`+session+`"`) + deny(`"`+backend+`"`), stsAll, "", iam.Request{}, false},
		{"a service", `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, "", "", iam.Request{}, false},
		{"a provider", `{"Effect":"Allow","Principal":{"Federated":` + federated + `},"Action":"sts:AssumeRole"}`, "", "", iam.Request{}, false},
		{"another action", `{"Effect":"Allow","Principal":"*","Action":"sts:TagSession"}`, "", "", iam.Request{}, false},
		{"all but another action", `{"Effect":"Allow","Principal":"*","NotAction":"sts:TagSession"}`, "", "", iam.Request{}, true},
		{"tags", who(rootARN), "", "", iam.Request{Tags: map[string]string{"a": "b"}}, true},
		{"tags without TagSession", `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`, "", "", iam.Request{Tags: map[string]string{"a": "b"}}, false},
		{"tags the caller may not set", who(rootARN), `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`, "", iam.Request{Tags: map[string]string{"a": "b"}}, false},
		{"source identity without SetSourceIdentity", who(rootARN), "", "", iam.Request{SourceIdentity: "ann"}, false},
		{"the right external id", when(`{"StringEquals":{"sts:ExternalId":"x1"}}`), "", "", iam.Request{ExternalID: "x1"}, true},
		{"another external id", when(`{"StringEquals":{"sts:ExternalId":"x1"}}`), "", "", iam.Request{ExternalID: "x2"}, false},
		{"no external id", when(`{"StringEquals":{"sts:ExternalId":"x1"}}`), "", "", iam.Request{}, false},
		{"session name as the caller's tag says", when(`{"StringEquals":{"sts:RoleSessionName":"tk1"}}`), "", "", iam.Request{}, true},
		{"source identity", when(`{"StringLike":{"sts:SourceIdentity":"a*"}}`), "", "", iam.Request{SourceIdentity: "ann"}, true},
		{"request tag", when(`{"StringEquals":{"aws:RequestTag/a":"b"}}`), "", "", iam.Request{Tags: map[string]string{"A": "b"}}, true},
		{"only these tags", when(`{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`), "", "", iam.Request{Tags: map[string]string{"a": "b", "c": "d"}}, false},
		{"transitive tags", when(`{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"a"}}`), "", "", iam.Request{Tags: map[string]string{"a": "b"}, TransitiveTags: []string{"a"}}, true},
		{"no transitive tags", when(`{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"a"}}`), "", "", iam.Request{Tags: map[string]string{"a": "b"}}, false},
		{"principal's ARN", when(`{"ArnEquals":{"aws:PrincipalArn":"` + backend + `"}}`), stsAll, "", iam.Request{}, true},
		{"a key nobody knows", when(`{"StringEquals":{"aws:SourceIp":"1.2.3.4"}}`), "", "", iam.Request{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthority(t, with(trusting("Fan", c.trust), iam.Role{ARN: backend, Policies: []string{c.own}[:min(1, len(c.own))]}))
			caller := root(t, a)
			if c.own != "" {
				caller = assume(t, a, iam.Request{RoleARN: backend, SessionName: "be", Policy: c.session}).Principal
			}
			in := c.request
			in.RoleARN, in.SessionName = fanRole, "tk1"
			_, err := a.AssumeRole(caller, in, now)
			if c.ok && err != nil {
				t.Fatal(err)
			}
			if !c.ok {
				wantCode(t, err, "AccessDenied")
			}
		})
	}
}

func TestHowLongASessionMayBe(t *testing.T) {
	a := newAuthority(t, with(iam.Role{ARN: fanRole, MaxDuration: 2 * time.Hour}, iam.Role{ARN: roleARN + "Backend", Policies: []string{stsAll}}))
	backend := assume(t, a, iam.Request{RoleARN: roleARN + "Backend", SessionName: "be"}).Principal
	for _, c := range []struct {
		caller *iam.Principal
		role   string
		length time.Duration
		ok     bool
	}{
		{root(t, a), "Fan", 2 * time.Hour, true}, {root(t, a), "Fan", 2*time.Hour + time.Second, false},
		{root(t, a), "Backend", time.Hour, true}, {root(t, a), "Backend", time.Hour + time.Second, false},
		{backend, "Fan", time.Hour, true}, {backend, "Fan", time.Hour + time.Second, false},
	} {
		_, err := a.AssumeRole(c.caller, iam.Request{RoleARN: roleARN + c.role, SessionName: "tk1", Duration: c.length}, now)
		if c.ok && err != nil {
			t.Errorf("%s for %v: %v", c.role, c.length, err)
		}
		if !c.ok {
			wantCode(t, err, "ValidationError")
		}
	}
}

func TestTransitiveTagsAndSourceIdentityGoDownTheChain(t *testing.T) {
	a := newAuthority(t, with(iam.Role{ARN: roleARN + "One", Policies: []string{stsAll}}, iam.Role{ARN: roleARN + "Two", Policies: []string{stsAll}}))
	one := assume(t, a, iam.Request{RoleARN: roleARN + "One", SessionName: "s1", Tags: map[string]string{"Team": "red", "Own": "1"},
		TransitiveTags: []string{"team"}, SourceIdentity: "ann"})
	in := iam.Request{RoleARN: roleARN + "Two", SessionName: "s2", Tags: map[string]string{"More": "2"}}
	_, p1, err := a.Lookup(one.AccessKeyID, one.SessionToken, now)
	if err != nil {
		t.Fatal(err)
	}
	two, err := a.AssumeRole(p1, in, now)
	if err != nil {
		t.Fatal(err)
	}
	_, p2, err := a.Lookup(two.AccessKeyID, two.SessionToken, now)
	if err != nil || p2.Tags["team"] != "red" || p2.Tags["More"] != "2" || len(p2.Tags) != 2 || p2.SourceIdentity != "ann" {
		t.Fatalf("got %+v, %v", p2, err)
	}
	in.RoleARN = roleARN + "One"
	if three, err := a.AssumeRole(p2, in, now); err != nil || three.Principal.Tags["team"] != "red" {
		t.Errorf("the third: %v", err)
	}
	in.Tags = map[string]string{"TEAM": "blue"}
	_, err = a.AssumeRole(p2, in, now)
	wantCode(t, err, "InvalidParameterValue")
	in.Tags, in.SourceIdentity = nil, "bob"
	_, err = a.AssumeRole(p2, in, now)
	wantCode(t, err, "AccessDenied")
	in.SourceIdentity, in.Tags = "", map[string]string{}
	for i := range 50 {
		in.Tags[strings.Repeat("k", i+1)] = ""
	}
	_, err = a.AssumeRole(p2, in, now)
	wantCode(t, err, "ValidationError")
	if !maps.Equal(p2.Tags, map[string]string{"team": "red", "More": "2"}) {
		t.Error("a principal was changed")
	}
}

func TestWebIdentitiesNeedARoleThatTrustsTheirProvider(t *testing.T) {
	allow := func(action, condition string) string {
		return `{"Effect":"Allow","Principal":{"Federated":` + federated + `},"Action":` + action + `,"Condition":` + condition + `}`
	}
	const assumeIt = `"sts:AssumeRoleWithWebIdentity"`
	ann := iam.Identity{Provider: provider, Issuer: "https://" + provider, Subject: "user-ann", Audience: "stagedoor"}
	tagged := ann
	tagged.Tags, tagged.TransitiveTags, tagged.SourceIdentity = map[string]string{"Team": "red"}, []string{"Team"}, "ann"
	stranger := ann
	stranger.Provider = "evil.example"
	for _, c := range []struct {
		name, trust string
		who         iam.Identity
		ok          bool
	}{
		{"trusted", allow(assumeIt, `{}`), ann, true},
		{"other provider", allow(assumeIt, `{}`), stranger, false},
		{"by audience and subject", allow(assumeIt, `{"StringEquals":{"`+provider+`:aud":"stagedoor","`+provider+`:sub":["user-bob","user-ann"]}}`), ann, true},
		{"other audience", allow(assumeIt, `{"StringEquals":{"`+provider+`:aud":"other"}}`), ann, false},
		{"other subject", allow(assumeIt, `{"StringEquals":{"`+provider+`:sub":"user-bob"}}`), ann, false},
		{"another provider's subject", allow(assumeIt, `{"StringEquals":{"evil.example:sub":"user-ann"}}`), ann, false},
		{"denied", allow(assumeIt, `{}`) + `,{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringLike":{"` + provider + `:sub":"user-*"}}}`, ann, false},
		{"tags without TagSession", allow(assumeIt, `{}`), tagged, false},
		{"tags and source identity", allow(`"sts:*"`, `{"StringEquals":{"aws:RequestTag/Team":"red","sts:SourceIdentity":"ann"}}`), tagged, true},
		{"AssumeRole is another action", allow(`"sts:AssumeRole"`, `{}`), ann, false},
		{"the account is not the provider", `{"Effect":"Allow","Principal":{"AWS":` + rootARN + `},"Action":"sts:*"}`, ann, false},
		{"anybody", `{"Effect":"Allow","Principal":"*","Action":"sts:*"}`, ann, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			role := trusting("Fan", c.trust, chimeAll)
			role.MaxDuration = 12 * time.Hour
			a := newAuthority(t, with(role))
			got, err := a.AssumeRoleWithWebIdentity(c.who, iam.Request{RoleARN: fanRole, SessionName: "tk1", Duration: 12 * time.Hour,
				Tags: map[string]string{"Forged": "1"}, SourceIdentity: "forged"}, now)
			if !c.ok {
				wantCode(t, err, "AccessDenied")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p := got.Principal
			if p.ARN != "arn:aws:sts::"+account+":assumed-role/Fan/tk1" || !maps.Equal(p.Tags, c.who.Tags) || p.SourceIdentity != c.who.SourceIdentity || !p.Allows("chime:Connect", user) {
				t.Errorf("got %+v", p)
			}
		})
	}
	_, err := newAuthority(t, nil).AssumeRoleWithWebIdentity(ann, iam.Request{RoleARN: fanRole, SessionName: "tk1"}, now)
	wantCode(t, err, "AccessDenied")
}

func TestARolesFileSaysWhatIsWrongWithIt(t *testing.T) {
	role := func(rest string) string { return `{"Roles":[{"Arn":"` + fanRole + `"` + rest + `}]}` }
	trust := func(principal string) string {
		return role(`,"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + `}}`)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {``, "ends too early"},
		"no list":             {`{}`, `no list "Roles"`},
		"other name":          {`{"roles":[]}`, `unknown element "roles"`},
		"second entry":        {`{"Roles":[{"Arn":"` + fanRole + `"},{"ARN":"x"}]}`, `entry 2: unknown element "ARN"`},
		"no ARN":              {`{"Roles":[{}]}`, `must be the ARN of a role`},
		"a user's ARN":        {`{"Roles":[{"Arn":"arn:aws:iam::123456789012:user/Fan"}]}`, "user/Fan"},
		"same name":           {`{"Roles":[{"Arn":"` + fanRole + `"},{"Arn":"` + roleARN + `x/FAN"}]}`, "its name is that of"},
		"short":               {role(`,"MaxSessionDuration":3599`), "3600 to 43200"},
		"long":                {role(`,"MaxSessionDuration":43201`), "3600 to 43200"},
		"text for a number":   {role(`,"MaxSessionDuration":"3600"`), "must not be a string"},
		"bad policy":          {role(`,"Policies":[` + chimeAll + `,{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}]`), `Fan": policy 2: statement 1: the action "x"`},
		"large policies":      {role(`,"Policies":[` + chimeAll + `,{"Id":"` + strings.Repeat("x", 10240) + `"}]`), "more than 10240"},
		"large trust":         {role(`,"AssumeRolePolicyDocument":{"Id":"` + strings.Repeat("x", 4096) + `"}`), "more than 4096"},
		"trust of a resource": {role(`,"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}`), `unknown element "Resource"`},
		"trust in chime":      {role(`,"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"chime:*","Principal":"*"}}`), "actions of sts only"},
		"trust of everything": {role(`,"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"*","Principal":"*"}}`), "actions of sts only"},
		"trust of nobody":     {role(`,"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`), "a Principal is needed"},
		"empty principal":     {trust(`{}`), "names nobody"},
		"principal text":      {trust(`"` + account + `"`), "not an object"},
		"principal kind":      {trust(`{"aws":"*"}`), `unknown element "aws"`},
		"principal wildcard":  {trust(`{"AWS":"` + roleARN + `*"}`), `invalid principal in policy: "AWS"`},
		"principal partition": {trust(`{"AWS":"arn:aws-cn:iam::` + account + `:root"}`), `invalid principal`},
		"half a root":         {trust(`{"AWS":"` + account + `:root"}`), `invalid principal`},
		"provider as a URL":   {trust(`{"Federated":"https://id.example"}`), `oidc-provider/HOST`},
	} {
		roles, err := iam.ReadRoles(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want %q", name, roles, err, c.want)
		}
	}
}

func TestARolesFileIsRead(t *testing.T) {
	roles, err := iam.ReadRoles(strings.NewReader(`{"Roles":[
		{"Arn":"` + fanRole + `","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":[` + federated + `]},"Action":"sts:AssumeRoleWithWebIdentity"}]},
		 "Policies":[` + chimeAll + `],"MaxSessionDuration":43200},
		{"Arn":"` + roleARN + `staff/Mod"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(roles) != 2 || roles[0].MaxDuration != 12*time.Hour || len(roles[0].Policies) != 1 || roles[1].ARN != roleARN+"staff/Mod" {
		t.Errorf("got %+v", roles)
	}
	a := newAuthority(t, with(roles...))
	mod := assume(t, a, iam.Request{RoleARN: roleARN + "staff/Mod", SessionName: "mo"}).Principal
	if mod.ARN != "arn:aws:sts::"+account+":assumed-role/Mod/mo" || mod.Allows("chime:Connect", user) {
		t.Errorf("got %+v", mod)
	}
	if none, err := iam.ReadRoles(strings.NewReader(`{"Roles":[]}`)); err != nil || none == nil {
		t.Errorf("an empty list is %v, %v; it must not be the same as no list", none, err)
	}
}

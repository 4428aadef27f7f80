package policy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	acct    = "123456789012"
	app     = "arn:aws:chime:us-east-1:" + acct + ":app-instance/ai"
	userOne = app + "/user/u-1"
	userTwo = app + "/user/u-2"
	channel = app + "/channel/ev-1"

	send, connect = "chime:SendChannelMessage", "chime:Connect"
)

// at makes a scope with the keys of the tests.
func at(action, resource string) *Scope {
	one := func(values ...string) Found { return Found{Known: true, Values: values} }
	keys := map[string]Found{
		"aws:principaltag/useruuid": one("u-1"), "aws:principaltag/star": one("*"), "aws:principaltag/colon": one("a:b"),
		"aws:principaltag/team": one("red"), "aws:principaltag/no": one(), "aws:multifactorauthpresent": one(),
		"aws:requesttag/env": one("test"), "aws:tagkeys": {Known: true, Several: true, Values: []string{"Env", "Team"}},
		"aws:resourcetag/team": one("red"), "aws:resourcetag/level": one("7"),
		"aws:principalarn": one("arn:aws:iam::" + acct + ":role/x/Fan"), "aws:principalaccount": one(acct), "aws:userid": one("AROAX:tk"),
		"aws:currenttime": one("2026-11-22T20:00:00Z"), "aws:epochtime": one("1795377600"),
	}
	in := &Scope{Action: strings.ToLower(action), Lookup: func(key string) Found { return keys[key] }}
	if resource != "*" {
		in.Parts = SplitARN(resource, false)
	}
	return in
}

func parse(t testing.TB, statements string) *Policy {
	t.Helper()
	p, err := Parse(`{"Version":"2012-10-17","Statement":[`+statements+`]}`, Identity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPoliciesDecideAsIAMDoes(t *testing.T) {
	const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	tag := app + "/user/${aws:PrincipalTag/"
	for _, c := range []struct {
		name, statements string
		action, resource string
		want             Decision
	}{
		{"nothing matches", `{"Effect":"Allow","Action":"chime:Connect","Resource":"*"}`, send, channel, Silent},
		{"star", all, send, channel, Allowed},
		{"action wildcard", `{"Effect":"Allow","Action":"chime:Send*","Resource":"*"}`, send, channel, Allowed},
		{"question mark", `{"Effect":"Allow","Action":"chime:Connec?","Resource":"*"}`, connect, userOne, Allowed},
		{"question mark is not none", `{"Effect":"Allow","Action":"chime:Connect?","Resource":"*"}`, connect, userOne, Silent},
		{"action in other case", `{"Effect":"Allow","Action":"CHIME:sendchannelmessage","Resource":"*"}`, send, channel, Allowed},
		{"resource in other case", `{"Effect":"Allow","Action":"chime:*","Resource":"` + strings.Replace(channel, "ev", "EV", 1) + `"}`, send, channel, Silent},
		{"exact resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userOne, Allowed},
		{"other resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userTwo, Silent},
		{"longer resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userOne + "1", Silent},
		{"several resources", `{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage"],"Resource":["arn:aws:s3:::x","` + app + `/channel/*"]}`, send, channel, Allowed},
		{"wildcard over a slash", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:chime:us-east-1:` + acct + `:app*"}`, send, channel, Allowed},
		{"wildcards in every part", `{"Effect":"Allow","Action":"*","Resource":"arn:aw?:chi*:*-1:1*2:app-instance/*/channel/ev-?"}`, send, channel, Allowed},
		{"a wildcard stays in its part", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:chime*:app-instance/*"}`, send, channel, Silent},
		{"missing parts are wildcards", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:chime"}`, send, channel, Allowed},
		{"other partition", `{"Effect":"Allow","Action":"*","Resource":"` + strings.Replace(channel, ":aws:", ":aws-cn:", 1) + `"}`, send, channel, Silent},
		{"other service", `{"Effect":"Allow","Action":"*","Resource":"` + strings.Replace(channel, "chime", "s3", 1) + `"}`, send, channel, Silent},
		{"other region", `{"Effect":"Allow","Action":"*","Resource":"` + strings.Replace(channel, "us-east-1", "eu-central-1", 1) + `"}`, send, channel, Silent},
		{"other account", `{"Effect":"Allow","Action":"*","Resource":"` + strings.Replace(channel, acct, "210987654321", 1) + `"}`, send, channel, Silent},
		{"no resource, star", all, "chime:ListAppInstances", "*", Allowed},
		{"no resource, an ARN pattern", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:chime:*:*:*"}`, "chime:ListAppInstances", "*", Silent},
		{"no resource, denied elsewhere", all + `,{"Effect":"Deny","Action":"*","NotResource":"` + channel + `"}`, "chime:ListAppInstances", "*", Denied},
		{"explicit deny after allow", all + `,{"Effect":"Deny","Action":"chime:Send*","Resource":"*"}`, send, channel, Denied},
		{"explicit deny before allow", `{"Effect":"Deny","Action":"*","Resource":"` + channel + `"},` + all, send, channel, Denied},
		{"deny elsewhere", `{"Effect":"Deny","Action":"*","Resource":"` + userOne + `"},` + all, send, channel, Allowed},
		{"NotAction", `{"Effect":"Allow","NotAction":"chime:Delete*","Resource":"*"}`, send, channel, Allowed},
		{"NotAction names it", `{"Effect":"Allow","NotAction":["iam:*","chime:Send*"],"Resource":"*"}`, send, channel, Silent},
		{"NotAction denies the rest", all + `,{"Effect":"Deny","NotAction":"chime:Connect","Resource":"*"}`, send, channel, Denied},
		{"NotResource", `{"Effect":"Deny","Action":"*","NotResource":"` + userOne + `"}`, connect, userTwo, Denied},
		{"NotResource names it", `{"Effect":"Allow","Action":"*","NotResource":"` + userOne + `"}`, connect, userOne, Silent},
		{"tag", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `UserUUID}"}`, connect, userOne, Allowed},
		{"tag of another", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `UserUUID}"}`, connect, userTwo, Silent},
		{"tag in other case", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${AWS:principaltag/useruuid}"}`, connect, userOne, Allowed},
		{"unknown tag allows nothing", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `No}"}`, connect, app + "/user/", Silent},
		{"unknown tag with default", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `No, 'u-1'}"}`, connect, userOne, Allowed},
		{"known tag before its default", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `UserUUID, 'u-2'}"}`, connect, userTwo, Silent},
		{"unknown key with default", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:SourceIp, 'u-1'}"}`, connect, userOne, Silent},
		{"unknown tag denies what it may mean", all + `,{"Effect":"Deny","Action":"*","Resource":"` + tag + `No}"}`, connect, userOne, Denied},
		{"unknown tag in another service denies nothing", all + `,{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/No}"}`, connect, userOne, Allowed},
		{"unknown tag in NotResource allows nothing", `{"Effect":"Allow","Action":"*","NotResource":"` + tag + `No}"}`, connect, userOne, Silent},
		{"unknown tag in NotResource denies", all + `,{"Effect":"Deny","Action":"*","NotResource":"` + tag + `No}"}`, connect, userOne, Denied},
		{"several tags are no text", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:TagKeys}"}`, connect, userOne, Silent},
		{"a tag's star is no wildcard", `{"Effect":"Allow","Action":"*","Resource":"` + tag + `star}"}`, connect, userOne, Silent},
		{"a tag's colon does not move the parts", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:${aws:PrincipalTag/colon}:*:*"}`, connect, userOne, Silent},
		{"role's ARN as a variable", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:chime:us-east-1:${aws:PrincipalAccount}:*"}`, connect, userOne, Allowed},
		{"bare star", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/u-${*}"}`, connect, userOne, Silent},
		{"bare star is a star", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${*}"}`, "chime:ListAppInstanceUsers", app + "/user/*", Allowed},
		{"bare question mark", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/u-${?}"}`, connect, userOne, Silent},
		{"bare dollar", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${$}{a}"}`, connect, app + "/user/${a}", Allowed},
		{"variable not closed", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/*${aws"}`, connect, userOne, Silent},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Decide(at(c.action, c.resource), parse(t, c.statements)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestConditionsDecideAsIAMDoes(t *testing.T) {
	for _, c := range []struct {
		name, condition string
		want            verdict
	}{
		{"none", `{}`, yes},
		{"equal", `{"StringEquals":{"aws:PrincipalTag/Team":"red"}}`, yes},
		{"unequal", `{"StringEquals":{"aws:PrincipalTag/Team":"Red"}}`, no},
		{"key in other case", `{"StringEquals":{"AWS:PRINCIPALTAG/team":"red"}}`, yes},
		{"one of several values", `{"StringEquals":{"aws:PrincipalTag/Team":["blue","red"]}}`, yes},
		{"two keys", `{"StringEquals":{"aws:PrincipalTag/Team":"red","aws:ResourceTag/Team":"blue"}}`, no},
		{"two operators", `{"StringEquals":{"aws:PrincipalTag/Team":"red"},"StringLike":{"aws:ResourceTag/Team":"r*"}}`, yes},
		{"tag of principal and resource", `{"StringEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/Team}"}}`, yes},
		{"variable without value", `{"StringEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/No}"}}`, maybe},
		{"variable without value beside one that fits", `{"StringEquals":{"aws:ResourceTag/Team":["${aws:PrincipalTag/No}","red"]}}`, yes},
		{"variable without value, negated", `{"StringNotEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/No}"}}`, maybe},
		{"star is no wildcard in StringEquals", `{"StringEquals":{"aws:PrincipalTag/Team":"r*"}}`, no},
		{"star is a star in StringEquals", `{"StringEquals":{"aws:PrincipalTag/star":"*"}}`, yes},
		{"like", `{"StringLike":{"aws:PrincipalTag/Team":"r?d"}}`, yes},
		{"like, bare star", `{"StringLike":{"aws:PrincipalTag/Team":"${*}"}}`, no},
		{"not like", `{"StringNotLike":{"aws:PrincipalTag/Team":["b*","r*"]}}`, no},
		{"ignoring case", `{"StringEqualsIgnoreCase":{"aws:PrincipalTag/Team":"RED"}}`, yes},
		{"not ignoring case", `{"StringNotEqualsIgnoreCase":{"aws:PrincipalTag/Team":"RED"}}`, no},
		{"not equal to any", `{"StringNotEquals":{"aws:PrincipalTag/Team":["blue","green"]}}`, yes},
		{"not equal to one", `{"StringNotEquals":{"aws:PrincipalTag/Team":["blue","red"]}}`, no},
		{"absent", `{"StringEquals":{"aws:PrincipalTag/No":"red"}}`, no},
		{"absent, negated", `{"StringNotEquals":{"aws:PrincipalTag/No":"red"}}`, yes},
		{"absent, if exists", `{"StringEqualsIfExists":{"aws:PrincipalTag/No":"red"}}`, yes},
		{"present, if exists", `{"StringEqualsIfExists":{"aws:PrincipalTag/Team":"blue"}}`, no},
		{"null, absent", `{"Null":{"aws:PrincipalTag/No":"true"}}`, yes},
		{"null, present", `{"Null":{"aws:PrincipalTag/Team":true}}`, no},
		{"not null", `{"Null":{"aws:PrincipalTag/Team":"false"}}`, yes},
		{"all tag keys", `{"ForAllValues:StringEquals":{"aws:TagKeys":["Env","Team","More"]}}`, yes},
		{"not all tag keys", `{"ForAllValues:StringEquals":{"aws:TagKeys":["Env"]}}`, no},
		{"any tag key", `{"ForAnyValue:StringEquals":{"aws:TagKeys":["Env","No"]}}`, yes},
		{"no tag key", `{"ForAnyValue:StringLike":{"aws:TagKeys":["x*"]}}`, no},
		{"any tag key that is not", `{"ForAnyValue:StringNotEquals":{"aws:TagKeys":"Env"}}`, yes},
		{"all of an absent key", `{"ForAllValues:StringEquals":{"aws:PrincipalTag/No":"x"}}`, yes},
		{"any of an absent key", `{"ForAnyValue:StringEquals":{"aws:PrincipalTag/No":"x"}}`, no},
		{"any of an absent key, negated", `{"ForAnyValue:StringNotEquals":{"aws:PrincipalTag/No":"x"}}`, no},
		{"several values without a quantifier", `{"StringEquals":{"aws:TagKeys":"Env"}}`, maybe},
		{"request tag", `{"StringEquals":{"aws:RequestTag/Env":"test"}}`, yes},
		{"principal's ARN", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x/*"}}`, yes},
		{"ARN, other account", `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::999999999999:role/x/Fan"}}`, no},
		{"ARN, not like", `{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Fan"}}`, yes},
		{"ARN of what is none", `{"ArnLike":{"aws:PrincipalTag/Team":"arn:aws:*:*:*:*"}}`, no},
		{"user id", `{"StringLike":{"aws:userid":"AROA*:tk"}}`, yes},
		{"number", `{"NumericLessThanEquals":{"aws:ResourceTag/Level":7}}`, yes},
		{"number too large", `{"NumericLessThan":{"aws:ResourceTag/Level":"7"}}`, no},
		{"number equal in other form", `{"NumericEquals":{"aws:ResourceTag/Level":"7.0"}}`, yes},
		{"number greater", `{"NumericGreaterThan":{"aws:ResourceTag/Level":"6"},"NumericGreaterThanEquals":{"aws:ResourceTag/Level":"7"}}`, yes},
		{"number unequal", `{"NumericNotEquals":{"aws:ResourceTag/Level":"7"}}`, no},
		{"no number", `{"NumericLessThan":{"aws:ResourceTag/Team":"7"}}`, maybe},
		{"no number, negated", `{"NumericNotEquals":{"aws:ResourceTag/Team":"7"}}`, maybe},
		{"before", `{"DateLessThan":{"aws:CurrentTime":"2026-11-22T20:00:01Z"}}`, yes},
		{"after", `{"DateGreaterThan":{"aws:CurrentTime":"2026-11-22T20:00:00Z"}}`, no},
		{"at an offset", `{"DateEquals":{"aws:CurrentTime":"2026-11-22T21:00:00+01:00"}}`, yes},
		{"Unix seconds", `{"DateGreaterThanEquals":{"aws:EpochTime":"1795377600"},"NumericEquals":{"aws:EpochTime":1795377600}}`, yes},
		{"day", `{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-22"}}`, no},
		{"boolean", `{"Bool":{"aws:PrincipalTag/No":"true"}}`, no},
		{"no second factor", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`, yes},
		{"key nobody knows", `{"StringEquals":{"aws:SourceIp":"1.2.3.4"}}`, maybe},
		{"key nobody knows, negated", `{"StringNotEquals":{"chime:Nonsense":"1.2.3.4"}}`, maybe},
		{"key nobody knows, if exists", `{"StringEqualsIfExists":{"aws:SourceVpc":"x"}}`, maybe},
		{"key nobody knows, null", `{"Null":{"aws:SourceVpc":"true"}}`, maybe},
		{"key nobody knows, all values", `{"ForAllValues:StringEquals":{"aws:SourceVpc":"x"}}`, maybe},
		{"operator that is not ours", `{"IpAddress":{"aws:PrincipalTag/Team":"1.2.3.0/24"}}`, maybe},
		{"operator that is not ours, negated", `{"NotIpAddress":{"aws:PrincipalTag/Team":"1.2.3.0/24"}}`, maybe},
		{"binary", `{"BinaryEquals":{"aws:PrincipalTag/Team":"cmVk"}}`, maybe},
		{"not known and false is false", `{"StringEquals":{"aws:SourceIp":"x","aws:PrincipalTag/Team":"blue"}}`, no},
		{"tag without a name", `{"StringEquals":{"aws:PrincipalTag/":"x"}}`, maybe},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parse(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+c.condition+`}`)
			in := at(send, channel)
			if got := p.statements[0].matches(in); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			// What cannot be known is for the safe side.
			deny := parse(t, `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":`+c.condition+`}`)
			if got := Decide(in, deny) == Denied; got != (c.want != no) {
				t.Errorf("as a Deny: %v", got)
			}
			if got := Decide(in, p) == Allowed; got != (c.want == yes) {
				t.Errorf("as an Allow: %v", got)
			}
		})
	}
}

func TestWithoutTheNewVersionVariablesAreText(t *testing.T) {
	p, err := Parse(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"`+app+`/user/${aws:PrincipalTag/UserUUID}"}}`, Identity)
	if err != nil {
		t.Fatal(err)
	}
	if Decide(at(connect, userOne), p) != Silent || Decide(at(connect, app+"/user/${aws:PrincipalTag/UserUUID}"), p) != Allowed {
		t.Error("a 2008-10-17 document substituted a variable")
	}
}

func TestPoliciesThatCannotBeObeyedAreRefused(t *testing.T) {
	statement := func(s string) string { return `{"Statement":{"Effect":"Allow",` + s + `}}` }
	condition := func(c string) string { return statement(`"Action":"*","Resource":"*","Condition":` + c) }
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":                {`{`, "ends too early"},
		"empty":                   {``, "ends too early"},
		"list":                    {`[]`, "not an object"},
		"trailing":                {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}} {}`, "followed by something"},
		"no statement":            {`{"Version":"2012-10-17"}`, "no Statement"},
		"empty statement":         {`{"Version":"2012-10-17","Statement":[]}`, "no Statement"},
		"statement that is text":  {`{"Statement":"x"}`, "statement 1"},
		"other version":           {`{"Version":"2030-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, "Version"},
		"version in other case":   {`{"version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, `unknown element "version"`},
		"no effect":               {`{"Statement":{"Action":"*","Resource":"*"}}`, "Effect"},
		"effect in other case":    {`{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`, "Effect"},
		"two effects":             {`{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}`, "occurs twice"},
		"two effects by case":     {`{"Statement":{"Effect":"Deny","effect":"Allow","Action":"*","Resource":"*"}}`, `unknown element "effect"`},
		"second statement is bad": {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{}]}`, "statement 2"},
		"no action":               {statement(`"Resource":"*"`), "Action"},
		"empty action":            {statement(`"Action":[],"Resource":"*"`), "Action"},
		"both actions":            {statement(`"Action":"*","NotAction":"*","Resource":"*"`), "Action"},
		"no resource":             {statement(`"Action":"*"`), "Resource"},
		"both resources":          {statement(`"Action":"*","Resource":"*","NotResource":"*"`), "Resource"},
		"resource that is no ARN": {statement(`"Action":"*","Resource":"channel/*"`), "ARN format"},
		"resource that is short":  {statement(`"Action":"*","Resource":"arn:*"`), "ARN format"},
		"two stars":               {statement(`"Action":"*","Resource":"**"`), "ARN format"},
		"principal":               {statement(`"Action":"*","Resource":"*","Principal":"*"`), `unknown element "Principal"`},
		"action no prefix":        {statement(`"Action":"Connect","Resource":"*"`), "service prefix"},
		"action with a variable":  {statement(`"Action":"chime:${aws:userid}","Resource":"*"`), "service prefix"},
		"action number":           {statement(`"Action":1,"Resource":"*"`), `"Action": it must be a string`},
		"sid":                     {statement(`"Sid":"a b","Action":"*","Resource":"*"`), "Sid"},
		"same sid":                {`{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}]}`, "unique"},
		"condition list":          {condition(`[]`), "not an object"},
		"condition null":          {condition(`null`), "not an object"},
		"unknown operator":        {condition(`{"StringMatches":{"aws:userid":"x"}}`), `invalid condition operator "StringMatches"`},
		"operator in other case":  {condition(`{"stringequals":{"aws:userid":"x"}}`), "invalid condition operator"},
		"null if exists":          {condition(`{"NullIfExists":{"aws:userid":"true"}}`), "invalid condition operator"},
		"half a quantifier":       {condition(`{"ForSomeValue:StringEquals":{"aws:userid":"x"}}`), "invalid condition operator"},
		"no keys":                 {condition(`{"StringEquals":{}}`), "object of condition keys"},
		"key without prefix":      {condition(`{"StringEquals":{"userid":"x"}}`), "needs a prefix"},
		"no values":               {condition(`{"StringEquals":{"aws:userid":[]}}`), "no values"},
		"null value":              {condition(`{"StringEquals":{"aws:userid":null}}`), "must be strings"},
		"object value":            {condition(`{"StringEquals":{"aws:userid":[{}]}}`), "must be strings"},
		"no number":               {condition(`{"NumericEquals":{"aws:userid":"x"}}`), "does not fit"},
		"no date":                 {condition(`{"DateLessThan":{"aws:CurrentTime":"soon"}}`), "does not fit"},
		"no boolean":              {condition(`{"Bool":{"aws:userid":"1"}}`), "does not fit"},
		"no ARN":                  {condition(`{"ArnLike":{"aws:PrincipalArn":"role/x"}}`), "not an ARN"},
	} {
		_, err := Parse(c.text, Identity)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// FuzzMatch holds the iterative matcher against the obvious recursive one.
func FuzzMatch(f *testing.F) {
	for _, c := range [][2]string{{"", ""}, {"*", "abc"}, {"a*b*c", "aXbbYc"}, {"a?c", "abc"}, {"*a", "aab"}, {"**?", "ä"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pat, text string) {
		if len(pat) > 12 || len(text) > 24 || !utf8.ValidString(pat) || !utf8.ValidString(text) {
			t.Skip("the oracle is exponential, and for characters")
		}
		if got, want := match(wild(pat), text), slowMatch([]rune(pat), []rune(text)); got != want {
			t.Errorf("match(%q, %q) = %v", pat, text, got)
		}
	})
}

func slowMatch(pat, text []rune) bool {
	if len(pat) == 0 {
		return len(text) == 0
	}
	switch pat[0] {
	case '*':
		return slowMatch(pat[1:], text) || len(text) > 0 && slowMatch(pat, text[1:])
	case '?':
		return len(text) > 0 && slowMatch(pat[1:], text[1:])
	}
	return len(text) > 0 && text[0] == pat[0] && slowMatch(pat[1:], text[1:])
}

// FuzzPolicy reads any document and, where it is one, holds it against what must be true of all: a Deny of everything beside
// it denies, and as a session policy it never widens a role that may do nothing.
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{
		`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":["chime:*"],"Resource":"` + app + `/user/${aws:PrincipalTag/UserUUID}"}]}`,
		`{"Statement":{"Effect":"Deny","NotAction":"chime:C?nnect","NotResource":["*"]}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*",true,1]}}}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:${a:${$}b:c","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01"}}}}`,
		`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["123456789012","*"],"Federated":"arn:aws:iam::123456789012:oidc-provider/id.example/a"}}}`,
	} {
		f.Add(s, userOne)
	}
	f.Fuzz(func(t *testing.T, text, resource string) {
		for _, use := range []Use{Identity, Trust} {
			p, err := Parse(text, use)
			if err != nil {
				continue
			}
			in := at(connect, resource)
			if use == Trust {
				p.Trusts(in, func(Principal) Bond { return OfRole })
				continue
			}
			if Decide(in, p, parse(t, `{"Effect":"Deny","Action":"*","Resource":"*"}`)) != Denied {
				t.Errorf("%s beats a Deny on %q", text, resource)
			}
			for _, s := range p.statements {
				if !s.deny && s.matches(in) == yes && Decide(in, p) == Silent {
					t.Errorf("%s is silent on %q", text, resource)
				}
			}
		}
	})
}

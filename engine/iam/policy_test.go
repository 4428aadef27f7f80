package iam

import (
	"strings"
	"testing"
)

const (
	app     = "arn:aws:chime:us-east-1:123456789012:app-instance/ai"
	userOne = app + "/user/u-1"
	userTwo = app + "/user/u-2"
	channel = app + "/channel/ev-1"
)

func TestPoliciesDecideAsIAMDoes(t *testing.T) {
	tags := map[string]string{"UserUUID": "u-1", "star": "*"}
	send, connect := "chime:SendChannelMessage", "chime:Connect"
	for _, c := range []struct {
		name, statements string
		action, resource string
		want             decision
	}{
		{"nothing matches", `{"Effect":"Allow","Action":"chime:Connect","Resource":"*"}`, send, channel, silent},
		{"star", `{"Effect":"Allow","Action":"*","Resource":"*"}`, send, channel, allowed},
		{"action wildcard", `{"Effect":"Allow","Action":"chime:Send*","Resource":"*"}`, send, channel, allowed},
		{"question mark", `{"Effect":"Allow","Action":"chime:Connec?","Resource":"*"}`, connect, userOne, allowed},
		{"question mark is not none", `{"Effect":"Allow","Action":"chime:Connect?","Resource":"*"}`, connect, userOne, silent},
		{"action in other case", `{"Effect":"Allow","Action":"CHIME:sendchannelmessage","Resource":"*"}`, send, channel, allowed},
		{"resource in other case", `{"Effect":"Allow","Action":"chime:*","Resource":"` + strings.ToUpper(channel) + `"}`, send, channel, silent},
		{"exact resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userOne, allowed},
		{"other resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userTwo, silent},
		{"longer resource", `{"Effect":"Allow","Action":"chime:*","Resource":"` + userOne + `"}`, connect, userOne + "1", silent},
		{"several resources", `{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage"],"Resource":["x","` + app + `/channel/*"]}`, send, channel, allowed},
		{"explicit deny after allow", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"chime:Send*","Resource":"*"}`, send, channel, denied},
		{"explicit deny before allow", `{"Effect":"Deny","Action":"*","Resource":"` + channel + `"},{"Effect":"Allow","Action":"*","Resource":"*"}`, send, channel, denied},
		{"deny elsewhere", `{"Effect":"Deny","Action":"*","Resource":"x"},{"Effect":"Allow","Action":"*","Resource":"*"}`, send, channel, allowed},
		{"NotAction", `{"Effect":"Allow","NotAction":"chime:Delete*","Resource":"*"}`, send, channel, allowed},
		{"NotAction names it", `{"Effect":"Allow","NotAction":"chime:Send*","Resource":"*"}`, send, channel, silent},
		{"NotResource", `{"Effect":"Deny","Action":"*","NotResource":"` + userOne + `"}`, connect, userTwo, denied},
		{"NotResource names it", `{"Effect":"Allow","Action":"*","NotResource":"` + userOne + `"}`, connect, userOne, silent},
		{"tag", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:PrincipalTag/UserUUID}"}`, connect, userOne, allowed},
		{"tag of another", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:PrincipalTag/UserUUID}"}`, connect, userTwo, silent},
		{"tag in other case", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${AWS:principaltag/useruuid}"}`, connect, userOne, allowed},
		{"unknown tag allows nothing", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:PrincipalTag/No}"}`, connect, app + "/user/", silent},
		{"unknown tag with default", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:PrincipalTag/No, 'u-1'}"}`, connect, userOne, allowed},
		{"unknown tag denies all", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"${aws:PrincipalTag/No}"}`, connect, userOne, denied},
		{"unknown tag in NotResource allows nothing", `{"Effect":"Allow","Action":"*","NotResource":"${aws:PrincipalTag/No}"}`, connect, userOne, silent},
		{"a tag's star is no wildcard", `{"Effect":"Allow","Action":"*","Resource":"` + app + `/user/${aws:PrincipalTag/star}"}`, connect, userOne, silent},
		{"bare star", `{"Effect":"Allow","Action":"*","Resource":"a${*}"}`, connect, "ab", silent},
		{"variable not closed", `{"Effect":"Allow","Action":"*","Resource":"*${aws"}`, connect, userOne, silent},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := parsePolicy(`{"Version":"2012-10-17","Statement":[` + c.statements + `]}`)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.decide(c.action, c.resource, tags); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestWithoutTheNewVersionVariablesAreText(t *testing.T) {
	p, err := parsePolicy(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"${aws:PrincipalTag/k}"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if p.decide("chime:Connect", "v", map[string]string{"k": "v"}) != silent || p.decide("chime:Connect", "${aws:PrincipalTag/k}", nil) != allowed {
		t.Error("a 2008-10-17 document substituted a variable")
	}
}

func TestPoliciesThatCannotBeObeyedAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":         `{`,
		"empty":            ``,
		"trailing":         `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}} {}`,
		"no statement":     `{"Version":"2012-10-17"}`,
		"empty statement":  `{"Version":"2012-10-17","Statement":[]}`,
		"other version":    `{"Version":"2030-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		"no effect":        `{"Statement":{"Action":"*","Resource":"*"}}`,
		"no action":        `{"Statement":{"Effect":"Allow","Resource":"*"}}`,
		"both actions":     `{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}`,
		"no resource":      `{"Statement":{"Effect":"Allow","Action":"*"}}`,
		"condition":        `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`,
		"principal":        `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`,
		"action no prefix": `{"Statement":{"Effect":"Allow","Action":"Connect","Resource":"*"}}`,
		"action number":    `{"Statement":{"Effect":"Allow","Action":1,"Resource":"*"}}`,
	} {
		if _, err := parsePolicy(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzMatch holds the iterative matcher against the obvious recursive one.
func FuzzMatch(f *testing.F) {
	for _, c := range [][2]string{{"", ""}, {"*", "abc"}, {"a*b*c", "aXbbYc"}, {"a?c", "abc"}, {"*a", "aab"}, {"**?", "ä"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pat, text string) {
		if len(pat) > 12 || len(text) > 24 {
			t.Skip("the oracle is exponential")
		}
		if got, want := match(pattern(pat), text), slowMatch([]rune(pat), []rune(text)); got != want {
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

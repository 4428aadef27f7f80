package modeltest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// listener is a test that hears the judge's words instead of failing.
type listener struct {
	testing.TB
	said []string
}

func (l *listener) Errorf(format string, args ...any) {
	l.said = append(l.said, fmt.Sprintf(format, args...))
}

// canned answers every request with the same.
type canned struct {
	status     int
	name, body string
	noID       bool
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	if c.name != "" {
		h.Set("x-amzn-ErrorType", c.name)
	}
	if !c.noID {
		h.Set("x-amzn-RequestId", "an id")
	}
	return &http.Response{StatusCode: c.status, Header: h, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

// hear sends a request to a canned answer and returns what the judge says of it.
func hear(t *testing.T, method, target, body string, c canned) []string {
	t.Helper()
	l := &listener{TB: t}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(BearerHeader, names.User)
	res, err := Transport(l, c).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != c.body {
		t.Errorf("the client gets %q, %v", text, err)
	}
	return l.said
}

const (
	channelPath = "/channels/arn%3Aaws%3Achime%3Aus-east-1%3A1%3Aapp-instance%2Fx%2Fchannel%2Fy"
	channelARN  = "arn:aws:chime:us-east-1:1:app-instance/x/channel/y"
)

func TestTheJudgeHearsWhatIsWrongWithAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		canned
		want string // "" for nothing
	}{
		"a channel":              {channelPath, canned{200, "", `{"Channel":{"Name":"a","ChannelArn":"` + channelARN + `","CreatedTimestamp":1700000000.123}}`, false}, ""},
		"no request id":          {channelPath, canned{200, "", `{}`, true}, "x-amzn-RequestId"},
		"another status":         {channelPath, canned{201, "", `{}`, false}, "status 201"},
		"no JSON":                {channelPath, canned{200, "", `{`, false}, "no JSON object"},
		"an unknown member":      {channelPath, canned{200, "", `{"Channel":{"Nome":"a"}}`, false}, "Channel.Nome: is not in the model"},
		"a member in small":      {channelPath, canned{200, "", `{"channel":{}}`, false}, ".channel: is not in the model"},
		"a time as text":         {channelPath, canned{200, "", `{"Channel":{"CreatedTimestamp":"2026-01-02T03:04:05Z"}}`, false}, "CreatedTimestamp: string is no timestamp"},
		"a time in milliseconds": {channelPath, canned{200, "", `{"Channel":{"CreatedTimestamp":1700000000123}}`, false}, "no time in seconds"},
		"a number for a name":    {channelPath, canned{200, "", `{"Channel":{"Name":1}}`, false}, "Channel.Name: json.Number is no string"},
		"an empty name":          {channelPath, canned{200, "", `{"Channel":{"Name":""}}`, false}, "0 characters"},
		"a long name":            {channelPath, canned{200, "", `{"Channel":{"Name":"` + strings.Repeat("é", 257) + `"}}`, false}, "257 characters"},
		"an ARN that is none":    {channelPath, canned{200, "", `{"Channel":{"ChannelArn":"nonsense"}}`, false}, "does not match the pattern of ChimeArn"},
		"another mode":           {channelPath, canned{200, "", `{"Channel":{"Mode":"LOUD"}}`, false}, "none of [UNRESTRICTED RESTRICTED]"},
		"a null":                 {channelPath, canned{200, "", `{"Channel":null}`, false}, "is null"},
		"a missing member": {channelPath, canned{200, "", `{"Channel":{"ExpirationSettings":{"ExpirationDays":1}}}`, false},
			"ExpirationSettings.ExpirationCriterion: is required"},
		"too many days": {channelPath, canned{200, "", `{"Channel":{"ExpirationSettings":{"ExpirationDays":5476,"ExpirationCriterion":"CREATED_TIMESTAMP"}}}`, false},
			"5476 as value"},
		"an object for a list": {"/channels?app-instance-arn=" + names.Instance, canned{200, "", `{"Channels":{}}`, false}, "is no list"},
		"a member of a list":   {"/channels?app-instance-arn=" + names.Instance, canned{200, "", `{"Channels":[{},{"A":1}]}`, false}, "Channels[].A"},
		"a read marker that the service has and the model has not": {channelPath + "/memberships",
			canned{200, "", `{"ChannelMemberships":[{"ReadMarkerTimestamp":1700000000.1}]}`, false}, ""},
		"a refusal":             {channelPath, canned{403, "ForbiddenException", `{"Code":"Forbidden","Message":"No."}`, false}, ""},
		"a refusal of IAM":      {channelPath, canned{403, "AccessDeniedException", `{"Code":"AccessDenied","Message":"No."}`, false}, ""},
		"an unmodelled refusal": {channelPath, canned{404, "NotFoundException", `{"Code":"NotFound","Message":"No."}`, false}, "not modelled"},
		"a refusal's status":    {channelPath, canned{404, "ForbiddenException", `{"Code":"Forbidden","Message":"No."}`, false}, "with status 404"},
		"a refusal's code":      {channelPath, canned{403, "ForbiddenException", `{"Code":"ForbiddenException","Message":"No."}`, false}, "with the body"},
		"a refusal's message":   {channelPath, canned{403, "ForbiddenException", `{"Code":"Forbidden","message":"No."}`, false}, "with the body"},
		"a nameless refusal":    {channelPath, canned{400, "", `{"Code":"BadRequest","Message":"No."}`, false}, "not modelled"},
		"what is no operation":  {"/nothing", canned{200, "", `{}`, false}, "no modelled operation"},
	} {
		said := hear(t, "GET", c.path, "", c.canned)
		if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !strings.Contains(said[0], c.want)) {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
	if said := hear(t, "DELETE", channelPath, "", canned{204, "", "{}", false}); len(said) != 1 || !strings.Contains(said[0], "204 with a body") {
		t.Errorf("204: %q", said)
	}
}

func TestTheJudgeHearsOfAForbiddenRequestOnlyWhenItSucceeds(t *testing.T) {
	const short = `{"Name":"a","ClientRequestToken":"a"}`
	said := hear(t, "POST", "/app-instances", short, canned{201, "", `{"AppInstanceArn":"` + names.Instance + `"}`, false})
	if len(said) != 1 || !strings.Contains(said[0], "accepted a request that the model forbids: CreateAppInstance.ClientRequestToken") {
		t.Errorf("%q", said)
	}
	if said := hear(t, "POST", "/app-instances", short, canned{400, "BadRequestException", `{"Code":"BadRequest","Message":"No."}`, false}); len(said) > 0 {
		t.Errorf("%q", said)
	}
}

func TestTheJudgeKnowsWhatWasNeverAnswered(t *testing.T) {
	j := Transport(t, canned{200, "", `{"Channel":{"Name":"a","CreatedBy":{"Name":"b"}}}`, false})
	if all := j.Unanswered(); len(all) != 81-3 {
		t.Errorf("%d operations of which nothing was answered: %v", len(all), all)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://engine"+channelPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(BearerHeader, names.User)
	res, err := j.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	missing := j.Unanswered()
	for member, want := range map[string]bool{"": false, ".Channel": false, ".Channel.Name": false, ".Channel.CreatedBy.Name": false,
		".Channel.CreatedBy.Arn": true, ".Channel.Mode": true, ".Channel.ExpirationSettings.ExpirationDays": true} {
		if slices.Contains(missing, "messaging.DescribeChannel"+member) != want {
			t.Errorf("%q missing: %v, want %v", member, !want, want)
		}
	}
}

func TestTheJudgeReadsSTS(t *testing.T) {
	const (
		head = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>`
		foot = `</AssumeRoleResult><ResponseMetadata><RequestId>an id</RequestId></ResponseMetadata></AssumeRoleResponse>`
		keys = `<Credentials><AccessKeyId>ASIAABCDEFGHIJKLMNOP</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>` +
			`<Expiration>2026-01-02T03:04:05Z</Expiration></Credentials>`
		ask    = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FFan&RoleSessionName=ann"
		refuse = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>No.</Message></Error>` +
			`<RequestId>an id</RequestId></ErrorResponse>`
	)
	for name, c := range map[string]struct {
		form   string
		status int
		body   string
		want   string
	}{
		"credentials":          {ask, 200, head + keys + foot, ""},
		"without a result":     {ask, 200, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><ResponseMetadata><RequestId>an id</RequestId></ResponseMetadata></AssumeRoleResponse>`, ""},
		"no expiration":        {ask, 200, head + `<Credentials><AccessKeyId>ASIAABCDEFGHIJKLMNOP</AccessKeyId></Credentials>` + foot, "Expiration: is required"},
		"an unknown element":   {ask, 200, head + "<Extra/>" + foot, ".Extra: is not in the model"},
		"a time of its own":    {ask, 200, head + strings.Replace(keys, "2026-01-02T03:04:05Z", "tomorrow", 1) + foot, "string is no timestamp"},
		"a size that is none":  {ask, 200, head + "<PackedPolicySize>-1</PackedPolicySize>" + foot, "-1 as value"},
		"another answer":       {ask, 200, strings.ReplaceAll(head+foot, "AssumeRoleResponse", "Response"), "the answer is a Response"},
		"a bad session name":   {ask + "+x", 200, head + foot, "accepted: "},
		"a tag without a key":  {ask + "&Tags.member.1.Value=x", 200, head + foot, "Tags[].Key: accepted: is required"},
		"a modelled refusal":   {ask, 400, strings.Replace(refuse, "%s", "MalformedPolicyDocument", 1), ""},
		"a common refusal":     {ask, 403, strings.Replace(refuse, "%s", "AccessDenied", 1), ""},
		"an unknown refusal":   {ask, 400, strings.Replace(refuse, "%s", "Nonsense", 1), "not modelled"},
		"a refusal's status":   {ask, 500, strings.Replace(refuse, "%s", "AccessDenied", 1), "not modelled"},
		"no action":            {"Action=Sing", 200, head + foot, "no modelled action"},
		"the other request id": {ask, 200, strings.Replace(head+foot, "an id", "its id", 1), "request \"its id\""},
	} {
		l := &listener{TB: t}
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://engine/", strings.NewReader(c.form))
		if err != nil {
			t.Fatal(err)
		}
		res, err := Transport(l, xmlAnswer{canned{c.status, "", c.body, false}}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if c.want == "" && len(l.said) > 0 || c.want != "" && (len(l.said) != 1 && name != "no expiration" || !strings.Contains(strings.Join(l.said, "\n"), c.want)) {
			t.Errorf("%s: %q, want %q", name, l.said, c.want)
		}
	}
}

// xmlAnswer is canned, as XML.
type xmlAnswer struct{ canned }

func (x xmlAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := x.canned.RoundTrip(r)
	res.Header.Set("Content-Type", "text/xml")
	return res, err
}

package engine_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	chimetypes "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/golang-jwt/jwt/v5"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/sts"
)

const (
	arnOfRole = "arn:aws:iam::000000000000:role/"
	issuer    = "https://tickets.example"
)

// rolesFile has a backend that may make fans, a fan pinned by the tag UserUUID, whom the backend and the ticket office's
// tokens may become, and one who needs an external id.
const rolesFile = `{"Roles":[
  {"Arn":"` + arnOfRole + `Backend","MaxSessionDuration":43200,"Policies":[{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Resource":"` + arnOfRole + `Fan"}]}]},
  {"Arn":"` + arnOfRole + `Fan","MaxSessionDuration":43200,
   "AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":["sts:AssumeRole","sts:TagSession"]},
    {"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/tickets.example"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
     "Condition":{"StringEquals":{"tickets.example:aud":"stagedoor"},"StringLike":{"tickets.example:sub":"ticket-*"}}}]},
   "Policies":[{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["chime:SendChannelMessage","chime:Connect"],"Resource":["arn:aws:chime:*:*:app-instance/*/user/${aws:PrincipalTag/UserUUID}","arn:aws:chime:*:*:app-instance/*/channel/*"]},
    {"Effect":"Allow","Action":"chime:GetMessagingSessionEndpoint","Resource":"*"}]}]},
  {"Arn":"` + arnOfRole + `partner/Guest",
   "AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole",
     "Condition":{"StringEquals":{"sts:ExternalId":"partner-7"}}}]}}]}`

// newOffice is a world with those roles, and a key with which the ticket office signs tokens.
func newOffice(t *testing.T) (*world, *rsa.PrivateKey) {
	t.Helper()
	cfg, key := office(t)
	return newWorldWith(t, cfg), key
}

func office(t *testing.T) (engine.Config, *rsa.PrivateKey) {
	t.Helper()
	roles, err := iam.ReadRoles(strings.NewReader(rolesFile))
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuers, err := sts.ReadIssuers(strings.NewReader(fmt.Sprintf(`{"Issuers":[{"Issuer":%q,"Audiences":["stagedoor"],"Keys":{"keys":[{"kty":"RSA","kid":"k1","alg":"RS256","n":%q,"e":"AQAB"}]}}]}`,
		issuer, base64.RawURLEncoding.EncodeToString(key.N.Bytes()))), nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Config{Roles: roles, Issuers: issuers}, key
}

func (w *world) sts(c aws.Credentials) *awssts.Client { return awssts.NewFromConfig(w.config(c)) }

func (w *world) rootKey() aws.Credentials {
	c := w.e.Credentials()
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
}

func temporary(c *types.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// ticket is a token of the ticket office; change alters its claims.
func ticket(t *testing.T, key *rsa.PrivateKey, change func(jwt.MapClaims)) *string {
	t.Helper()
	claims := jwt.MapClaims{"iss": issuer, "aud": "stagedoor", "sub": "ticket-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"UserUUID": {"ann"}}}}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = "k1"
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return &text
}

func TestATicketOfficesTokenBecomesAFan(t *testing.T) {
	t.Parallel()
	w, key := newOffice(t)
	out, err := w.sts(aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), &awssts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(arnOfRole + "Fan"), RoleSessionName: aws.String("ticket-1"), WebIdentityToken: ticket(t, key, nil), DurationSeconds: aws.Int32(43200)})
	w.ok(err)
	if *out.Provider != issuer || *out.Audience != "stagedoor" || *out.SubjectFromWebIdentityToken != "ticket-1" || *out.SessionTokenUtilization < 1 || int(*out.SessionTokenSize) != len(*out.Credentials.SessionToken) ||
		*out.AssumedRoleUser.Arn != "arn:aws:sts::000000000000:assumed-role/Fan/ticket-1" {
		t.Errorf("got %+v", out)
	}
	if d := time.Until(*out.Credentials.Expiration); d < 11*time.Hour || d > 12*time.Hour {
		t.Errorf("ends in %v", d)
	}
	fan := temporary(out.Credentials)
	me, err := w.sts(fan).GetCallerIdentity(t.Context(), nil)
	w.ok(err)
	if *me.Arn != *out.AssumedRoleUser.Arn || *me.UserId != *out.AssumedRoleUser.AssumedRoleId || *me.Account != "000000000000" {
		t.Errorf("got %+v", me)
	}
	_, msg := w.clients(fan)
	_, err = msg.SendChannelMessage(t.Context(), line(w.ann, w.channel, "from the ticket"))
	w.ok(err)
	_, err = msg.GetMessagingSessionEndpoint(t.Context(), &messaging.GetMessagingSessionEndpointInput{})
	w.ok(err)
	_, err = msg.SendChannelMessage(t.Context(), line(w.bob, w.channel, "as bob"))
	if code(err) != "AccessDeniedException" {
		t.Errorf("as bob: %v", err)
	}
	_, err = w.sts(fan).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(arnOfRole + "Backend"), RoleSessionName: aws.String("up")})
	if code(err) != "AccessDenied" {
		t.Errorf("a fan became the backend: %v", err)
	}
}

func TestWebIdentityErrorsAreTyped(t *testing.T) {
	t.Parallel()
	w, key := newOffice(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.ok(err)
	call := func(token *string, change func(*awssts.AssumeRoleWithWebIdentityInput)) error {
		in := &awssts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(arnOfRole + "Fan"), RoleSessionName: aws.String("ticket-1"), WebIdentityToken: token}
		if change != nil {
			change(in)
		}
		_, err := w.sts(aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), in)
		return err
	}
	expired := call(ticket(t, key, func(c jwt.MapClaims) { c["iat"], c["exp"] = 1, 2 }), nil)
	is[*types.ExpiredTokenException](w, expired)
	is[*types.InvalidIdentityTokenException](w, call(ticket(t, stranger, nil), nil))
	is[*types.InvalidIdentityTokenException](w, call(ticket(t, key, func(c jwt.MapClaims) { c["aud"] = "other" }), nil))
	is[*types.IDPRejectedClaimException](w, call(ticket(t, key, func(c jwt.MapClaims) { c["sub"] = "x" }), nil))
	is[*types.MalformedPolicyDocumentException](w, call(ticket(t, key, nil), func(in *awssts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String("{}") }))
	is[*types.PackedPolicyTooLargeException](w, call(ticket(t, key, func(c jwt.MapClaims) {
		tags := map[string][]string{}
		for i := range 40 {
			tags[fmt.Sprint("key", i)] = []string{strings.Repeat("v", 250)}
		}
		c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": tags}
	}), nil))
	for name, err := range map[string]error{
		"another subject": call(ticket(t, key, func(c jwt.MapClaims) { c["sub"] = "guest-1" }), nil),
		"another role":    call(ticket(t, key, nil), func(in *awssts.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String(arnOfRole + "Backend") }),
		"no such role":    call(ticket(t, key, nil), func(in *awssts.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String(arnOfRole + "x/Fan") }),
	} {
		if code(err) != "AccessDenied" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*awssts.AssumeRoleWithWebIdentityInput){
		"ProviderId": func(in *awssts.AssumeRoleWithWebIdentityInput) { in.ProviderId = aws.String("www.amazon.com") },
		"managed policy": func(in *awssts.AssumeRoleWithWebIdentityInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/X")}}
		},
		"duration":      func(in *awssts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(43201) },
		"session name":  func(in *awssts.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String("a:b") },
		"role":          func(in *awssts.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String("arn:aws:iam::1:user/x") },
		"a short token": func(in *awssts.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String("abc") },
	} {
		if err := call(ticket(t, key, nil), change); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChainsOfRoles(t *testing.T) {
	t.Parallel()
	w, _ := newOffice(t)
	ctx, root := t.Context(), w.sts(w.rootKey())
	out, err := root.AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: aws.String(arnOfRole + "Backend"), RoleSessionName: aws.String("be"), DurationSeconds: aws.Int32(43200)})
	w.ok(err)
	backend := w.sts(temporary(out.Credentials))
	fan := &awssts.AssumeRoleInput{RoleArn: aws.String(arnOfRole + "Fan"), RoleSessionName: aws.String("ann"),
		Tags: []types.Tag{{Key: aws.String("UserUUID"), Value: aws.String("ann")}}, TransitiveTagKeys: []string{"UserUUID"}}
	out, err = backend.AssumeRole(ctx, fan)
	w.ok(err)
	_, msg := w.clients(temporary(out.Credentials))
	_, err = msg.SendChannelMessage(ctx, line(w.ann, w.channel, "down the chain"))
	w.ok(err)
	if _, err := msg.SendChannelMessage(ctx, line(w.bob, w.channel, "as bob")); code(err) != "AccessDeniedException" {
		t.Errorf("as bob: %v", err)
	}
	fan.DurationSeconds = aws.Int32(3601)
	if _, err := backend.AssumeRole(ctx, fan); code(err) != "ValidationError" {
		t.Errorf("a chain of more than an hour: %v", err)
	}
	guest := &awssts.AssumeRoleInput{RoleArn: aws.String(arnOfRole + "partner/Guest"), RoleSessionName: aws.String("gu"), ExternalId: aws.String("partner-7")}
	if _, err := root.AssumeRole(ctx, guest); err != nil {
		t.Error(err)
	}
	guest.ExternalId = aws.String("partner-8")
	if _, err := root.AssumeRole(ctx, guest); code(err) != "AccessDenied" {
		t.Errorf("another external id: %v", err)
	}
	guest.ExternalId, guest.RoleArn = aws.String("partner-7"), aws.String(arnOfRole+"Guest")
	if _, err := root.AssumeRole(ctx, guest); code(err) != "AccessDenied" {
		t.Errorf("the role without its path: %v", err)
	}
	for name, change := range map[string]func(*awssts.AssumeRoleInput){
		"second factor": func(in *awssts.AssumeRoleInput) {
			in.SerialNumber, in.TokenCode = aws.String("123456789"), aws.String("123456")
		},
		"managed policy": func(in *awssts.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/X")}}
		},
		"context": func(in *awssts.AssumeRoleInput) {
			in.ProvidedContexts = []types.ProvidedContext{{ContextAssertion: aws.String("x")}}
		},
		"transitive tag": func(in *awssts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"Other"} },
	} {
		in := *fan
		in.DurationSeconds = nil
		change(&in)
		if _, err := backend.AssumeRole(ctx, &in); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a form says twice, in other words, or in members that nobody counts must not be read over.
func TestSTSFormsAreExact(t *testing.T) {
	t.Parallel()
	w, key := newOffice(t)
	good := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {arnOfRole + "Fan"},
		"RoleSessionName": {"ticket-1"}, "WebIdentityToken": {*ticket(t, key, nil)}}.Encode()
	for more, want := range map[string]string{
		"":                                      "<AssumeRoleWithWebIdentityResult>",
		"&PolicyArns=":                          "<AssumeRoleWithWebIdentityResult>", // how an SDK sends an empty list
		"&RoleArn=" + arnOfRole + "Backend":     "MissingAuthenticationToken",        // an ambiguous form is nobody's
		"&PolicyArns.member.2.arn=arn:aws:iam:": "<Code>ValidationError</Code>",
		"&policy=%7B%7D":                        "<Code>ValidationError</Code>",
		"&Tags.member.1.Key=a":                  "<Code>ValidationError</Code>",
		"&DurationSeconds=":                     "<Code>ValidationError</Code>",
		"&DurationSeconds=99999999999":          "<Code>ValidationError</Code>",
		"&a=%zz":                                "MissingAuthenticationToken",
	} {
		if text := w.postForm(good + more); !strings.Contains(text, want) {
			t.Errorf("%s: %s", more, text)
		}
	}
	if text := w.postForm(strings.Replace(good, "2011-06-15", "2010-05-08", 1)); !strings.Contains(text, "<Code>InvalidAction</Code>") {
		t.Errorf("another version: %s", text)
	}
	if text := w.postForm("Action=AssumeRole&Version=2011-06-15"); !strings.Contains(text, "MissingAuthenticationToken") {
		t.Errorf("unsigned: %s", text)
	}
}

func (w *world) postForm(form string) string {
	w.Helper()
	res, err := http.Post(w.url, "application/x-www-form-urlencoded", strings.NewReader(form))
	w.ok(err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	w.ok(err)
	return string(text)
}

func TestAnEngineRefusesRolesAndIssuersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]engine.Config{
		"role":            {Roles: iam.Roles{{ARN: "x"}}},
		"another account": {Account: "123456789012", Roles: iam.Roles{{ARN: arnOfRole + "Fan"}}},
		"issuer":          {Issuers: []sts.Issuer{{URL: issuer, Audiences: []string{"a"}}}},
	} {
		if _, err := engine.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestConditionsOnTagsHoldForRealCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, msg := w.assume(`{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["chime:CreateChannel"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/Event":"e-1"},"ForAllValues:StringEquals":{"aws:TagKeys":["Event","Stage"]}}},
{"Effect":"Allow","Action":["chime:DescribeChannel","chime:SendChannelMessage","chime:TagResource","chime:UntagResource"],"Resource":"*"},
{"Effect":"Deny","Action":"chime:SendChannelMessage","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Stage":"closed"}}},
{"Effect":"Deny","Action":["chime:TagResource","chime:UntagResource"],"Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"Event"}}}]}`)
	create := func(tags ...string) (*string, error) {
		in := &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.mod, Name: aws.String("tagged"), MemberArns: []string{w.ann}}
		for i := 0; i < len(tags); i += 2 {
			in.Tags = append(in.Tags, chimetypes.Tag{Key: &tags[i], Value: &tags[i+1]})
		}
		out, err := msg.CreateChannel(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.ChannelArn, nil
	}
	for name, tags := range map[string][]string{"no tags": nil, "another event": {"Event", "e-2"}, "a tag more": {"Event", "e-1", "X", "1"},
		"two keys in two cases": {"Event", "e-1", "event", "e-2"}} {
		if _, err := create(tags...); code(err) != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	channel, err := create("Event", "e-1", "Stage", "open")
	w.ok(err)
	_, err = msg.SendChannelMessage(ctx, line(w.ann, *channel, "while it is open"))
	w.ok(err)
	set := func(key, value string) error {
		_, err := msg.TagResource(ctx, &messaging.TagResourceInput{ResourceARN: channel, Tags: []chimetypes.Tag{{Key: &key, Value: &value}}})
		return err
	}
	if err := set("Event", "e-2"); code(err) != "AccessDeniedException" {
		t.Errorf("a tag that is not to be set: %v", err)
	}
	w.ok(set("Stage", "closed"))
	if _, err := msg.SendChannelMessage(ctx, line(w.ann, *channel, "after the end")); code(err) != "AccessDeniedException" {
		t.Errorf("sent to a closed channel: %v", err)
	}
	for key, want := range map[string]string{"Event": "AccessDeniedException", "Stage": ""} {
		if _, err := msg.UntagResource(ctx, &messaging.UntagResourceInput{ResourceARN: channel, TagKeys: []string{key}}); code(err) != want {
			t.Errorf("taking %s away: %v", key, err)
		}
	}
	_, err = msg.SendChannelMessage(ctx, line(w.ann, *channel, "open again"))
	w.ok(err)
}

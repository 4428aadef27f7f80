package sts

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/modeltest"
)

const stsRole = "arn:aws:iam::123456789012:role/Fan"

// startSTS serves STS over TCP and returns its authority and a function that makes SDK clients for it.
func startSTS(t *testing.T) (*iam.Authority, *httptest.Server, func(key, secret, token string) *awssts.Client) {
	t.Helper()
	a, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: "123456789012", AccessKeyID: "AKIAROOT", SecretAccessKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(a, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return a, server, func(key, secret, token string) *awssts.Client {
		return awssts.New(awssts.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			HTTPClient: &http.Client{Transport: modeltest.Transport(t, http.DefaultTransport)},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: token}, nil
			}),
		})
	}
}

func TestTheSDKAssumesARoleAndIsThenThatRole(t *testing.T) {
	a, _, client := startSTS(t)
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:Connect","Resource":"arn:aws:chime:us-east-1:123456789012:app-instance/+ä &1"}]}`
	out, err := client("AKIAROOT", "secret", "").AssumeRole(t.Context(), &awssts.AssumeRoleInput{
		RoleArn: aws.String(stsRole), RoleSessionName: aws.String("tk1"), DurationSeconds: aws.Int32(900), Policy: aws.String(policy),
		Tags: []types.Tag{{Key: aws.String("UserUUID"), Value: aws.String("u-1")}, {Key: aws.String("Empty"), Value: aws.String("")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if d := time.Until(*c.Expiration); d < 840*time.Second || d > 900*time.Second {
		t.Errorf("expires in %v, want 900 s", d)
	}
	if *out.SessionTokenUtilization < 1 || int(*out.SessionTokenSize) != len(*c.SessionToken) || !strings.HasPrefix(*out.AssumedRoleUser.AssumedRoleId, "AROA") {
		t.Errorf("got %+v", out)
	}
	me, err := client(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *me.Arn != "arn:aws:sts::123456789012:assumed-role/Fan/tk1" || *me.Arn != *out.AssumedRoleUser.Arn || *me.Account != "123456789012" || *me.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("got %s %s %s", *me.Arn, *me.Account, *me.UserId)
	}
	_, p, err := a.Lookup(*c.AccessKeyId, *c.SessionToken, time.Now())
	if err != nil || p.Tags["UserUUID"] != "u-1" || !p.Allows("chime:Connect", "arn:aws:chime:us-east-1:123456789012:app-instance/+ä &1") {
		t.Errorf("tags or policy did not arrive: %+v, %v", p, err)
	}
}

func TestTheSDKKnowsOurSTSErrors(t *testing.T) {
	_, _, client := startSTS(t)
	ctx, root := t.Context(), client("AKIAROOT", "secret", "")
	in := func(policy string) *awssts.AssumeRoleInput {
		return &awssts.AssumeRoleInput{RoleArn: aws.String(stsRole), RoleSessionName: aws.String("tk1"), Policy: aws.String(policy)}
	}
	_, err := root.AssumeRole(ctx, in("{"))
	if malformed := new(types.MalformedPolicyDocumentException); !errors.As(err, &malformed) || malformed.Message == nil {
		t.Errorf("malformed policy: %v", err)
	}
	withARN := in("{}")
	withARN.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}}
	for name, c := range map[string]struct {
		client *awssts.Client
		in     *awssts.AssumeRoleInput
		code   string
	}{
		"managed policy": {root, withARN, "ValidationError"},
		"wrong secret":   {client("AKIAROOT", "other", ""), in("{"), "SignatureDoesNotMatch"},
		"wrong key":      {client("AKIAOTHER", "secret", ""), in("{"), "InvalidClientTokenId"},
		"wrong token":    {client("AKIAROOT", "secret", "token"), in("{"), "InvalidClientTokenId"},
	} {
		_, err := c.client.AssumeRole(ctx, c.in)
		if e := smithy.APIError(nil); !errors.As(err, &e) || e.ErrorCode() != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	out, err := root.AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: aws.String(stsRole), RoleSessionName: aws.String("tk1")})
	if err != nil {
		t.Fatal(err)
	}
	fan := client(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	_, err = fan.AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: aws.String(stsRole), RoleSessionName: aws.String("tk1")})
	if e := smithy.APIError(nil); !errors.As(err, &e) || e.ErrorCode() != "AccessDenied" {
		t.Errorf("a fan assuming a role: %v", err)
	}
}

func TestAnUnsignedSTSCallIsRefusedInXML(t *testing.T) {
	_, server, _ := startSTS(t)
	resp, err := http.Post(server.URL, "application/x-www-form-urlencoded", strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>` +
		`<Message>Missing Authentication Token</Message></Error><RequestId>`
	if resp.StatusCode != http.StatusForbidden || !strings.HasPrefix(string(body), want) {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

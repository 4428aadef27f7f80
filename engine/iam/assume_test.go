package iam_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/sigv4"
)

const (
	account = "123456789012"
	fanRole = "arn:aws:iam::" + account + ":role/Fan"
	user    = "arn:aws:chime:us-east-1:" + account + ":app-instance/ai/user/u-1"
	other   = "arn:aws:chime:us-east-1:" + account + ":app-instance/ai/user/u-2"
	onlyMe  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","sts:AssumeRole"],"Resource":"` + user + `"}]}`
)

var now = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T, change func(*iam.Config)) *iam.Authority {
	t.Helper()
	cfg := iam.Config{Region: "us-east-1", Account: account, AccessKeyID: "AKIAROOT", SecretAccessKey: "root secret", SealKey: []byte("0123456789abcdef")}
	if change != nil {
		change(&cfg)
	}
	a, err := iam.NewAuthority(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func root(t *testing.T, a *iam.Authority) *iam.Principal {
	t.Helper()
	_, p, err := a.Lookup("AKIAROOT", "", now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func assume(t *testing.T, a *iam.Authority, in iam.Request) *iam.Credentials {
	t.Helper()
	c, err := a.AssumeRole(root(t, a), in, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTemporaryCredentialsSurviveARestart(t *testing.T) {
	c := assume(t, newAuthority(t, nil), iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe})
	secret, p, err := newAuthority(t, nil).Lookup(c.AccessKeyID, c.SessionToken, now)
	if err != nil || secret != c.SecretAccessKey {
		t.Fatalf("got %q, %v, want %q", secret, err, c.SecretAccessKey)
	}
	if !strings.HasPrefix(c.AccessKeyID, "ASIA") || len(c.AccessKeyID) != 20 || len(c.SecretAccessKey) != 40 {
		t.Errorf("odd key %q, %q", c.AccessKeyID, c.SecretAccessKey)
	}
	if p.ARN != "arn:aws:sts::"+account+":assumed-role/Fan/tk1" || !p.Expires.Equal(now.Add(time.Hour)) || p.Root() {
		t.Errorf("got %+v", p)
	}
	if !p.Allows("chime:Connect", user) || p.Allows("chime:Connect", other) || p.Allows("chime:SendChannelMessage", user) {
		t.Error("the session policy does not pin the user")
	}
	if p.Allows("sts:AssumeRole", user) {
		t.Error("a session policy gave what the role does not have")
	}
	_, _, err = newAuthority(t, func(c *iam.Config) { c.SealKey = nil }).Lookup(c.AccessKeyID, c.SessionToken, now)
	wantKey(t, err, "UnrecognizedClientException")
}

func TestRootMayDoEverythingAndOthersAreUnknown(t *testing.T) {
	a := newAuthority(t, nil)
	if p := root(t, a); !p.Root() || !p.Allows("chime:DeleteAppInstance", "*") {
		t.Error("root is not root")
	}
	_, _, err := a.Lookup("AKIAOTHER", "", now)
	wantKey(t, err, "UnrecognizedClientException")
	_, _, err = a.Lookup("AKIAROOT", "some token", now)
	wantKey(t, err, "UnrecognizedClientException")
}

func TestCredentialsEndToTheSecond(t *testing.T) {
	a := newAuthority(t, nil)
	c := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Duration: iam.MinDuration})
	if _, _, err := a.Lookup(c.AccessKeyID, c.SessionToken, now.Add(iam.MinDuration-time.Nanosecond)); err != nil {
		t.Errorf("before the end: %v", err)
	}
	_, _, err := a.Lookup(c.AccessKeyID, c.SessionToken, now.Add(iam.MinDuration))
	wantKey(t, err, "ExpiredTokenException")
}

func TestATokenThatWasTouchedIsRefused(t *testing.T) {
	a := newAuthority(t, nil)
	c := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe, Tags: map[string]string{"a": "b"}})
	d := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk2"})
	_, _, err := a.Lookup(d.AccessKeyID, c.SessionToken, now)
	wantKey(t, err, "UnrecognizedClientException")
	raw, err := base64.StdEncoding.DecodeString(c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		bad := append([]byte(nil), raw...)
		bad[i] ^= 1
		if _, _, err := a.Lookup(c.AccessKeyID, base64.StdEncoding.EncodeToString(bad), now); err == nil {
			t.Fatalf("byte %d flipped: accepted", i)
		}
		if _, _, err := a.Lookup(c.AccessKeyID, base64.StdEncoding.EncodeToString(raw[:i]), now); err == nil {
			t.Fatalf("cut to %d bytes: accepted", i)
		}
	}
}

func TestConfiguredRolesAreTheOnlyOnes(t *testing.T) {
	a := newAuthority(t, func(c *iam.Config) {
		c.Roles = map[string]string{"Fan": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"chime:Connect",` +
			`"Resource":"arn:aws:chime:us-east-1:123456789012:app-instance/ai/user/${aws:PrincipalTag/UserUUID}"}}`}
	})
	c := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Tags: map[string]string{"UserUUID": "u-1"}})
	if !c.Principal.Allows("chime:Connect", user) || c.Principal.Allows("chime:Connect", other) {
		t.Error("the tag does not pin the user")
	}
	_, err := a.AssumeRole(root(t, a), iam.Request{RoleARN: strings.Replace(fanRole, "Fan", "Admin", 1), SessionName: "tk1"}, now)
	wantCode(t, err, "AccessDenied")
	_, _, err = newAuthority(t, func(c *iam.Config) { c.Roles = map[string]string{} }).Lookup(c.AccessKeyID, c.SessionToken, now)
	wantKey(t, err, "UnrecognizedClientException")
}

func TestAssumeRoleRefusesAsSTSDoes(t *testing.T) {
	a := newAuthority(t, nil)
	fan := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1"}).Principal
	ok := iam.Request{RoleARN: fanRole, SessionName: "tk1"}
	for _, c := range []struct {
		name   string
		caller *iam.Principal
		change func(*iam.Request)
		code   string
	}{
		{"a role session has no sts:AssumeRole", fan, func(*iam.Request) {}, "AccessDenied"},
		{"other account", root(t, a), func(r *iam.Request) { r.RoleARN = strings.Replace(fanRole, account, "999999999999", 1) }, "AccessDenied"},
		{"no role ARN", root(t, a), func(r *iam.Request) { r.RoleARN = user }, "ValidationError"},
		{"colon in session name", root(t, a), func(r *iam.Request) { r.SessionName = "a:b" }, "ValidationError"},
		{"short session name", root(t, a), func(r *iam.Request) { r.SessionName = "a" }, "ValidationError"},
		{"too short", root(t, a), func(r *iam.Request) { r.Duration = iam.MinDuration - time.Second }, "ValidationError"},
		{"too long", root(t, a), func(r *iam.Request) { r.Duration = iam.MaxDuration + time.Second }, "ValidationError"},
		{"malformed policy", root(t, a), func(r *iam.Request) { r.Policy = "{" }, "MalformedPolicyDocument"},
		{"long policy", root(t, a), func(r *iam.Request) { r.Policy = strings.Repeat(" ", 2049) }, "ValidationError"},
		{"tag with a star", root(t, a), func(r *iam.Request) { r.Tags = map[string]string{"k": "*"} }, "ValidationError"},
		{"reserved tag", root(t, a), func(r *iam.Request) { r.Tags = map[string]string{"aws:x": "1"} }, "ValidationError"},
		{"same tag twice", root(t, a), func(r *iam.Request) { r.Tags = map[string]string{"k": "1", "K": "2"} }, "InvalidParameterValue"},
		{"tags too large", root(t, a), func(r *iam.Request) {
			r.Tags = map[string]string{}
			for i := range 20 {
				r.Tags[strings.Repeat("k", i+1)] = strings.Repeat("v", 256)
			}
		}, "PackedPolicyTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := ok
			c.change(&in)
			_, err := a.AssumeRole(c.caller, in, now)
			wantCode(t, err, c.code)
		})
	}
}

func TestABadConfigurationIsRefused(t *testing.T) {
	good := iam.Config{Region: "us-east-1", Account: account, AccessKeyID: "A", SecretAccessKey: "s"}
	for name, change := range map[string]func(*iam.Config){
		"region": func(c *iam.Config) { c.Region = "" }, "account": func(c *iam.Config) { c.Account = "12" },
		"key": func(c *iam.Config) { c.AccessKeyID = "" }, "short seal": func(c *iam.Config) { c.SealKey = []byte("short") },
		"role": func(c *iam.Config) { c.Roles = map[string]string{"X": "{"} },
	} {
		cfg := good
		change(&cfg)
		if _, err := iam.NewAuthority(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func wantKey(t *testing.T, err error, code string) {
	t.Helper()
	var e *sigv4.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *iam.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

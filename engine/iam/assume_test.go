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
	for _, resource := range []string{
		strings.Replace(user, ":aws:", ":aws-cn:", 1), strings.Replace(user, "us-east-1", "eu-central-1", 1), "nonsense", "arn:aws:chime", user + "\xff",
	} {
		if all := assume(t, newAuthority(t, nil), iam.Request{RoleARN: fanRole, SessionName: "tk1"}).Principal; all.Allows("chime:Connect", resource) {
			t.Errorf("%q is nothing of this account, and allowed", resource)
		}
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
	for _, bad := range []string{c.SessionToken + "\n", "\r" + c.SessionToken, c.SessionToken + "=", strings.Repeat("A", 1<<20)} {
		if _, _, err := a.Lookup(c.AccessKeyID, bad, now); err == nil {
			t.Errorf("%.8q…: accepted", bad)
		}
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
		{"path that escapes", root(t, a), func(r *iam.Request) { r.RoleARN = strings.Replace(fanRole, "Fan", "/Fan", 1) }, "ValidationError"},
		{"other partition", root(t, a), func(r *iam.Request) { r.RoleARN = strings.Replace(fanRole, ":aws:", ":aws-cn:", 1) }, "ValidationError"},
		{"policy in Cyrillic", root(t, a), func(r *iam.Request) { r.Policy = `{"Statement":[],"Id":"ж"}` }, "ValidationError"},
		{"policy with a condition nobody knows", root(t, a), func(r *iam.Request) {
			r.Policy = `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"X":{"aws:userid":"a"}}}}`
		}, "MalformedPolicyDocument"},
		{"short external id", root(t, a), func(r *iam.Request) { r.ExternalID = "a" }, "ValidationError"},
		{"long external id", root(t, a), func(r *iam.Request) { r.ExternalID = strings.Repeat("a", 1225) }, "ValidationError"},
		{"slash in source identity", root(t, a), func(r *iam.Request) { r.SourceIdentity = "a/b" }, "ValidationError"},
		{"transitive tag that is none", root(t, a), func(r *iam.Request) { r.TransitiveTags = []string{"k"} }, "ValidationError"},
		{"51 tags", root(t, a), func(r *iam.Request) {
			r.Tags = map[string]string{}
			for i := range 51 {
				r.Tags[strings.Repeat("k", i+1)] = ""
			}
		}, "ValidationError"},
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
		"role":            func(c *iam.Config) { c.Roles = iam.Roles{{ARN: fanRole, Policies: []string{"{"}}} },
		"foreign role":    func(c *iam.Config) { c.Roles = iam.Roles{{ARN: strings.Replace(fanRole, account, "999999999999", 1)}} },
		"endless session": func(c *iam.Config) { c.Roles = iam.Roles{{ARN: fanRole, MaxDuration: 13 * time.Hour}} },
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

// What was opened once is remembered; how long it lives and whose it is must not be.
func TestARememberedTokenStillEnds(t *testing.T) {
	a := newAuthority(t, nil)
	c := assume(t, a, iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe})
	for range 2 {
		secret, p, err := a.Lookup(c.AccessKeyID, c.SessionToken, now)
		if err != nil || secret != c.SecretAccessKey || !p.Allows("chime:Connect", user) {
			t.Fatal(secret, err)
		}
	}
	_, _, err := a.Lookup("ASIAOTHER", c.SessionToken, now)
	wantKey(t, err, "UnrecognizedClientException")
	_, _, err = a.Lookup(c.AccessKeyID, c.SessionToken, now.Add(time.Hour))
	wantKey(t, err, "ExpiredTokenException")
}

// FuzzSealedToken expects that only the token itself, with its own key, opens.
func FuzzSealedToken(f *testing.F) {
	a, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: account, AccessKeyID: "AKIAROOT", SecretAccessKey: "s", SealKey: []byte("0123456789abcdef")})
	if err != nil {
		f.Fatal(err)
	}
	_, root, err := a.Lookup("AKIAROOT", "", now)
	if err != nil {
		f.Fatal(err)
	}
	c, err := a.AssumeRole(root, iam.Request{RoleARN: fanRole, SessionName: "tk1"}, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), byte(1), "", "", "AAAA")
	f.Add(uint16(7), byte(0), "\n", "AKIAROOT", "")
	f.Add(uint16(9), byte(0), "", "", "=")
	f.Fuzz(func(t *testing.T, at uint16, flip byte, more, key, token string) {
		if _, _, err := a.Lookup(key, token, now); (err == nil) != (key == "AKIAROOT" && token == "") {
			t.Errorf("%q, %q: %v", key, token, err)
		}
		bad := []byte(c.SessionToken)
		bad[int(at)%len(bad)] ^= flip
		token = string(bad) + more
		if _, _, err := a.Lookup(c.AccessKeyID, token, now); (err == nil) != (token == c.SessionToken) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

func BenchmarkAssumeRole(b *testing.B) {
	a, root := benchAuthority(b)
	in := iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe, Tags: map[string]string{"UserUUID": "u-1"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.AssumeRole(root, in, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	a, root := benchAuthority(b)
	in := iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe}
	c, err := a.AssumeRole(root, in, now)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := a.Lookup(c.AccessKeyID, c.SessionToken, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			a, _ := benchAuthority(b)
			b.StartTimer()
			if _, _, err := a.Lookup(c.AccessKeyID, c.SessionToken, now); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMay(b *testing.B) {
	a, root := benchAuthority(b)
	c, err := a.AssumeRole(root, iam.Request{RoleARN: fanRole, SessionName: "tk1", Policy: onlyMe}, now)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !c.Principal.Allows("chime:Connect", user) {
			b.Fatal("denied")
		}
	}
}

func benchAuthority(b *testing.B) (*iam.Authority, *iam.Principal) {
	b.Helper()
	a, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: account, AccessKeyID: "AKIAROOT", SecretAccessKey: "s", SealKey: []byte("0123456789abcdef")})
	if err != nil {
		b.Fatal(err)
	}
	_, root, err := a.Lookup("AKIAROOT", "", now)
	if err != nil {
		b.Fatal(err)
	}
	return a, root
}

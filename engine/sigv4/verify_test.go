package sigv4_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

var (
	signedAt = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	creds    = aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG", SessionToken: "tok/en+with=signs"}
)

const channelPath = "/channels/arn%3Aaws%3Achime%3Aus-east-1%3A123456789012%3Aapp-instance%2Fai%2Fchannel%2Fev-1%3Aa%40b/messages"

func secretOf(c aws.Credentials) sigv4.Secret {
	return func(id, token string) (string, error) {
		if id != c.AccessKeyID || token != c.SessionToken {
			return "", sigv4.UnknownKey()
		}
		return c.SecretAccessKey, nil
	}
}

// signed makes a request as aws-sdk-go-v2 does: a signed header and no x-amz-content-sha256.
func signed(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://127.0.0.1:8090"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Amz-Chime-Bearer", "arn:aws:chime:us-east-1:123456789012:app-instance/ai/user/u-1")
	signWithSDK(t, r, body)
	return r
}

func signWithSDK(t testing.TB, r *http.Request, body string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "chime", "us-east-1", signedAt); err != nil {
		t.Fatal(err)
	}
}

// arrive sends r over a wire and returns it as a server reads it, with its body.
func arrive(t testing.TB, r *http.Request) (*http.Request, []byte) {
	t.Helper()
	dump, err := httputil.DumpRequestOut(r, true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(dump)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, body
}

func TestRequestsSignedByTheSDKAreAccepted(t *testing.T) {
	for _, c := range []struct{ name, method, target, body string }{
		{"encoded ARN and a body", "POST", channelPath, `{"Content":"hi"}`},
		{"query", "GET", channelPath + "?max-results=50&next-token=a%2Fb%2B%3D&not-before=2026-01-02T03%3A04%3A05.678Z", ""},
		{"name without value", "POST", "/channels?operation", "{}"},
		{"names that sort differently with their value", "GET", "/channels?a=1&a-b=2&a.c=0&A-=3", ""},
		{"behind a prefix", "DELETE", "/chime" + channelPath, ""},
		{"root", "GET", "/", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := arrive(t, signed(t, c.method, c.target, c.body))
			id, token, err := sigv4.VerifyHeader(r, body, "chime", secretOf(creds), signedAt)
			if err != nil || id != creds.AccessKeyID || token != creds.SessionToken {
				t.Fatalf("got %q, %q, %v", id, token, err)
			}
		})
	}
}

func TestARequestThatNeverCrossedAWireIsAccepted(t *testing.T) {
	r := signed(t, "POST", channelPath+"?operation=redact", "{}")
	if _, _, err := sigv4.VerifyHeader(r, []byte("{}"), "chime", secretOf(creds), signedAt); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedOrAmbiguousHeaderSignedRequestIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		code   string
	}{
		{"method", func(r *http.Request) { r.Method = "PUT" }, "InvalidSignatureException"},
		{"path", func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "ev-1", "ev-2", 1) }, "InvalidSignatureException"},
		{"decoded path", func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "%2F", "/", 1) }, "InvalidSignatureException"},
		{"added query", func(r *http.Request) { r.RequestURI += "&x=1" }, "InvalidSignatureException"},
		{"host", func(r *http.Request) { r.Host = "evil:8090" }, "InvalidSignatureException"},
		{"bearer", func(r *http.Request) { r.Header.Set("X-Amz-Chime-Bearer", "other") }, "InvalidSignatureException"},
		{"second bearer", func(r *http.Request) { r.Header.Add("X-Amz-Chime-Bearer", "other") }, "IncompleteSignatureException"},
		{"unsigned x-amz header", func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }, "InvalidSignatureException"},
		{"x-amz query beside a header", func(r *http.Request) { r.RequestURI += "&%58-Amz-Signature=1" }, "IncompleteSignatureException"},
		{"doubled query name", func(r *http.Request) { r.RequestURI += "&operation=redact" }, "IncompleteSignatureException"},
		{"doubled query name in other case", func(r *http.Request) { r.RequestURI += "&oper%41tion=x" }, "IncompleteSignatureException"},
		{"second authorization", func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, "IncompleteSignatureException"},
		{"bearer under a second spelling", func(r *http.Request) { r.Header["x-amz-chime-bearer"] = []string{"other"} }, "IncompleteSignatureException"},
		{"semicolon", func(r *http.Request) { r.RequestURI += ";a=1" }, "IncompleteSignatureException"},
		{"broken escape", func(r *http.Request) { r.RequestURI += "&a=%zz" }, "IncompleteSignatureException"},
		{"no date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "IncompleteSignatureException"},
		{"fraction in date", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261122T200000.5Z") }, "IncompleteSignatureException"},
		{"no authorization", func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		{"payload hash of something else", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, "InvalidSignatureException"},
		{"empty payload hash", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "") }, "InvalidSignatureException"},
		{"other token", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, "UnrecognizedClientException"},
		{"host not signed", editAuth("SignedHeaders=content-length;content-type;host;", "SignedHeaders=content-length;content-type;"), "InvalidSignatureException"},
		{"headers not sorted", editAuth("content-length;content-type", "content-type;content-length"), "IncompleteSignatureException"},
		{"other service", editAuth("/chime/", "/sts/"), "InvalidSignatureException"},
		{"other region", editAuth("/us-east-1/", "/eu-central-1/"), "InvalidSignatureException"},
		{"other day", editAuth("/20261122/", "/20261123/"), "InvalidSignatureException"},
		{"bearer not signed", editAuth(";x-amz-chime-bearer", ""), "InvalidSignatureException"},
		{"token not signed", editAuth(";x-amz-security-token", ""), "InvalidSignatureException"},
		{"date not signed", editAuth(";x-amz-date", ""), "InvalidSignatureException"},
		{"header signed twice", editAuth("host;", "host;host;"), "IncompleteSignatureException"},
		{"header signed in capitals", editAuth("host;", "Host;"), "IncompleteSignatureException"},
		{"no signature", editAuth("Signature=", "Sig="), "IncompleteSignatureException"},
		{"signature with a changed digit", flipLastDigit, "InvalidSignatureException"},
		{"signed header that is absent", func(r *http.Request) { r.Header.Del("Content-Type") }, "IncompleteSignatureException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := arrive(t, signed(t, "POST", channelPath+"?operation=redact", `{"a":1}`))
			c.change(r)
			_, _, err := sigv4.VerifyHeader(r, body, "chime", secretOf(creds), signedAt)
			wantCode(t, err, c.code)
		})
	}
	r, _ := arrive(t, signed(t, "POST", channelPath, `{"a":1}`))
	_, _, err := sigv4.VerifyHeader(r, []byte(`{"a":2}`), "chime", secretOf(creds), signedAt)
	wantCode(t, err, "InvalidSignatureException")
}

// A leaked signing key of one service or day must be good for that service and day only, so both are compared even where
// the signature itself would hold.
func TestTheScopeIsComparedBeforeTheSignature(t *testing.T) {
	for text, change := range map[string]func(*http.Request){
		"correct service":          editAuth("/chime/", "/sts/"),
		"Date in Credential scope": editAuth("/20261122/", "/20261123/"),
	} {
		r, body := arrive(t, signed(t, "GET", "/channels", ""))
		change(r)
		if _, _, err := sigv4.VerifyHeader(r, body, "chime", secretOf(creds), signedAt); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
}

func editAuth(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func flipLastDigit(r *http.Request) {
	auth := []byte(r.Header.Get("Authorization"))
	last := &auth[len(auth)-1]
	if *last == '0' {
		*last = '1'
	} else {
		*last = '0'
	}
	r.Header.Set("Authorization", string(auth))
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *sigv4.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *sigv4.Error %s", err, code)
	}
	if e.Code != code {
		t.Fatalf("got %s (%s), want %s", e.Code, e.Message, code)
	}
}

func TestTheHeaderWindowIsFiveMinutesToTheSecond(t *testing.T) {
	for offset, ok := range map[time.Duration]bool{
		-301 * time.Second: false, -300 * time.Second: true, -299 * time.Second: true,
		299 * time.Second: true, 300 * time.Second: true, 301 * time.Second: false,
	} {
		r, body := arrive(t, signed(t, "GET", "/channels", ""))
		_, _, err := sigv4.VerifyHeader(r, body, "chime", secretOf(creds), signedAt.Add(offset))
		if (err == nil) != ok {
			t.Errorf("at %v: %v", offset, err)
		}
	}
}

// The verifier once searched the list of signed headers for every header of the request: a megabyte of each, sent by
// anybody, held a core for seconds. What a stranger may make us read is bounded now, and refused before anything is computed.
func TestAStrangerCannotMakeTheVerifierWork(t *testing.T) {
	names, values := make([]string, 20_000), http.Header{}
	for i := range names {
		names[i] = fmt.Sprintf("x-amz-%05d", i)
		values.Set(names[i], "1")
	}
	secret := func(string, string) (string, error) {
		t.Error("the secret was asked for")
		return "", sigv4.UnknownKey()
	}
	for name, change := range map[string]func(*http.Request){
		"many signed headers":  editAuth("SignedHeaders=", "SignedHeaders=a;"+strings.Join(names[:500], ";")+";"),
		"a long authorization": editAuth("SignedHeaders=", "SignedHeaders="+strings.Join(names, ";")+";"),
		"many headers":         func(r *http.Request) { maps.Copy(r.Header, values) },
		"many parameters":      func(r *http.Request) { r.RequestURI += "?" + strings.Join(names, "&") },
	} {
		r, body := arrive(t, signed(t, "POST", channelPath, "{}"))
		change(r)
		_, _, err := sigv4.VerifyHeader(r, body, "chime", secret, signedAt)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantCode(t, err, "IncompleteSignatureException")
	}
}

// Whoever is on the way can swap two parameters of one name: the canonical query is sorted, so the signature still holds,
// but the reader takes the first.
func TestSwappedParametersOfOneNameAreRefused(t *testing.T) {
	for _, query := range []string{"?max-results=1&max-results=50", "?max-results=50&max-results=1"} {
		r, body := arrive(t, signed(t, "GET", "/channels"+query, ""))
		_, _, err := sigv4.VerifyHeader(r, body, "chime", secretOf(creds), signedAt)
		wantCode(t, err, "IncompleteSignatureException")
	}
}

func TestASignedPayloadHashMustBeTheBodys(t *testing.T) {
	for _, hash := range []string{"", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", strings.Repeat("0", 64)} {
		r := signed(t, "POST", channelPath, "{}")
		r.Header.Set("X-Amz-Content-Sha256", hash)
		signWithSDK(t, r, "{}")
		got, body := arrive(t, r)
		_, _, err := sigv4.VerifyHeader(got, body, "chime", secretOf(creds), signedAt)
		wantCode(t, err, "InvalidSignatureException")
		if !strings.Contains(err.Error(), "x-amz-content-sha256") {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

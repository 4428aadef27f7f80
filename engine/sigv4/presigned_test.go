package sigv4_test

import (
	_ "embed"
	"net/http"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

//go:embed testdata/amazon-chime-sdk-js.txt
var amazonURLs string

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// connect makes the request that a WebSocket client sends for a URL.
func connect(t testing.TB, url string) *http.Request {
	t.Helper()
	rest := strings.TrimPrefix(strings.TrimPrefix(url, "ws://"), "http://")
	host, target, _ := strings.Cut(rest, "/")
	return &http.Request{Method: "GET", Host: host, RequestURI: "/" + target, Header: http.Header{"Upgrade": {"websocket"}}}
}

func presign(t testing.TB, query string, expires string) string {
	t.Helper()
	r, err := http.NewRequest("GET", "http://127.0.0.1:8090/connect?"+query+"&X-Amz-Expires="+expires, nil)
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := v4.NewSigner().PresignHTTP(t.Context(), creds, r, emptyHash, "chime", "us-east-1", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// The real client encodes with encodeURIComponent: the second URL of the file holds bare !'()* .
func TestURLsOfAmazonsOwnClientAreAccepted(t *testing.T) {
	n := 0
	for line := range strings.Lines(amazonURLs) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		c := creds
		if !strings.Contains(line, "Security-Token") {
			c.SessionToken = ""
		}
		id, token, err := sigv4.VerifyPresigned(connect(t, strings.TrimSpace(line)), "chime", secretOf(c), signedAt.Add(time.Second))
		if err != nil || id != c.AccessKeyID || token != c.SessionToken {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n != 3 {
		t.Errorf("read %d URLs, want 3", n)
	}
}

func TestURLsPresignedByTheSDKAreAccepted(t *testing.T) {
	url := presign(t, "userArn=arn%3Aaws%3Achime&sessionId=1&a-b=1&a=2", "10")
	if _, _, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt); err != nil {
		t.Fatal(err)
	}
	behind := connect(t, url)
	behind.RequestURI = "/chime" + behind.RequestURI
	_, _, err := sigv4.VerifyPresigned(behind, "chime", secretOf(creds), signedAt)
	wantCode(t, err, "InvalidSignatureException")
}

func TestAPresignedURLLivesItsSecondsAndTheSkew(t *testing.T) {
	url := presign(t, "sessionId=1", "10")
	for offset, ok := range map[time.Duration]bool{
		-301 * time.Second: false, -300 * time.Second: true, 0: true, 310 * time.Second: true, 311 * time.Second: false,
	} {
		_, _, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt.Add(offset))
		if (err == nil) != ok {
			t.Errorf("at %v: %v", offset, err)
		}
	}
}

func TestAChangedOrAmbiguousURLIsRefused(t *testing.T) {
	url := presign(t, "userArn=u-1&sessionId=1", "10")
	replace := func(from, to string) func(string) string {
		return func(u string) string { return strings.Replace(u, from, to, 1) }
	}
	for _, c := range []struct {
		name   string
		change func(string) string
		code   string
	}{
		{"other user", replace("userArn=u-1", "userArn=u-2"), "InvalidSignatureException"},
		{"same user, encoded otherwise", replace("userArn=u-1", "userArn=%75-1"), "InvalidSignatureException"},
		{"second user", func(u string) string { return u + "&userArn=u-2" }, "IncompleteSignatureException"},
		{"second user in other case", func(u string) string { return u + "&userarn=u-2" }, "IncompleteSignatureException"},
		{"second user, name encoded", func(u string) string { return u + "&user%41rn=u-2" }, "IncompleteSignatureException"},
		{"second signature", func(u string) string { return u + "&X-Amz-Signature=" + strings.Repeat("0", 64) }, "IncompleteSignatureException"},
		{"signature in other case", replace("X-Amz-Signature", "x-amz-signature"), "IncompleteSignatureException"},
		{"longer life", replace("X-Amz-Expires=10", "X-Amz-Expires=99"), "InvalidSignatureException"},
		{"life of eight days", replace("X-Amz-Expires=10", "X-Amz-Expires=691200"), "IncompleteSignatureException"},
		{"no life", replace("X-Amz-Expires=10&", ""), "IncompleteSignatureException"},
		{"host unsigned", replace("SignedHeaders=host", "SignedHeaders=accept"), "InvalidSignatureException"},
		{"other path", replace("/connect", "/other"), "InvalidSignatureException"},
		{"other host", replace("127.0.0.1", "127.0.0.2"), "InvalidSignatureException"},
		{"no token", replace("X-Amz-Security-Token=tok%2Fen%2Bwith%3Dsigns&", ""), "UnrecognizedClientException"},
		{"nothing signed", func(string) string { return "http://127.0.0.1:8090/connect?userArn=u-1" }, "MissingAuthenticationTokenException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := c.change(url)
			if changed == url {
				t.Fatal("the case changes nothing")
			}
			_, _, err := sigv4.VerifyPresigned(connect(t, changed), "chime", secretOf(creds), signedAt)
			wantCode(t, err, c.code)
		})
	}
	both := connect(t, url)
	both.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	_, _, err := sigv4.VerifyPresigned(both, "chime", secretOf(creds), signedAt)
	wantCode(t, err, "IncompleteSignatureException")
}

// FuzzPresigned presigns with the SDK and expects agreement, then that no single changed byte of the query survives.
func FuzzPresigned(f *testing.F) {
	f.Add("arn:aws:chime:us-east-1:1:app-instance/a/user/b", "42", uint16(3))
	f.Add("it's (a) *test*!~", "ü 💬+%2F;&=", uint16(200))
	f.Add("", "\x00\xff", uint16(65535))
	f.Fuzz(func(t *testing.T, user, session string, at uint16) {
		r, err := http.NewRequest("GET", "http://127.0.0.1:8090/connect", nil)
		if err != nil {
			t.Fatal(err)
		}
		q := r.URL.Query()
		q.Set("userArn", user)
		q.Set("sessionId", session)
		q.Set("X-Amz-Expires", "10")
		r.URL.RawQuery = q.Encode()
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), creds, r, emptyHash, "chime", "us-east-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		start := strings.IndexByte(url, '?') + 1
		bad := []byte(url)
		i := start + int(at)%(len(bad)-start)
		bad[i] ^= 1
		if _, _, err := sigv4.VerifyPresigned(connect(t, string(bad)), "chime", secretOf(creds), signedAt); err == nil {
			t.Fatalf("byte %d changed and accepted: %s", i, bad)
		}
	})
}

// FuzzHeader signs with the SDK, sends the request over a wire and expects agreement; any other body is refused.
func FuzzHeader(f *testing.F) {
	f.Add("/channels/arn%3Aaws", "a=1&a-b=2", "value", `{"a":1}`)
	f.Add("/a b/ü", "q=it's+(x)%20*", "  two  spaces ", "")
	f.Add("//x/../y", "=&=&a", "\t", "x")
	f.Fuzz(func(t *testing.T, path, query, value, body string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path+query, "#") || len(path)+len(query)+len(value) > 4096 {
			t.Skip()
		}
		r, err := http.NewRequest("POST", "http://127.0.0.1:8090"+path+"?"+query, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		if strings.Contains(query, ";") || !validQuery(query) || !validValue(value) {
			t.Skip("refused by design, or not sendable")
		}
		r.Header.Set("X-Amz-Meta", value)
		signWithSDK(t, r, body)
		got, gotBody := arrive(t, r)
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(creds), signedAt); err != nil {
			t.Fatalf("%s: %v", got.RequestURI, err)
		}
		if _, _, err := sigv4.VerifyHeader(got, append(gotBody, 'x'), "chime", secretOf(creds), signedAt); err == nil {
			t.Fatal("another body was accepted")
		}
	})
}

func validQuery(q string) bool {
	for i := range len(q) {
		if q[i] <= ' ' || q[i] >= 0x7f {
			return false
		}
		if q[i] == '%' && (i+2 >= len(q) || !isHex(q[i+1]) || !isHex(q[i+2])) {
			return false
		}
		if strings.IndexByte(`"<>\^{|}`+"`[]", q[i]) >= 0 {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// validValue keeps to visible ASCII, space and tab inside: other bytes are not sent unchanged by net/http.
func validValue(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] >= 0x7f {
			return false
		}
	}
	return true
}

func BenchmarkVerifyPresigned(b *testing.B) {
	r := connect(b, presign(b, "userArn=arn%3Aaws%3Achime&sessionId=1", "10"))
	secret := func(string, string) (string, error) { return creds.SecretAccessKey, nil }
	for b.Loop() {
		if _, _, err := sigv4.VerifyPresigned(r, "chime", secret, signedAt); err != nil {
			b.Fatal(err)
		}
	}
}

package sigv4_test

import (
	_ "embed"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

//go:embed testdata/amazon-chime-sdk-js.txt
var amazonURLs string

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// connect makes the request that a WebSocket client sends for a URL.
func connect(t testing.TB, target string) *http.Request {
	t.Helper()
	rest := strings.TrimPrefix(strings.TrimPrefix(target, "ws://"), "http://")
	host, path, _ := strings.Cut(rest, "/")
	return &http.Request{Method: "GET", Host: host, RequestURI: "/" + path, Header: http.Header{"Upgrade": {"websocket"}}}
}

func presign(t testing.TB, query, expires string) string {
	t.Helper()
	return presignAs(t, creds, query, expires)
}

func presignAs(t testing.TB, creds aws.Credentials, query, expires string) string {
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
		q, err := sigv4.VerifyPresigned(connect(t, strings.TrimSpace(line)), "chime", secretOf(c), signedAt.Add(time.Second))
		if err != nil || !q.Has("userArn") || q.Get("X-Amz-Security-Token") != c.SessionToken {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n != 3 {
		t.Errorf("read %d URLs, want 3", n)
	}
}

func TestURLsPresignedByTheSDKAreAccepted(t *testing.T) {
	url := presign(t, "userArn=arn%3Aaws%3Achime&sessionId=1&a-b=1&a=2", "10")
	if _, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt); err != nil {
		t.Fatal(err)
	}
	behind := connect(t, url)
	behind.RequestURI = "/chime" + behind.RequestURI
	_, err := sigv4.VerifyPresigned(behind, "chime", secretOf(creds), signedAt)
	wantCode(t, err, "InvalidSignatureException")
}

func TestAPresignedURLLivesItsSecondsAndTheSkew(t *testing.T) {
	url := presign(t, "sessionId=1", "10")
	for offset, ok := range map[time.Duration]bool{
		-301 * time.Second: false, -300 * time.Second: true, 0: true, 310 * time.Second: true, 311 * time.Second: false,
	} {
		_, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt.Add(offset))
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
			_, err := sigv4.VerifyPresigned(connect(t, changed), "chime", secretOf(creds), signedAt)
			wantCode(t, err, c.code)
		})
	}
	both := connect(t, url)
	both.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	_, err := sigv4.VerifyPresigned(both, "chime", secretOf(creds), signedAt)
	wantCode(t, err, "IncompleteSignatureException")
	for _, name := range []string{"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		said := connect(t, strings.Replace(url, "SignedHeaders=host", "SignedHeaders=host%3B"+strings.ToLower(name), 1))
		said.Header.Set(name, "20261122T200000Z")
		_, err := sigv4.VerifyPresigned(said, "chime", secretOf(creds), signedAt)
		wantCode(t, err, "IncompleteSignatureException")
	}
	unsigned := connect(t, url)
	unsigned.Header.Set("X-Amz-Chime-Bearer", "other")
	_, err = sigv4.VerifyPresigned(unsigned, "chime", secretOf(creds), signedAt)
	wantCode(t, err, "InvalidSignatureException")
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
		if _, err := sigv4.VerifyPresigned(connect(t, url), "chime", secretOf(creds), signedAt); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		start := strings.IndexByte(url, '?') + 1
		bad := []byte(url)
		i := start + int(at)%(len(bad)-start)
		bad[i] ^= 1
		if _, err := sigv4.VerifyPresigned(connect(t, string(bad)), "chime", secretOf(creds), signedAt); err == nil {
			t.Fatalf("byte %d changed and accepted: %s", i, bad)
		}
	})
}

// FuzzHeader signs with the SDK, sends the request over a wire and expects agreement; another body, another value of the
// header and another signature are refused.
func FuzzHeader(f *testing.F) {
	f.Add("/channels/arn%3Aaws", "a=1&a-b=2", "X-Amz-Meta", "value", `{"a":1}`)
	f.Add("/a b/ü", "q=it's+(x)%20*", "X-Amz-Chime-Bearer", "  two  spaces ", "")
	f.Add("//x/../y", "=&b", "X-Amz-Z", "\t", "x")
	f.Add("/", "A=1&%61b=2&a%2Bb=+", "Content-Type", "a,b", "\x00")
	f.Fuzz(func(t *testing.T, path, query, name, value, body string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path+query, "#") || len(path)+len(query)+len(value) > 4096 {
			t.Skip()
		}
		r, err := http.NewRequest("POST", "http://127.0.0.1:8090"+path+"?"+query, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		if strings.Contains(query, ";") || !validQuery(query) || !validValue(value) || !validName(name) {
			t.Skip("refused by design, or not sendable")
		}
		r.Header.Set(name, value)
		signWithSDK(t, r, body)
		got, gotBody := arrive(t, r)
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(creds), signedAt); err != nil {
			t.Fatalf("%s: %v", got.RequestURI, err)
		}
		if _, _, err := sigv4.VerifyHeader(got, append(gotBody, 'x'), "chime", secretOf(creds), signedAt); err == nil {
			t.Fatal("another body was accepted")
		}
		got.Header.Set(name, value+"x")
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(creds), signedAt); err == nil {
			t.Fatal("another header was accepted")
		}
		got.Header.Set(name, r.Header.Get(name))
		flipLastDigit(got)
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(creds), signedAt); err == nil {
			t.Fatal("another signature was accepted")
		}
	})
}

// FuzzStranger sends whatever comes to mind. Nothing is accepted, because nobody knows the secret, and nothing panics.
func FuzzStranger(f *testing.F) {
	f.Add("/?X-Amz-Signature=00&X-Amz-Credential=a/20261122/us-east-1/chime/aws4_request", "AWS4-HMAC-SHA256 Credential=", "host")
	f.Add("http://h", "AWS4-HMAC-SHA256 Credential=a/20261122/r/chime/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64), "20261122T200000Z")
	f.Add("*", "", "")
	f.Fuzz(func(t *testing.T, uri, auth, date string) {
		r := &http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: "/"}, RequestURI: uri,
			Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}}
		if _, _, err := sigv4.VerifyHeader(r, nil, "chime", secretOf(creds), signedAt); err == nil {
			t.Error("accepted in the header")
		}
		r.Header = http.Header{}
		if _, err := sigv4.VerifyPresigned(r, "chime", secretOf(creds), signedAt); err == nil {
			t.Error("accepted in the query")
		}
	})
}

// validName keeps to headers that are signed and that neither net/http nor the signer makes itself.
func validName(name string) bool {
	if name == "Content-Type" {
		return true
	}
	rest, ok := strings.CutPrefix(name, "X-Amz-")
	if !ok || rest == "" || slices.Contains([]string{"Date", "Security-Token", "Content-Sha256"}, rest) {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; c != '-' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name == http.CanonicalHeaderKey(name)
}

// validQuery keeps to what a client may send, with no name twice.
func validQuery(q string) bool {
	seen := map[string]bool{}
	for piece := range strings.SplitSeq(q, "&") {
		name, _, _ := strings.Cut(piece, "=")
		name, err := url.QueryUnescape(name)
		if lower := strings.ToLower(name); piece != "" && (err != nil || seen[lower] || strings.HasPrefix(lower, "x-amz-")) {
			return false
		} else if seen[lower] = true; len(seen) > 60 {
			return false
		}
	}
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

// BenchmarkVerifyPresigned has the URL of a long-lived key, and one with the session token of a ticket holder.
func BenchmarkVerifyPresigned(b *testing.B) {
	const user = "userArn=arn%3Aaws%3Achime%3Aus-east-1%3A123456789012%3Aapp-instance%2Fai%2Fuser%2Fu-1&sessionId=1"
	for name, token := range map[string]string{"plain": "", "ticket": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a sealed policy \xff\xbe ", 40)))} {
		b.Run(name, func(b *testing.B) {
			c := creds
			c.SessionToken = token
			r := connect(b, presignAs(b, c, user, "10"))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sigv4.VerifyPresigned(r, "chime", secretOf(c), signedAt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyHeader(b *testing.B) {
	r, body := arrive(b, signed(b, "POST", channelPath, `{"Content":"hello","Type":"STANDARD","Persistence":"PERSISTENT"}`))
	secret := func(string, string) (string, error) { return creds.SecretAccessKey, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := sigv4.VerifyHeader(r, body, "chime", secret, signedAt); err != nil {
			b.Fatal(err)
		}
	}
}

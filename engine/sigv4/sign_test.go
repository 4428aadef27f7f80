package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// What we sign must be what Amazon's signer makes of the same request, or receivers with another verifier refuse it.
func TestWeSignAsTheSDKDoes(t *testing.T) {
	c := creds
	c.SessionToken = ""
	for _, target := range []string{
		"http://hooks.test/", "http://hooks.test:8080/a/b?x=1&a=b%2Fc", "https://hooks.test/arn%3Aaws%2Fx?q=a+b&r=%C3%A9", "http://hooks.test",
	} {
		body := `{"EventType":"CHANNEL_MESSAGE_EVENT"}`
		request := func() *http.Request {
			r, err := http.NewRequest("POST", target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Stagedoor-About", "arn:aws:lambda:us-east-1:1:function:f")
			return r
		}
		ours, theirs := request(), request()
		if err := sigv4.Sign(ours, []byte(body), "chime", "us-east-1", c.AccessKeyID, c.SecretAccessKey, signedAt); err != nil {
			t.Fatal(err)
		}
		theirs.ContentLength = 0 // the SDK would sign a header that we leave to the connection
		sum := sha256.Sum256([]byte(body))
		theirs.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		if err := v4.NewSigner().SignHTTP(t.Context(), c, theirs, hex.EncodeToString(sum[:]), "chime", "us-east-1", signedAt); err != nil {
			t.Fatal(err)
		}
		if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
			t.Errorf("%s:\n%s\n%s", target, got, want)
		}
		got, gotBody := arrive(t, ours)
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(c), signedAt); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		got.Header.Set("X-Stagedoor-About", "other")
		if _, _, err := sigv4.VerifyHeader(got, gotBody, "chime", secretOf(c), signedAt); err == nil {
			t.Errorf("%s: a changed header was accepted", target)
		}
	}
}

func TestMACIsHMAC(t *testing.T) {
	long := strings.Repeat("0123456789", 60)
	for key := range 150 {
		for _, text := range []int{0, 1, 8, 55, 64, 191, 192, 193, 600} {
			h := hmac.New(sha256.New, []byte(long[:key]))
			_, _ = h.Write([]byte(long[:text]))
			if got := sigv4.MAC([]byte(long[:key]), long[:text]); !hmac.Equal(got[:], h.Sum(nil)) {
				t.Errorf("a key of %d bytes and a text of %d: %x", key, text, got)
			}
		}
	}
}

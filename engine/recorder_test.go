package engine_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

// recorder keeps the first success of every operation and the first of every exception, as they travelled.
type recorder struct {
	mu    sync.Mutex
	first map[string]string // by "service operation" or "exception": the exchange
}

func newRecorder() *recorder { return &recorder{first: map[string]string{}} }

// RoundTrip sends the request of an SDK to the engine.
func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	var sent []byte
	if q.Body != nil {
		var err error
		if sent, err = io.ReadAll(q.Body); err != nil {
			return nil, err
		}
		q.Body = io.NopCloser(bytes.NewReader(sent))
	}
	res, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(got))
	what := awsmiddleware.GetServiceID(q.Context()) + " " + awsmiddleware.GetOperationName(q.Context())
	if res.StatusCode >= http.StatusMultipleChoices {
		what = res.Header.Get("x-amzn-ErrorType")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, have := r.first[what]; !have {
		r.first[what] = exchange(q, sent, res, got)
	}
	return res, nil
}

func exchange(q *http.Request, sent []byte, res *http.Response, got []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", q.Method, q.URL.RequestURI())
	headers(&b, q.Header, "Authorization", "Content-Type", "X-Amz-Chime-Bearer")
	fmt.Fprintf(&b, "%s\n\n%d\n", sent, res.StatusCode)
	headers(&b, res.Header, "Content-Type", "X-Amzn-Errortype", "X-Amzn-Requestid")
	fmt.Fprintf(&b, "%s\n", got)
	return normal(b.String())
}

func headers(b *strings.Builder, h http.Header, names ...string) {
	for _, name := range names {
		if v := h.Get(name); v != "" {
			fmt.Fprintf(b, "%s: %s\n", name, v)
		}
	}
}

// changing is what no two runs have in common. What is numbered is the same text wherever it has the same number.
var changing = []struct {
	what     string
	is       *regexp.Regexp
	numbered bool
}{
	{"key", regexp.MustCompile(`Credential=(\w+)`), false},
	{"date", regexp.MustCompile(`/(\d{8})/`), false},
	{"signature", regexp.MustCompile(`Signature=([0-9a-f]{64})`), false},
	{"token", regexp.MustCompile(`(?:"NextToken":"|next-token=)([\w-]+)`), false},
	{"time", regexp.MustCompile(`\b(1\d{9}(?:\.\d+)?)\b`), false},
	{"time", regexp.MustCompile(`not-\w+=([^&\s]+)`), false},
	{"secret", regexp.MustCompile(`<(?:AccessKeyId|SecretAccessKey|SessionToken|SessionTokenSize|Expiration)>([^<]+)`), false},
	{"id", regexp.MustCompile(`(AROA\w+)`), true},
	{"uuid", regexp.MustCompile(`([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`), true},
	{"id", regexp.MustCompile(`([0-9a-f]{32,64})`), true},
}

func normal(text string) string {
	for _, c := range changing {
		seen := map[string]string{}
		var b strings.Builder
		end := 0
		for _, at := range c.is.FindAllStringSubmatchIndex(text, -1) {
			v := text[at[2]:at[3]]
			if seen[v] == "" {
				seen[v] = "{" + c.what + "}"
				if c.numbered {
					seen[v] = fmt.Sprintf("{%s %d}", c.what, len(seen))
				}
			}
			b.WriteString(text[end:at[2]] + seen[v])
			end = at[3]
		}
		text = b.String() + text[end:]
	}
	return text
}

// compare holds what was recorded against a golden file. When a change is meant, GOLDEN=write go test ./engine writes it
// anew.
func (r *recorder) compare(t *testing.T, golden string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name := range r.first {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "=== %s\n%s\n", name, r.first[name])
	}
	sameAsGolden(t, golden, b.String(), "\n=== ")
}

// sameAsGolden compares a text with a file, part by part.
func sameAsGolden(t *testing.T, golden, got, parts string) {
	t.Helper()
	if os.Getenv("GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	have, want := strings.Split(got, parts), strings.Split(string(text), parts)
	for _, p := range have {
		if !slices.Contains(want, p) {
			t.Errorf("not in %s:\n%s", golden, p)
		}
	}
	for _, p := range want {
		if !slices.Contains(have, p) {
			t.Errorf("only in %s:\n%s", golden, p)
		}
	}
}

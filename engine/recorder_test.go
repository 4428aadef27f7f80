package engine_test

import (
	"bytes"
	"encoding/json"
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

// recorder keeps the first success of every operation and the first of every exception, as they travelled. Of a list whose
// order is nobody's business it keeps the first that was asked for as a whole.
type recorder struct {
	mu    sync.Mutex
	first map[string]string // by "service operation" or "exception": the exchange
	part  map[string]bool   // those that are a page
}

func newRecorder() *recorder { return &recorder{first: map[string]string{}, part: map[string]bool{}} }

// inOrder are the lists that come in an order that the wire promises or that follows from names.
var inOrder = map[string]bool{"ListChannelMessages": true, "ListAppInstanceUsers": true}

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
	operation := awsmiddleware.GetOperationName(q.Context())
	what := awsmiddleware.GetServiceID(q.Context()) + " " + operation
	if res.StatusCode >= http.StatusMultipleChoices {
		what = res.Header.Get("x-amzn-ErrorType")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	part, sorted := q.URL.Query().Has("max-results") && !inOrder[operation], got
	if strings.HasPrefix(operation, "List") && !inOrder[operation] || operation == "SearchChannels" {
		sorted = sortLists(got)
	}
	if _, have := r.first[what]; !have || r.part[what] && !part {
		r.first[what], r.part[what] = exchange(q, sent, res, sorted), part
	}
	return res, nil
}

// sortLists puts the entries of the lists in a JSON object in the order of their texts.
func sortLists(object []byte) []byte {
	d, out := json.NewDecoder(bytes.NewReader(object)), []byte{'{'}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return object
	}
	for d.More() {
		name, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return object
		}
		var list []json.RawMessage
		if json.Unmarshal(v, &list) == nil {
			slices.SortFunc(list, func(a, b json.RawMessage) int { return strings.Compare(normal(string(a)), normal(string(b))) })
			v = append(append([]byte{'['}, bytes.Join(rawTexts(list), []byte{','})...), ']')
		}
		out = append(append(fmt.Appendf(out, "%q:", name), v...), ',')
	}
	return append(bytes.TrimSuffix(out, []byte{','}), '}')
}

func rawTexts(list []json.RawMessage) (all [][]byte) {
	for _, v := range list {
		all = append(all, v)
	}
	return all
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
	{"host", regexp.MustCompile(`(127\.0\.0\.1:\d+)`), false},
	{"date", regexp.MustCompile(`/(\d{8})/`), false},
	{"signature", regexp.MustCompile(`Signature=([0-9a-f]{64})`), false},
	{"JWT", regexp.MustCompile(`WebIdentityToken=([^&\s]+)`), false},
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

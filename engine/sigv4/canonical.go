package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	basicTime = "20060102T150405Z"
	// emptyHash is the SHA-256 of nothing: the payload hash of every presigned URL that Chime's clients make.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// pair is one query parameter, name and value both percent-encoded.
type pair struct{ name, value string }

// canonicalPath encodes an already encoded path once more, as every AWS service but S3 expects ("Create a signed AWS
// API request", step 1: %3A becomes %253A). Nothing is decoded or cleaned: the signature holds for the path as received.
func canonicalPath(raw string) string {
	if raw == "" {
		return "/"
	}
	return escape(raw, '/')
}

const hexUpper = "0123456789ABCDEF"

// escape percent-encodes every byte but RFC 3986's unreserved ones and keep.
func escape(s string, keep byte) string {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == '~' || c == keep {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexUpper[c>>4])
		b.WriteByte(hexUpper[c&15])
	}
	return b.String()
}

// rawQuery takes a query apart without decoding it. It refuses what two parsers could read differently: an escape that
// is none and a semicolon (once a separator, RFC 1866; net/url drops such a parameter silently).
func rawQuery(q string) ([]pair, error) {
	if strings.Contains(q, ";") {
		return nil, incomplete("The query string holds a semicolon; encode it as %%3B.")
	}
	var pairs []pair
	for piece := range strings.SplitSeq(q, "&") {
		if piece == "" {
			continue
		}
		if len(pairs) == maxParameters {
			return nil, incomplete("The query string has more than %d parameters.", maxParameters)
		}
		name, value, _ := strings.Cut(piece, "=")
		if !wellEscaped(piece) {
			return nil, incomplete("The query string holds an invalid percent escape.")
		}
		pairs = append(pairs, pair{name, value})
	}
	return pairs, nil
}

// wellEscaped reports whether url.QueryUnescape can read s: two hexadecimal digits follow each %.
func wellEscaped(s string) bool {
	for {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			return true
		}
		if s = s[at+1:]; len(s) < 2 || !isHex(s[0]) || !isHex(s[1]) {
			return false
		}
		s = s[2:]
	}
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// recode brings pairs into the one encoding a header-signed request is signed over: decoded, then strictly encoded.
func recode(pairs []pair) []pair {
	out := make([]pair, len(pairs))
	for i, p := range pairs {
		name, _ := url.QueryUnescape(p.name) // rawQuery has checked both
		value, _ := url.QueryUnescape(p.value)
		out[i] = pair{escape(name, '-'), escape(value, '-')}
	}
	return out
}

// joinQuery sorts by name, then value, and joins.
func joinQuery(pairs []pair) string {
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

// canonicalHeaders renders the named headers, lower-case, one per line. A named header that is not there is a refusal:
// the sender signed something that did not arrive.
func canonicalHeaders(r *http.Request, names []string, bodyLength int) (string, error) {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name)
		b.WriteByte(':')
		values := r.Header[http.CanonicalHeaderKey(name)]
		switch {
		case name == "host":
			values = []string{r.Host}
		case name == "content-length" && len(values) == 0: // a request that never crossed a wire
			values = []string{strconv.Itoa(bodyLength)}
		case len(values) == 0:
			return "", incomplete("The signed header %.64q is missing from the request.", name)
		}
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(squeeze(v))
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// squeeze trims v and makes every inner run of spaces one space.
func squeeze(v string) string {
	v = strings.TrimSpace(v)
	for strings.Contains(v, "  ") {
		v = strings.ReplaceAll(v, "  ", " ")
	}
	return v
}

// sign signs a canonical request ("Create a signed AWS API request", steps 2 to 4).
func (c *claim) sign(canonicalRequest, secret string) []byte {
	sum := sha256.Sum256([]byte(canonicalRequest))
	scope := c.day + "/" + c.region + "/" + c.service + "/aws4_request"
	toSign := algorithm + "\n" + c.date.Format(basicTime) + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.day, c.region, c.service, "aws4_request", toSign} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	return key
}

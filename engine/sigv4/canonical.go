package sigv4

import (
	"cmp"
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

// pair is one query parameter.
type pair struct{ name, value string }

// canonical is what a request is signed over ("Create a signed AWS API request", step 1), for signed headers in lower case. The
// path, already encoded, is encoded once more, as every AWS service but S3 expects: %3A becomes %253A. Nothing is decoded or
// cleaned: the signature holds for the path as received. pairs are sorted.
func canonical(r *http.Request, path string, pairs []pair, signed []string, payloadHash string, bodyLength int) ([]byte, error) {
	size := 512 // of all but the query
	for _, p := range pairs {
		size += len(p.name) + len(p.value) + 2
	}
	b := append(make([]byte, 0, size), r.Method...)
	b = appendEscaped(append(b, '\n'), cmp.Or(path, "/"), '/')
	b = appendQuery(append(b, '\n'), pairs)
	b, err := appendHeaders(append(b, '\n'), r, signed, bodyLength)
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	for i, name := range signed {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	return append(append(b, '\n'), payloadHash...), nil
}

const hexUpper = "0123456789ABCDEF"

// appendEscaped percent-encodes every byte but RFC 3986's unreserved ones and keep.
func appendEscaped(b []byte, s string, keep byte) []byte {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == '~' || c == keep {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hexUpper[c>>4], hexUpper[c&15])
	}
	return b
}

func escape(s string) string { return string(appendEscaped(nil, s, '-')) }

// parseQuery takes a query apart: as it is, and decoded. It refuses what two parsers could read differently: an escape that
// is none and a semicolon (once a separator, RFC 1866; net/url drops such a parameter silently).
func parseQuery(text string) (raw []pair, q Query, err error) {
	if strings.Contains(text, ";") {
		return nil, nil, incomplete("The query string holds a semicolon; encode it as %%3B.")
	}
	most := min(1+strings.Count(text, "&"), maxParameters)
	raw, q = make([]pair, 0, most), make(Query, 0, most)
	for piece := range strings.SplitSeq(text, "&") {
		if piece == "" {
			continue
		}
		if len(raw) == maxParameters {
			return nil, nil, incomplete("The query string has more than %d parameters.", maxParameters)
		}
		name, value, _ := strings.Cut(piece, "=")
		plainName, wrongName := url.QueryUnescape(name)
		plainValue, wrongValue := url.QueryUnescape(value)
		if wrongName != nil || wrongValue != nil {
			return nil, nil, incomplete("The query string holds an invalid percent escape.")
		}
		raw, q = append(raw, pair{name, value}), append(q, pair{plainName, plainValue})
	}
	return raw, q, nil
}

// Query holds the parameters of a request, decoded.
type Query []pair

// Get returns the value of a parameter, "" if it is not there.
func (q Query) Get(name string) string {
	if i := q.index(name); i >= 0 {
		return q[i].value
	}
	return ""
}

// Has reports whether a parameter is there.
func (q Query) Has(name string) bool { return q.index(name) >= 0 }

func (q Query) index(name string) int {
	return slices.IndexFunc(q, func(p pair) bool { return p.name == name })
}

// unique refuses a name that occurs twice, in any case of letters. A signature does not cover the order of parameters, so that
// whoever is on the way could choose which of two the reader sees first: userArn twice would let the signer mean one and the
// reader take the other.
func (q Query) unique() error {
	for i, p := range q {
		for _, before := range q[:i] {
			if strings.EqualFold(before.name, p.name) {
				return incomplete("The query parameter %.64q occurs more than once.", p.name)
			}
		}
	}
	return nil
}

// recode brings a query into the one encoding a header-signed request is signed over.
func (q Query) recode() []pair {
	out := make([]pair, len(q))
	for i, p := range q {
		out[i] = pair{escape(p.name), escape(p.value)}
	}
	return out
}

// appendQuery sorts pairs by name, then value, and joins them.
func appendQuery(b []byte, pairs []pair) []byte {
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p.name...), '='), p.value...)
	}
	return b
}

// appendHeaders renders the named headers, lower-case, one per line. A named header that is not there is a refusal:
// the sender signed something that did not arrive.
func appendHeaders(b []byte, r *http.Request, names []string, bodyLength int) ([]byte, error) {
	for _, name := range names {
		b = append(append(b, name...), ':')
		values := r.Header[http.CanonicalHeaderKey(name)]
		switch {
		case name == "host":
			b = append(b, squeeze(r.Host)...)
			values = nil
		case name == "content-length" && len(values) == 0: // a request that never crossed a wire
			b = strconv.AppendInt(b, int64(bodyLength), 10)
		case len(values) == 0:
			return nil, incomplete("The signed header %.64q is missing from the request.", name)
		}
		for i, v := range values {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, squeeze(v)...)
		}
		b = append(b, '\n')
	}
	return b, nil
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
func (c *claim) sign(canonical []byte, secret string) [sha256.Size]byte {
	sum := sha256.Sum256(canonical)
	scope := c.day + "/" + c.region + "/" + c.service + "/aws4_request"
	toSign := algorithm + "\n" + c.stamp + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	code := MAC([]byte("AWS4"+secret), c.day)
	for _, part := range []string{c.region, c.service, "aws4_request", toSign} {
		code = MAC(code[:], part)
	}
	return code
}

// MAC is HMAC-SHA-256 (RFC 2104, section 2). Each signature needs five, each with a key of its own, and hmac.New makes
// seven objects for a key: a tenth of what a session costs to open.
func MAC(key []byte, text string) [sha256.Size]byte {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	var block [sha256.BlockSize]byte
	copy(block[:], key)
	xor := func(b []byte, pad byte) []byte {
		for _, k := range block {
			b = append(b, k^pad)
		}
		return b
	}
	inner := sha256.Sum256(append(xor(make([]byte, 0, 256), 0x36), text...)) // all but long texts stay on the stack
	return sha256.Sum256(append(xor(make([]byte, 0, sha256.BlockSize+sha256.Size), 0x5c), inner[:]...))
}

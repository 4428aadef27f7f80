// Package sigv4 tells who signed a request: AWS Signature Version 4, in the Authorization header or in the query of a
// presigned URL.
//
// Both forms share one canonicaliser, written by hand because the SDK's signer decodes and re-encodes a query, while
// amazon-chime-sdk-js signs its connect URL with encodeURIComponent and so leaves !'()* bare. Tests and fuzz targets
// hold it against the SDK's signer. The path and the query are taken as received (RequestURI), so the handler
// may sit behind http.StripPrefix. A request that two readers could understand differently is refused.
//
// The region in the credential scope is the client's choice: it is part of the derived key, so naming another one
// gains nothing, and SDKs configured for either Chime region work.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Skew is how far the signer's clock may be off, in both directions (AWS: "within 5 minutes").
const Skew = 5 * time.Minute

const (
	// maxExpires bounds X-Amz-Expires, in seconds: seven days, AWS's own limit.
	maxExpires = 7 * 24 * 3600
	// The rest bounds what a stranger can make us do before we know him. Chime's clients sign at most twelve headers,
	// send at most ten parameters beside the signature's own, and their Authorization header has some 400 bytes.
	maxSigned        = 64
	maxHeaders       = 256
	maxParameters    = 64
	maxAuthorization = 8 << 10
)

// Secret finds the secret key of an access key; sessionToken is "" for long-lived keys. Its error is handed on unchanged.
type Secret func(accessKeyID, sessionToken string) (string, error)

// claim is what a request says about its signature, before anything of it is believed.
type claim struct {
	accessKeyID, sessionToken string
	day, region, service      string
	date                      time.Time
	stamp                     string // date as sent
	signedHeaders             []string
	signature                 [sha256.Size]byte
}

// VerifyHeader checks a request signed in its Authorization header, body included, for the named service ("chime",
// "sts"). It returns the access key and session token that signed it. Errors are *Error or come from secret.
func VerifyHeader(r *http.Request, body []byte, service string, secret Secret, now time.Time) (accessKeyID, sessionToken string, err error) {
	path, query := received(r)
	_, q, err := parseQuery(query)
	if err != nil {
		return "", "", err
	}
	if err := unambiguousHeaders(r.Header); err != nil {
		return "", "", err
	}
	if err := q.unique(); err != nil {
		return "", "", err
	}
	for _, p := range q {
		if amazons(p.name) {
			return "", "", incomplete("The query parameter %.64q does not belong into a request signed in its header.", p.name)
		}
	}
	c, err := parseAuthorization(r.Header, service)
	if err != nil {
		return "", "", err
	}
	if err := allSigned(r.Header, c.signedHeaders); err != nil {
		return "", "", err
	}
	if err := c.fresh(now, 0); err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if sent, ok := r.Header["X-Amz-Content-Sha256"]; ok && sent[0] != hash {
		return "", "", mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if err := c.check(r, path, q.recode(), hash, len(body), secret); err != nil {
		return "", "", err
	}
	return c.accessKeyID, c.sessionToken, nil
}

// VerifyPresigned checks a request signed in its query, as the messaging session's /connect URL is, and returns its parameters,
// no name twice. Its validity is X-Amz-Date to X-Amz-Date plus X-Amz-Expires seconds, Skew allowed at both ends: phones with a
// slow clock sign URLs that live ten seconds. Errors are *Error or come from secret.
func VerifyPresigned(r *http.Request, service string, secret Secret, now time.Time) (Query, error) {
	path, query := received(r)
	pairs, q, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	if err := unambiguousHeaders(r.Header); err != nil {
		return nil, err
	}
	if len(r.Header["Authorization"]) > 0 {
		return nil, incomplete("Only one authentication mechanism is allowed: the query or the Authorization header.")
	}
	for _, name := range []string{"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		if len(r.Header[name]) > 0 { // the query says it already, perhaps otherwise
			return nil, incomplete("The header %q does not belong into a request signed in its query.", name)
		}
	}
	if err := q.unique(); err != nil {
		return nil, err
	}
	c, expires, err := parsePresigned(q, service)
	if err != nil {
		return nil, err
	}
	if err := allSigned(r.Header, c.signedHeaders); err != nil {
		return nil, err
	}
	if err := c.fresh(now, expires); err != nil {
		return nil, err
	}
	at := q.index("X-Amz-Signature")
	if err := c.check(r, path, slices.Delete(pairs, at, at+1), emptyHash, 0, secret); err != nil {
		return nil, err
	}
	return q, nil
}

// received splits the request target as it came over the wire; a request made in process has none and is rendered.
func received(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" {
		uri = r.URL.RequestURI()
	}
	path, query, _ = strings.Cut(uri, "?")
	if _, rest, absolute := strings.Cut(path, "://"); absolute && !strings.HasPrefix(path, "/") {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			return rest[slash:], query
		}
		return "/", query
	}
	return path, query
}

// unambiguousHeaders refuses an x-amz-* or Authorization header that occurs twice: which of them counts? A request that
// never crossed a wire may even hold one under two spellings.
func unambiguousHeaders(h http.Header) error {
	if len(h) > maxHeaders {
		return incomplete("The request has more than %d headers.", maxHeaders)
	}
	for name, values := range h {
		if !amazons(name) && !strings.EqualFold(name, "authorization") {
			continue
		}
		if len(values) != 1 || name != http.CanonicalHeaderKey(name) {
			return incomplete("The header %.64q must occur once.", strings.ToLower(name))
		}
	}
	return nil
}

// amazons reports whether a name begins with x-amz-, in any case of letters.
func amazons(name string) bool {
	const prefix = "x-amz-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…" and X-Amz-Date.
func parseAuthorization(h http.Header, service string) (*claim, error) {
	auth := h.Get("Authorization")
	if auth == "" {
		return nil, missing()
	}
	if len(auth) > maxAuthorization {
		return nil, incomplete("The Authorization header is longer than %d bytes.", maxAuthorization)
	}
	rest, ok := strings.CutPrefix(auth, algorithm+" ")
	if !ok {
		return nil, incomplete("Unsupported AWS 'algorithm' in the Authorization header.")
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[key]; twice {
			return nil, incomplete("Authorization header has %.64q twice.", key)
		}
		parts[key] = value
	}
	for _, key := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[key] == "" {
			return nil, incomplete("Authorization header requires '%s' parameter.", key)
		}
	}
	if len(parts) != 3 {
		return nil, incomplete("Authorization header has unknown parameters.")
	}
	date := h.Get("X-Amz-Date")
	if date == "" {
		return nil, incomplete("Authorization header requires existence of an 'X-Amz-Date' header.")
	}
	c := &claim{sessionToken: h.Get("X-Amz-Security-Token")}
	return c, c.fill(parts["Credential"], parts["SignedHeaders"], parts["Signature"], date, service)
}

// parsePresigned reads the X-Amz-* parameters of a presigned URL.
func parsePresigned(q Query, service string) (*claim, time.Duration, error) {
	if q.Get("X-Amz-Signature") == "" && q.Get("X-Amz-Credential") == "" {
		return nil, 0, missing()
	}
	for _, key := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		if q.Get(key) == "" {
			return nil, 0, incomplete("AWS query-string parameters must include '%s'.", key)
		}
	}
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, 0, incomplete("Unsupported AWS 'algorithm' in X-Amz-Algorithm.")
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > maxExpires {
		return nil, 0, incomplete("X-Amz-Expires must be a number of seconds between 1 and %d.", maxExpires)
	}
	c := &claim{sessionToken: q.Get("X-Amz-Security-Token")}
	err = c.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"), service)
	return c, time.Duration(seconds) * time.Second, err
}

// fill checks the form of the four parts both kinds of signature have.
func (c *claim) fill(credential, signedHeaders, signature, date, service string) error {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || slices.Contains(scope, "") || scope[4] != "aws4_request" {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request.")
	}
	c.accessKeyID, c.day, c.region, c.service = scope[0], scope[1], scope[2], scope[3]
	if c.service != service {
		return mismatch("Credential should be scoped to correct service: '%s'.", service)
	}
	var err error
	if c.date, err = time.Parse(basicTime, date); err != nil || c.date.Format(basicTime) != date {
		return incomplete("Date must be in ISO-8601 'basic format', e.g. 20260102T030405Z.")
	}
	if c.stamp = date; c.day != date[:len("20060102")] {
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")
	}
	c.signedHeaders = strings.SplitN(signedHeaders, ";", maxSigned+1)
	if len(c.signedHeaders) > maxSigned {
		return incomplete("More than %d headers are signed.", maxSigned)
	}
	for i, name := range c.signedHeaders {
		if name == "" || name != strings.ToLower(name) || i > 0 && c.signedHeaders[i-1] >= name {
			return incomplete("SignedHeaders must be lower-case, sorted and without repetition.")
		}
	}
	if !contains(c.signedHeaders, "host") {
		return mismatch("'Host' must be a signed header.")
	}
	text := []byte(signature)
	if len(text) == 2*sha256.Size {
		_, err = hex.Decode(c.signature[:], text)
	}
	if err != nil || len(text) != 2*sha256.Size || signature != strings.ToLower(signature) {
		return incomplete("Signature must be 64 lower-case hexadecimal digits.")
	}
	return nil
}

// allSigned refuses an x-amz-* header that the signature does not cover: anybody on the way could have added it.
func allSigned(h http.Header, signed []string) error {
	for name := range h {
		if amazons(name) && !contains(signed, strings.ToLower(name)) {
			return mismatch("There were headers present in the request which were not signed: %.64s", strings.ToLower(name))
		}
	}
	return nil
}

// contains looks name up in a sorted list.
func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// fresh compares the signing time with now; the window is closed at both ends.
func (c *claim) fresh(now time.Time, expires time.Duration) error {
	now = now.UTC()
	if c.date.After(now.Add(Skew)) {
		return tooYoung(c.date, now)
	}
	if until := c.date.Add(expires + Skew); now.After(until) {
		return tooOld(c.date, until, now)
	}
	return nil
}

// check computes the signature and compares it in constant time.
func (c *claim) check(r *http.Request, path string, pairs []pair, payloadHash string, bodyLength int, secret Secret) error {
	if r.Host == "" && r.URL != nil { // a request that never crossed a wire
		clone := *r
		clone.Host = r.URL.Host
		r = &clone
	}
	signed, err := canonical(r, path, pairs, c.signedHeaders, payloadHash, bodyLength)
	if err != nil {
		return err
	}
	key, err := secret(c.accessKeyID, c.sessionToken)
	if err != nil {
		return err
	}
	if ours := c.sign(signed, key); !hmac.Equal(ours[:], c.signature[:]) {
		return wrongSignature()
	}
	return nil
}

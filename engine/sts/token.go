package sts

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// Limits of a web identity token (AWS STS API reference, AssumeRoleWithWebIdentity).
const (
	minToken, maxToken     = 4, 20000
	minSubject, maxSubject = 6, 255
	// maxTime is the end of the year 9999: what is later is no time but a trick with overflows.
	maxTime = 253402300799
)

// The claims that carry session tags ("Pass session tags in AWS STS", IAM User Guide): nested, or flat.
const (
	claimTags      = "https://aws.amazon.com/tags"
	claimPrincipal = claimTags + "/principal_tags/"
	claimFlatKeys  = claimTags + "/transitive_tag_keys"
	claimSource    = "https://aws.amazon.com/source_identity"
)

func badToken(format string, args ...any) *iam.Error {
	return stsError(http.StatusBadRequest, "InvalidIdentityToken", fmt.Sprintf(format, args...))
}

func rejected(format string, args ...any) *iam.Error {
	return stsError(http.StatusForbidden, "IDPRejectedClaim", fmt.Sprintf(format, args...))
}

// claims are the members of a token's payload. Names are case-sensitive and occur once.
type claims map[string]json.RawMessage

// identify verifies a token and tells whom its issuer vouches for. What the token says of itself is believed only after the
// signature: before it, iss and kid pick the key, and nothing is fetched from anywhere. The error is an *iam.Error.
func (s *handler) identify(token string, now time.Time) (iam.Identity, error) {
	var id iam.Identity
	if len(token) < minToken || len(token) > maxToken {
		return id, stsError(http.StatusBadRequest, "ValidationError", fmt.Sprintf("1 validation error detected: Value at 'webIdentityToken' "+
			"failed to satisfy constraint: Member must have length between %d and %d", minToken, maxToken))
	}
	header, c, err := split(token)
	if err != nil {
		return id, err
	}
	issuer := s.issuers[c.text("iss")]
	if issuer == nil {
		return id, badToken("No OpenIDConnect provider found in your account for %.256s", c.text("iss"))
	}
	if err := issuer.verify(token, header); err != nil {
		return id, err
	}
	id = iam.Identity{Provider: issuer.provider(), Issuer: issuer.URL, Subject: c.text("sub")}
	if id.Audience, err = issuer.audience(c); err != nil {
		return id, err
	}
	if err := c.timely(now); err != nil {
		return id, err
	}
	if n := utf8.RuneCountInString(id.Subject); n < minSubject || n > maxSubject {
		return id, rejected("The sub claim must be a text of %d to %d characters", minSubject, maxSubject)
	}
	return id, c.session(&id)
}

// split takes a token apart.
func split(token string) (header, payload claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || strings.ContainsAny(token, "\r\n") { // base64 would read over line breaks
		return nil, nil, badToken("The web identity token is not a JSON Web Token")
	}
	if header, err = decode(parts[0]); err != nil {
		return nil, nil, badToken("The header of the web identity token cannot be read: %v", err)
	}
	if payload, err = decode(parts[1]); err != nil {
		return nil, nil, badToken("The claims of the web identity token cannot be read: %v", err)
	}
	return header, payload, nil
}

func decode(part string) (claims, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errors.New("it is not base64url")
	}
	members, err := strictjson.Object(b)
	if err != nil {
		return nil, err
	}
	c := make(claims, len(members))
	for _, m := range members {
		c[m.Name] = m.Value
	}
	return c, nil
}

// text returns a claim that is a string, "" for any other.
func (c claims) text(name string) string {
	var s *string
	if err := json.Unmarshal(c[name], &s); err != nil || s == nil {
		return ""
	}
	return *s
}

// verify checks the signature.
func (i *Issuer) verify(token string, header claims) error {
	if _, critical := header["crit"]; critical { // RFC 7515 section 4.1.11: must not be ignored, and none is known here
		return badToken("The web identity token needs extensions that are not supported")
	}
	alg, kid := header.text("alg"), header.text("kid")
	var set jwt.VerificationKeySet
	for n := range i.Keys {
		k := &i.Keys[n]
		if _, named := header["kid"]; named && k.ID != kid || !slices.Contains(k.Algorithms, alg) {
			continue
		}
		if k.RSA != nil {
			set.Keys = append(set.Keys, k.RSA)
		} else {
			set.Keys = append(set.Keys, k.Secret)
		}
	}
	if len(set.Keys) == 0 {
		return badToken("No key of the issuer fits the kid and alg of the web identity token")
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithStrictDecoding(), jwt.WithJSONNumber(), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, jwt.MapClaims{}, func(*jwt.Token) (any, error) { return set, nil }); err != nil {
		return badToken("The signature of the web identity token does not verify")
	}
	return nil
}

// audience returns which of the issuer's audiences the token is for.
func (i *Issuer) audience(c claims) (string, error) {
	var list strictjson.Strings
	if raw, there := c["aud"]; !there || json.Unmarshal(raw, &list) != nil {
		return "", badToken("Missing a required claim: aud")
	}
	for _, a := range list {
		if slices.Contains(i.Audiences, a) {
			return a, nil
		}
	}
	return "", badToken("Incorrect token audience")
}

// timely checks exp, iat and nbf. The issuer's clock may be sigv4.Skew ahead; a token is over to the second.
func (c claims) timely(now time.Time) error {
	expires, ok := c.time("exp")
	if !ok {
		return badToken("Missing a required claim: exp")
	}
	issued, ok := c.time("iat")
	if !ok {
		return badToken("Missing a required claim: iat")
	}
	if !now.Before(expires) {
		return stsError(http.StatusBadRequest, "ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d",
			now.Unix(), expires.Unix()))
	}
	if issued.After(now.Add(sigv4.Skew)) || issued.After(expires) {
		return rejected("The web identity token is not issued yet")
	}
	if _, there := c["nbf"]; there {
		from, ok := c.time("nbf")
		if !ok || from.After(now.Add(sigv4.Skew)) {
			return rejected("The web identity token is not valid yet")
		}
	}
	return nil
}

// time reads a NumericDate (RFC 7519 section 2).
func (c claims) time(name string) (time.Time, bool) {
	var n json.Number
	raw := c[name]
	if len(raw) == 0 || raw[0] == '"' || json.Unmarshal(raw, &n) != nil {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil || math.IsNaN(f) || f < 0 || f > maxTime {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// session reads what the issuer wants the session to carry.
func (c claims) session(id *iam.Identity) error {
	id.Tags = map[string]string{}
	if raw, there := c[claimTags]; there {
		var nested struct{ tags, keys json.RawMessage }
		err := strictjson.Fields(raw, map[string]any{"principal_tags": &nested.tags, "transitive_tag_keys": &nested.keys})
		if err != nil {
			return rejected("The claim %s cannot be read: %v", claimTags, err)
		}
		if len(nested.tags) > 0 {
			tags, err := strictjson.Object(nested.tags)
			if err != nil {
				return rejected("The principal_tags cannot be read: %v", err)
			}
			for _, m := range tags {
				if err := addTag(id, m.Name, m.Value); err != nil {
					return err
				}
			}
		}
		if err := addKeys(id, nested.keys); err != nil {
			return err
		}
	}
	for name, raw := range c {
		if key, ok := strings.CutPrefix(name, claimPrincipal); ok {
			if err := addTag(id, key, raw); err != nil {
				return err
			}
		}
	}
	if err := addKeys(id, c[claimFlatKeys]); err != nil {
		return err
	}
	if _, there := c[claimSource]; there {
		if id.SourceIdentity = c.text(claimSource); id.SourceIdentity == "" {
			return rejected("The claim %s must be a text", claimSource)
		}
	}
	return nil
}

// addTag takes one tag; its value is a text or a list of one.
func addTag(id *iam.Identity, key string, raw json.RawMessage) error {
	var values strictjson.Strings
	if err := json.Unmarshal(raw, &values); err != nil || len(values) != 1 {
		return rejected("The session tag %.128q must have one value", key)
	}
	if _, twice := id.Tags[key]; twice {
		return rejected("The session tag %.128q occurs twice", key)
	}
	id.Tags[key] = values[0]
	return nil
}

func addKeys(id *iam.Identity, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var keys strictjson.Strings
	if err := json.Unmarshal(raw, &keys); err != nil {
		return rejected("The transitive_tag_keys must be a list of texts")
	}
	id.TransitiveTags = append(id.TransitiveTags, keys...)
	return nil
}

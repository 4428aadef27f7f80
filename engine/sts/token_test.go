package sts

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
)

const (
	issuerURL = "https://id.example/tenant"
	secret    = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

var (
	tokenTime = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	b64       = base64.RawURLEncoding.EncodeToString
)

// signHMAC and signRSA sign by hand, so that tokens can be made which no library would make.
func signHMAC(h func() hash.Hash, key []byte) func(string) []byte {
	return func(text string) []byte {
		m := hmac.New(h, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
}

func signRSA(t testing.TB, h crypto.Hash, key *rsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		d := h.New()
		d.Write([]byte(text))
		out, err := rsa.SignPKCS1v15(nil, key, h, d.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func tokenOf(header, payload string, sign func(string) []byte) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	return text + "." + b64(sign(text))
}

// payload makes claims; more is put before the closing brace.
func payload(more string) string {
	return fmt.Sprintf(`{"iss":%q,"aud":"stagedoor","sub":"user-ann","iat":%d,"exp":%d%s}`, issuerURL,
		tokenTime.Unix()-10, tokenTime.Unix()+600, more)
}

func rsaKeyPair(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newHandler(t testing.TB, issuers ...Issuer) *handler {
	t.Helper()
	a, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: "123456789012", AccessKeyID: "AKIAROOT", SecretAccessKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(a, nil, issuers)
	if err != nil {
		t.Fatal(err)
	}
	out, ok := h.(*handler)
	if !ok {
		t.Fatalf("a %T", h)
	}
	return out
}

func TestEachAlgorithmIsVerified(t *testing.T) {
	key := rsaKeyPair(t)
	h := newHandler(t, Issuer{URL: issuerURL, Audiences: []string{"stagedoor"}, Keys: []Key{
		{ID: "s", Algorithms: []string{"HS256", "HS384", "HS512"}, Secret: []byte(secret)},
		{ID: "r", Algorithms: rsaAlgorithms, RSA: &key.PublicKey},
	}})
	for alg, sign := range map[string]func(string) []byte{
		"HS256": signHMAC(sha256.New, []byte(secret)), "HS384": signHMAC(sha512.New384, []byte(secret)), "HS512": signHMAC(sha512.New, []byte(secret)),
		"RS256": signRSA(t, crypto.SHA256, key), "RS384": signRSA(t, crypto.SHA384, key), "RS512": signRSA(t, crypto.SHA512, key),
	} {
		kid := strings.ToLower(alg[:1])
		if alg[0] == 'H' {
			kid = "s"
		}
		for _, header := range []string{`{"alg":"` + alg + `"}`, `{"alg":"` + alg + `","typ":"JWT","kid":"` + kid + `"}`} {
			good := tokenOf(header, payload(""), sign)
			id, err := h.identify(good, tokenTime)
			if err != nil || id.Subject != "user-ann" || id.Audience != "stagedoor" || id.Issuer != issuerURL || id.Provider != "id.example/tenant" {
				t.Errorf("%s: %+v, %v", header, id, err)
			}
			parts := strings.Split(good, ".")
			for name, bad := range map[string]string{
				"no signature":    parts[0] + "." + parts[1] + ".",
				"other signature": parts[0] + "." + parts[1] + "." + b64(make([]byte, 256)),
				"other claims":    parts[0] + "." + b64([]byte(payload(`,"x":1`))) + "." + parts[2],
				"other header":    b64([]byte(strings.Replace(header, "{", `{"x":1,`, 1))) + "." + parts[1] + "." + parts[2],
				"half":            good[:len(good)/2],
				"four parts":      good + ".x",
				"line break":      good + "\n",
				"padding":         good + "=",
			} {
				_, err := h.identify(bad, tokenTime)
				wantToken(t, alg+" "+name, err, "InvalidIdentityToken")
			}
		}
	}
}

// The classic attacks on JSON Web Tokens: none, and a public key taken for an HMAC secret.
func TestATokenCannotChooseHowItIsVerified(t *testing.T) {
	key, other := rsaKeyPair(t), rsaKeyPair(t)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, Issuer{URL: issuerURL, Audiences: []string{"stagedoor"}, Keys: []Key{
		{ID: "r", Algorithms: []string{"RS256"}, RSA: &key.PublicKey},
		{ID: "s", Algorithms: []string{"HS384"}, Secret: []byte(secret)},
	}}, Issuer{URL: "https://other.example", Audiences: []string{"stagedoor"}, Keys: []Key{{ID: "o", Algorithms: []string{"RS256"}, RSA: &other.PublicKey}}})
	none := func(string) []byte { return nil }
	for name, token := range map[string]string{
		"none":                    tokenOf(`{"alg":"none"}`, payload(""), none),
		"None":                    tokenOf(`{"alg":"None"}`, payload(""), none),
		"no alg":                  tokenOf(`{}`, payload(""), none),
		"alg of another kind":     tokenOf(`{"alg":["RS256"]}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"alg in small letters":    tokenOf(`{"alg":"rs256"}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"two algs":                tokenOf(`{"alg":"none","alg":"RS256"}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"alg the key has not":     tokenOf(`{"alg":"RS512"}`, payload(""), signRSA(t, crypto.SHA512, key)),
		"hash the secret has not": tokenOf(`{"alg":"HS256"}`, payload(""), signHMAC(sha256.New, []byte(secret))),
		"public key as a secret":  tokenOf(`{"alg":"HS256","kid":"r"}`, payload(""), signHMAC(sha256.New, der)),
		"modulus as a secret":     tokenOf(`{"alg":"HS384","kid":"r"}`, payload(""), signHMAC(sha512.New384, key.N.Bytes())),
		"public key, no kid":      tokenOf(`{"alg":"HS384"}`, payload(""), signHMAC(sha512.New384, der)),
		"empty secret":            tokenOf(`{"alg":"HS384"}`, payload(""), signHMAC(sha512.New384, nil)),
		"kid of another key":      tokenOf(`{"alg":"RS256","kid":"s"}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"unknown kid":             tokenOf(`{"alg":"RS256","kid":"x"}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"kid that is a number":    tokenOf(`{"alg":"RS256","kid":1}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"key in the header":       tokenOf(`{"alg":"RS256","jwk":{"kty":"RSA","n":"`+b64(other.N.Bytes())+`","e":"AQAB"}}`, payload(""), signRSA(t, crypto.SHA256, other)),
		"another issuer's key":    tokenOf(`{"alg":"RS256"}`, payload(""), signRSA(t, crypto.SHA256, other)),
		"another issuer's kid":    tokenOf(`{"alg":"RS256","kid":"o"}`, payload(""), signRSA(t, crypto.SHA256, other)),
		"critical extension":      tokenOf(`{"alg":"RS256","crit":["b64"],"b64":false}`, payload(""), signRSA(t, crypto.SHA256, key)),
		"PSS":                     tokenOf(`{"alg":"PS256"}`, payload(""), signRSA(t, crypto.SHA256, key)),
	} {
		_, err := h.identify(token, tokenTime)
		wantToken(t, name, err, "InvalidIdentityToken")
	}
}

func TestClaimsAreChecked(t *testing.T) {
	h := newHandler(t, Issuer{URL: issuerURL, Audiences: []string{"stagedoor", "other"}, Keys: []Key{{Algorithms: []string{"HS256"}, Secret: []byte(secret)}}})
	now := tokenTime.Unix()
	claim := func(iss, aud, sub, rest string) string {
		return `{"iss":` + iss + `,"aud":` + aud + `,"sub":` + sub + rest + `}`
	}
	iss, aud, sub := `"`+issuerURL+`"`, `"stagedoor"`, `"user-ann"`
	at := func(iat, exp string) string { return `,"iat":` + iat + `,"exp":` + exp }
	sec := func(offset int64) string { return fmt.Sprint(now + offset) }
	good := at(sec(-10), sec(600))
	const invalid, rejected = "InvalidIdentityToken", "IDPRejectedClaim"
	for _, c := range []struct{ name, payload, code string }{
		{"good", claim(iss, aud, sub, good), ""},
		{"several audiences", claim(iss, `["x","other"]`, sub, good), ""},
		{"no audience of ours", claim(iss, `["x","y"]`, sub, good), invalid},
		{"no audience", `{"iss":` + iss + `,"sub":` + sub + good + `}`, invalid},
		{"audience null", claim(iss, `null`, sub, good), invalid},
		{"audience number", claim(iss, `1`, sub, good), invalid},
		{"audience in other case", claim(iss, `"Stagedoor"`, sub, good), invalid},
		{"other issuer", claim(`"https://evil.example"`, aud, sub, good), invalid},
		{"issuer with a slash more", claim(`"`+issuerURL+`/"`, aud, sub, good), invalid},
		{"issuer list", claim(`[`+iss+`]`, aud, sub, good), invalid},
		{"issuer null", claim(`null`, aud, sub, good), invalid},
		{"Iss", strings.Replace(claim(iss, aud, sub, good), `"iss"`, `"Iss"`, 1), invalid},
		{"two issuers", claim(iss, aud, sub, good+`,"iss":`+iss), invalid},
		{"two subjects", claim(iss, aud, sub, good+`,"sub":"user-bob"`), invalid},
		{"Sub beside sub is another claim", claim(iss, aud, sub, good+`,"Sub":"user-bob"`), ""},
		{"no subject", `{"iss":` + iss + `,"aud":` + aud + good + `}`, rejected},
		{"short subject", claim(iss, aud, `"ann12"`, good), rejected},
		{"long subject", claim(iss, aud, `"`+strings.Repeat("a", 256)+`"`, good), rejected},
		{"longest subject", claim(iss, aud, `"`+strings.Repeat("ü", 255)+`"`, good), ""},
		{"subject number", claim(iss, aud, `1234567`, good), rejected},
		{"subject list", claim(iss, aud, `["user-ann"]`, good), rejected},
		{"no exp", claim(iss, aud, sub, `,"iat":1`), invalid},
		{"exp text", claim(iss, aud, sub, at(sec(-10), `"`+sec(600)+`"`)), invalid},
		{"exp null", claim(iss, aud, sub, at(sec(-10), `null`)), invalid},
		{"exp now", claim(iss, aud, sub, at(sec(-10), sec(0))), "ExpiredTokenException"},
		{"exp in a second", claim(iss, aud, sub, at(sec(-10), sec(1))), ""},
		{"exp a fraction ago", claim(iss, aud, sub, at(sec(-10), sec(-1)+".5")), "ExpiredTokenException"},
		{"exp long ago", claim(iss, aud, sub, at(`0`, `1`)), "ExpiredTokenException"},
		{"exp below zero", claim(iss, aud, sub, at(`0`, `-1`)), invalid},
		{"exp beyond all years", claim(iss, aud, sub, at(sec(-10), `1e300`)), invalid},
		{"exp beyond all numbers", claim(iss, aud, sub, at(sec(-10), `1e999`)), invalid},
		{"exp that overflows", claim(iss, aud, sub, at(sec(-10), `18446744073709551616`)), invalid},
		{"no iat", claim(iss, aud, sub, `,"exp":`+sec(600)), invalid},
		{"iat within the skew", claim(iss, aud, sub, at(sec(300), sec(600))), ""},
		{"iat in the future", claim(iss, aud, sub, at(sec(301), sec(600))), rejected},
		{"iat after exp", claim(iss, aud, sub, at(sec(200), sec(100))), rejected},
		{"nbf within the skew", claim(iss, aud, sub, good+`,"nbf":`+sec(300)), ""},
		{"nbf in the future", claim(iss, aud, sub, good+`,"nbf":`+sec(301)), rejected},
		{"nbf text", claim(iss, aud, sub, good+`,"nbf":"x"`), rejected},
		{"no object", `[]`, invalid},
		{"no JSON", `x`, invalid},
		{"broken UTF-8", claim(iss, aud, "\"user-\xff\"", good), invalid},
		{"deep", claim(iss, aud, sub, good+`,"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), invalid},
	} {
		token := tokenOf(`{"alg":"HS256"}`, c.payload, signHMAC(sha256.New, []byte(secret)))
		_, err := h.identify(token, tokenTime)
		if c.code != "" {
			wantToken(t, c.name, err, c.code)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, token := range []string{"", "a.b", strings.Repeat("a", 20001)} {
		_, err := h.identify(token, tokenTime)
		wantToken(t, "length", err, "ValidationError")
	}
	_, err := h.identify(strings.Repeat(".", 20000), tokenTime)
	wantToken(t, "dots", err, invalid)
}

func TestTokensCarrySessionTags(t *testing.T) {
	h := newHandler(t, Issuer{URL: issuerURL, Audiences: []string{"stagedoor"}, Keys: []Key{{Algorithms: []string{"HS256"}, Secret: []byte(secret)}}})
	identify := func(more string) (iam.Identity, error) {
		return h.identify(tokenOf(`{"alg":"HS256"}`, payload(more), signHMAC(sha256.New, []byte(secret))), tokenTime)
	}
	const tags = `,"https://aws.amazon.com/tags`
	for more, want := range map[string]map[string]string{
		``: {},
		tags + `":{"principal_tags":{"UserUUID":["u-1"],"Team":["red"]},"transitive_tag_keys":["Team"]}`: {"UserUUID": "u-1", "Team": "red"},
		tags + `":{"principal_tags":{"Team":"red"},"transitive_tag_keys":["Team"]}`:                      {"Team": "red"},
		tags + `/principal_tags/Team":["red"]` + tags + `/transitive_tag_keys":["Team"]`:                 {"Team": "red"},
		`,"https://aws.amazon.com/source_identity":"ann"`:                                                {},
	} {
		id, err := identify(more)
		if err != nil || !maps.Equal(id.Tags, want) || want["Team"] != "" && !slices.Equal(id.TransitiveTags, []string{"Team"}) || strings.Contains(more, "source") && id.SourceIdentity != "ann" {
			t.Errorf("%s: %+v, %v", more, id, err)
		}
	}
	for _, more := range []string{
		tags + `":[]`, tags + `":{"principal_tags":[]}`, tags + `":{"principal_tags":{"a":["b","c"]}}`, tags + `":{"principal_tags":{"a":[]}}`,
		tags + `":{"principal_tags":{"a":1}}`, tags + `":{"principal_tags":{"a":null}}`, tags + `":{"Principal_tags":{"a":["b"]}}`,
		tags + `":{"principal_tags":{"a":["b"]},"transitive_tag_keys":{}}`, tags + `":{"principal_tags":{"a":["b"]}}` + tags + `/principal_tags/a":["c"]`,
		`,"https://aws.amazon.com/source_identity":1`, `,"https://aws.amazon.com/source_identity":""`,
	} {
		_, err := identify(more)
		wantToken(t, more, err, "IDPRejectedClaim")
	}
	_, err := identify(tags + `":{"principal_tags":{"a":["b"],"a":["c"]}}`)
	wantToken(t, "tag twice", err, "InvalidIdentityToken")
}

func wantToken(t testing.TB, name string, err error, code string) {
	t.Helper()
	var e *iam.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: got %v, want %s", name, err, code)
	}
}

func TestAnIssuersFileSaysWhatIsWrongWithIt(t *testing.T) {
	key := rsaKeyPair(t)
	good := `{"kty":"RSA","kid":"1","use":"sig","alg":"RS256","n":"` + b64(key.N.Bytes()) + `","e":"AQAB"}`
	hs := `{"kty":"oct","k":"` + b64([]byte(secret)) + `"}`
	issuer := func(url, rest string) string {
		return `{"Issuers":[{"Issuer":"` + url + `","Audiences":["a"]` + rest + `}]}`
	}
	keys := func(k ...string) string {
		return issuer(issuerURL, `,"Keys":{"keys":[`+strings.Join(k, ",")+`]}`)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	many := slices.Repeat([]string{hs}, 33)
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {``, "ends too early"},
		"no list":          {`{}`, `no list "Issuers"`},
		"other name":       {`{"Issuers":[{"issuer":"x"}]}`, `entry 1 (""): unknown element "issuer"`},
		"no keys":          {issuer(issuerURL, ``), "exactly one of Keys and KeysFile"},
		"both":             {issuer(issuerURL, `,"Keys":{"keys":[]},"KeysFile":"x"`), "exactly one of Keys and KeysFile"},
		"keys list":        {issuer(issuerURL, `,"Keys":[]`), "not an object"},
		"keys missing":     {issuer(issuerURL, `,"Keys":{}`), "no key for signatures"},
		"file missing":     {issuer(issuerURL, `,"KeysFile":"missing"`), "KeysFile: no such file"},
		"no key of ours":   {keys(`{"kty":"EC","crv":"P-256"}`, strings.Replace(good, `"sig"`, `"enc"`, 1)), "no key for signatures"},
		"no URL":           {issuer("id.example", `,"Keys":{"keys":[`+good+`]}`), "must be a URL"},
		"query":            {issuer("https://id.example?x", `,"Keys":{"keys":[`+good+`]}`), "must be a URL"},
		"plain http":       {issuer("http://id.example", `,"Keys":{"keys":[`+good+`]}`), "https://"},
		"no audience":      {`{"Issuers":[{"Issuer":"` + issuerURL + `","Keys":{"keys":[` + good + `]}}]}`, "Audiences"},
		"twice":            {`{"Issuers":[{"Issuer":"` + issuerURL + `","Audiences":["a"],"Keys":{"keys":[` + good + `]}},{"Issuer":"` + issuerURL + `","Audiences":["a"],"Keys":{"keys":[` + good + `]}}]}`, "entry 2 (\"https://id.example/tenant\"): the issuer occurs twice"},
		"kid twice":        {keys(good, good), `key 2 (kid "1"): the kid occurs twice`},
		"33 keys":          {keys(many...), "more than 32 keys"},
		"private key":      {keys(strings.Replace(good, `"e":`, `"d":"x","e":`, 1)), "private key"},
		"short RSA key":    {keys(`{"kty":"RSA","n":"` + b64(short.N.Bytes()) + `","e":"AQAB"}`), "2048 to 8192 bits, it has 1024"},
		"even exponent":    {keys(strings.Replace(good, "AQAB", "AA", 1)), "exponent"},
		"exponent of one":  {keys(strings.Replace(good, "AQAB", "AQ", 1)), "exponent"},
		"long exponent":    {keys(strings.Replace(good, "AQAB", "AQABAQAB", 1)), "n and e"},
		"n with padding":   {keys(strings.Replace(good, `","e"`, `==","e"`, 1)), "n and e"},
		"short secret":     {keys(`{"kty":"oct","k":"` + b64([]byte("short")) + `"}`), "at least 32 bytes"},
		"secret too short": {keys(`{"kty":"oct","alg":"HS512","k":"` + b64([]byte(secret[:32])) + `"}`), "at least 64 bytes"},
		"secret as RSA":    {keys(`{"kty":"oct","alg":"RS256","k":"` + b64([]byte(secret)) + `"}`), "does not go with this kind of key"},
		"RSA as secret":    {keys(strings.Replace(good, "RS256", "HS256", 1)), "does not go with this kind of key"},
		"other algorithm":  {keys(strings.Replace(good, "RS256", "ES256", 1)), `"ES256" is none of`},
		"no kind":          {keys(`{"k":"x"}`), "no kty"},
		"member twice":     {keys(`{"kty":"oct","kty":"RSA"}`), "occurs twice"},
	} {
		_, err := ReadIssuers(strings.NewReader(c.text), func(string) ([]byte, error) { return nil, errors.New("no such file") })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), b64([]byte(secret))) {
			t.Errorf("%s: the error shows a key", name)
		}
	}
	got, err := ReadIssuers(strings.NewReader(`{"Issuers":[{"Issuer":"http://127.0.0.1:8080","Audiences":["a","b"],"KeysFile":"jwks.json"}]}`),
		func(name string) ([]byte, error) {
			return []byte(`{"keys":[` + good + `,{"kty":"EC"},` + hs + `],"more":1}`), nil
		})
	if err != nil || len(got) != 1 || len(got[0].Keys) != 2 || got[0].Keys[0].RSA.N.Cmp(key.N) != 0 || !slices.Equal(got[0].Keys[1].Algorithms, []string{"HS256", "HS384", "HS512"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ReadIssuers(strings.NewReader(issuer(issuerURL, `,"KeysFile":"x"`)), nil); err == nil {
		t.Error("a file was read without a reader of files")
	}
}

// FuzzToken puts any header and claims under a good signature: nothing panics, and what is accepted says what the claims
// say to encoding/json as well.
func FuzzToken(f *testing.F) {
	key := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}
	h := newHandler(f, Issuer{URL: issuerURL, Audiences: []string{"stagedoor"}, Keys: []Key{
		{Algorithms: []string{"HS256"}, Secret: []byte(secret)}, {ID: "r", Algorithms: []string{"RS256"}, RSA: key},
	}})
	f.Add(`{"alg":"HS256"}`, payload(""))
	f.Add(`{"alg":"RS256","kid":"r"}`, payload(`,"nbf":1.5e9`))
	f.Add(`{"alg":"none"}`, payload(`,"https://aws.amazon.com/tags":{"principal_tags":{"a":["b"]},"transitive_tag_keys":["a"]}`))
	f.Add(`{"alg":"HS256","crit":[]}`, payload(`,"https://aws.amazon.com/tags/principal_tags/a":"b"`))
	f.Fuzz(func(t *testing.T, header, claims string) {
		id, err := h.identify(tokenOf(header, claims, signHMAC(sha256.New, []byte(secret))), tokenTime)
		if err != nil {
			var e *iam.Error
			if !errors.As(err, &e) {
				t.Fatalf("a foreign error: %v", err)
			}
			return
		}
		var head map[string]any
		var body struct {
			Iss, Sub string
			Exp      float64
		}
		all := map[string]json.RawMessage{}
		if json.Unmarshal([]byte(header), &head) != nil || json.Unmarshal([]byte(claims), &all) != nil {
			t.Fatal("encoding/json does not read it")
		}
		for name, into := range map[string]any{"iss": &body.Iss, "sub": &body.Sub, "exp": &body.Exp} {
			if err := json.Unmarshal(all[name], into); err != nil {
				t.Fatal(name, err)
			}
		}
		if head["alg"] != "HS256" || body.Iss != issuerURL || body.Sub != id.Subject || body.Exp <= float64(tokenTime.Unix()) {
			t.Errorf("accepted %s.%s as %+v", header, claims, id)
		}
	})
}

func BenchmarkIdentify(b *testing.B) {
	key := rsaKeyPair(b)
	h := newHandler(b, Issuer{URL: issuerURL, Audiences: []string{"stagedoor"}, Keys: []Key{{Algorithms: rsaAlgorithms, RSA: &key.PublicKey}}})
	token := tokenOf(`{"alg":"RS256"}`, payload(""), signRSA(b, crypto.SHA256, key))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.identify(token, tokenTime); err != nil {
			b.Fatal(err)
		}
	}
}

package sts

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// Issuer is somebody else's server whose signed tokens AssumeRoleWithWebIdentity accepts.
type Issuer struct {
	URL       string   // the tokens' iss, to the letter; https, or http on a loopback address
	Audiences []string // a token's aud must be one of them
	Keys      []Key
}

// provider is how roles' trust policies name the issuer.
func (i *Issuer) provider() string {
	_, name, _ := strings.Cut(i.URL, "://")
	return name
}

// Key verifies tokens. Each key has its algorithms: a token cannot choose to have an RSA key read as an HMAC secret.
type Key struct {
	ID         string   // the tokens' kid, "" if they have none
	Algorithms []string // of RS256, RS384, RS512 for an RSA key; of HS256, HS384, HS512 for a secret
	RSA        *rsa.PublicKey
	Secret     []byte
}

// Limits of issuers.
const (
	maxIssuersFile = 4 << 20 // bytes
	maxKeys        = 32      // of an issuer: a token without kid is tried with each
	minRSA         = 2048    // bits (RFC 7518 section 3.3)
	maxRSA         = 8192    // bits: what a stranger's token may cost
)

// hashSizes are the algorithms, with the bytes a secret needs at least (RFC 7518 section 3.2).
var hashSizes = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

var rsaAlgorithms = []string{"RS256", "RS384", "RS512"}

// ReadIssuers reads an issuers file:
//
//	{"Issuers": [{
//	  "Issuer": "https://id.example",
//	  "Audiences": ["stagedoor"],
//	  "Keys": {"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "n": "…", "e": "AQAB"},
//	                    {"kty": "oct", "alg": "HS256", "k": "…"}]}
//	}, …]}
//
// Keys is a JSON Web Key Set (RFC 7517). Instead, "KeysFile" may name a file that holds one; open reads it, and nil
// forbids it. The error names the entry and what is wrong with it, and never shows a key.
func ReadIssuers(r io.Reader, open func(name string) ([]byte, error)) ([]Issuer, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxIssuersFile+1))
	if err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	if len(b) > maxIssuersFile {
		return nil, fmt.Errorf("issuers: the file is larger than %d bytes", maxIssuersFile)
	}
	var entries []json.RawMessage
	if err := strictjson.Fields(b, map[string]any{"Issuers": &entries}); err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	if entries == nil {
		return nil, errors.New(`issuers: the file has no list "Issuers"`)
	}
	all := make([]Issuer, 0, len(entries))
	for n, raw := range entries {
		one, err := readIssuer(raw, open)
		if err != nil {
			return nil, fmt.Errorf("issuers: entry %d (%.128q): %w", n+1, one.URL, err)
		}
		all = append(all, one)
	}
	_, err = byURL(all)
	return all, err
}

func readIssuer(raw json.RawMessage, open func(string) ([]byte, error)) (i Issuer, err error) {
	var keys json.RawMessage
	var file string
	err = strictjson.Fields(raw, map[string]any{"Issuer": &i.URL, "Audiences": &i.Audiences, "Keys": &keys, "KeysFile": &file})
	if err != nil {
		return i, err
	}
	if (len(keys) > 0) == (file != "") {
		return i, errors.New("exactly one of Keys and KeysFile is needed")
	}
	if file != "" {
		if open == nil {
			return i, errors.New("KeysFile cannot be used here; put the keys into Keys")
		}
		if keys, err = open(file); err != nil {
			return i, fmt.Errorf("KeysFile: %w", err)
		}
	}
	i.Keys, err = readKeys(keys)
	return i, err
}

// byURL checks issuers and indexes them.
func byURL(issuers []Issuer) (map[string]*Issuer, error) {
	all := map[string]*Issuer{}
	for n := range issuers {
		i := &issuers[n]
		if err := i.check(); err != nil {
			return nil, fmt.Errorf("issuers: entry %d (%.128q): %w", n+1, i.URL, err)
		}
		if all[i.URL] != nil {
			return nil, fmt.Errorf("issuers: entry %d (%.128q): the issuer occurs twice", n+1, i.URL)
		}
		all[i.URL] = i
	}
	return all, nil
}

func (i *Issuer) check() error {
	u, err := url.Parse(i.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(i.URL, "*?# "):
		return errors.New("the Issuer must be a URL such as https://id.example/tenant")
	case u.Scheme != "https" && (u.Scheme != "http" || !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())):
		return errors.New("the Issuer must start with https:// (http:// on this machine only)")
	case len(i.Audiences) == 0 || slices.Contains(i.Audiences, ""):
		return errors.New("its Audiences must name whom the tokens are for")
	case len(i.Keys) == 0:
		return errors.New("it has no key for signatures")
	case len(i.Keys) > maxKeys:
		return fmt.Errorf("it has more than %d keys", maxKeys)
	}
	ids := map[string]bool{}
	for n := range i.Keys {
		k := &i.Keys[n]
		if err := k.check(); err != nil {
			return fmt.Errorf("key %d (kid %.64q): %w", n+1, k.ID, err)
		}
		if k.ID != "" && ids[k.ID] {
			return fmt.Errorf("key %d (kid %.64q): the kid occurs twice", n+1, k.ID)
		}
		ids[k.ID] = true
	}
	return nil
}

func (k *Key) check() error {
	if (k.RSA == nil) == (k.Secret == nil) || len(k.Algorithms) == 0 {
		return errors.New("it must be either an RSA key or a secret, with algorithms")
	}
	if k.RSA != nil {
		if n := k.RSA.N.BitLen(); n < minRSA || n > maxRSA {
			return fmt.Errorf("an RSA key must have %d to %d bits, it has %d", minRSA, maxRSA, n)
		}
		if k.RSA.E < 3 || k.RSA.E%2 == 0 {
			return errors.New("the RSA exponent is none")
		}
	}
	for _, alg := range k.Algorithms {
		size, symmetric := hashSizes[alg]
		switch {
		case !symmetric && !slices.Contains(rsaAlgorithms, alg):
			return fmt.Errorf("the algorithm %.16q is none of HS256, HS384, HS512, RS256, RS384, RS512", alg)
		case symmetric != (k.Secret != nil):
			return fmt.Errorf("the algorithm %s does not go with this kind of key", alg)
		case symmetric && len(k.Secret) < size:
			return fmt.Errorf("a secret for %s must have at least %d bytes", alg, size)
		}
	}
	return nil
}

// readKeys reads a JSON Web Key Set. Keys of kinds and uses that are not ours are left out, as RFC 7517 section 5 wants.
func readKeys(b []byte) ([]Key, error) {
	members, err := strictjson.Object(b)
	if err != nil {
		return nil, fmt.Errorf("the keys: %w", err)
	}
	var list []json.RawMessage
	for _, m := range members {
		if m.Name == "keys" {
			if err := json.Unmarshal(m.Value, &list); err != nil {
				return nil, errors.New(`the keys: "keys" must be a list`)
			}
		}
	}
	var keys []Key
	for n, raw := range list {
		k, ours, err := readKey(raw)
		if err != nil {
			return nil, fmt.Errorf("key %d (kid %.64q): %w", n+1, k.ID, err)
		}
		if ours {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func readKey(raw json.RawMessage) (k Key, ours bool, err error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return k, false, err
	}
	text := map[string]string{}
	for _, m := range members {
		var s string
		if json.Unmarshal(m.Value, &s) == nil { // lists and numbers are of no use here
			text[m.Name] = s
		}
	}
	k.ID = text["kid"]
	if use := text["use"]; use != "" && use != "sig" {
		return k, false, nil
	}
	switch text["kty"] {
	case "RSA":
		if _, private := text["d"]; private {
			return k, false, errors.New("it is a private key; only the issuer should have it")
		}
		k.Algorithms = rsaAlgorithms
		k.RSA, err = rsaKey(text["n"], text["e"])
	case "oct":
		if k.Secret, err = base64.RawURLEncoding.Strict().DecodeString(text["k"]); err != nil {
			return k, false, errors.New("its k is not base64url")
		}
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			if len(k.Secret) >= hashSizes[alg] || len(k.Algorithms) == 0 {
				k.Algorithms = append(k.Algorithms, alg)
			}
		}
	case "":
		return k, false, errors.New("it has no kty")
	default:
		return k, false, nil
	}
	if alg := text["alg"]; alg != "" {
		if strings.HasPrefix(alg, "PS") || strings.HasPrefix(alg, "RSA") { // other uses of an RSA key
			return k, false, nil
		}
		k.Algorithms = []string{alg}
	}
	return k, true, err
}

func rsaKey(n, e string) (*rsa.PublicKey, error) {
	nb, errN := base64.RawURLEncoding.Strict().DecodeString(n)
	eb, errE := base64.RawURLEncoding.Strict().DecodeString(e)
	if errN != nil || errE != nil || len(nb) == 0 || len(eb) == 0 || len(eb) > 4 {
		return nil, errors.New("its n and e must be base64url")
	}
	exponent := new(big.Int).SetBytes(eb).Int64()
	if exponent > 1<<31-1 {
		return nil, errors.New("its e is too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(nb), E: int(exponent)}, nil
}

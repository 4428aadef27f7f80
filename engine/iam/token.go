package iam

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/kept"
	"github.com/stagedoor/stagedoor/engine/policy"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/engine/strictjson"
)

// sealed is the content of a session token. The names are short because the token travels with every request.
type sealed struct {
	Role       string            `json:"r"` // key of the role
	Session    string            `json:"s"`
	Policy     string            `json:"p,omitempty"`
	Tags       map[string]string `json:"t,omitempty"`
	Transitive []string          `json:"k,omitempty"`
	Source     string            `json:"i,omitempty"`
	Until      int64             `json:"u"` // Unix seconds
}

// maxToken is far more than the largest token: 4 KiB of policy and tags, escaped and encoded.
const maxToken = 64 << 10

func (a *Authority) sealToken(accessKeyID string, s sealed) (string, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, a.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand, Go 1.24)
	return base64.StdEncoding.EncodeToString(a.seal.Seal(nonce, nonce, body, []byte(accessKeyID))), nil
}

// open reads a session token. The access key is authenticated with it, so neither can be used with another's.
func (a *Authority) open(accessKeyID, token string, now time.Time) (string, *Principal, error) {
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // base64 would read over line breaks
		return "", nil, sigv4.UnknownKey()
	}
	key := nameOf(accessKeyID, token)
	o, ok := a.opened.Get(key)
	if !ok {
		var err error
		if o, err = a.unseal(accessKeyID, token); err != nil {
			return "", nil, sigv4.UnknownKey() // also if the role was taken out of the configuration
		}
		a.opened.Put(key, o)
	}
	if !now.Before(o.p.Expires) {
		return "", nil, sigv4.ExpiredToken()
	}
	return o.secret, o.p, nil
}

// nameOf is under what a token is remembered. Its buffer must be gone from the stack when the token is opened: making the stack
// larger would cost as much as opening it.
//
//go:noinline
func nameOf(accessKeyID, token string) [sha256.Size]byte {
	text := append(make([]byte, 0, 2<<10), accessKeyID...)
	return sha256.Sum256(append(append(text, ' '), token...))
}

func (a *Authority) unseal(accessKeyID, token string) (o opened, err error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil {
		return o, err
	}
	n := a.seal.NonceSize()
	if len(raw) < n {
		return o, fmt.Errorf("%d bytes are no token", len(raw))
	}
	body, err := a.seal.Open(raw[n:n], raw[:n], raw[n:], []byte(accessKeyID))
	if err != nil {
		return o, err
	}
	var s sealed
	err = strictjson.Fields(body, map[string]any{"r": &s.Role, "s": &s.Session, "p": &s.Policy, "t": &s.Tags, "k": &s.Transitive,
		"i": &s.Source, "u": &s.Until})
	if err != nil {
		return o, err
	}
	r := a.role(s.Role)
	if r == nil {
		return o, fmt.Errorf("no role %q", s.Role)
	}
	var session *policy.Policy
	if s.Policy != "" {
		if session, err = policy.Parse(s.Policy, policy.Identity); err != nil {
			return o, err
		}
	}
	return opened{len(token), a.secretOf(accessKeyID), a.principal(r, s, session)}, nil
}

// principal makes the principal that a token describes. The role's policies are today's, not those of the day of issue.
func (a *Authority) principal(r *role, s sealed, session *policy.Policy) *Principal {
	return &Principal{
		ARN:     "arn:aws:sts::" + a.cfg.Account + ":assumed-role/" + r.name + "/" + s.Session,
		RoleARN: r.arn, Account: a.cfg.Account, UserID: a.RoleID(s.Role) + ":" + s.Session,
		Tags: s.Tags, SourceIdentity: s.Source, Expires: time.Unix(s.Until, 0).UTC(),
		home: a, transitive: s.Transitive, policies: r.policies, session: session,
	}
}

// secretOf derives the secret key of a temporary access key: 40 characters, as Amazon's are.
func (a *Authority) secretOf(accessKeyID string) string {
	code := sigv4.MAC(a.secret, accessKeyID)
	return base64.StdEncoding.EncodeToString(code[:30])
}

var keyAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// RoleID is the stable identifier of a role, path included: AROA and 16 characters.
func (a *Authority) RoleID(role string) string {
	sum := sha256.Sum256([]byte("role\x00" + a.cfg.Account + "\x00" + role))
	return "AROA" + keyAlphabet.EncodeToString(sum[:10])
}

func randomKey(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return keyAlphabet.EncodeToString(b)
}

// opened is what a session token stands for.
type opened struct {
	bytes  int // of the token
	secret string
	p      *Principal
}

// What was opened is remembered, under the hash of the token: some 1,400 of them, and at most as many again. A ticket holder's
// token has 1 KiB and takes 2.6 KB opened. Those who speak are among them. A hall of those who only listen uses its tokens once,
// and opening one costs a tenth of a request.
const (
	openedBytes = 4 << 20
	openedCost  = 3 // bytes in memory for each byte of a token
)

func newOpened() *kept.Memory[[sha256.Size]byte, opened] {
	return kept.New[[sha256.Size]byte](openedBytes, func(o opened) int { return openedCost * o.bytes })
}

// Package iam knows who a set of credentials belongs to and what its policies allow.
//
// There is one long-lived key, the root of the account, and any number of temporary credentials issued by AssumeRole.
// Those are stateless: the session token is a sealed blob that says who, what and until when, and the secret key
// follows from the access key, so every engine with the same seal key understands them and a restart ends none.
package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/kept"
	"github.com/stagedoor/stagedoor/engine/policy"
	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// Config describes the account.
type Config struct {
	Region, Account              string // e.g. us-east-1 and twelve digits
	AccessKeyID, SecretAccessKey string // the root key

	// SealKey keeps temporary credentials valid over restarts and on other nodes: at least 16 secret random bytes.
	// Empty means a random one, so that temporary credentials end with the process.
	SealKey []byte

	Roles Roles // who may become what; nil means anything, for the root key
}

// Authority issues and checks credentials. It is safe for concurrent use. It remembers what it has opened, for speed only.
type Authority struct {
	cfg    Config
	root   *Principal
	roles  map[string]*role // by key; nil if every name is a role
	any    *role            // what such a role is
	opened *kept.Memory[[sha256.Size]byte, opened]
	seal   cipher.AEAD
	secret []byte // from it and an access key follows the secret key
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// NewAuthority checks cfg and derives the keys.
func NewAuthority(cfg Config) (*Authority, error) {
	switch {
	case cfg.Region == "":
		return nil, errors.New("iam: no region")
	case !accountPattern.MatchString(cfg.Account):
		return nil, fmt.Errorf("iam: account %q is not twelve digits", cfg.Account)
	case cfg.AccessKeyID == "" || cfg.SecretAccessKey == "":
		return nil, errors.New("iam: the root key is missing")
	case len(cfg.SealKey) > 0 && len(cfg.SealKey) < 16:
		return nil, errors.New("iam: the seal key is shorter than 16 bytes")
	}
	key := cfg.SealKey
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand, Go 1.24)
	}
	a := &Authority{cfg: cfg, opened: newOpened()}
	a.root = &Principal{ARN: "arn:aws:iam::" + cfg.Account + ":root", Account: cfg.Account, UserID: cfg.Account, root: true, home: a}
	if err := a.deriveKeys(key); err != nil {
		return nil, err
	}
	var err error
	if cfg.Roles == nil {
		a.any, err = Role{ARN: "arn:aws:iam::" + cfg.Account + ":role/any", Policies: []string{anyRole}, MaxDuration: MaxDuration}.compile(cfg.Account)
	} else {
		a.roles, err = compileRoles(cfg.Roles, cfg.Account)
	}
	return a, err
}

func (a *Authority) deriveKeys(key []byte) error {
	sealKey, err := hkdf.Key(sha256.New, key, nil, "stagedoor session token", 32)
	if err != nil {
		return err
	}
	if a.secret, err = hkdf.Key(sha256.New, key, nil, "stagedoor secret key", 32); err != nil {
		return err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return err
	}
	a.seal, err = cipher.NewGCM(block)
	return err
}

// Region and Account are the configured ones.
func (a *Authority) Region() string  { return a.cfg.Region }
func (a *Authority) Account() string { return a.cfg.Account }

// role finds a role by its key, which is one of newRole's; nil if there is none.
func (a *Authority) role(key string) *role {
	if a.roles != nil {
		return a.roles[key]
	}
	name := strings.LastIndexByte(key, '/') + 1
	return &role{arn: "arn:aws:iam::" + a.cfg.Account + ":role/" + key, path: key[:name], name: key[name:],
		max: a.any.max, trust: a.any.trust, policies: a.any.policies}
}

// Lookup finds the secret key and the principal of an access key. Temporary credentials come with their session
// token. The errors are sigv4.UnknownKey and sigv4.ExpiredToken.
func (a *Authority) Lookup(accessKeyID, sessionToken string, now time.Time) (secret string, p *Principal, err error) {
	if sessionToken != "" {
		return a.open(accessKeyID, sessionToken, now)
	}
	if subtle.ConstantTimeCompare([]byte(accessKeyID), []byte(a.cfg.AccessKeyID)) != 1 {
		return "", nil, sigv4.UnknownKey()
	}
	return a.cfg.SecretAccessKey, a.root, nil
}

// Principal is who makes a call. Several requests may share one: it is never changed.
type Principal struct {
	ARN            string            // e.g. arn:aws:sts::123456789012:assumed-role/Fan/tk1
	RoleARN        string            // e.g. arn:aws:iam::123456789012:role/Fan; "" for the root key
	Account        string            // twelve digits
	UserID         string            // as GetCallerIdentity shows it: AROA…:session for a role session
	Tags           map[string]string // session tags; read only
	SourceIdentity string            // who is behind a chain of roles, "" if nobody said
	Expires        time.Time         // when the credentials end; zero for the root key, which never does

	root       bool
	home       *Authority
	transitive []string         // keys of the tags that the next role of a chain inherits
	policies   []*policy.Policy // of the role: one of them must allow
	session    *policy.Policy   // must allow too; nil for none
}

// Root reports whether p is the account's own long-lived key.
func (p *Principal) Root() bool { return p.root }

// Allows is May for a call about which nothing but its action and resource is known.
func (p *Principal) Allows(action, resource string) bool {
	return p.May(Call{Action: action, Resource: resource})
}

// May reports whether p may make the call. One that touches several resources asks once for each. The role and the session
// policy each have to allow it and neither may deny it; root may do everything.
func (p *Principal) May(c Call) bool {
	if p.root {
		return true
	}
	in := newScope(p, &c)
	if in.Parts != nil && !p.home.owns(in.Parts) || !utf8.ValidString(c.Resource) {
		return false
	}
	if policy.Decide(&in.Scope, p.policies...) != policy.Allowed {
		return false
	}
	return p.session == nil || policy.Decide(&in.Scope, p.session) == policy.Allowed
}

func newScope(p *Principal, c *Call) *scope {
	in := &scope{p: p, call: c}
	in.Scope = policy.Scope{Action: strings.ToLower(c.Action), Lookup: in.lookup}
	if c.Resource != "" && c.Resource != "*" {
		in.Parts = policy.SplitARN(c.Resource, false)
	}
	return in
}

// owns reports whether an ARN, taken apart, can name anything of this account. All else is refused before policies are
// asked: under another partition or region a resource would have a second name, which a Deny on the first does not cover.
func (a *Authority) owns(parts []string) bool {
	return len(parts) == policy.ARNParts && parts[0] == "arn" && parts[1] == "aws" && parts[4] == a.cfg.Account &&
		(parts[2] == "chime" && parts[3] == a.cfg.Region || parts[2] == "iam" && parts[3] == "")
}

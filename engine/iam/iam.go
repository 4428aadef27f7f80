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
	"time"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// Config describes the account.
type Config struct {
	Region, Account              string // e.g. us-east-1 and twelve digits
	AccessKeyID, SecretAccessKey string // the root key

	// SealKey keeps temporary credentials valid over restarts and on other nodes: at least 16 secret random bytes.
	// Empty means a random one, so that temporary credentials end with the process.
	SealKey []byte

	// Roles holds a policy document by role name. nil means that every role name exists and allows chime:* on
	// everything, to be narrowed by the session policy; otherwise only the named roles can be assumed.
	Roles map[string]string
}

// Authority issues and checks credentials. It is safe for concurrent use and holds no state.
type Authority struct {
	cfg    Config
	root   *Principal
	roles  map[string]*policy
	seal   cipher.AEAD
	secret []byte // from it and an access key follows the secret key
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// anyRole is what a role may do when no roles are configured.
const anyRole = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:*","Resource":"*"}]}`

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
	a := &Authority{cfg: cfg, roles: map[string]*policy{}}
	a.root = &Principal{ARN: "arn:aws:iam::" + cfg.Account + ":root", Account: cfg.Account, UserID: cfg.Account, root: true}
	if err := a.deriveKeys(key); err != nil {
		return nil, err
	}
	documents := cfg.Roles
	if documents == nil {
		documents = map[string]string{"": anyRole}
	}
	for name, text := range documents {
		p, err := parsePolicy(text)
		if err != nil {
			return nil, fmt.Errorf("iam: role %q: %w", name, err)
		}
		a.roles[name] = p
	}
	return a, nil
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

// rolePolicy returns the policy of a role; ok is false if there is no such role.
func (a *Authority) rolePolicy(name string) (p *policy, ok bool) {
	if a.cfg.Roles == nil {
		name = ""
	}
	p, ok = a.roles[name]
	return p, ok
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

// Principal is who makes a call.
type Principal struct {
	ARN     string            // e.g. arn:aws:sts::123456789012:assumed-role/Fan/tk1
	Account string            // twelve digits
	UserID  string            // as GetCallerIdentity shows it: AROA…:session for a role session
	Tags    map[string]string // session tags; read only
	Expires time.Time         // when the credentials end; zero for the root key, which never does

	root     bool
	policies []*policy // each of them must allow
}

// Root reports whether p is the account's own long-lived key.
func (p *Principal) Root() bool { return p.root }

// Allows reports whether p may perform action ("chime:SendChannelMessage") on resource (an ARN, or "*" for an action
// that has none). A call that touches several resources asks once for each. Every policy has to allow it and none may
// deny it; root may do everything.
func (p *Principal) Allows(action, resource string) bool {
	if p.root {
		return true
	}
	for _, each := range p.policies {
		if each.decide(action, resource, p.Tags) != allowed {
			return false
		}
	}
	return len(p.policies) > 0
}

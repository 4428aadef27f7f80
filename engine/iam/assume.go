package iam

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// Limits of AssumeRole (AWS STS API reference, AssumeRole).
const (
	MinDuration     = 15 * time.Minute
	MaxDuration     = 12 * time.Hour
	DefaultDuration = time.Hour
	maxPolicy       = 2048 // characters of the inline policy
	maxTags         = 50
	maxPacked       = 4096 // bytes of policy and tags together: they travel in every request's session token
)

// Error is a refusal of AssumeRole in the words of STS. Its Message is public.
type Error struct {
	Status  int
	Code    string // as in the XML element Code
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) *Error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "ValidationError", format, args...)
}

// Request is the input of AssumeRole.
type Request struct {
	RoleARN     string
	SessionName string        // 2–64 of [A-Za-z0-9_+=,.@-]
	Duration    time.Duration // 0 means DefaultDuration
	Policy      string        // inline session policy, "" for none: the session may then do what the role may
	Tags        map[string]string
}

// Credentials are temporary credentials.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Principal                                  *Principal
	PackedPolicySize                           int // per cent of what policy and tags may take
}

var (
	rolePattern    = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)
	sessionPattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	tagPattern     = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// AssumeRole issues temporary credentials for a role. caller needs sts:AssumeRole on the role, and sts:TagSession to
// set tags; root has both. The error is an *Error.
func (a *Authority) AssumeRole(caller *Principal, in Request, now time.Time) (*Credentials, error) {
	role, err := a.assumable(caller, in)
	if err != nil {
		return nil, err
	}
	if err := checkSession(caller, &in); err != nil {
		return nil, err
	}
	packed, err := checkPolicyAndTags(in)
	if err != nil {
		return nil, err
	}
	accessKey := "ASIA" + randomKey(10)
	expires := now.Add(in.Duration).UTC().Truncate(time.Second) // the wire carries whole seconds
	body, err := json.Marshal(sealed{Role: role, Session: in.SessionName, Policy: in.Policy, Tags: in.Tags, Until: expires.Unix()})
	if err != nil {
		return nil, err
	}
	p, err := a.principal(body)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand, Go 1.24)
	token := a.seal.Seal(nonce, nonce, body, []byte(accessKey))
	return &Credentials{
		AccessKeyID: accessKey, SecretAccessKey: a.secretOf(accessKey),
		SessionToken: base64.StdEncoding.EncodeToString(token),
		Principal:    p, PackedPolicySize: packed,
	}, nil
}

// assumable returns the name of the role if it exists and caller may take it. Both failures read the same, so that
// nobody can find out which roles there are.
func (a *Authority) assumable(caller *Principal, in Request) (string, error) {
	parts := rolePattern.FindStringSubmatch(in.RoleARN)
	if parts == nil {
		return "", invalid("%.200q is invalid: it must be the ARN of a role, arn:aws:iam::%s:role/Name", in.RoleARN, a.cfg.Account)
	}
	denied := func(action string) *Error {
		return refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", caller.ARN, action, in.RoleARN)
	}
	if _, exists := a.rolePolicy(parts[2]); parts[1] != a.cfg.Account || !exists || !caller.Allows("sts:AssumeRole", in.RoleARN) {
		return "", denied("sts:AssumeRole")
	}
	if len(in.Tags) > 0 && !caller.Allows("sts:TagSession", in.RoleARN) {
		return "", denied("sts:TagSession")
	}
	return parts[2], nil
}

func checkSession(caller *Principal, in *Request) error {
	if !sessionPattern.MatchString(in.SessionName) {
		return invalid("1 validation error detected: Value %.100q at 'roleSessionName' failed to satisfy constraint: "+
			`Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`, in.SessionName)
	}
	if in.Duration == 0 {
		in.Duration = DefaultDuration
	}
	if in.Duration < MinDuration || in.Duration > MaxDuration {
		return invalid("1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: "+
			"Member must have value between 900 and 43200", int64(in.Duration/time.Second))
	}
	if !caller.root && in.Duration > time.Hour {
		return invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	return nil
}

// checkPolicyAndTags also tells how full the token is, in per cent.
func checkPolicyAndTags(in Request) (packed int, err error) {
	if utf8.RuneCountInString(in.Policy) > maxPolicy {
		return 0, invalid("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", maxPolicy)
	}
	if len(in.Tags) > maxTags {
		return 0, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	size, folded := len(in.Policy), map[string]bool{}
	for key, value := range in.Tags {
		size += len(key) + len(value)
		if n := utf8.RuneCountInString(key); n < 1 || n > 128 || !tagPattern.MatchString(key) {
			return 0, invalid("The tag key %.64q must be 1 to 128 letters, digits, spaces or _.:/=+-@", key)
		}
		if utf8.RuneCountInString(value) > 256 || !tagPattern.MatchString(value) {
			return 0, invalid("The value of tag %.64q must be at most 256 letters, digits, spaces or _.:/=+-@", key)
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return 0, invalid("The tag key %.64q is reserved: it starts with aws:", key)
		}
		if folded[strings.ToLower(key)] {
			return 0, refuse(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		folded[strings.ToLower(key)] = true
	}
	packed = (size*100 + maxPacked - 1) / maxPacked
	if packed > 100 {
		return 0, refuse(http.StatusBadRequest, "PackedPolicyTooLarge", "Packed size of session tags and policy consumes %d%% of allotted space.", packed)
	}
	if in.Policy != "" {
		if _, err := parsePolicy(in.Policy); err != nil {
			return 0, refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%s", err)
		}
	}
	return packed, nil
}

// sealed is the content of a session token. The names are short because the token travels with every request.
type sealed struct {
	Role    string            `json:"r"`
	Session string            `json:"s"`
	Policy  string            `json:"p,omitempty"`
	Tags    map[string]string `json:"t,omitempty"`
	Until   int64             `json:"u"` // Unix seconds
}

// open reads a session token. The access key is authenticated with it, so neither can be used with another's.
func (a *Authority) open(accessKeyID, token string, now time.Time) (string, *Principal, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < a.seal.NonceSize() {
		return "", nil, sigv4.UnknownKey()
	}
	nonce, box := raw[:a.seal.NonceSize()], raw[a.seal.NonceSize():]
	body, err := a.seal.Open(nil, nonce, box, []byte(accessKeyID))
	if err != nil {
		return "", nil, sigv4.UnknownKey()
	}
	p, err := a.principal(body)
	if err != nil {
		return "", nil, sigv4.UnknownKey() // the role was taken out of the configuration
	}
	if !now.Before(p.Expires) {
		return "", nil, sigv4.ExpiredToken()
	}
	return a.secretOf(accessKeyID), p, nil
}

// principal makes the principal that an opened token describes. The role's policy is today's, not that of the day of issue.
func (a *Authority) principal(body []byte) (*Principal, error) {
	var s sealed
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	role, ok := a.rolePolicy(s.Role)
	if !ok {
		return nil, fmt.Errorf("no role %q", s.Role)
	}
	p := &Principal{
		ARN:     "arn:aws:sts::" + a.cfg.Account + ":assumed-role/" + s.Role + "/" + s.Session,
		Account: a.cfg.Account, UserID: a.RoleID(s.Role) + ":" + s.Session,
		Tags: s.Tags, Expires: time.Unix(s.Until, 0).UTC(), policies: []*policy{role},
	}
	if s.Policy != "" {
		session, err := parsePolicy(s.Policy)
		if err != nil {
			return nil, err
		}
		p.policies = append(p.policies, session)
	}
	return p, nil
}

// secretOf derives the secret key of a temporary access key: 40 characters, as Amazon's are.
func (a *Authority) secretOf(accessKeyID string) string {
	m := hmac.New(sha256.New, a.secret)
	m.Write([]byte(accessKeyID))
	return base64.StdEncoding.EncodeToString(m.Sum(nil)[:30])
}

var keyAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// RoleID is the stable identifier of a role: AROA and 16 characters.
func (a *Authority) RoleID(role string) string {
	sum := sha256.Sum256([]byte("role\x00" + a.cfg.Account + "\x00" + role))
	return "AROA" + keyAlphabet.EncodeToString(sum[:10])
}

func randomKey(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return keyAlphabet.EncodeToString(b)
}

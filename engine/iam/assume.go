package iam

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/policy"
)

// Limits of a session (AWS STS API reference, AssumeRole).
const (
	MinDuration     = 15 * time.Minute
	MaxDuration     = 12 * time.Hour
	DefaultDuration = time.Hour
	maxChained      = time.Hour // of a session that another session asked for
	maxPolicy       = 2048      // characters of the inline policy
	maxExternal     = 1224      // characters of the external id
	maxTags         = 50
	maxPacked       = 4096 // bytes of policy and tags together: they travel in every request's session token
)

// Error is a refusal of STS in its own words. Its Message is public.
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

// constraint is how STS says that a value breaks its model.
func constraint(value, member, rule string) *Error {
	return invalid("1 validation error detected: Value %.100q at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// Request asks for a session in a role.
type Request struct {
	RoleARN     string
	SessionName string        // 2–64 of [A-Za-z0-9_+=,.@-]
	Duration    time.Duration // 0 means DefaultDuration
	Policy      string        // inline session policy, "" for none: the session may then do what the role may

	Tags           map[string]string
	TransitiveTags []string // keys of those tags that sessions made by this one inherit
	ExternalID     string   // for the condition key sts:ExternalId, "" for none
	SourceIdentity string   // who is behind the session and all that follow from it, "" for nobody named

	parsed *policy.Policy // Policy, once it has been checked
}

// Identity is somebody whom an issuer of web identity tokens vouches for. It must have been verified.
type Identity struct {
	Provider                  string // the issuer without https://
	Subject, Audience, Issuer string

	Tags           map[string]string
	TransitiveTags []string
	SourceIdentity string
}

// Credentials are temporary credentials.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Principal                                  *Principal
	PackedPolicySize                           int // per cent of what policy and tags may take
}

var (
	sessionPattern  = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalPattern = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
	tagPattern      = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// AssumeRole issues temporary credentials for a role to caller. The role's trust policy and the caller's own have to allow
// sts:AssumeRole, sts:TagSession if there are tags, and sts:SetSourceIdentity if there is one. The error is an *Error.
func (a *Authority) AssumeRole(caller *Principal, in Request, now time.Time) (*Credentials, error) {
	packed, err := in.check()
	if err != nil {
		return nil, err
	}
	r, err := a.named(in.RoleARN)
	if err != nil {
		return nil, err
	}
	call := in.call(now)
	for _, action := range in.actions("sts:AssumeRole") {
		if r == nil || !r.admits(caller, action, call) { // one answer for both: nobody finds out which roles there are
			return nil, refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %.2048s", caller.ARN, action, in.RoleARN)
		}
	}
	if !caller.root && in.Duration > maxChained {
		return nil, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if in.inherits(caller) {
		if packed, err = in.inherit(caller); err != nil {
			return nil, err
		}
	}
	return a.issue(r, in, packed, now)
}

// AssumeRoleWithWebIdentity issues temporary credentials for a role to whom a token has identified. The role's trust policy
// has to name the provider. Tags and source identity come from id, not from in. The error is an *Error.
func (a *Authority) AssumeRoleWithWebIdentity(id Identity, in Request, now time.Time) (*Credentials, error) {
	in.Tags, in.TransitiveTags, in.SourceIdentity, in.ExternalID = id.Tags, id.TransitiveTags, id.SourceIdentity, ""
	packed, err := in.check()
	if err != nil {
		return nil, err
	}
	r, err := a.named(in.RoleARN)
	if err != nil {
		return nil, err
	}
	call, provider := in.call(now), strings.ToLower(id.Provider)
	call.extra[provider+":aud"], call.extra[provider+":sub"] = []string{id.Audience}, []string{id.Subject}
	call.extra["aws:federatedprovider"] = []string{"arn:aws:iam::" + a.cfg.Account + ":oidc-provider/" + id.Provider}
	for _, action := range in.actions("sts:AssumeRoleWithWebIdentity") {
		if r == nil || !r.admitsFrom(id.Provider, action, call) {
			return nil, refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform %s", action)
		}
	}
	return a.issue(r, in, packed, now)
}

// named finds a role by its ARN; nil if this account has no such role.
func (a *Authority) named(arn string) (*role, error) {
	asked, account, err := newRole(arn)
	if err != nil {
		return nil, invalid("%.200q is invalid: %v", arn, err)
	}
	if account != a.cfg.Account {
		return nil, nil //nolint:nilnil // documented: no such role is no error yet
	}
	return a.role(asked.key()), nil
}

// actions are what the caller needs to be allowed.
func (in *Request) actions(assume string) []string {
	actions := []string{assume}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if in.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// call is what conditions can ask for ("IAM and AWS STS condition context keys").
func (in *Request) call(now time.Time) Call {
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	tags := in.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return Call{
		RequestTags:  tags,
		ResourceTags: func() (map[string]string, bool) { return nil, true }, // roles have none
		now:          now,
		extra: map[string][]string{
			"sts:externalid": one(in.ExternalID), "sts:sourceidentity": one(in.SourceIdentity),
			"sts:rolesessionname": one(in.SessionName), "sts:transitivetagkeys": in.TransitiveTags,
		},
	}
}

// check looks at everything that needs no role, sets the default duration and tells how full the token will be, in per cent.
func (in *Request) check() (packed int, err error) {
	if !sessionPattern.MatchString(in.SessionName) {
		return 0, constraint(in.SessionName, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`)
	}
	if in.ExternalID != "" && (len(in.ExternalID) > maxExternal || !externalPattern.MatchString(in.ExternalID)) {
		return 0, constraint(in.ExternalID, "externalId", `Member must satisfy regular expression pattern: [\w+=,.@:\/-]{2,1224}`)
	}
	if in.SourceIdentity != "" && (!sessionPattern.MatchString(in.SourceIdentity) || reserved(in.SourceIdentity)) {
		return 0, constraint(in.SourceIdentity, "sourceIdentity", `Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`)
	}
	if in.Duration == 0 {
		in.Duration = DefaultDuration
	}
	if in.Duration < MinDuration || in.Duration > MaxDuration {
		return 0, constraint(fmt.Sprint(int64(in.Duration/time.Second)), "durationSeconds", "Member must have value between 900 and 43200")
	}
	if n := utf8.RuneCountInString(in.Policy); n > maxPolicy || strings.ContainsFunc(in.Policy, notInPolicy) {
		return 0, constraint(in.Policy, "policy", fmt.Sprintf(
			`Member must have length less than or equal to %d and satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`, maxPolicy))
	}
	if in.Policy != "" {
		if in.parsed, err = policy.Parse(in.Policy, policy.Identity); err != nil {
			return 0, refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%s", err)
		}
	}
	size, err := checkTags(in.Tags)
	if err != nil {
		return 0, err
	}
	for _, key := range in.TransitiveTags {
		if !tagged(in.Tags, key).Known || len(tagged(in.Tags, key).Values) == 0 {
			return 0, invalid("The specified transitive tag key %.128q must be included in the requested tags.", key)
		}
	}
	packed = ((len(in.Policy)+size)*100 + maxPacked - 1) / maxPacked
	if packed > 100 {
		return 0, refuse(http.StatusBadRequest, "PackedPolicyTooLarge", "Packed size of session tags and policy consumes %d%% of allotted space.", packed)
	}
	return packed, nil
}

// notInPolicy are the characters that STS takes in no policy.
func notInPolicy(r rune) bool { return r > 0xff || r < ' ' && r != '\t' && r != '\n' && r != '\r' }

func reserved(s string) bool { return len(s) >= 4 && strings.EqualFold(s[:4], "aws:") }

// checkTags returns the size of the tags.
func checkTags(tags map[string]string) (size int, err error) {
	if len(tags) > maxTags {
		return 0, constraint(fmt.Sprint(len(tags)), "tags", fmt.Sprintf("Member must have length less than or equal to %d", maxTags))
	}
	folded := make(map[string]bool, len(tags))
	for key, value := range tags {
		size += len(key) + len(value)
		if n := utf8.RuneCountInString(key); n < 1 || n > 128 || !tagPattern.MatchString(key) {
			return 0, invalid("The tag key %.64q must be 1 to 128 letters, digits, spaces or _.:/=+-@", key)
		}
		if utf8.RuneCountInString(value) > 256 || !tagPattern.MatchString(value) {
			return 0, invalid("The value of tag %.64q must be at most 256 letters, digits, spaces or _.:/=+-@", key)
		}
		if reserved(key) {
			return 0, invalid("The tag key %.64q is reserved: it starts with aws:", key)
		}
		if folded[strings.ToLower(key)] {
			return 0, refuse(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		folded[strings.ToLower(key)] = true
	}
	return size, nil
}

// inherits reports whether something passes from the caller's session to the new one.
func (in *Request) inherits(caller *Principal) bool {
	return caller.SourceIdentity != "" || len(caller.transitive) > 0
}

// inherit takes it over, and tells again how full the token will be.
func (in *Request) inherit(caller *Principal) (packed int, err error) {
	if s := caller.SourceIdentity; s != "" {
		if in.SourceIdentity != "" && in.SourceIdentity != s {
			return 0, refuse(http.StatusForbidden, "AccessDenied", "The source identity of a session cannot be changed.")
		}
		in.SourceIdentity = s
	}
	tags, transitive := maps.Clone(in.Tags), slices.Clone(in.TransitiveTags)
	if tags == nil {
		tags = map[string]string{}
	}
	for _, key := range caller.transitive {
		if len(tagged(in.Tags, key).Values) > 0 {
			return 0, refuse(http.StatusBadRequest, "InvalidParameterValue",
				"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		tags[key] = tagged(caller.Tags, key).Values[0]
		transitive = append(transitive, key)
	}
	in.Tags, in.TransitiveTags = tags, transitive
	return in.check()
}

// issue makes the credentials; everything has been allowed.
func (a *Authority) issue(r *role, in Request, packed int, now time.Time) (*Credentials, error) {
	if in.Duration > r.max {
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	accessKey := "ASIA" + randomKey(10)
	expires := now.Add(in.Duration).UTC().Truncate(time.Second) // the wire carries whole seconds
	content := sealed{Role: r.key(), Session: in.SessionName, Policy: in.Policy, Tags: in.Tags,
		Transitive: in.TransitiveTags, Source: in.SourceIdentity, Until: expires.Unix()}
	token, err := a.sealToken(accessKey, content)
	if err != nil {
		return nil, err
	}
	return &Credentials{AccessKeyID: accessKey, SecretAccessKey: a.secretOf(accessKey), SessionToken: token,
		Principal: a.principal(r, content, in.parsed), PackedPolicySize: packed}, nil
}

package api

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	stsVersion   = "2011-06-15"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	// maxSTSBody holds the largest request AssumeRole can make (50 tags and a policy, form-encoded) several times.
	maxSTSBody = 64 << 10
)

// sts answers the slice of AWS STS that gives credentials to chat users (AWS STS API reference, 2011-06-15). It speaks
// the query protocol: a signed form in, XML out.
type sts struct {
	authority *iam.Authority
	limiter   *quota.Limiter
	actions   map[string]stsAction
}

// stsAction answers one action with the element that goes into <{Action}Response>.
type stsAction func(p *iam.Principal, form url.Values) (any, error)

// newSTS serves POST / of the STS endpoint.
func newSTS(a *iam.Authority, l *quota.Limiter) http.Handler {
	s := &sts{authority: a, limiter: l}
	s.actions = map[string]stsAction{
		"AssumeRole":        s.assumeRole,
		"GetCallerIdentity": s.getCallerIdentity,
	}
	return s
}

func (s *sts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := id.NewUUID()
	w.Header().Set("x-amzn-RequestId", requestID)
	action, result, err := s.answer(r)
	if err != nil {
		writeSTSError(w, err, requestID)
		return
	}
	type metadata struct{ RequestId string } //nolint:revive // the wire's spelling
	writeXML(w, http.StatusOK, struct {
		XMLName          xml.Name
		Result           any
		ResponseMetadata metadata
	}{
		XMLName: xml.Name{Space: stsNamespace, Local: action + "Response"},
		Result:  result, ResponseMetadata: metadata{requestID},
	})
}

// answer authenticates the request and runs its action.
func (s *sts) answer(r *http.Request) (action string, result any, err error) {
	if r.Method != http.MethodPost {
		return "", nil, stsError(http.StatusBadRequest, "MissingAction", "STS takes POST requests with a form.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxSTSBody))
	if err != nil {
		return "", nil, stsError(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is too large or was cut off.")
	}
	now := time.Now()
	var caller *iam.Principal
	_, _, err = sigv4.VerifyHeader(r, body, "sts", func(key, token string) (secret string, err error) {
		secret, caller, err = s.authority.Lookup(key, token, now)
		return secret, err
	}, now)
	if err != nil {
		return "", nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", nil, stsError(http.StatusBadRequest, "MalformedQueryString", "The request body is not a valid form.")
	}
	for key, values := range form {
		if len(values) > 1 {
			return "", nil, stsError(http.StatusBadRequest, "InvalidParameterCombination", "The parameter "+key+" occurs more than once.")
		}
	}
	action = form.Get("Action")
	run, known := s.actions[action]
	if !known || form.Get("Version") != stsVersion {
		return "", nil, stsError(http.StatusBadRequest, "InvalidAction", "Could not find operation "+action+" for version "+form.Get("Version"))
	}
	if s.limiter.Take(now, action, quota.Keys{Account: caller.Account}) != nil {
		return "", nil, stsError(http.StatusBadRequest, "Throttling", "Rate exceeded")
	}
	result, err = run(caller, form)
	return action, result, err
}

// The results, as the wire spells them.
type (
	assumeRoleResult struct {
		XMLName          xml.Name `xml:"AssumeRoleResult"`
		Credentials      stsCredentials
		AssumedRoleUser  assumedRoleUser
		PackedPolicySize int
		// Newer SDKs read these two instead of PackedPolicySize.
		SessionTokenSize, SessionTokenUtilization int
	}
	stsCredentials struct {
		AccessKeyId, SecretAccessKey, SessionToken, Expiration string //nolint:revive // the wire's spelling
	}
	assumedRoleUser         struct{ AssumedRoleId, Arn string } //nolint:revive // the wire's spelling
	getCallerIdentityResult struct {
		XMLName              xml.Name `xml:"GetCallerIdentityResult"`
		Arn, UserId, Account string   //nolint:revive // the wire's spelling
	}
)

func (s *sts) assumeRole(p *iam.Principal, form url.Values) (any, error) {
	in, err := assumeRoleInput(form)
	if err != nil {
		return nil, err
	}
	c, err := s.authority.AssumeRole(p, in, time.Now())
	if err != nil {
		return nil, err
	}
	return assumeRoleResult{
		Credentials: stsCredentials{
			c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Principal.Expires.Format(time.RFC3339),
		},
		AssumedRoleUser:  assumedRoleUser{c.Principal.UserID, c.Principal.ARN},
		PackedPolicySize: c.PackedPolicySize,
		SessionTokenSize: len(c.SessionToken), SessionTokenUtilization: c.PackedPolicySize,
	}, nil
}

// unsupportedSTS are parameters that would widen or narrow the session in ways the engine does not know. To ignore one
// could grant more than its sender meant.
var unsupportedSTS = []string{"PolicyArns.member.1.arn", "TransitiveTagKeys.member.1", "ProvidedContexts.member.1.ContextAssertion", "SerialNumber", "TokenCode"}

func assumeRoleInput(form url.Values) (iam.Request, error) {
	in := iam.Request{RoleARN: form.Get("RoleArn"), SessionName: form.Get("RoleSessionName"), Policy: form.Get("Policy")}
	for _, name := range unsupportedSTS {
		if form.Has(name) {
			return in, stsError(http.StatusBadRequest, "ValidationError", "The parameter "+name+" is not supported by this endpoint.")
		}
	}
	if d := form.Get("DurationSeconds"); d != "" {
		seconds, err := strconv.ParseInt(d, 10, 32)
		if err != nil || seconds < 1 {
			return in, stsError(http.StatusBadRequest, "ValidationError", "DurationSeconds must be a number between 900 and 43200.")
		}
		in.Duration = time.Duration(seconds) * time.Second
	}
	for n := 1; ; n++ {
		prefix := "Tags.member." + strconv.Itoa(n)
		if !form.Has(prefix+".Key") && !form.Has(prefix+".Value") {
			return in, nil
		}
		if in.Tags == nil {
			in.Tags = map[string]string{}
		}
		key := form.Get(prefix + ".Key")
		if _, twice := in.Tags[key]; twice {
			return in, stsError(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		in.Tags[key] = form.Get(prefix + ".Value")
	}
}

func (s *sts) getCallerIdentity(p *iam.Principal, _ url.Values) (any, error) {
	return getCallerIdentityResult{Arn: p.ARN, UserId: p.UserID, Account: p.Account}, nil
}

func stsError(status int, code, message string) *iam.Error {
	return &iam.Error{Status: status, Code: code, Message: message}
}

// writeSTSError answers with Amazon's XML error. A foreign error keeps its text to itself.
func writeSTSError(w http.ResponseWriter, err error, requestID string) {
	out := stsError(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error.")
	var signature *sigv4.Error
	if errors.As(err, &signature) {
		out = stsError(signature.Status, signature.QueryCode, signature.Message)
	} else {
		errors.As(err, &out)
	}
	side := "Sender"
	if out.Status >= http.StatusInternalServerError {
		side = "Receiver"
	}
	type detail struct{ Type, Code, Message string }
	writeXML(w, out.Status, struct {
		XMLName   xml.Name
		Error     detail
		RequestId string //nolint:revive // the wire's spelling
	}{xml.Name{Space: stsNamespace, Local: "ErrorResponse"}, detail{side, out.Code, out.Message}, requestID})
}

func writeXML(w http.ResponseWriter, status int, v any) {
	body, err := xml.Marshal(v)
	if err != nil { // the structures above always marshal
		status, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Cache-Control", "no-store") // credentials
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

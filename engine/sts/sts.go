// Package sts answers the part of AWS STS that gives credentials to chat users: AssumeRole, AssumeRoleWithWebIdentity and
// GetCallerIdentity (AWS STS API reference, 2011-06-15). It speaks the query protocol: a form in, XML out. engine/iam
// decides; what strangers' tokens are worth is decided here.
package sts

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	// maxBody holds the largest request (50 tags and a policy, or a token of 20,000 characters, form-encoded) twice.
	maxBody = 64 << 10
)

// handler serves POST / of the STS endpoint.
type handler struct {
	authority *iam.Authority
	limiter   *quota.Limiter
	issuers   map[string]*Issuer // by URL
	actions   map[string]action
}

// action answers with the element that goes into <{Action}Response>.
type action struct {
	unsigned bool // the request carries another proof than a signature
	run      func(*iam.Principal, form) (any, error)
}

// New makes the handler. limiter counts the calls, nil counts nothing. issuers are those whose tokens AssumeRoleWithWebIdentity accepts, none for none; the error says
// what is wrong with one.
func New(a *iam.Authority, limiter *quota.Limiter, issuers []Issuer) (http.Handler, error) {
	s := &handler{authority: a, limiter: limiter}
	s.actions = map[string]action{
		"AssumeRole":                {run: s.assumeRole},
		"AssumeRoleWithWebIdentity": {run: s.assumeRoleWithWebIdentity, unsigned: true},
		"GetCallerIdentity":         {run: s.getCallerIdentity},
	}
	var err error
	s.issuers, err = byURL(issuers)
	return s, err
}

func (s *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := id.NewUUID()
	w.Header().Set("x-amzn-RequestId", requestID)
	action, result, err := s.answer(r)
	if err != nil {
		writeError(w, err, requestID)
		return
	}
	type metadata struct{ RequestId string } //nolint:revive // the wire's spelling
	writeXML(w, http.StatusOK, struct {
		XMLName          xml.Name
		Result           any
		ResponseMetadata metadata
	}{
		XMLName: xml.Name{Space: namespace, Local: action + "Response"},
		Result:  result, ResponseMetadata: metadata{requestID},
	})
}

// answer authenticates the request and runs its action. Only a form that asks for an action which needs no signature is
// read before the signature.
func (s *handler) answer(r *http.Request) (name string, result any, err error) {
	if r.Method != http.MethodPost {
		return "", nil, stsError(http.StatusBadRequest, "MissingAction", "STS takes POST requests with a form.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return "", nil, stsError(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is too large or was cut off.")
	}
	var caller *iam.Principal
	in, malformed := parseForm(string(body))
	if malformed != nil || !s.actions[in["Action"]].unsigned {
		if caller, err = s.authenticate(r, body); err != nil {
			return "", nil, err
		}
	}
	if malformed != nil {
		return "", nil, malformed
	}
	name = in["Action"]
	known, ok := s.actions[name]
	if !ok || in["Version"] != version {
		return "", nil, stsError(http.StatusBadRequest, "InvalidAction", fmt.Sprintf("Could not find operation %.64s for version %.16s", name, in["Version"]))
	}
	if !known.unsigned {
		if err := s.take(name); err != nil {
			return "", nil, err
		}
	}
	result, err = known.run(caller, in)
	return name, result, err
}

// take counts a call of somebody whose proof held: strangers cannot use up the account's share.
func (s *handler) take(action string) error {
	if s.limiter.Take(time.Now(), action, quota.Keys{Account: s.authority.Account()}) != nil {
		return stsError(http.StatusBadRequest, "Throttling", "Rate exceeded")
	}
	return nil
}

func (s *handler) authenticate(r *http.Request, body []byte) (caller *iam.Principal, err error) {
	now := time.Now()
	_, _, err = sigv4.VerifyHeader(r, body, "sts", func(key, token string) (secret string, err error) {
		secret, caller, err = s.authority.Lookup(key, token, now)
		return secret, err
	}, now)
	return caller, err
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
		SourceIdentity                            string `xml:",omitempty"`
	}
	assumeRoleWithWebIdentityResult struct {
		XMLName                                         xml.Name `xml:"AssumeRoleWithWebIdentityResult"`
		Credentials                                     stsCredentials
		AssumedRoleUser                                 assumedRoleUser
		SubjectFromWebIdentityToken, Provider, Audience string
		PackedPolicySize                                int
		SessionTokenSize, SessionTokenUtilization       int
		SourceIdentity                                  string `xml:",omitempty"`
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

func (s *handler) assumeRole(p *iam.Principal, f form) (any, error) {
	in, err := f.assumeRole()
	if err != nil {
		return nil, err
	}
	c, err := s.authority.AssumeRole(p, in, time.Now())
	if err != nil {
		return nil, err
	}
	return assumeRoleResult{
		Credentials: credentials(c), AssumedRoleUser: assumedRoleUser{c.Principal.UserID, c.Principal.ARN},
		PackedPolicySize: c.PackedPolicySize, SourceIdentity: c.Principal.SourceIdentity,
		SessionTokenSize: len(c.SessionToken), SessionTokenUtilization: c.PackedPolicySize,
	}, nil
}

func (s *handler) assumeRoleWithWebIdentity(_ *iam.Principal, f form) (any, error) {
	in, err := f.assumeRoleWithWebIdentity()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	who, err := s.identify(f["WebIdentityToken"], now)
	if err != nil {
		return nil, err
	}
	if err := s.take("AssumeRoleWithWebIdentity"); err != nil {
		return nil, err
	}
	c, err := s.authority.AssumeRoleWithWebIdentity(who, in, now)
	if err != nil {
		return nil, err
	}
	return assumeRoleWithWebIdentityResult{
		Credentials: credentials(c), AssumedRoleUser: assumedRoleUser{c.Principal.UserID, c.Principal.ARN},
		SubjectFromWebIdentityToken: who.Subject, Provider: who.Issuer, Audience: who.Audience,
		PackedPolicySize: c.PackedPolicySize, SourceIdentity: c.Principal.SourceIdentity,
		SessionTokenSize: len(c.SessionToken), SessionTokenUtilization: c.PackedPolicySize,
	}, nil
}

func credentials(c *iam.Credentials) stsCredentials {
	return stsCredentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Principal.Expires.Format(time.RFC3339)}
}

func (s *handler) getCallerIdentity(p *iam.Principal, f form) (any, error) {
	if err := f.only(nil, nil); err != nil {
		return nil, err
	}
	return getCallerIdentityResult{Arn: p.ARN, UserId: p.UserID, Account: p.Account}, nil
}

func stsError(status int, code, message string) *iam.Error {
	return &iam.Error{Status: status, Code: code, Message: message}
}

// writeError answers with Amazon's XML error. A foreign error keeps its text to itself.
func writeError(w http.ResponseWriter, err error, requestID string) {
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
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, detail{side, out.Code, out.Message}, requestID})
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

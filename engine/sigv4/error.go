package sigv4

import (
	"fmt"
	"net/http"
	"time"
)

// Error is a refusal in Amazon's own words. JSON services name the exception in x-amzn-ErrorType, query services such
// as STS in the XML element Code, and the two name the same refusal differently ("Common Errors" pages of the Amazon
// Chime SDK and AWS STS API references).
type Error struct {
	Status    int    // HTTP status
	Code      string // exception name for JSON services, e.g. InvalidSignatureException
	QueryCode string // code for query services, e.g. SignatureDoesNotMatch
	Message   string // public text; holds nothing but what the caller sent and the time
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func missing() *Error {
	return &Error{http.StatusForbidden, "MissingAuthenticationTokenException", "MissingAuthenticationToken",
		"Missing Authentication Token"}
}

func incomplete(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, "IncompleteSignatureException", "IncompleteSignature", fmt.Sprintf(format, args...)}
}

func mismatch(format string, args ...any) *Error {
	return &Error{http.StatusForbidden, "InvalidSignatureException", "SignatureDoesNotMatch", fmt.Sprintf(format, args...)}
}

// UnknownKey is the answer to an access key or session token that nobody issued.
func UnknownKey() *Error {
	return &Error{http.StatusForbidden, "UnrecognizedClientException", "InvalidClientTokenId",
		"The security token included in the request is invalid."}
}

// ExpiredToken is the answer to temporary credentials whose time is over.
func ExpiredToken() *Error {
	return &Error{http.StatusForbidden, "ExpiredTokenException", "ExpiredToken",
		"The security token included in the request is expired"}
}

func wrongSignature() *Error {
	return mismatch("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

func tooOld(signed, until, now time.Time) *Error {
	return mismatch("Signature expired: %s is now earlier than %s (valid until %s)",
		signed.Format(basicTime), now.Add(-Skew).Format(basicTime), until.Format(basicTime))
}

func tooYoung(signed, now time.Time) *Error {
	return mismatch("Signature not yet current: %s is still later than %s (%s + 5 min.)",
		signed.Format(basicTime), now.Add(Skew).Format(basicTime), now.Format(basicTime))
}

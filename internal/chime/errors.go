package chime

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Codes of the faults this package returns, for callers that need more than the kind.
const (
	CodeBadRequest = "chime_bad_request"    // Invalid: the same call will never be accepted
	CodeForbidden  = "chime_forbidden"      // Denied: not this bearer, or no such resource (many operations have no 404)
	CodeUnknown    = "chime_unauthorized"   // Denied: the bearer is nobody; it says nothing about the resource
	CodeNoAccess   = "chime_access_denied"  // Denied: our account's own permissions forbid it; only people can help
	CodeNotFound   = "chime_not_found"      // NotFound
	CodeConflict   = "chime_conflict"       // Conflict: for a create with an id of ours it means "exists"
	CodeLimit      = "chime_resource_limit" // Denied: a quota of the account is used up; only people can help
	CodeThrottled  = "chime_throttled"      // Throttled
	CodeAway       = "chime_unavailable"    // Unavailable: nothing is known about the call's effect
	CodeNotSent    = "chime_not_sent"       // Unavailable: the provider has seen nothing of the call, so it has no effect
)

// meaning is what one of the provider's errors means to us.
type meaning struct {
	kind   fault.Kind
	code   string
	public string
}

// meanings by the provider's exception, without the ending "Exception" or "ClientException" (Amazon Chime SDK API
// reference, "Errors" of each operation; the short forms are the error codes of a batch's members).
var meanings = map[string]meaning{
	"BadRequest":            {fault.Invalid, CodeBadRequest, "the chat provider does not accept the request"},
	"Unprocessable":         {fault.Invalid, CodeBadRequest, "the chat provider does not accept the request"},
	"Unauthorized":          {fault.Denied, CodeUnknown, "the chat provider does not know who asks"},
	"Forbidden":             {fault.Denied, CodeForbidden, "the chat provider forbids it"},
	"AccessDenied":          {fault.Denied, CodeNoAccess, "our account at the chat provider may not do this"},
	"ExpiredToken":          {fault.Denied, CodeNoAccess, "our credentials at the chat provider have expired"},
	"NotFound":              {fault.NotFound, CodeNotFound, "the chat provider does not know the resource"},
	"Conflict":              {fault.Conflict, CodeConflict, "the chat provider has it in another state"},
	"PreconditionFailed":    {fault.Conflict, CodeConflict, "the chat provider has it in another state"},
	"ResourceLimitExceeded": {fault.Denied, CodeLimit, "a quota of the account at the chat provider is used up"},
	"Throttled":             {fault.Throttled, CodeThrottled, "the chat provider asks us to slow down"},
	"Throttling":            {fault.Throttled, CodeThrottled, "the chat provider asks us to slow down"},
	"ServiceFailure":        {fault.Unavailable, CodeAway, "the chat provider failed"},
	"ServiceUnavailable":    {fault.Unavailable, CodeAway, "the chat provider is away"},
}

// byStatus is for answers whose exception we do not know. Other statuses read as "away".
var byStatus = map[int]string{400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict",
	412: "PreconditionFailed", 413: "BadRequest", 422: "Unprocessable", 429: "Throttled"}

// Missing reports whether the provider says that there is no such thing. Operations without a 404 answer Forbidden for it
// (Amazon Chime SDK API reference: errors of DeleteChannel, DeleteAppInstanceUser).
func Missing(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.HasCode(err, CodeForbidden)
}

// translate turns an SDK error into a fault. Without an answer the call counts as Unavailable, and it may have had an
// effect unless it was notSent: no such host, refused, a certificate that is not believed, no connection in time.
func translate(op string, err error, notSent bool) error {
	m := meanings["ServiceUnavailable"]
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	var unwritable *smithy.SerializationError
	switch {
	case errors.As(err, &unwritable):
		m = meanings["BadRequest"] // of an empty ARN no address can be made
	case errors.Is(err, context.Canceled):
		m.public = "the call was given up"
	case errors.Is(err, context.DeadlineExceeded):
		m.public = "the chat provider did not answer in time"
	case errors.As(err, &api):
		m = meaningOf(api.ErrorCode(), status(err))
	case errors.As(err, &response):
		m = meaningOf("", response.HTTPStatusCode())
	case notSent:
		m.public = "the chat provider cannot be reached"
	}
	if notSent && m.kind == fault.Unavailable {
		m.code = CodeNotSent
	}
	return fault.Wrap(err, m.kind, m.code, "%s: %s", op, m.public)
}

func meaningOf(code string, httpStatus int) meaning {
	name := strings.TrimSuffix(strings.TrimSuffix(code, "Exception"), "Client")
	if m, ok := meanings[name]; ok {
		return m
	}
	if m, ok := meanings[byStatus[httpStatus]]; ok {
		return m
	}
	return meanings["ServiceUnavailable"]
}

func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

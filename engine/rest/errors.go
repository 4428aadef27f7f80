package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// exception is an error as it travels: the type in the header, the short code and the message in the body.
type exception struct {
	status  int
	name    string // x-amzn-ErrorType
	code    string // a value of the API's ErrorCode
	message string
}

// translate makes of err an exception that the operation models. Where an operation has no such exception the nearest
// common one is used: clients know no other, and an unknown channel looks like one that may not be seen.
func translate(err error, models Modelled) exception {
	var signature *sigv4.Error
	if errors.As(err, &signature) {
		return exception{signature.Status, signature.Code, strings.TrimSuffix(signature.Code, "Exception"), signature.Message}
	}
	if errors.Is(err, db.ErrClosed) {
		err = fault.Wrap(err, fault.Unavailable, "closing", "The service is shutting down.")
	}
	f := fault.As(err)
	switch {
	case f.Code == quota.CodeLimit && models&Limit != 0:
		return exception{http.StatusBadRequest, "ResourceLimitExceededException", "ResourceLimitExceeded", f.Public}
	case f.Code == codeDenied:
		return exception{http.StatusForbidden, "AccessDeniedException", "AccessDenied", f.Public}
	case f.Kind == fault.NotFound && models&NotFound != 0:
		return exception{http.StatusNotFound, "NotFoundException", "NotFound", f.Public}
	case f.Kind == fault.Conflict && models&Conflict != 0:
		return exception{http.StatusConflict, "ConflictException", "Conflict", f.Public}
	}
	switch f.Kind {
	case fault.Invalid, fault.Conflict:
		return exception{http.StatusBadRequest, "BadRequestException", "BadRequest", f.Public}
	case fault.Unauthorized:
		return exception{http.StatusUnauthorized, "UnauthorizedClientException", "Unauthorized", f.Public}
	case fault.Denied, fault.NotFound:
		return exception{http.StatusForbidden, "ForbiddenException", "Forbidden", f.Public}
	case fault.Throttled:
		return exception{http.StatusTooManyRequests, "ThrottledClientException", "Throttled", f.Public}
	case fault.Unavailable:
		return exception{http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", f.Public}
	case fault.Internal:
	}
	return exception{http.StatusInternalServerError, "ServiceFailureException", "ServiceFailure", f.Public}
}

func (e exception) write(w http.ResponseWriter) {
	w.Header().Set("x-amzn-ErrorType", e.name)
	writeJSON(w, e.status, struct{ Code, Message string }{e.code, e.message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, written := v.(json.RawMessage) // checking once more what is shared by thousands would take longer than the rest
	var err error
	if !written {
		body, err = json.Marshal(v)
	}
	if err != nil { // every output is a plain structure
		status, body = http.StatusInternalServerError, []byte(`{"Code":"ServiceFailure","Message":"The answer could not be written."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // a large answer would go out in chunks
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // it is JSON and says so
}

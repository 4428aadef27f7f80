// Package fault is the one error type of Stagedoor: a kind that decides what an edge answers, a stable code that
// programs may rely on, a sentence for people, and an inner error that only the log sees.
//
// Two edges translate it: internal/web into problem+json, engine/api into Amazon's exceptions. Everything in between
// returns errors and logs nothing.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong from the caller's point of view.
type Kind int

// The kinds. The zero value is Internal, so that a forgotten kind never reads as the caller's mistake.
const (
	Internal     Kind = iota // our mistake
	Invalid                  // the input can never be accepted as it is
	Denied                   // who asks may not do this
	NotFound                 // the thing does not exist, or the caller may not know that it does
	Conflict                 // the state of the thing forbids it; looking again may help
	Throttled                // too many; RetryAfter says when to come back
	Unavailable              // something we need is away; the same call may succeed later
	Unauthorized             // we do not know who asks
)

var kindNames = [...]string{"internal", "invalid", "denied", "not found", "conflict", "throttled", "unavailable", "unauthorized"}

func (k Kind) String() string { return kindNames[k] }

// Error carries a kind and two texts. Public may be shown to anybody; Err never leaves the log.
type Error struct {
	Kind       Kind
	Code       string        // stable, lower_snake_case, for programs; "" means the kind's own name
	Public     string        // one sentence for a person
	Field      string        // the input field at fault, "" if none
	RetryAfter time.Duration // when a repeat makes sense; 0 means unknown
	Err        error         // inner error, may be nil
}

// New makes an error of a kind. The format and its arguments become public: put no secret into them.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Public: fmt.Sprintf(format, args...)}
}

// Wrap gives an inner error a kind, a code and a public sentence. Wrap(nil, …) is an error too.
func Wrap(err error, kind Kind, code, format string, args ...any) *Error {
	e := New(kind, code, format, args...)
	e.Err = err
	return e
}

// On names the input field at fault and returns e.
func (e *Error) On(field string) *Error { e.Field = field; return e }

// After says when a repeat makes sense and returns e.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// Error is for the log: it contains the inner error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Public + ": " + e.Err.Error()
	}
	return e.Public
}

func (e *Error) Unwrap() error { return e.Err }

// As finds the *Error in err's chain; a foreign error becomes an Internal one that hides its text. As(nil) is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Public: "Something went wrong on our side.", Err: err}
}

// Is reports whether err is a fault of the given kind.
func Is(err error, kind Kind) bool { return err != nil && As(err).Kind == kind }

// HasCode reports whether err is a fault with the given stable code.
func HasCode(err error, code string) bool { return err != nil && As(err).Code == code }

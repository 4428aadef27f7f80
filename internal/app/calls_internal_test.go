package app

import (
	"errors"
	"testing"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestEveryOutcomeOfACallHasItsWord(t *testing.T) {
	for want, errs := range map[string][]error{
		"ok":        {nil},
		"throttled": {fault.New(fault.Throttled, chime.CodeThrottled, "")},
		"refused": {fault.New(fault.Denied, chime.CodeLimit, ""), fault.New(fault.Conflict, chime.CodeConflict, ""),
			fault.New(fault.NotFound, chime.CodeNotFound, ""), fault.New(fault.Invalid, chime.CodeBadRequest, "")},
		"lost":     {fault.New(fault.Unavailable, chime.CodeAway, ""), errors.New("of another kind")},
		"not_sent": {fault.New(fault.Unavailable, chime.CodeNotSent, "")},
	} {
		for _, err := range errs {
			if got := outcome(err); got != want {
				t.Errorf("%v: %q, want %q", err, got, want)
			}
		}
	}
}

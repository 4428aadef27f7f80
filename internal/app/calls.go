package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// calls counts what this process has asked of the chat provider. Unlike the other figures it is no state of the
// installation: each process counts its own, and Prometheus adds them up.
type calls struct{ *prometheus.CounterVec }

func newCalls() calls {
	return calls{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stagedoor_provider_calls_total",
		Help: "Calls to the chat provider of this process, by operation and outcome: ok, throttled, refused, lost (no answer, or the provider failed: it may have had an effect), not_sent."},
		[]string{"operation", "outcome"})}
}

// heard is a chime.Config's.
func (c calls) heard(op string, err error) { c.WithLabelValues(op, outcome(err)).Inc() }

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case fault.HasCode(err, chime.CodeNotSent):
		return "not_sent"
	}
	switch fault.As(err).Kind {
	case fault.Throttled:
		return "throttled"
	case fault.Unavailable, fault.Internal:
		return "lost"
	case fault.Invalid, fault.Denied, fault.NotFound, fault.Conflict, fault.Unauthorized:
	}
	return "refused"
}

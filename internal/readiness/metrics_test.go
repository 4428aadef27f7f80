package readiness_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness/metrics"
)

func TestPrometheusReadsWhatPeopleSee(t *testing.T) {
	each(t, func(h *house, now time.Time) {
		h.leads(now.Add(time.Hour))
		e, _ := h.evening(now, now, 5, 2)
		h.sell(e, id.Fan, 1, now)
		h.exec("INSERT INTO alarm (event_id, cause, since_ms, healed_ms, text, to_do) VALUES ($1, 'late', 1, 0, '', '')", e)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(metrics.Of(h.board("case")))
		w := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		text := w.Body.String()
		for _, line := range []string{
			"stagedoor_provision_readable 1", "stagedoor_provision_leader 1", "stagedoor_provision_paused 0", "stagedoor_app_instances 1",
			`stagedoor_provision_resources{event="EV",state="made"} 8`, `stagedoor_provision_resources{event="EV",state="to_make"} 8`,
			`stagedoor_provision_unplanned_tickets{event="EV"} 1`, `stagedoor_provision_calls_left{bucket="all",event="EV"} 5`,
			`stagedoor_event_slack_seconds{event="EV"} 35`, `stagedoor_event_ready_timestamp_seconds{event="EV"} 1`, `stagedoor_event_doors_timestamp_seconds{event="EV"} 1`,
			`stagedoor_alarm{cause="late",event="EV"} 1`, `stagedoor_pace_limit{bucket="all",of=""} 10`, `stagedoor_pace_throttled{bucket="all",of=""} 0`,
		} {
			if line = strings.ReplaceAll(line, "EV", string(e)); !strings.Contains(text, "\n"+line) {
				h.Errorf("no %q", line)
			}
		}
		if h.Failed() {
			h.Log(text)
		}
		_ = h.db.Close()
		w = httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if again := w.Body.String(); w.Code != 200 && !strings.Contains(again, "stagedoor_provision_readable") {
			h.Errorf("without a database: %d %s", w.Code, again)
		}
	})
}

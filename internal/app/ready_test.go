package app_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
)

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestMetricsAreOnAListenerOfTheirOwn(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.MetricsListen = "127.0.0.1:0" })
	within(t, 2*time.Minute, "a leader in the metrics", func() bool {
		status, text := fetch(t, h.MetricsURL())
		return status == http.StatusOK && strings.Contains(text, "\nstagedoor_provision_leader 1\n") && strings.Contains(text, "\ngo_goroutines ") &&
			strings.Contains(text, "\nstagedoor_provider_calls_total{operation=\"CreateChannel\",outcome=\"ok\"} 1\n")
	})
	for _, path := range []string{"/", "/debug/pprof/", "/healthz"} {
		if status, _ := fetch(t, strings.TrimSuffix(h.MetricsURL(), "/metrics")+path); status != http.StatusNotFound {
			t.Errorf("%s beside the metrics: %d", path, status)
		}
	}
	if status, _ := fetch(t, h.EngineURL()+"/metrics"); status == http.StatusOK {
		t.Error("metrics where the engine listens")
	}
}

func TestTheConsolePausesAndPlans(t *testing.T) {
	h := start(t, nil)
	boss := h.organizer()
	var s readiness.Status
	const api = "/api/v1/console/provisioning"
	within(t, 2*time.Minute, "a leader", func() bool {
		boss.must("GET", api, nil, &s)
		return s.Leader != nil && len(s.Events) == 1
	})
	boss.must("POST", api+"/pause", nil, &s)
	if !s.Paused {
		t.Errorf("after a pause: %+v", s)
	}
	boss.must("POST", api+"/resume", nil, &s)
	if s.Paused {
		t.Errorf("after resuming: %+v", s)
	}
	var p readiness.Plan
	doors := time.Now().Add(48 * time.Hour).UTC().Format("2006-01-02T15:04")
	boss.must("GET", api+"/plan?tickets=42000&zone=Europe/Berlin&pace=case&place=own&doors="+doors, nil, &p)
	if p.ImportBy == nil || p.Limit != "10/s" || p.Place != readiness.Own || len(p.Sentences) < 3 {
		t.Errorf("%+v", p)
	}
	boss.must("GET", api+"/plan?event="+string(s.Events[0].EventID)+"&tickets=10", nil, &p)
	for _, bad := range []string{"", "?tickets=5", "?tickets=5&doors=soon", "?tickets=-1&doors=" + doors, "?tickets=5&place=moon&doors=" + doors, "?event=none"} {
		if status := boss.call("GET", api+"/plan"+bad, nil, nil); status < 400 || status >= 500 {
			t.Errorf("plan%s: %d", bad, status)
		}
	}
}

// TestAnImportIsInTheNextAnswer: the page that had just imported 3,000 tickets said for a second that its chat was nearly ready.
func TestAnImportIsInTheNextAnswer(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.Provisioner = false })
	boss := h.organizer()
	before := boss.demoEvent()
	var file strings.Builder
	file.WriteString("code,reference\n")
	for n := range 50 {
		fmt.Fprintf(&file, "LATE%02dQXWVZRTPKMN,L-%d\n", n, n)
	}
	if got := boss.send("POST", "/api/v1/console/events/"+before.ID+"/tickets", "text/csv", strings.NewReader(file.String()), nil); got != http.StatusOK {
		t.Fatal(got)
	}
	if after := boss.demoEvent(); after.ChatState == nil || before.ChatState == nil || after.ChatState.Wanted < before.ChatState.Wanted+100 {
		t.Errorf("%+v, then %+v", before.ChatState, after.ChatState)
	}
}

func TestTheDoctorIsContentWithARunningHouse(t *testing.T) {
	h := start(t, nil)
	storage, chat := config.Storage{Data: h.dir}, config.Chime{Chime: "embedded", Region: "us-east-1", Pace: "none"}
	var checks []doctor.Check
	within(t, time.Minute, "nothing wrong", func() bool {
		checks = app.Doctor(t.Context(), storage, chat, config.Readiness{}, h.EngineURL())
		for _, c := range checks {
			if c.Verdict == doctor.Bad {
				return false
			}
		}
		return len(checks) >= 8
	})
	names := map[string]doctor.Verdict{}
	for _, c := range checks {
		names[c.Name] = c.Verdict
	}
	for _, name := range []string{"database", "provisioner", "shows", "alarms", "quotas", "pace", "provider", "clock"} {
		if names[name] != doctor.Fine {
			t.Errorf("%s: %q in %+v", name, names[name], checks)
		}
	}
}

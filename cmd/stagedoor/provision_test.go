package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
)

// says runs a command on a data folder and returns what it says, on both outputs.
func says(t *testing.T, data string, args ...string) (string, error) {
	t.Helper()
	out, err := stagedoor(t.Context(), append(args, "--data", data)...).CombinedOutput()
	return string(out), err
}

func TestTheProvisionerIsLookedAtAndSteeredFromTheCommandLine(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if out, err := says(t, data, "migrate"); err != nil {
		t.Fatal(out, err)
	}
	status := func() (s readiness.Status) {
		t.Helper()
		out, err := stagedoor(t.Context(), "provision", "status", "--json", "--data", data).Output()
		if err != nil || json.Unmarshal(out, &s) != nil {
			t.Fatalf("%v %s", err, out)
		}
		return s
	}
	if s := status(); s.Paused || s.Limit != "10/s" || s.Events == nil {
		t.Errorf("%+v", s)
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"provision", "status"}, "nobody leads"},
		{[]string{"provision", "pause", "--wait"}, "Paused, and nothing is on its way."},
		{[]string{"provision", "status"}, "nobody leads, paused"},
		{[]string{"provision", "resume"}, "Resumed."},
		{[]string{"provision", "pause", "--json"}, "{\n  \"paused\": true\n}"},
		{[]string{"provision", "pause", "--wait", "--json"}, "\"paused\": true,\n  \"drained\": true"},
		{[]string{"provision", "resume", "--json"}, "{\n  \"paused\": false\n}"},
		{[]string{"provision", "retry", "--json"}, "\"retried\": 0"},
		{[]string{"provision", "retry"}, "0 to be tried again"},
		{[]string{"provision", "sweep", "--no-wait"}, "It is asked for, but nobody leads: whoever leads next compares"},
	} {
		if out, err := says(t, data, step.args...); err != nil || !strings.Contains(out, step.want) {
			t.Errorf("%v: %v %s", step.args, err, out)
		}
	}
	if s := status(); s.Paused {
		t.Error("still paused")
	}
	if out, err := says(t, data, "provision", "sweep", "--json"); err == nil || !strings.Contains(out, "asked for, but nobody leads") {
		t.Errorf("sweep: %v %s", err, out)
	}
	for _, args := range [][]string{{"doctor"}, {"provision"}, {"provision", "status"}} {
		if out, err := says(t, data, append(args, "--ready-slack=-5m")...); err == nil || !strings.Contains(out, "--ready-slack: -5m0s is negative") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	if out, err := says(t, data, "provision", "sweeep"); err == nil || !strings.Contains(out, `did you mean "sweep"?`) {
		t.Errorf("a wrong word: %v %s", err, out)
	}
	for want, args := range map[string][]string{
		"--ticket: there is no ticket \"nobody\"": {"--ticket", "nobody"},
		"--event: there is no show \"nowhere\"":   {"--event", "nowhere"},
		"--arn: the ledger knows no arn:x":        {"--arn", "arn:x"},
	} {
		if out, err := says(t, data, append([]string{"provision", "retry"}, args...)...); err == nil || !strings.Contains(out, want) {
			t.Errorf("retry %v: %v %s", args, err, out)
		}
	}
}

func TestAPlanIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if out, err := says(t, data, "migrate"); err != nil {
		t.Fatal(out, err)
	}
	doors := time.Now().Add(72 * time.Hour).UTC().Format("2006-01-02T15:04")
	out, err := says(t, data, "provision", "plan", "--tickets", "42000", "--doors", doors, "--zone", "Europe/Berlin", "--shared")
	for _, want := range []string{"42,000 tickets take 42,421 calls: 1 h 11 min", "Import by ", "(Europe/Berlin)", "In the shared app instance: 42,001 calls, 1 h 11 min, to clean up.",
		"! 42,000 tickets and the provisioner need 42,001 memberships in one channel"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%q: %v\n%s", want, err, out)
		}
	}
	var p readiness.Plan
	text, err := stagedoor(t.Context(), "provision", "plan", "--tickets", "1000", "--rate", "50", "--doors", doors, "--json", "--data", data).Output()
	if err != nil || json.Unmarshal(text, &p) != nil || p.Limit != "50/s" || p.ImportBy == nil {
		t.Errorf("%v %s", err, text)
	}
	for want, args := range map[string][]string{
		"say how many tickets, or which event":  {"--doors", doors},
		"say when doors are":                    {"--tickets", "5"},
		"--doors: \"soon\" is no time such as":  {"--tickets", "5", "--doors", "soon"},
		"--event: there is no show \"nowhere\"": {"--event", "nowhere"},
		"can't be used together":                {"--tickets", "5", "--own", "--shared"},
		"--doors: doors are within 10 years":    {"--tickets", "5", "--doors", "9999-12-01T20:00"},
		"--zone: \"Moon\" is no time zone":      {"--tickets", "5", "--doors", doors, "--zone", "Moon"},
		"--tickets: between 0 and 10,000,000":   {"--tickets=-5", "--doors", doors},
		"--rate: between 1 and 1000000 calls":   {"--tickets", "5", "--doors", doors, "--rate=-5"},
	} {
		if out, err := says(t, data, append([]string{"provision", "plan"}, args...)...); err == nil || !strings.Contains(out, want) || len(out) > 1500 {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
}

func TestLookingMakesNoDatabase(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "typo")
	for _, args := range [][]string{{"provision", "status"}, {"provision", "pause"}, {"doctor"}} {
		if out, err := says(t, data, args...); err == nil || !strings.Contains(out, "there is no database "+filepath.Join(data, "stagedoor.db")) {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	if files, err := filepath.Glob(filepath.Join(data, "*")); err != nil || len(files) > 0 {
		t.Errorf("%v %v", files, err)
	}
}

func TestTheDoctorFailsIfSomethingIsWrong(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if out, err := says(t, data, "migrate"); err != nil {
		t.Fatal(out, err)
	}
	out, err := stagedoor(t.Context(), "doctor", "--json", "--data", data, "--engine-url", "http://127.0.0.1:9").Output() // nobody listens there
	var checks []doctor.Check
	if err == nil || json.Unmarshal(out, &checks) != nil {
		t.Fatalf("%v %s", err, out)
	}
	verdicts := map[string]doctor.Verdict{}
	for _, c := range checks {
		verdicts[c.Name] = c.Verdict
	}
	if verdicts["database"] != doctor.Fine || verdicts["provider"] != doctor.Bad || verdicts["provisioner"] != doctor.Look {
		t.Errorf("%s", out)
	}
	e := startEngine(t, nil, "--data", data)
	text, err := says(t, data, "doctor", "--engine-url", e.url)
	if err != nil || !strings.Contains(text, "✓ provider") || !strings.Contains(text, "✓ clock") || !strings.Contains(text, "✓ disk") {
		t.Errorf("with an engine: %v\n%s", err, text)
	}
}

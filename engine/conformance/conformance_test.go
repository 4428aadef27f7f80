// Package conformance runs Amazon's own JavaScript clients against the engine. They know nothing of us, so what they
// accept is the wire and not our reading of it. See README.md.
package conformance

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

func TestAmazonsJavaScriptClientsAreContent(t *testing.T) {
	tenASecond, err := engine.Preset("case")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("conform.mjs", func(t *testing.T) { runScript(t, "conform.mjs", 10, engine.Config{}) })
	t.Run("operations.mjs", func(t *testing.T) { runScript(t, "operations.mjs", 13, engine.Config{}) })
	t.Run("throttled.mjs", func(t *testing.T) { runScript(t, "throttled.mjs", 2, engine.Config{Limits: tenASecond}) })
}

// runScript runs a script in Node against an engine of its own, and sees so many checks go well.
func runScript(t *testing.T, script string, checks int, cfg engine.Config) {
	node := needNode(t)
	e := open(t, cfg)
	url, caFile, _, line := serveTLS(t, e)
	control := httptest.NewServer(line)
	t.Cleanup(control.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	key := e.Credentials()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Env = append(os.Environ(), "ENGINE_URL="+url, "CONTROL_URL="+control.URL, "NODE_EXTRA_CA_CERTS="+caFile,
		"ACCESS_KEY_ID="+key.AccessKeyID, "SECRET_ACCESS_KEY="+key.SecretAccessKey)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if n := strings.Count(string(out), "ok   "); n != checks {
		t.Errorf("%d checks ran, want %d", n, checks)
	}
}

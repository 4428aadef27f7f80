package engine_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/engine"
)

// The variables that make of this test program an engine that is to be killed: its database, and where its hooks are.
const (
	killDatabase = "STAGEDOOR_TEST_KILL_DATABASE"
	killHook     = "STAGEDOOR_TEST_KILL_HOOK"
)

// TestEngineToBeKilled is no test but the process that TestAfterAKillHeldLinesAndRecordsGoOn kills.
func TestEngineToBeKilled(t *testing.T) {
	database, hook := os.Getenv(killDatabase), os.Getenv(killHook)
	if database == "" {
		t.Skip("run by another test")
	}
	cfg := hooked(map[string]string{lambda("p"): hook + "/processor"}, map[string]string{talkStream: hook + "/stream"})
	cfg.Database = database
	e, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	_, _ = fmt.Fprintln(os.Stdout, "\nurl "+server.URL)
	select {} // until the kill
}

func TestAfterAKillHeldLinesAndRecordsGoOn(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "engine.db")
	away := newReceiver(t, func([]byte) int { return http.StatusServiceUnavailable })
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEngineToBeKilled$")
	child.Env = append(os.Environ(), killDatabase+"="+database, killHook+"="+away.URL)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	w := bareWorld(t)
	for s := bufio.NewScanner(out); w.url == "" && s.Scan(); {
		if url, is := strings.CutPrefix(s.Text(), "url "); is {
			w.url = url
		}
	}
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: hookKey, SecretAccessKey: hookSecret})
	w.people()
	w.stream(talkStream, talkStream)
	w.send(w.ann, w.channel, "spoken")
	w.flow(w.channel, step("p", 1, "ABORT"))
	id := w.say(w.ann, w.channel, "held")
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = child.Wait()

	var talk tape
	p := newProcessor(t)
	sink := newReceiver(t, func(lines []byte) int { talk.take(t, lines); return http.StatusOK })
	cfg := hooked(map[string]string{lambda("p"): p.URL}, map[string]string{talkStream: sink.URL})
	cfg.Database = database
	o := &opened{}
	w.begin(o, cfg)
	defer func() { o.close(w) }()
	i := w.next(p)
	w.equal("invocation", i.ChannelMessage.MessageId, id)
	w.ok(w.callback(i, nil, false))
	w.eventually("both lines in the stream", func() bool {
		return strings.Join(talk.of(w.channel), ",") == "CREATE_CHANNEL_MESSAGE spoken,CREATE_CHANNEL_MESSAGE held"
	})
}

// Package crash kills the engine and looks at what is left. The engine runs as a process of its own; people send, change
// and delete messages over signed HTTP and keep a ledger of what was acknowledged; the process is killed, by the clock or
// at the n-th system call that changes a file, with or without a power cut that takes what was not synced; then the
// whole history is compared with the ledger.
//
//	crowd ──HTTP──► engine process ──► disk (FUSE: remembers what is synced) or SQLite file or PostgreSQL
//	  └─► ledger ◄── compared with the history that an engine reads from what is left
package crash_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// childEnv makes the test binary the engine instead of the tests; its value is the engine's configuration. addrEnv is where
// it listens, "" for any port.
const (
	childEnv = "STAGEDOOR_CRASH_CHILD"
	addrEnv  = "STAGEDOOR_CRASH_ADDR"
)

// readsPath answers how many statements the engine has read with since its start.
const readsPath = "/test/reads"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := serve(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "the engine's process:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hello is what the engine's process says once it answers.
type hello struct{ Addr, KeyID, Secret string }

// serve runs an engine until somebody kills it. It ends by itself when the tests are gone, which close its input.
func serve(config string) error {
	var cfg engine.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	e, err := engine.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cmp.Or(os.Getenv(addrEnv), "127.0.0.1:0"))
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	c := e.Credentials()
	if err := json.NewEncoder(os.Stdout).Encode(hello{l.Addr().String(), c.AccessKeyID, c.SecretAccessKey}); err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == readsPath {
			_, _ = fmt.Fprint(w, e.Reads())
			return
		}
		e.ServeHTTP(w, r)
	})}
	return s.Serve(l)
}

// number reads a number from the environment.
func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is no number above 0", name, text)
	}
	return n
}

// Package hall fills the engine with people who listen and measures what a line to all of them costs. The engine runs as
// a process of its own, with its signatures and durable commits, and is met through the public protocol only: users and
// memberships are made, sessions opened and lines sent by signed requests.
//
//	choir ──SendChannelMessage──► engine, or a bare broadcaster ──frames──► crowd ──► books
//	  ▲                            (process of its own)               (one thread)   (who heard what, and when)
//	  └──────── a line that everybody has heard makes room for the next ────────────────┘
//
// The crowd reads as cheaply as a program can, because what it costs is taken from the machine that is measured. Every
// delivery is checked: nothing may be missing, come twice or in another order than to others.
//
// make bench-fanout measures, make bench-moving has people enter, leave and be sent away under full load, make soak has them
// come and go for an hour; the tests here are small slices of these that look at no clock. Linux only.
package hall_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/collector"
)

// childEnv makes the test binary a server instead of the tests; its value is a role.
const childEnv = "STAGEDOOR_HALL_CHILD"

// role is what a child process is to be.
type role struct {
	Kind   string        // "engine", or a way of the bare broadcaster
	Engine engine.Config // of an engine
}

// hello is what a child says once it answers.
type hello struct{ Addr, KeyID, Secret string }

// order is what a child is asked on its standard input, and report is its answer, one JSON document each.
type order struct {
	// "look"; "collect" looks after a garbage collection; "profile" writes the file What until "stop"; "heap" writes the file
	// What; "kick" ends the sessions of the user What; "shrink" empties SQLite's caches and collects
	Do, What string
}

type report struct {
	Goroutines, Sessions int
	Slow                 uint64 // sessions closed because their reader was too slow
	Heap                 uint64 // bytes of live and dead objects
	Held                 uint64 // bytes that Go has from the system
	Error                string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := child(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "the server's process:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	if r.Kind == "engine" {
		return serveEngine(r.Engine)
	}
	return serveBare(r.Kind)
}

// serveEngine runs an engine until its standard input ends.
func serveEngine(cfg engine.Config) error {
	collector.Tidy() // as stagedoor engine does
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	e, err := engine.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	// No probes, as ingress.Listen has it. A congestion control that paces sets a timer for every write, which is not what is measured.
	listen := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error { return c.Control(plainCongestion) }}
	l, err := listen.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// SQLite keeps the pages of all connections of a process in one cache: whoever asks, it is emptied for all.
	caches, err := sql.Open("sqlite", "")
	if err != nil {
		return err
	}
	defer func() { _ = caches.Close() }()
	c := e.Credentials()
	if err := json.NewEncoder(os.Stdout).Encode(hello{l.Addr().String(), c.AccessKeyID, c.SecretAccessKey}); err != nil {
		return err
	}
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute, ConnContext: engine.ConnContext}
	over := make(chan error, 1)
	go func() { over <- s.Serve(l) }()
	obeyed := make(chan struct{})
	go func() {
		defer close(obeyed)
		obey(map[string]func(string) error{
			"shrink": func(string) error {
				_, err := caches.ExecContext(context.Background(), "PRAGMA shrink_memory")
				return err
			},
			"kick": func(user string) error { e.Kick(user, "please leave"); return nil },
		}, func(r *report) {
			stats := e.Stats()
			r.Sessions, r.Slow = stats.Connections, stats.SlowClosed
		})
	}()
	select {
	case <-obeyed:
		err = s.Close()
	case <-told.Done(): // as stagedoor engine does it: calls first, then sessions
		err = s.Shutdown(context.Background())
	}
	err = errors.Join(err, e.Close(context.Background()))
	if ended := <-over; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// obey answers orders until there are none any more.
func obey(own map[string]func(string) error, look func(*report)) {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var profile *os.File
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			if !errors.Is(err, io.EOF) {
				_, _ = fmt.Fprintln(os.Stderr, "orders:", err)
			}
			return
		}
		var err error
		switch o.Do {
		case "shrink", "kick":
			err = own[o.Do](o.What)
		case "profile":
			if profile, err = os.Create(o.What); err == nil {
				err = pprof.StartCPUProfile(profile)
			}
		case "heap":
			err = writeHeap(o.What)
		case "stop":
			pprof.StopCPUProfile()
			err = profile.Close()
		}
		if o.Do == "collect" || o.Do == "shrink" {
			debug.FreeOSMemory()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r := report{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, Held: m.Sys - m.HeapReleased}
		if err != nil {
			r.Error = err.Error()
		}
		look(&r)
		if err := out.Encode(r); err != nil {
			return
		}
	}
}

func writeHeap(name string) error {
	runtime.GC()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

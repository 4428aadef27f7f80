// Command stagedoor runs ticketed online shows: the door, the hall, the chat, and the chat's engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/stagedoor/stagedoor/internal/collector"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
)

// cli is every command. Each lives in a file of its name.
type cli struct {
	Serve     serveCmd     `cmd:"" help:"Run everything: pages, API, live socket, provisioner and the embedded chat engine."`
	Provision provisionCmd `cmd:"" help:"The provisioner as a process of its own (any number may run, one leads), and how to look at it and steer it."`
	Engine    engineCmd    `cmd:"" help:"The chat engine alone: Amazon Chime SDK messaging, identity and STS on one address."`
	Doctor    doctorCmd    `cmd:"" help:"Check that chats will be ready before doors: database, provisioner, provider, quotas, alarms. Fails if something is wrong."`
	Organizer organizerCmd `cmd:"" help:"Let organizers into the console."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the databases to this program's schema and exit."`
	Openapi   openapiCmd   `cmd:"" help:"Print the OpenAPI document of the JSON API."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	LogFormat string `help:"text or json." enum:"text,json" default:"text" env:"STAGEDOOR_LOG_FORMAT"`
	LogLevel  string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"STAGEDOOR_LOG_LEVEL"`
}

func main() {
	collector.Tidy()
	var c cli
	k := kong.Parse(&c, kong.Name("stagedoor"), kong.ShortUsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Description("Ticketed online shows: the door, the hall and the chat. `stagedoor serve` runs everything on embedded defaults."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	k.BindTo(ctx, (*context.Context)(nil))
	block := screen.NewBlock(os.Stdout)
	k.Bind(block, c.logger(block.Beside(os.Stderr)))
	if err := k.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "stagedoor: "+err.Error())
		os.Exit(1) //nolint:gocritic // the deferred stop has nothing left to do
	}
}

func (c *cli) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // kong has checked it
	opts := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

type versionCmd struct{}

// Run prints what the Go toolchain recorded about this build.
func (versionCmd) Run() error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version + " " + info.GoVersion
	}
	fmt.Println("stagedoor", version)
	return nil
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type engineCmd struct {
	config.Engine

	Serve engineServeCmd `cmd:"" default:"withargs" help:"Run the chat engine alone, for this platform or any AWS SDK (plain \"engine\" does it too)."`
	Env   engineEnvCmd   `cmd:"" help:"Print shell commands that point the AWS CLI and SDKs at the engine of this data folder, secret included: eval \"$(stagedoor engine env)\"."`
}

type engineServeCmd struct{}

// Run serves the chat alone.
func (engineServeCmd) Run(ctx context.Context, c *engineCmd, log *slog.Logger) error {
	limits, err := engine.Preset(c.Limits)
	if err != nil {
		return err
	}
	cfg := engine.Config{Limits: limits, DrainTime: c.Drain, Processors: c.Processors, Streams: c.Streams}
	if c.Roles != "" {
		if cfg.Roles, err = engine.RolesFile(c.Roles); err != nil {
			return fmt.Errorf("--roles: %w", err)
		}
	}
	if c.Issuers != "" {
		if cfg.Issuers, err = engine.IssuersFile(c.Issuers); err != nil {
			return fmt.Errorf("--issuers: %w", err)
		}
	}
	a, err := app.NewAlone(ctx, c.Engine, cfg, log)
	if err != nil {
		return err
	}
	fmt.Print(a.Welcome(program()))
	return a.Run(ctx)
}

// program is how a person in any folder calls us.
func program() string {
	if name := os.Args[0]; strings.ContainsRune(name, filepath.Separator) {
		if full, err := filepath.Abs(name); err == nil {
			return full
		}
	}
	return os.Args[0]
}

type engineEnvCmd struct{}

// Run prints for a shell and nothing else.
func (engineEnvCmd) Run(c *engineCmd) error { return app.WriteEngineEnv(os.Stdout, c.Engine) }

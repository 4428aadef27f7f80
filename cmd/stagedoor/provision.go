package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type provisionCmd struct {
	config.Storage
	config.Chime
	EngineURL string `help:"Where a running serve lets its embedded engine listen." default:"http://127.0.0.1:8090" env:"STAGEDOOR_ENGINE_URL"`
}

// Run makes what tickets want until the process is told to stop, and shows how far it is.
func (c *provisionCmd) Run(ctx context.Context, log *slog.Logger) error {
	return app.Provision(ctx, c.Storage, c.Chime, c.EngineURL, os.Stdout, log)
}

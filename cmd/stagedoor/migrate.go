package main

import (
	"context"
	"log/slog"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type migrateCmd struct{ config.Storage }

// Run migrates the platform's and the embedded engine's database. Serving does it too; this is for careful upgrades.
func (c *migrateCmd) Run(ctx context.Context, log *slog.Logger) error {
	d, err := app.OpenPlatform(ctx, c.Storage)
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	e, err := app.OpenEngine(ctx, c.Storage, engine.Config{Logger: log})
	if err != nil {
		return err
	}
	log.Info("both databases have this program's schema")
	return e.Close(ctx)
}

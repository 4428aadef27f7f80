package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type serveCmd struct{ config.Serve }

// Run serves until the process is told to stop.
func (c *serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	a, err := app.New(ctx, c.Serve, log)
	if err != nil {
		return err
	}
	welcome, err := a.Welcome(ctx)
	if err != nil {
		_ = a.Close()
		return err
	}
	fmt.Printf("stagedoor serves %s\n%s", a.PagesURL(), welcome)
	return a.Run(ctx)
}

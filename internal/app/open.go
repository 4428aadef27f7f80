package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/organizer"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/readiness/metrics"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// OpenPlatform opens and migrates the platform's database.
func OpenPlatform(ctx context.Context, s config.Storage) (*db.DB, error) {
	d, err := db.Open(ctx, s.PlatformDatabase())
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(ctx, schema.Platform()); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// OpenEngine opens the chat engine of this installation on its database; without a key in cfg it has that of the data folder.
func OpenEngine(ctx context.Context, s config.Storage, cfg engine.Config) (*engine.Engine, error) {
	cfg.Database = s.ChatDatabase()
	if cfg.AccessKeyID == "" {
		keys, err := openSecrets(s.Data)
		if err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		cfg.AccessKeyID, cfg.SecretAccessKey = keys.EngineKeyID, keys.EngineSecretKey
	}
	return engine.New(ctx, cfg)
}

// Provider connects to the chat provider from a process of its own. The embedded engine of a running `serve` is reached
// over the address where it listens alone, with the keys in the data folder.
func Provider(s config.Storage, c config.Chime, engineURL string) (*chime.Client, error) {
	cfg, err := outside(s, c, engineURL)
	if err != nil {
		return nil, err
	}
	return chime.New(cfg), nil
}

// Provision runs a provisioner as a process of its own and shows its progress on out.
func Provision(ctx context.Context, s config.Storage, c config.Chime, r config.Readiness, engineURL string, out *screen.Block, log *slog.Logger) error {
	if err := r.Check(); err != nil {
		return err
	}
	d, err := OpenPlatform(ctx, s)
	if err != nil {
		return err
	}
	counts := newCalls()
	cfg, err := outside(s, c, engineURL)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	cfg.Heard = counts.heard
	figures, err := listenMetrics(ctx, r.MetricsListen)
	if err != nil {
		return errors.Join(fmt.Errorf("--metrics-listen: %w", err), d.Close())
	}
	events := event.New(d)
	p := provision.New(provision.Config{DB: d, Chime: chime.New(cfg), Bus: &bus.Bus{}, Preset: c.Pace, Logger: log,
		OnPurged: func(ctx context.Context, e id.Event) error { return events.MarkPurged(ctx, e, time.Now()) }})
	b := board(d, c.Pace, r, log)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.Run(ctx) })
	g.Go(func() error { return b.Watch(ctx) })
	g.Go(func() error { return screen.Show(ctx, b, out) })
	if figures != nil {
		g.Go(func() error { return serveMetrics(ctx, figures, metrics.Of(b), counts) })
	}
	return errors.Join(g.Wait(), d.Close())
}

// SignInToken makes the secret of a one-time sign-in link.
func SignInToken(ctx context.Context, s config.Storage, name string) (string, error) {
	d, err := OpenPlatform(ctx, s)
	if err != nil {
		return "", err
	}
	defer func() { _ = d.Close() }()
	organizers := organizer.New(d)
	who, err := organizers.Ensure(ctx, name, time.Now())
	if err != nil {
		return "", err
	}
	return organizers.NewLink(ctx, who.ID, time.Now())
}

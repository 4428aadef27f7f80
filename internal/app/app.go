// Package app wires the rooms into a running Stagedoor. It is the only place that knows both houses: with the embedded
// engine it hands the AWS SDK a transport that calls the engine's handler. End-to-end tests build the same App.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/ingress"
	"github.com/stagedoor/stagedoor/internal/moderate"
	"github.com/stagedoor/stagedoor/internal/organizer"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/metrics"
	"github.com/stagedoor/stagedoor/internal/web"
)

// App is one running `stagedoor serve`. Make it with New, run it with Run.
type App struct {
	cfg     config.Serve
	log     *slog.Logger
	db      *db.DB
	engine  *engine.Engine // nil when the chat is elsewhere
	bus     *bus.Bus
	secrets secrets
	calls   calls

	events     *event.Store
	gate       *gate.Gate
	organizers *organizer.Store
	provision  *provision.Provisioner
	readiness  *readiness.Board
	desk       *moderate.Desk
	archive    *archive.Keeper
	web        *web.Server

	pages, sdk, metrics net.Listener // sdk is nil without an embedded engine, metrics if nobody asked for it
}

// New opens databases and listeners and wires everything; nothing runs yet. Close what it returns, or Run it.
func New(ctx context.Context, cfg config.Serve, log *slog.Logger) (_ *App, err error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log, bus: &bus.Bus{}, calls: newCalls()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.secrets, err = openSecrets(cfg.Data); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if a.db, err = OpenPlatform(ctx, cfg.Storage); err != nil {
		return nil, err
	}
	a.db.OnTrouble(func(err error) {
		log.Error("the disk failed a checkpoint; the database's log grows until the next start", "error", err)
	})
	if cfg.Embedded() {
		limits, err := engine.Preset(cfg.EngineLimits)
		if err != nil {
			return nil, fmt.Errorf("--engine-limits: %w", err)
		}
		if a.engine, err = OpenEngine(ctx, cfg.Storage, engine.Config{Region: cfg.Region, Limits: limits,
			DrainTime: cfg.EngineDrain, Compress: cfg.EngineCompress, Logger: log}); err != nil {
			return nil, fmt.Errorf("chat engine: %w", err)
		}
	}
	if err := a.wire(); err != nil {
		return nil, err
	}
	if err := a.listen(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// listen opens the ports; a port in use is said before anything runs.
func (a *App) listen(ctx context.Context) (err error) {
	if a.pages, err = ingress.Listen(ctx, a.cfg.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if a.metrics, err = listenMetrics(ctx, a.cfg.MetricsListen); err != nil {
		return fmt.Errorf("--metrics-listen: %w", err)
	}
	if a.engine != nil && a.cfg.EngineListen != "" {
		if a.sdk, err = ingress.Listen(ctx, a.cfg.EngineListen); err != nil {
			return fmt.Errorf("--engine-listen: %w", err)
		}
		n := note{URL: a.EngineURL(), Region: a.engine.Region(), AccessKeyID: a.engine.Credentials().AccessKeyID}
		return n.write(a.cfg.Data)
	}
	return nil
}

// Close gives back what New opened. Run does it by itself.
func (a *App) Close() error {
	var errs []error
	for _, l := range []net.Listener{a.pages, a.sdk, a.metrics} {
		if l != nil {
			_ = l.Close() // already closed after Run
		}
	}
	if a.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), a.cfg.EngineDrain+farewell)
		defer cancel()
		errs = append(errs, a.engine.Close(ctx))
	}
	if a.archive != nil {
		errs = append(errs, a.archive.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends, then lets requests finish, sockets go and loops stop.
func (a *App) Run(ctx context.Context) error {
	doors, err := newGate(2, a.fromOperator, a.log) // the live socket and the messaging session
	if err != nil {
		return errors.Join(err, a.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.advance(ctx) })
	g.Go(func() error { return a.web.Run(ctx) })
	g.Go(func() error { return a.desk.Run(ctx) })
	g.Go(func() error { return a.archive.Run(ctx) })
	g.Go(func() error { return a.readiness.Watch(ctx) })
	if a.metrics != nil {
		figures := []prometheus.Collector{metrics.Of(a.readiness), a.calls, refused(doors)}
		if a.engine != nil {
			figures = append(figures, sessions{a.engine})
		}
		g.Go(func() error { return serveMetrics(ctx, a.metrics, figures...) })
	}
	if a.cfg.Provisioner {
		g.Go(func() error { return a.provision.Run(ctx) })
	}
	g.Go(func() error { return doors.Serve(ctx, a.pages, a.web, pageTimes(), nil) })
	if a.sdk != nil {
		g.Go(func() error { return doors.Serve(ctx, a.sdk, a.engine, chatTimes(), nil) })
	}
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, a.Close())
}

// What a request may take. Pages take ticket files of 16 MiB and give archives over slow lines; the chat's calls are small.
func pageTimes() ingress.Times { return ingress.Times{Body: time.Minute, Answer: 10 * time.Minute} }
func chatTimes() ingress.Times { return ingress.Times{Body: 20 * time.Second, Answer: time.Minute} }

// newGate shares out the descriptors of this process. A viewer holds so many sockets.
func newGate(socketsPerViewer int, operator func(*http.Request) bool, log *slog.Logger) (*ingress.Gate, error) {
	descriptors, err := ingress.Descriptors()
	if err != nil {
		return nil, err
	}
	b := ingress.Share(descriptors)
	level := slog.LevelInfo
	if b.Sockets/socketsPerViewer < fewViewers {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "viewers that fit into the limit of open files (ulimit -n)", "viewers", b.Sockets/socketsPerViewer,
		"descriptors", b.Descriptors, "for_requests", b.Requests, "for_operators", b.Operators, "for_files", b.Files)
	return ingress.NewGate(b, operator, engine.ConnContext, log), nil
}

// fewViewers is so few that an operator should hear of it.
const fewViewers = 1000

// fromOperator says whether a request claims to come from somebody who runs the house.
func (a *App) fromOperator(r *http.Request) bool {
	return web.FromOperator(r) || a.engine != nil && a.engine.FromRoot(r)
}

// advance opens doors and starts shows when their time has come.
func (a *App) advance(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		changed, err := a.events.Advance(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			a.log.Error("events could not be advanced", "err", err)
		}
		for _, e := range changed {
			a.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// PagesURL is where the pages really are, with the port that was given.
func (a *App) PagesURL() string {
	if a.cfg.PublicURL != "" {
		return a.cfg.Origin()
	}
	return "http://" + reachable(a.pages.Addr().String())
}

// reachable replaces "every address of this machine" by one that a phone on the network can type.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr
	}
	own, _ := net.InterfaceAddrs() // without them this machine's own name for itself will do
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
			return net.JoinHostPort(n.IP.String(), port)
		}
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// EngineURL is where SDKs reach the embedded engine; "" if it does not listen.
func (a *App) EngineURL() string {
	if a.sdk == nil {
		return ""
	}
	return "http://" + reachable(a.sdk.Addr().String())
}

// MetricsURL is where Prometheus finds the figures; "" if nobody asked for them.
func (a *App) MetricsURL() string { return metricsURL(a.metrics) }

// chimeConfig says where the provider is. The embedded engine is called without a socket.
func chimeConfig(c config.Chime, s secrets, embedded http.Handler) chime.Config {
	out := chime.Config{Region: c.Region, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretKey,
		ModeratorRole: c.ModeratorRole, UserRole: c.UserRole}
	if c.Amazon() {
		return out
	}
	base := c.Chime
	if embedded != nil {
		base, out.HTTP = "http://engine.embedded", inProcess{embedded}
	}
	out.MessagingURL, out.IdentityURL, out.STSURL = base, base, base
	if out.AccessKeyID == "" {
		out.AccessKeyID, out.SecretAccessKey = s.EngineKeyID, s.EngineSecretKey
	}
	for _, role := range []*string{&out.ModeratorRole, &out.UserRole} {
		if *role == "" { // our engine knows no role documents: any name will do
			*role = "arn:aws:iam::000000000000:role/stagedoor"
		}
	}
	return out
}

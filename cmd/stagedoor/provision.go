package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
)

type provisionCmd struct {
	config.Storage
	config.Chime
	config.Readiness
	EngineURL string `help:"Where a running serve lets its embedded engine listen." default:"http://127.0.0.1:8090" env:"STAGEDOOR_ENGINE_URL"`

	Serve  provisionServeCmd  `cmd:"" name:"run" default:"1" help:"Make what tickets want until told to stop (plain \"provision\" does it too)."`
	Status provisionStatusCmd `cmd:"" help:"Show what is made, what is left and when it is ready."`
	Plan   provisionPlanCmd   `cmd:"" help:"Say how long tickets would take, and by when they must be imported."`
	Pause  provisionPauseCmd  `cmd:"" help:"Stop calls to the chat provider, on all processes, until resume."`
	Resume provisionResumeCmd `cmd:"" help:"Undo pause."`
	Retry  provisionRetryCmd  `cmd:"" help:"Try at once what has failed."`
	Sweep  provisionSweepCmd  `cmd:"" help:"Compare everything with what the chat provider really has, and put it right."`
}

// with opens the database for a command that looks or steers.
func (c *provisionCmd) with(ctx context.Context, f func(*app.Booth) error) error {
	b, err := app.OpenBooth(ctx, c.Storage, c.Chime.Pace, c.Readiness)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	return f(b)
}

type provisionServeCmd struct{}

// Run makes what tickets want until the process is told to stop, and shows how far it is.
func (provisionServeCmd) Run(ctx context.Context, c *provisionCmd, out *screen.Block, log *slog.Logger) error {
	return app.Provision(ctx, c.Storage, c.Chime, c.Readiness, c.EngineURL, out, log)
}

type provisionStatusCmd struct {
	Watch bool `help:"Go on showing it until Ctrl-C."`
	JSON  bool `help:"As JSON, for scripts; with --watch a line each second."`
}

// Run shows the state once, or until the process is told to stop.
func (s *provisionStatusCmd) Run(ctx context.Context, c *provisionCmd, out *screen.Block) error {
	return c.with(ctx, func(b *app.Booth) error {
		if s.Watch && !s.JSON {
			return screen.Show(ctx, b.Board, out)
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			now := time.Now()
			status, err := b.Status(ctx, now)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return err
			case s.Watch:
				err = json.NewEncoder(os.Stdout).Encode(status)
			case s.JSON:
				err = printJSON(os.Stdout, status)
			default:
				_, err = fmt.Println(strings.Join(screen.Lines(status, now), "\n"))
			}
			if err != nil || !s.Watch {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// printJSON writes for people and scripts.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

type provisionPlanCmd struct {
	Event   string `help:"An existing show: identifier or last part of its page's address. Without --tickets: what it still takes as it is."`
	Tickets int    `help:"How many tickets would be imported."`
	Doors   string `help:"When doors are, in --zone: 2026-12-01T20:00. Default: the event's."`
	Zone    string `help:"Time zone of --doors and of the answer, e.g. Europe/Berlin. Default: the event's, or this machine's."`
	Own     bool   `help:"In an app instance of its own." xor:"place"`
	Shared  bool   `help:"In the installation's shared app instance. Default of the two: what the provisioner would choose." xor:"place"`
	Rate    int    `help:"So many calls a second over everything, instead of the limits of --pace."`
	JSON    bool   `help:"As JSON, for scripts."`
}

// Run answers a what-if question.
func (p *provisionPlanCmd) Run(ctx context.Context, c *provisionCmd) error {
	return c.with(ctx, func(b *app.Booth) error {
		in := readiness.PlanInput{Tickets: p.Tickets, Zone: p.Zone}
		switch {
		case p.Rate < 0 || p.Rate > readiness.MaxRate:
			return fmt.Errorf("--rate: between 1 and %d calls a second can be planned", readiness.MaxRate)
		case p.Rate > 0:
			in.Pace = strconv.Itoa(p.Rate)
		}
		if p.Event != "" {
			e, err := b.Event(ctx, p.Event)
			if err != nil {
				return flagged(err)
			}
			in.Event = e
		} else if in.Zone == "" {
			in.Zone = localZone()
		}
		switch {
		case p.Own:
			in.Place = readiness.Own
		case p.Shared:
			in.Place = readiness.Shared
		}
		if p.Doors != "" {
			doors, err := b.DoorsOf(ctx, in.Event, p.Doors, in.Zone)
			if err != nil {
				return flagged(err)
			}
			in.Doors = doors
		}
		plan, err := b.Plan(ctx, in, time.Now())
		if err != nil {
			return flagged(err)
		}
		if p.JSON {
			return printJSON(os.Stdout, plan)
		}
		for _, s := range plan.Sentences {
			fmt.Println(s)
		}
		for _, w := range plan.Warnings {
			fmt.Println("! " + w)
		}
		return nil
	})
}

// flagged names the flag that an error is about.
func flagged(err error) error {
	if f := fault.As(err); f.Field != "" {
		return fmt.Errorf("--%s: %w", f.Field, err)
	}
	return err
}

// localZone is this machine's time zone by name, if it says so.
func localZone() string {
	if name := time.Local.String(); name != "Local" {
		return name
	}
	if target, err := os.Readlink("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			return name
		}
	}
	return "UTC"
}

// steered is what pause and resume answer to a script.
type steered struct {
	Paused  bool `json:"paused"`
	Drained bool `json:"drained,omitempty"` // this command has waited until nothing was on its way any more
}

// retried is what retry answers to one.
type retried struct {
	Retried int `json:"retried"` // rows of the ledger
}

// tell prints an answer: for a script, or the sentence.
func tell(script bool, answer any, sentence string) error {
	if script {
		return printJSON(os.Stdout, answer)
	}
	_, err := fmt.Println(sentence)
	return err
}

type provisionPauseCmd struct {
	Wait bool `help:"Return only when nothing is on its way any more."`
	JSON bool `help:"As JSON, for scripts."`
}

// Run pauses.
func (p *provisionPauseCmd) Run(ctx context.Context, c *provisionCmd) error {
	return c.with(ctx, func(b *app.Booth) error {
		if err := b.Pause(ctx); err != nil {
			return err
		}
		if !p.Wait {
			return tell(p.JSON, steered{Paused: true}, "Paused. What is on its way is finished; stagedoor provision resume goes on.")
		}
		if err := b.Drained(ctx); err != nil {
			return err
		}
		return tell(p.JSON, steered{Paused: true, Drained: true}, "Paused, and nothing is on its way. stagedoor provision resume goes on.")
	})
}

type provisionResumeCmd struct {
	JSON bool `help:"As JSON, for scripts."`
}

// Run resumes.
func (r *provisionResumeCmd) Run(ctx context.Context, c *provisionCmd) error {
	return c.with(ctx, func(b *app.Booth) error {
		if err := b.Resume(ctx); err != nil {
			return err
		}
		return tell(r.JSON, steered{}, "Resumed.")
	})
}

type provisionRetryCmd struct {
	Event  string `help:"Only of this show: identifier or last part of its page's address."`
	Ticket string `help:"Only of this ticket."`
	ARN    string `name:"arn" help:"Only what has this ARN."`
	JSON   bool   `help:"As JSON, for scripts."`
}

// Run asks for another try.
func (p *provisionRetryCmd) Run(ctx context.Context, c *provisionCmd) error {
	return c.with(ctx, func(b *app.Booth) error {
		n, err := b.Retry(ctx, p.Event, p.Ticket, p.ARN)
		if err != nil {
			return flagged(err)
		}
		return tell(p.JSON, retried{n}, fmt.Sprintf("%d to be tried again at once.", n))
	})
}

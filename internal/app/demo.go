package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/examples"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/teststream"
)

// demoFile keeps what the demo printed, so that a restart can print it again: codes themselves are never stored.
const demoFile = "demo.txt"

// demoOrganizer is whose console the printed link opens.
const demoOrganizer = "Demo Organizer"

// Welcome returns what `serve` prints at the start: a fresh sign-in link and, with the demo on, the demo show with its
// codes. On an empty database it makes the demo show first: doors open now, the show starts in a few minutes.
func (a *App) Welcome(ctx context.Context) (string, error) {
	if !a.cfg.Demo {
		return "", nil
	}
	if err := a.seed(ctx); err != nil {
		return "", fmt.Errorf("demo show: %w", err)
	}
	link, err := a.SignInLink(ctx, demoOrganizer)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Organizer's sign-in link (works once): %s\n", link)
	text, err := os.ReadFile(filepath.Join(a.cfg.Data, demoFile)) // #nosec G304 -- the operator's own data folder
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	b.WriteString(strings.ReplaceAll(string(text), "{origin}", a.PagesURL()))
	if u := a.EngineURL(); u != "" {
		fmt.Fprintf(&b, "  Chat engine for SDKs and the AWS CLI:  %s\n", u)
	}
	return b.String(), nil
}

// SignInLink makes a one-time link for an organizer of that name, who is made if new. The secret stands behind the #,
// which browsers never send.
func (a *App) SignInLink(ctx context.Context, name string) (string, error) {
	who, err := a.organizers.Ensure(ctx, name, time.Now())
	if err != nil {
		return "", err
	}
	token, err := a.organizers.NewLink(ctx, who.ID, time.Now())
	if err != nil {
		return "", err
	}
	return a.PagesURL() + "/console#sign-in=" + token, nil
}

// seed makes the demo show on an empty database.
func (a *App) seed(ctx context.Context) error {
	events, err := a.events.List(ctx)
	if err != nil || len(events) > 0 {
		return err
	}
	now := time.Now()
	e, err := a.events.Create(ctx, demoShow(now), now)
	if err != nil {
		return err
	}
	report, err := a.gate.Import(ctx, e.ID, bytes.NewReader(examples.Pretix), now)
	if err != nil {
		return err
	}
	codes, err := a.demoCodes(ctx, e.ID, now)
	if err != nil {
		return err
	}
	a.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e.ID})
	a.bus.Publish(bus.Hint{Topic: bus.TicketsChanged, Event: e.ID})
	text := fmt.Sprintf("  Demo show, %d tickets imported, %d lines refused:  {origin}/e/%s\n%s", report.New, report.RefusedCount, e.Slug, codes)
	return os.WriteFile(filepath.Join(a.cfg.Data, demoFile), []byte(text), 0o600)
}

// demoShow has open doors and starts on a full minute a few minutes from now.
func demoShow(now time.Time) event.Input {
	zone := "UTC"
	start := now.UTC().Add(6 * time.Minute).Truncate(time.Minute)
	return event.Input{
		Name: "One Night at the Stage Door", Artist: "Mara Lindqvist", TimeZone: zone,
		Description: "A late set for piano, voice and one suspicious drum machine. Say hello in the chat: Mara reads along between the songs.",
		DoorsAt:     now.UTC().Format("2006-01-02T15:04"), StartsAt: start.Format("2006-01-02T15:04"),
		StreamURL: teststream.Live, Chat: true, Slug: "demo",
	}
}

// demoCodes issues the codes that are printed: two fans, a moderator and the artist.
func (a *App) demoCodes(ctx context.Context, e id.Event, now time.Time) (string, error) {
	var b strings.Builder
	for _, who := range []struct {
		label string
		role  id.Role
	}{{"Fan", id.Fan}, {"Another fan", id.Fan}, {"Moderator", id.Moderator}, {"Artist", id.Artist}} {
		var code gate.Code
		var err error
		if code, _, err = a.gate.IssueCode(ctx, e, who.role, now); err != nil {
			return "", err
		}
		desk := "" // the hall has no tools for a moderator
		if who.role == id.Moderator {
			desk = "  at {origin}/e/demo/moderate"
		}
		fmt.Fprintf(&b, "    %-12s %s%s\n", who.label, code, desk)
	}
	return b.String(), nil
}

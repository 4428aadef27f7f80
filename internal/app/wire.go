package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/guard"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/moderate"
	"github.com/stagedoor/stagedoor/internal/nick"
	"github.com/stagedoor/stagedoor/internal/organizer"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/pass"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/react"
	"github.com/stagedoor/stagedoor/internal/teststream"
	"github.com/stagedoor/stagedoor/internal/web"
	"github.com/stagedoor/stagedoor/ui"
)

// reactionTick is how often reactions are added up and sent: fast enough to feel shared, slow enough for a full hall.
const reactionTick = 300 * time.Millisecond

// wire makes every room and joins them. No other code constructs rooms.
func (a *App) wire() error {
	pepper, err := a.secrets.pepper()
	if err != nil {
		return err
	}
	proxies, err := a.cfg.Proxies()
	if err != nil {
		return err
	}
	chat := chimeConfig(a.cfg.Chime, a.secrets, a.chat())
	chat.Heard = a.calls.heard
	provider := chime.New(chat)
	share, err := newBudget(a.cfg.Pace, a.db)
	if err != nil {
		return fmt.Errorf("--pace: %w", err)
	}
	a.events, a.gate, a.organizers = event.New(a.db), gate.New(a.db, pepper), organizer.New(a.db)
	a.provision = provision.New(a.provisionConfig(provider, share.pace))
	a.readiness = board(a.db, a.cfg.Pace, a.cfg.Readiness, a.log)
	a.desk = moderate.New(moderate.Config{DB: a.db, Chime: provider.Paced(share.urgent()), Behind: share.behind(), Bus: a.bus, Logger: a.log})
	a.archive, err = archive.New(archive.Config{DB: a.db, Chime: provider.Paced(share.behind()), Dir: filepath.Join(a.cfg.Data, "archive"), Logger: a.log,
		Grace: time.Duration(a.cfg.ReopenFor) * time.Second, Hold: a.cfg.HoldChat(), OnArchived: a.archived})
	if err != nil {
		return err
	}
	endpoint := a.chatEndpoint()
	a.web = web.New(web.Config{
		Events: a.events, Gate: a.gate, Limiter: gate.NewLimiter(), Guard: guard.New(a.db), Nicknames: nick.New(a.db),
		Reactions: react.New(reactionTick), Desk: a.desk, Archive: a.archive, Organizers: a.organizers,
		Pass:      pass.New(pass.Config{DB: a.db, Chime: provider, Region: a.cfg.Region, Endpoint: endpoint, Progress: a.progress, Logger: a.log}),
		Provision: a.provision, Readiness: a.readiness, Inventory: inventory.New(a.db), Bus: a.bus, Log: a.log,
		UI: ui.FS(), TestStream: teststream.Handler(), Chat: a.chat(), ChatOrigin: originOf(endpoint),
		TrustedProxies: proxies, Secure: strings.HasPrefix(a.cfg.Origin(), "https://"),
	})
	return nil
}

// chat is the embedded engine as a handler, or a true nil.
func (a *App) chat() http.Handler {
	if a.engine == nil {
		return nil
	}
	return a.engine
}

// chatEndpoint is what browsers are told: a path on the page's own origin, or the provider's URL.
func (a *App) chatEndpoint() string {
	switch {
	case a.engine != nil:
		return "/chime"
	case a.cfg.Amazon():
		return "https://messaging-chime." + a.cfg.Region + ".amazonaws.com"
	default:
		return strings.TrimSuffix(a.cfg.Chime.Chime, "/")
	}
}

func originOf(endpoint string) string {
	if strings.HasPrefix(endpoint, "/") {
		return ""
	}
	return endpoint
}

func (a *App) provisionConfig(provider *chime.Client, share *pace.Pace) provision.Config {
	return provision.Config{DB: a.db, Chime: provider, Bus: a.bus, Pace: share, Logger: a.log, OnPurged: a.purged}
}

// progress tells a waiting fan how far the chat of the event is.
func (a *App) progress(ctx context.Context, event id.Event) (pass.Progress, error) {
	status, err := a.readiness.Status(ctx, time.Now())
	if err != nil {
		return pass.Progress{}, err
	}
	for _, e := range status.Events {
		if e.EventID != event {
			continue
		}
		p := pass.Progress{Made: e.Made, Total: e.Wanted}
		if e.ReadyAt != nil {
			p.ReadyAt = *e.ReadyAt
		}
		return p, nil
	}
	return pass.Progress{}, nil
}

// archived is called when an event's history is sealed: only now may its chat be deleted.
func (a *App) archived(ctx context.Context, e id.Event) error {
	if err := a.events.MarkArchived(ctx, e, time.Now()); err != nil {
		return err
	}
	a.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e})
	return nil
}

// purged is called when nothing of an archived or cancelled event is left at the provider.
func (a *App) purged(ctx context.Context, e id.Event) error {
	if err := a.events.MarkPurged(ctx, e, time.Now()); err != nil {
		return err
	}
	a.bus.Publish(bus.Hint{Topic: bus.EventChanged, Event: e})
	return nil
}

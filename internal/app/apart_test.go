package app_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/pass"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
	"github.com/stagedoor/stagedoor/internal/web"
)

// deadAddress is an address that refuses connections.
func deadAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// The show goes on without its chat: nothing but the chat waits for, or fails with, the provider.
func TestWithADeadChatEverythingElseWorks(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.Chime.Chime = "http://" + deadAddress(t) })
	fan, other, mod := h.enter("Fan", "Ada Fan"), h.enter("Another fan", "Grace Fan"), h.enter("Moderator", "Mo D")
	began := time.Now()
	one, two := fan.live(), other.live()
	one.awaits(`"t":"hello"`)
	one.react("👏")
	two.awaits(`"t":"reactions"`, `"👏":1`)
	var me web.Me
	fan.must("GET", demo+"/me", nil, &me)
	if me.StreamURL == nil || me.Nickname == nil {
		t.Errorf("%+v", me)
	}
	var a pass.Answer
	fan.must("POST", demo+"/chat/pass", nil, &a)
	if a.Pass != nil || a.RetryMs == 0 || a.Detail == "" {
		t.Errorf("%+v", a)
	}
	mod.must("GET", demo+"/moderation", nil, nil)
	boss := h.organizer()
	boss.must("POST", "/api/v1/console/events/"+boss.demoEvent().ID+"/start", nil, nil)
	two.awaits(`"t":"event"`, `"state":"live"`)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("something waited for the chat: %v", took)
	}
}

// A chat that dies after it was made rests; when it is back, so are its people, without a new page.
func TestAChatThatDiesRestsAndComesBack(t *testing.T) {
	dir := t.TempDir()
	storage := config.Storage{Data: dir}
	e, err := app.OpenEngine(t.Context(), storage, engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	chat := &switched{Handler: e}
	server := httptest.NewServer(chat)
	t.Cleanup(server.Close)
	h := start(t, func(c *config.Serve) { c.Data, c.Chime.Chime = dir, server.URL })
	fan := h.enter("Fan", "Ada Fan")
	fan.chatPass()
	chat.dead.Store(true)
	var a pass.Answer
	fan.must("POST", demo+"/chat/pass", nil, &a)
	if a.State != pass.Resting || a.RetryMs == 0 {
		t.Errorf("%+v", a)
	}
	chat.dead.Store(false)
	fan.chatPass()
}

// The provisioner as a process of its own: no hint of it reaches the pages, and nobody notices.
func TestAProvisionerOfItsOwnServesThePages(t *testing.T) {
	dir := t.TempDir()
	h := start(t, func(c *config.Serve) { c.Data, c.Provisioner = dir, false })
	page := h.enter("Fan", "Ada Fan").live()
	page.awaits(`"t":"hello"`, `"state":"open"`)
	storage := config.Storage{Data: dir}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.Provision(ctx, storage, config.Chime{Chime: "embedded", Region: "us-east-1", Pace: "none"}, config.Readiness{}, h.EngineURL(), screen.NewBlock(io.Discard), slog.New(slog.DiscardHandler))
	}()
	fan := h.enter("Another fan", "Grace Fan")
	if p := fan.chatPass(); p.Name != "Grace Fan" {
		t.Errorf("%+v", p.Name)
	}
	startElsewhere(t, storage)
	page.awaits(`"t":"event"`, `"state":"live"`)
	stop()
	if err := <-done; err != nil {
		t.Errorf("provision: %v", err)
	}
}

// startElsewhere starts the demo show as another process would, without a hint to this one.
func startElsewhere(t *testing.T, s config.Storage) {
	d, err := app.OpenPlatform(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	events := event.New(d)
	e, err := events.BySlug(t.Context(), "demo")
	if err == nil {
		_, err = events.Start(t.Context(), e.ID, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The provisioner dies again and again in the middle of its work with the real engine. In the end every ticket has
// exactly one account and seat in the channel, and the provider keeps nothing else.
func TestAProvisionerThatKeepsDyingLeavesOneAccountPerTicket(t *testing.T) {
	dir := t.TempDir()
	h := start(t, func(c *config.Serve) { c.Data, c.Provisioner = dir, false })
	storage, seed := config.Storage{Data: dir}, rand.New(rand.NewPCG(2, 9))
	chat := config.Chime{Chime: "embedded", Region: "us-east-1", Pace: "none"}
	live := func(ctx context.Context) {
		err := app.Provision(ctx, storage, chat, config.Readiness{}, h.EngineURL(), screen.NewBlock(io.Discard), slog.New(slog.DiscardHandler))
		// Whoever dies while SQLite opens hears "canceled", though it was the deadline.
		if err != nil && ctx.Err() == nil {
			t.Errorf("provision: %v", err)
		}
	}
	for range 12 {
		ctx, die := context.WithTimeout(t.Context(), time.Duration(20+seed.IntN(180))*time.Millisecond)
		live(ctx)
		die()
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); live(ctx) }()
	boss := h.organizer()
	var e web.EventAdmin
	// An account and a membership for each ticket: until the tickets are planned, "nothing to make" says nothing.
	within(t, time.Minute, "everything made", func() bool {
		e = boss.demoEvent()
		tickets := e.Tickets.Fan + e.Tickets.Artist + e.Tickets.Moderator
		return e.ChatState != nil && e.ChatState.State == "ready" && e.ChatState.Made > 2*tickets
	})
	stop()
	<-done
	h.holdsExactly(storage, chat, e.Tickets)
}

// holdsExactly compares what the provider lists with the tickets in the platform's database.
func (h *house) holdsExactly(s config.Storage, c config.Chime, tickets web.TicketCounts) {
	t, ctx := h.t, h.t.Context()
	t.Helper()
	provider, err := app.Provider(s, c, h.EngineURL())
	if err != nil {
		t.Fatal(err)
	}
	instances := every(t, func(next string) (chime.Page[chime.AppInstance], error) { return provider.ListAppInstances(ctx, next) })
	if len(instances) != 1 {
		t.Fatalf("%d app instances", len(instances))
	}
	instance := instances[0].ARN
	admin := instance.User("stagedoor-admin")
	want := map[arn.ARN]bool{admin: true}
	for _, user := range h.wantedUsers(s) {
		want[instance.User(user)] = true
	}
	if n := tickets.Fan + tickets.Artist + tickets.Moderator; len(want) != n+1 || n < 300 {
		t.Fatalf("%d accounts wanted for %d tickets", len(want), n)
	}
	users := every(t, func(next string) (chime.Page[chime.User], error) { return provider.ListUsers(ctx, instance, next) })
	channel := instance.Channel(h.organizerAgain().demoEvent().ID)
	members := every(t, func(next string) (chime.Page[chime.User], error) {
		return provider.ListMemberships(ctx, admin, channel, next)
	})
	for what, got := range map[string][]chime.User{"accounts": users, "memberships": members} {
		seen := map[arn.ARN]bool{admin: true} // the maker of a channel is in it
		for _, u := range got {
			if !want[u.ARN] || seen[u.ARN] && u.ARN != admin {
				t.Errorf("%s: %s is an orphan or there twice", what, u.ARN)
			}
			seen[u.ARN] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%d %s for %d tickets", len(seen), what, len(want))
		}
	}
}

// wantedUsers are the account names of all valid tickets.
func (h *house) wantedUsers(s config.Storage) []string {
	h.t.Helper()
	d, err := app.OpenPlatform(h.t.Context(), s)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	users, err := db.All(h.t.Context(), d, func(u *string) []any { return []any{u} }, "SELECT substr(role, 1, 1) || '-' || id FROM ticket WHERE valid")
	if err != nil {
		h.t.Fatal(err)
	}
	return users
}

// every reads all pages of a list.
func every[T any](t *testing.T, list func(next string) (chime.Page[T], error)) (all []T) {
	t.Helper()
	for next := ""; ; {
		page, err := list(next)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		if next = page.Next; next == "" {
			return all
		}
	}
}

// switched is a server whose connections break while it is off.
type switched struct {
	http.Handler
	dead atomic.Bool
}

func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.dead.Load() {
		panic(http.ErrAbortHandler)
	}
	s.Handler.ServeHTTP(w, r)
}

func TestAStoppingNodeSendsLiveSocketsToTheNext(t *testing.T) {
	h := start(t, nil)
	page := h.enter("Fan", "Ada Fan").live()
	page.awaits(`"t":"hello"`)
	if err := h.stop(); err != nil {
		t.Errorf("run: %v", err)
	}
	page.ends(websocket.StatusGoingAway)
}

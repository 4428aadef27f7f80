package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/pass"
	"github.com/stagedoor/stagedoor/internal/web"
)

// act does something to the demo show as its organizer; it returns the status and the problem's code.
func (p *person) act(what string) (status int, code string) {
	p.h.t.Helper()
	var problem web.Problem
	status = p.call("POST", "/api/v1/console/events/"+p.demoEvent().ID+"/"+what, nil, &problem)
	return status, problem.Code
}

func (p *person) acts(what string) {
	p.h.t.Helper()
	if status, code := p.act(what); status != http.StatusOK {
		p.h.t.Fatalf("%s: %d %s", what, status, code)
	}
}

func (p *person) isRefused(what, want string) {
	p.h.t.Helper()
	if status, code := p.act(what); status != http.StatusConflict || code != want {
		p.h.t.Errorf("%s: %d %s, want %s", what, status, code, want)
	}
}

func TestACancelledShowIsTakenBackFromEverybodyAndGivenAgain(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.ReopenFor = 3600 })
	boss, fan := h.organizer(), h.enter("Fan", "Ada Fan")
	fan.chatPass()
	page := fan.live()
	page.awaits(`"t":"hello"`, `"state":"open"`, `"streamUrl":"/test-stream/`)
	boss.acts("cancel")
	page.awaits(`"t":"event"`, `"state":"cancelled"`)
	page.awaits(`"t":"me"`, `"streamUrl":null`)
	var a pass.Answer
	fan.must("POST", demo+"/chat/pass", nil, &a)
	if a.State != pass.Closed || a.Pass != nil || a.RetryMs != 0 || !strings.Contains(a.Detail, "cancelled") {
		t.Errorf("the chat: %+v", a)
	}
	var p web.Problem
	if status := h.person().call("POST", demo+"/redeem", map[string]string{"code": h.code("Another fan")}, &p); status != http.StatusConflict || p.Code != "event_cancelled" {
		t.Errorf("at the door: %d %+v", status, p)
	}
	e := boss.demoEvent()
	if status := boss.send("POST", "/api/v1/console/events/"+e.ID+"/tickets", "text/csv", strings.NewReader("code\nQX7M-4KTP-9WZ2-HB3C\n"), &p); status != http.StatusConflict || p.Code != "event_cancelled" {
		t.Errorf("an import: %d %+v", status, p)
	}
	if e.State != "cancelled" || e.EndedAt == nil || e.Archive != nil {
		t.Errorf("the console: %+v", e)
	}
	boss.isRefused("cancel", "event_state")
	boss.isRefused("start", "event_state")
	boss.acts("uncancel")
	page.awaits(`"t":"event"`, `"state":"open"`)
	page.awaits(`"t":"me"`, `"streamUrl":"/test-stream/`)
	fan.chatPass()
	h.enter("Another fan", "Grace Fan")
	boss.acts("start")
	boss.isRefused("cancel", "event_running")
}

func TestTheChatOfACancelledShowIsDeletedAndMadeAnewWhenItComesBack(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.ReopenFor = 1 })
	boss := h.organizer()
	made := func() bool {
		e := boss.demoEvent()
		return e.ChatState != nil && e.ChatState.State == "ready" && e.ChatState.Made > 2*e.Tickets.Fan
	}
	within(t, 2*time.Minute, "all chat resources made", made)
	boss.acts("cancel")
	within(t, 2*time.Minute, "everything at the provider deleted", func() bool {
		e := boss.demoEvent()
		if e.ChatState != nil && e.ChatState.ToDelete > 0 && (e.Archive == nil || !e.Archive.Sealed) {
			t.Fatalf("deleting before the seal: %+v", e.Archive)
		}
		return e.State == "cancelled" && e.ChatState != nil && e.ChatState.State == "gone"
	})
	boss.acts("uncancel")
	within(t, 2*time.Minute, "all chat resources made once more", made)
	if e := boss.demoEvent(); e.Archive != nil || e.Deletion != nil {
		t.Errorf("it is back and shows %+v %+v", e.Archive, e.Deletion)
	}
	fan := h.enter("Fan", "Ada Fan")
	p := fan.chatPass()
	if _, err := h.client(p).SendMessage(t.Context(), p.UserArn, p.ChannelArn, line("back again"), "one"); err != nil {
		t.Fatal(err)
	}
	boss.acts("cancel") // and this time something was said
	within(t, 2*time.Minute, "the history sealed", func() bool {
		a := boss.demoEvent().Archive
		return a != nil && a.Sealed && a.Messages == 1
	})
	boss.isRefused("uncancel", "history_sealed")
}

func TestTheConsoleShowsWhatWasDeleted(t *testing.T) {
	dir := t.TempDir()
	h := start(t, func(c *config.Serve) { c.Data, c.ReopenFor = dir, 1 })
	boss := h.organizer()
	boss.acts("end")
	var e web.EventAdmin
	within(t, 2*time.Minute, "archived and purged", func() bool {
		e = boss.demoEvent()
		return e.State == "purged"
	})
	d, err := app.OpenPlatform(t.Context(), config.Storage{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Exec(t.Context(), `INSERT INTO deletion_report (event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships,
		moderators, messages, sha256)
		SELECT event_id, ended_ms, 1000, 61000, 2, 1, 1, 262, 261, 1, messages, sha256 FROM sealed_history WHERE event_id = $1
		ON CONFLICT (event_id, ended_ms) DO UPDATE SET began_ms = 1000, finished_ms = 61000, calls = 2, accounts = 262`, e.ID); err != nil {
		t.Fatal(err)
	}
	e = boss.demoEvent()
	if r := e.Deletion; r == nil || r.Calls != 2 || r.Accounts != 262 || r.SHA256 != e.Archive.SHA256 || r.FinishedAt.Sub(r.BeganAt) != time.Minute {
		t.Errorf("%+v", r)
	}
}

// TestARefundInTheMiddleOfTheShowLeavesNothingButWhatWasSaid (F13).
func TestARefundInTheMiddleOfTheShowLeavesNothingButWhatWasSaid(t *testing.T) {
	h := start(t, nil)
	boss := h.organizer()
	upload := func(status string) {
		t.Helper()
		file := "code,status\nRX7M-4KTP-9WZ2-HB3D," + status + "\n"
		if code := boss.send("POST", "/api/v1/console/events/"+boss.demoEvent().ID+"/tickets", "text/csv", strings.NewReader(file), nil); code != http.StatusOK {
			t.Fatalf("import: %d", code)
		}
	}
	upload("valid")
	fan := h.person()
	fan.must("POST", demo+"/redeem", map[string]string{"code": "RX7M4KTP9WZ2HB3D"}, nil)
	fan.must("PUT", demo+"/nickname", map[string]string{"nickname": "Ada Fan"}, nil)
	p := fan.chatPass()
	page, chat := fan.live(), h.session(p)
	as := h.client(p)
	if _, err := as.SendMessage(t.Context(), p.UserArn, p.ChannelArn, line("I was here"), "one"); err != nil {
		t.Fatal(err)
	}
	h.expect(chat, "CREATE_CHANNEL_MESSAGE", "I was here")
	upload("cancelled")
	page.awaits(`"t":"revoked"`, "cancelled or refunded")
	page.ends(4003)
	if status := fan.call("POST", demo+"/chat/pass", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("another pass: %d", status)
	}
	// The key that the browser has still works at the provider's door; behind it nobody is there any more.
	within(t, time.Minute, "account and membership gone", func() bool {
		_, err := as.SendMessage(t.Context(), p.UserArn, p.ChannelArn, line("still here?"), id())
		return err != nil
	})
	other := h.enter("Another fan", "Grace Fan")
	op := other.chatPass()
	history, err := h.client(op).ListMessages(t.Context(), op.UserArn, op.ChannelArn, chime.ListInput{})
	if err != nil || !strings.Contains(history.Items[len(history.Items)-1].Content, "I was here") {
		t.Errorf("the history: %+v %v", history, err)
	}
	var problem web.Problem
	if status := other.call("PUT", demo+"/nickname", map[string]string{"nickname": "Ada Fan"}, &problem); status != http.StatusConflict {
		t.Errorf("the name of somebody who was refunded: %d %+v", status, problem)
	}
}

// Without the demo, whose keys nobody waits for.
func TestTheChatOfARealShowStaysUntilNobodyHasAKey(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.Demo, c.ReopenFor, c.SealWait = false, 1, 65*time.Minute })
	boss := h.organizerAgain()
	var made struct {
		Event      web.EventAdmin
		StaffCodes []web.StaffCode
	}
	now := time.Now().UTC().Format("2006-01-02T15:04")
	boss.must("POST", "/api/v1/console/events", web.EventInput{Name: "Demo", Artist: "Mara", TimeZone: "UTC", DoorsAt: now, StartsAt: now, Chat: true, Slug: "a-show"}, &made)
	mod := h.person()
	mod.must("POST", "/api/v1/events/a-show/redeem", map[string]string{"code": made.StaffCodes[0].Code}, nil)
	mod.must("PUT", "/api/v1/events/a-show/nickname", map[string]string{"nickname": "Mo D"}, nil)
	var a pass.Answer
	within(t, 2*time.Minute, "a pass for the chat", func() bool {
		mod.must("POST", "/api/v1/events/a-show/chat/pass", nil, &a)
		return a.State == pass.Ready
	})
	boss.acts("end")
	within(t, 2*time.Minute, "the export", func() bool {
		e := boss.demoEvent()
		return e.Archive != nil && e.State == "ended"
	})
	e := boss.demoEvent()
	if e.Archive.Sealed || e.Archive.WaitsUntil == nil || e.Archive.WaitsUntil.Before(a.Pass.Credentials.ExpiresAt) || time.Until(*e.Archive.WaitsUntil) > 65*time.Minute {
		t.Errorf("%+v, the key lasts until %v", e.Archive, a.Pass.Credentials.ExpiresAt)
	}
	boss.acts("reopen") // as long as it waits
}

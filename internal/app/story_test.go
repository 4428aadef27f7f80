package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pass"
	"github.com/stagedoor/stagedoor/internal/web"
)

const demo = "/api/v1/events/demo"

// enter redeems a demo code and picks a nickname.
func (h *house) enter(label, nickname string) *person {
	h.t.Helper()
	p := h.person()
	p.must("POST", demo+"/redeem", map[string]string{"code": h.code(label)}, nil)
	p.must("PUT", demo+"/nickname", map[string]string{"nickname": nickname}, nil)
	return p
}

// chatPass asks until the chat is ready.
func (p *person) chatPass() *pass.Pass {
	p.h.t.Helper()
	var a pass.Answer
	within(p.h.t, 2*time.Minute, "a pass for the chat", func() bool {
		p.must("POST", demo+"/chat/pass", nil, &a)
		return a.State == pass.Ready
	})
	return a.Pass
}

// client is what a browser does with a pass.
func (h *house) client(p *pass.Pass) *chime.Client {
	c := p.Credentials
	return chime.New(chime.Config{Region: p.Region, MessagingURL: h.EngineURL(), IdentityURL: h.EngineURL(), STSURL: h.EngineURL(),
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken})
}

// session opens a messaging session on the pages' own origin and returns its frames by event type.
func (h *house) session(p *pass.Pass) <-chan chatFrame {
	h.t.Helper()
	c := p.Credentials
	q := url.Values{"userArn": {string(p.UserArn)}, "sessionId": {"test"}, "X-Amz-Expires": {"10"}}
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", h.PagesURL()+"/connect?"+q.Encode(), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	signed, _, err := v4.NewSigner().PresignHTTP(h.t.Context(), aws.Credentials{AccessKeyID: c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, r, emptyHash, "chime", p.Region, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	ws, _, err := websocket.Dial(h.t.Context(), strings.Replace(signed, "http://", "ws://", 1), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = ws.CloseNow() })
	frames := make(chan chatFrame, 100)
	go func() {
		defer close(frames)
		for {
			_, text, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			var f struct{ Headers, Payload json.RawMessage }
			var headers map[string]string
			var payload string
			if json.Unmarshal(text, &f) != nil || json.Unmarshal(f.Headers, &headers) != nil {
				return
			}
			_ = json.Unmarshal(f.Payload, &payload) // SESSION_ESTABLISHED has none
			frames <- chatFrame{headers["x-amz-chime-event-type"], payload}
		}
	}()
	h.expect(frames, "SESSION_ESTABLISHED", "")
	return frames
}

type chatFrame struct{ event, payload string }

// expect waits for a frame of a type that contains a text.
func (h *house) expect(frames <-chan chatFrame, event, text string) {
	h.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case f, ok := <-frames:
			if !ok {
				h.t.Fatalf("session ended before %s", event)
			}
			if f.event == event && strings.Contains(f.payload, text) {
				return
			}
		case <-limit:
			h.t.Fatalf("no %s with %q", event, text)
		}
	}
}

func line(text string) string {
	b, err := json.Marshal(map[string]any{"v": 1, "kind": "line", "text": text})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// status of the one demo event in the console.
func (p *person) demoEvent() web.EventAdmin {
	p.h.t.Helper()
	var c struct{ Events []web.EventAdmin }
	p.must("GET", "/api/v1/console", nil, &c)
	return c.Events[0]
}

// The whole story of a show, through public doors only: HTTP, the live socket, and Amazon's protocol.
func TestAShowFromTicketFileToArchive(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { story(t, func(c *config.Serve) { c.ReopenFor = 1 }) })
	t.Run("postgres", func(t *testing.T) {
		platform, chat := dbtest.PostgresURL(t), dbtest.PostgresURL(t)
		story(t, func(c *config.Serve) { c.ReopenFor, c.Database, c.EngineDatabase = 1, platform, chat })
	})
}

func story(t *testing.T, change func(*config.Serve)) {
	h := start(t, change)
	boss := h.organizer()
	within(t, 2*time.Minute, "all chat resources made", func() bool {
		e := boss.demoEvent()
		return e.ChatState != nil && e.ChatState.ToMake == 0 && e.ChatState.Made > 200
	})
	one, two, mod := h.enter("Fan", "Ada Fan"), h.enter("Another fan", "Grace Fan"), h.enter("Moderator", "Mo D")
	p1, p2, pm := one.chatPass(), two.chatPass(), mod.chatPass()
	ctx := t.Context()
	c1, c2 := h.client(p1), h.client(p2)
	f2 := h.session(p2)

	for i := range 60 {
		if _, err := c1.SendMessage(ctx, p1.UserArn, p1.ChannelArn, line(fmt.Sprint("line ", i)), fmt.Sprint("token-", i)); err != nil {
			t.Fatal(err)
		}
	}
	h.expect(f2, "CREATE_CHANNEL_MESSAGE", "line 59")
	h.pagesHistory(c2, p2)
	h.refusesImpersonation(p1, p2, c1)
	h.moderates(mod, one, p1, pm, c1, f2)
	if _, err := c2.SendMessage(ctx, p2.UserArn, p2.ChannelArn, line("still here"), "t2"); err != nil {
		t.Errorf("the other fan: %v", err)
	}
	h.ends(boss)
}

// pagesHistory reads the past as a joining page does: newest first, 50 a page, nothing lost and nothing doubled.
func (h *house) pagesHistory(c *chime.Client, p *pass.Pass) {
	h.t.Helper()
	var in chime.ListInput
	seen := map[string]bool{}
	for _, want := range []int{50, 10} {
		page, err := c.ListMessages(h.t.Context(), p.UserArn, p.ChannelArn, in)
		if err != nil || len(page.Items) != want || (page.Next == "") != (want == 10) {
			h.t.Fatalf("a page of %d with next %q: %v", len(page.Items), page.Next, err)
		}
		for _, m := range page.Items {
			seen[m.ID] = true
		}
		in.NextToken = page.Next
	}
	if len(seen) != 60 {
		h.t.Errorf("%d different lines of 60", len(seen))
	}
}

// refusesImpersonation tries another's bearer and another's channel with a fan's credentials.
func (h *house) refusesImpersonation(mine, other *pass.Pass, c *chime.Client) {
	h.t.Helper()
	ctx := h.t.Context()
	if _, err := c.SendMessage(ctx, other.UserArn, mine.ChannelArn, line("I am Grace"), "x1"); !fault.Is(err, fault.Denied) {
		h.t.Errorf("another bearer: %v", err)
	}
	foreign := mine.ChannelArn + "x"
	if _, err := c.SendMessage(ctx, mine.UserArn, foreign, line("elsewhere"), "x2"); !fault.Is(err, fault.Denied) {
		h.t.Errorf("another channel: %v", err)
	}
	if err := c.CreateBan(ctx, mine.UserArn, mine.ChannelArn, other.UserArn); !fault.Is(err, fault.Denied) {
		h.t.Errorf("a fan bans: %v", err)
	}
}

// moderates removes a line, bans the first fan, and sees both disappear everywhere.
func (h *house) moderates(mod, fan *person, p1, pm *pass.Pass, c1 *chime.Client, other <-chan chatFrame) {
	t, ctx := h.t, h.t.Context()
	t.Helper()
	sent, err := c1.SendMessage(ctx, p1.UserArn, p1.ChannelArn, line("something rude"), "rude")
	if err != nil {
		t.Fatal(err)
	}
	var act web.Act
	mod.must("POST", demo+"/moderation/redactions", map[string]string{"messageId": sent, "reason": "rude"}, &act)
	if act.Text != "something rude" {
		t.Errorf("the trail has %q", act.Text)
	}
	h.expect(other, "REDACT_CHANNEL_MESSAGE", sent)
	mod.must("POST", demo+"/moderation/bans", map[string]string{"userId": p1.UserArn.ID(), "reason": "spam"}, &act)
	h.expect(other, "CREATE_CHANNEL_MESSAGE", "hide-user")
	within(t, 2*time.Minute, "the ban at the provider", func() bool {
		_, err := c1.SendMessage(ctx, p1.UserArn, p1.ChannelArn, line("let me in"), id())
		return fault.Is(err, fault.Denied)
	})
	var me web.Me
	fan.must("GET", demo+"/me", nil, &me)
	if me.Banned == nil || me.Banned.Reason != "spam" {
		t.Errorf("the banned fan is told %+v", me.Banned)
	}
	if status := fan.call("PUT", demo+"/nickname", map[string]string{"nickname": "Somebody Else"}, nil); status != http.StatusForbidden {
		t.Errorf("a banned fan picks another name: %d", status)
	}
	var a pass.Answer
	fan.must("POST", demo+"/chat/pass", nil, &a)
	if a.State != pass.Banned || a.Pass != nil {
		t.Errorf("a banned fan gets a pass: %s", a.State)
	}
	if status := fan.call("POST", demo+"/moderation/bans", map[string]string{"userId": pm.UserArn.ID(), "reason": "revenge"}, nil); status != http.StatusForbidden {
		t.Errorf("a fan bans through the platform: %d", status)
	}
}

// ends ends the show and waits for the archive and the clean-up.
func (h *house) ends(boss *person) {
	t := h.t
	t.Helper()
	e := boss.demoEvent()
	boss.must("POST", "/api/v1/console/events/"+e.ID+"/end", nil, nil)
	within(t, 2*time.Minute, "archived and purged", func() bool {
		e = boss.demoEvent()
		if e.State == "purged" && e.Archive == nil {
			t.Fatal("purged without an archive")
		}
		return e.State == "purged"
	})
	if e.Archive.Messages < 62 {
		t.Errorf("archive has %d messages", e.Archive.Messages)
	}
	r, err := boss.http.Get(h.PagesURL() + "/api/v1/console/events/" + e.ID + "/archive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	lines, rude := 0, false
	for s := bufio.NewScanner(r.Body); s.Scan(); lines++ {
		rude = rude || strings.Contains(s.Text(), "something rude")
	}
	if int64(lines) < e.Archive.Messages || !rude {
		t.Errorf("download: %d lines, the removed line in it: %v", lines, rude)
	}
}

var ids int

func id() string { ids++; return fmt.Sprint("id-", ids) }

func TestTheNewestDeviceTakesTheSeatAndTheOldOneIsTold(t *testing.T) {
	h := start(t, nil)
	phone := h.enter("Fan", "Ada Fan")
	page := phone.live()
	laptop := h.person()
	laptop.must("POST", demo+"/redeem", map[string]string{"code": strings.ToLower(strings.ReplaceAll(h.code("Fan"), "-", " "))}, nil)
	page.awaits(`"t":"seat"`, "another device")
	page.ends(4003)
	if status := phone.call("POST", demo+"/chat/pass", nil, nil); status != http.StatusConflict {
		t.Errorf("the old device still gets passes: %d", status)
	}
	var me web.Me
	phone.must("POST", demo+"/seat", nil, &me)
	if me.Seat != "held" || me.Nickname == nil || *me.Nickname != "Ada Fan" {
		t.Errorf("taking the seat back: %+v", me)
	}
}

func TestARestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *config.Serve) { c.Data = dir }
	var code string
	t.Run("first", func(t *testing.T) {
		h := start(t, keep)
		code = h.code("Fan")
		p := h.enter("Fan", "Ada Fan")
		pass := p.chatPass()
		if _, err := h.client(pass).SendMessage(t.Context(), pass.UserArn, pass.ChannelArn, line("before the restart"), "one"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("second", func(t *testing.T) {
		h := start(t, keep)
		if h.code("Fan") != code {
			t.Error("another code was printed")
		}
		p := h.person()
		var me web.Me
		p.must("POST", demo+"/redeem", map[string]string{"code": code}, &me)
		if me.Nickname == nil || *me.Nickname != "Ada Fan" {
			t.Errorf("nickname lost: %+v", me)
		}
		pass := p.chatPass()
		page, err := h.client(pass).ListMessages(t.Context(), pass.UserArn, pass.ChannelArn, chime.ListInput{})
		if err != nil || len(page.Items) != 1 || !strings.Contains(page.Items[0].Content, "before the restart") {
			t.Errorf("history: %+v %v", page, err)
		}
	})
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
}

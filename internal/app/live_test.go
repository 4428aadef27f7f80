package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/internal/web"
)

// hall is a page's live socket.
type hall struct {
	t      *testing.T
	ws     *websocket.Conn
	frames chan string // closed when the socket has ended
	err    error       // why; read it after frames was closed
}

// live opens the person's live socket.
func (p *person) live() *hall {
	p.h.t.Helper()
	u, err := url.Parse(p.h.PagesURL())
	if err != nil {
		p.h.t.Fatal(err)
	}
	header := http.Header{"Origin": {p.h.PagesURL()}}
	for _, c := range p.http.Jar.Cookies(u) {
		header.Add("Cookie", c.String())
	}
	ws, _, err := websocket.Dial(p.h.t.Context(), "ws://"+u.Host+demo+"/live", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		p.h.t.Fatal(err)
	}
	p.h.t.Cleanup(func() { _ = ws.CloseNow() })
	l := &hall{t: p.h.t, ws: ws, frames: make(chan string, 1000)}
	go func() {
		defer close(l.frames)
		for {
			_, text, err := ws.Read(context.Background())
			if err != nil {
				l.err = err
				return
			}
			l.frames <- string(text)
		}
	}()
	return l
}

// awaits reads frames until one contains every one of the texts.
func (l *hall) awaits(texts ...string) {
	l.t.Helper()
	limit := time.After(time.Minute)
next:
	for {
		select {
		case f, ok := <-l.frames:
			if !ok {
				l.t.Fatalf("the live socket ended (%v) before %q", l.err, texts)
			}
			for _, text := range texts {
				if !strings.Contains(f, text) {
					continue next
				}
			}
			return
		case <-limit:
			l.t.Fatalf("no frame with %q", texts)
		}
	}
}

// ends reads to the end and wants its close code.
func (l *hall) ends(code websocket.StatusCode) {
	l.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case _, ok := <-l.frames:
			if ok {
				continue
			}
			if got := websocket.CloseStatus(l.err); got != code {
				l.t.Errorf("closed with %v, want %d", l.err, code)
			}
			return
		case <-limit:
			l.t.Fatal("the live socket stays open")
		}
	}
}

func (l *hall) react(emoji string) {
	l.t.Helper()
	if err := l.ws.Write(l.t.Context(), websocket.MessageText, []byte(`{"t":"react","emoji":"`+emoji+`"}`)); err != nil {
		l.t.Fatal(err)
	}
}

func TestReactionsFlyOnEveryDevice(t *testing.T) {
	h := start(t, nil)
	one, two := h.enter("Fan", "Ada Fan").live(), h.enter("Another fan", "Grace Fan").live()
	one.awaits(`"t":"hello"`, `"seat":"held"`, `"streamUrl":"/test-stream/`)
	two.awaits(`"t":"hello"`, `"viewers":2`)
	one.react("🔥")
	one.awaits(`"t":"reactions"`, `"🔥":1`)
	two.awaits(`"t":"reactions"`, `"🔥":1`)
}

func TestABannedPersonIsToldAndNotHeard(t *testing.T) {
	h := start(t, nil)
	fan, mod := h.enter("Fan", "Ada Fan"), h.enter("Moderator", "Mo D")
	page, other := fan.live(), mod.live()
	mod.must("POST", demo+"/moderation/bans", map[string]string{"userId": fan.chatPass().UserArn.ID(), "reason": "spam"}, nil)
	page.awaits(`"t":"me"`, `"banned":{"reason":"spam"}`)
	page.react("😮")
	other.react("🎉") // a later tick would carry both
	other.awaits(`"t":"reactions"`, `"🎉":1`)
	page.react("😮")
	other.react("👏")
	for {
		f := <-other.frames
		if strings.Contains(f, "😮") {
			t.Fatalf("a banned person's reaction flew: %s", f)
		}
		if strings.Contains(f, "👏") {
			return
		}
	}
}

func TestARefundEndsTheOpenPageAndSaysWhy(t *testing.T) {
	h := start(t, nil)
	boss := h.organizer()
	tickets := "/api/v1/console/events/" + boss.demoEvent().ID + "/tickets"
	upload := func(status string) (report web.ImportReport) {
		file := "code,status\nQX7M-4KTP-9WZ2-HB3C,valid\nRX7M-4KTP-9WZ2-HB3D," + status + "\n"
		if code := boss.send("POST", tickets, "text/csv", strings.NewReader(file), &report); code != http.StatusOK {
			t.Fatalf("import: %d", code)
		}
		return report
	}
	if r := upload("valid"); r.New != 2 || r.Warning != "" {
		t.Fatalf("%+v", r)
	}
	fan := h.person()
	fan.must("POST", demo+"/redeem", map[string]string{"code": "RX7M4KTP9WZ2HB3D"}, nil)
	page := fan.live()
	if r := upload("cancelled"); r.Revoked != 1 || r.Known != 1 {
		t.Fatalf("%+v", r)
	}
	page.awaits(`"t":"revoked"`, "cancelled or refunded")
	page.ends(4003)
	var p web.Problem
	if status := fan.call("GET", demo+"/me", nil, &p); status != http.StatusUnauthorized || p.Code != "ticket_revoked" {
		t.Errorf("after the refund: %d %+v", status, p)
	}
}

func TestLeavingEndsTheLiveSocketOfThisDevice(t *testing.T) {
	h := start(t, nil)
	fan := h.enter("Fan", "Ada Fan")
	page := fan.live()
	fan.must("POST", demo+"/leave", nil, nil)
	page.awaits(`"t":"seat"`, "has left")
	page.ends(4003)
}

func TestAnImportOfShortCodesWarns(t *testing.T) {
	h := start(t, nil)
	boss := h.organizer()
	var report web.ImportReport
	boss.send("POST", "/api/v1/console/events/"+boss.demoEvent().ID+"/tickets", "text/csv", strings.NewReader("code\n12345678\n"), &report)
	if report.New != 1 || !strings.Contains(report.Warning, "guess") {
		t.Errorf("%+v", report)
	}
}

func TestAShowThatMovesToAnotherAddressKeepsItsAudience(t *testing.T) {
	h := start(t, nil)
	boss, fan := h.organizer(), h.enter("Fan", "Ada Fan")
	e := boss.demoEvent()
	boss.must("PUT", "/api/v1/console/events/"+e.ID, web.EventInput{Name: e.Name, Artist: e.Artist, TimeZone: "UTC", Slug: "elsewhere", Chat: true,
		DoorsAt: e.DoorsAt.Format("2006-01-02T15:04"), StartsAt: e.StartsAt.Format("2006-01-02T15:04"), StreamURL: e.StreamURL}, nil)
	var me web.Me
	fan.must("GET", "/api/v1/events/elsewhere/me", nil, &me)
	if me.Seat != "held" {
		t.Errorf("%+v", me)
	}
}

func TestWhatIsNotThereAnswersInTheFormOfThePlace(t *testing.T) {
	h := start(t, nil)
	p := h.person()
	for _, c := range []struct {
		method, path, allow, kind string
		status                    int
	}{
		{"GET", "/api/v1/nothing", "", "application/problem+json", http.StatusNotFound},
		{"DELETE", demo + "/me", "GET, HEAD", "application/problem+json", http.StatusMethodNotAllowed},
		{"GET", "/nowhere", "", "text/html; charset=utf-8", http.StatusNotFound},
		{"HEAD", demo, "", "application/json", http.StatusOK},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, h.PagesURL()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if kind := a.Header.Get("Content-Type"); a.StatusCode != c.status || kind != c.kind || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, a.StatusCode, kind, a.Header.Get("Allow"))
		}
	}
}

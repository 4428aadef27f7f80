package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/web"
)

// operations lists method and path of the whole API from its own document, so that a new route is tested by being one.
func operations(t *testing.T) [][2]string {
	t.Helper()
	doc, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct{}
	}
	if err := json.Unmarshal(doc, &api); err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for path, methods := range api.Paths {
		for method := range methods {
			path := strings.NewReplacer("{slug}", "demo", "{id}", "ev0", "{userId}", "f-x").Replace(path)
			out = append(out, [2]string{strings.ToUpper(method), path})
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d operations in the document", len(out))
	}
	return out
}

// open lists what strangers may call.
var open = []string{"GET /api/v1/events/demo", "POST /api/v1/events/demo/redeem", "POST /api/v1/sign-in"}

func (p *person) status(method, path string, header map[string]string) int {
	p.h.t.Helper()
	r, err := http.NewRequestWithContext(p.h.t.Context(), method, p.h.PagesURL()+path, strings.NewReader("{}"))
	if err != nil {
		p.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	answer, err := p.http.Do(r)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestNobodyUsesARouteThatIsNotForThem(t *testing.T) {
	h := start(t, nil)
	stranger, fan, boss := h.person(), h.enter("Fan", "Ada Fan"), h.organizer()
	for _, o := range operations(t) {
		method, path := o[0], o[1]
		moderators := strings.Contains(path, "/moderation")
		organizers := strings.HasPrefix(path, "/api/v1/console") || strings.HasSuffix(path, "/sign-out")
		if !slices.Contains(open, method+" "+path) {
			if got := stranger.status(method, path, nil); got != http.StatusUnauthorized {
				t.Errorf("a stranger: %s %s: %d", method, path, got)
			}
		}
		if got := fan.status(method, path, nil); moderators && got != http.StatusForbidden || organizers && got != http.StatusUnauthorized {
			t.Errorf("a fan: %s %s: %d", method, path, got)
		}
		if got := boss.status(method, path, nil); moderators && got != http.StatusUnauthorized {
			t.Errorf("an organizer without a ticket: %s %s: %d", method, path, got)
		}
		if strings.HasSuffix(path, "/sign-out") {
			boss = h.organizerAgain()
		}
		if strings.HasSuffix(path, "/leave") {
			fan = h.person()
			fan.must("POST", demo+"/redeem", map[string]string{"code": h.code("Fan")}, nil)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	h := start(t, nil)
	mod, boss := h.enter("Moderator", "Mo D"), h.organizer()
	for _, o := range operations(t) {
		if o[0] == http.MethodGet {
			continue
		}
		for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}} {
			for _, who := range []*person{mod, boss} {
				if got := who.status(o[0], o[1], header); got != http.StatusForbidden {
					t.Errorf("%s %s with %v: %d", o[0], o[1], header, got)
				}
			}
		}
	}
	for _, origin := range []string{"https://evil.example", "null"} {
		got := mod.status("GET", demo+"/live", map[string]string{"Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
		if got != http.StatusForbidden {
			t.Errorf("live socket from %s: %d", origin, got)
		}
	}
}

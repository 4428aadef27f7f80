package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/web"
)

const resources = "/api/v1/console/resources"

// What an ops engineer does in the console over all resources: count, find somebody by nickname, look, try again.
func TestEverythingAtTheProviderIsInTheConsole(t *testing.T) {
	h := start(t, nil)
	boss, fan := h.organizer(), h.enter("Fan", "Ada Fan")
	fan.chatPass()

	var page inventory.Page
	within(t, 2*time.Minute, "the name at the provider", func() bool {
		boss.must("GET", resources+"?q=ada&kind=user&state=made", nil, &page)
		return len(page.Items) == 1 && page.Items[0].Name == "Ada Fan"
	})
	ada := page.Items[0]
	if ada.Nickname != "Ada Fan" || ada.ARN == "" || ada.MadeAt == nil {
		t.Errorf("found: %+v", ada)
	}
	for _, q := range []string{string(ada.ARN), string(ada.Subject)} {
		boss.must("GET", resources+"?q="+url.QueryEscape(q)+"&kind=membership", nil, &page)
		if len(page.Items) != 1 || page.Items[0].Subject != ada.Subject {
			t.Errorf("by %q: %d found", q, len(page.Items))
		}
	}

	var story inventory.Story
	boss.must("GET", resources+"/"+string(ada.EventID)+"/membership/"+string(ada.Subject), nil, &story)
	if story.State != inventory.Made || story.UserARN != ada.ARN || story.ChannelARN == "" {
		t.Errorf("the membership: %+v", story)
	}
	var retried web.Retried
	boss.must("POST", resources+"/"+string(ada.EventID)+"/membership/"+string(ada.Subject)+"/retry", nil, &retried)
	boss.must("POST", "/api/v1/console/provisioning/retry", map[string]string{"eventId": string(ada.EventID)}, &retried)
	if retried.Retried != 0 {
		t.Errorf("nothing had failed, %d tried again", retried.Retried)
	}
	if got := boss.status("GET", resources+"/"+string(ada.EventID)+"/user/nobody", nil); got != http.StatusNotFound {
		t.Errorf("a resource that does not exist: %d", got)
	}
	if got := boss.status("GET", resources+"?state=odd", nil); got != http.StatusUnprocessableEntity {
		t.Errorf("a state that does not exist: %d", got)
	}

	var counts inventory.Counts
	boss.must("GET", resources+"/counts?event="+string(ada.EventID), nil, &counts)
	if len(counts.Places) != 1 || counts.Places[0].ARN == "" || counts.Total.Made == 0 || counts.Total.Failed != 0 {
		t.Errorf("counts: %+v", counts)
	}
	boss.must("GET", resources+"/"+dash(string(counts.Places[0].Place))+"/instance/-", nil, &story)
	if story.ARN != counts.Places[0].ARN {
		t.Errorf("the app instance: %+v", story)
	}
	boss.must("POST", "/api/v1/console/provisioning/sweep", nil, nil)
	var strangers inventory.Strangers
	boss.must("GET", "/api/v1/console/strangers", nil, &strangers)
	if len(strangers.Items) != 0 {
		t.Errorf("strangers: %+v", strangers.Items)
	}
}

// dash stands for an empty part of a path.
func dash(part string) string {
	if part == "" {
		return "-"
	}
	return part
}

// PostgreSQL refuses NUL and broken UTF-8 where SQLite finds nothing: neither gets so far.
func TestAnAddressThatIsNoTextIsRefused(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.Database = dbtest.PostgresURL(t) })
	boss := h.organizer()
	for path, field := range map[string]string{
		resources + "?event=%00": "event", resources + "?event=%ff": "event", resources + "?q=x&event=%zz": "event", resources + "?%00=x": "",
		resources + "/%00/user/x": "event", resources + "/x/user/%ff": "subject", "/api/v1/console/events/%00": "id", "/api/v1/events/%00": "slug",
		"/e/%ff": "slug", "/%00": "",
	} {
		var p web.Problem
		if got := boss.call("GET", path, nil, &p); got != http.StatusBadRequest || p.Field != field {
			t.Errorf("%s: %d, field %q", path, got, p.Field)
		}
	}
	if got := boss.call("POST", resources+"/%00/user/x/retry", nil, nil); got != http.StatusBadRequest {
		t.Errorf("a retry: %d", got)
	}
	for _, path := range []string{resources + "?q=%25", resources + "?q=_", resources + "?q=a+b%26%C3%A4", resources + "?event=nowhere"} {
		var page inventory.Page
		if got := boss.call("GET", path, nil, &page); got != http.StatusOK || len(page.Items) > 0 {
			t.Errorf("%s: %d, %d found", path, got, len(page.Items))
		}
	}
}

// TestABodyThatIsNoTextIsRefused: JSON can say NUL, and PostgreSQL answered it with a failure of ours.
func TestABodyThatIsNoTextIsRefused(t *testing.T) {
	h := start(t, func(c *config.Serve) { c.Database = dbtest.PostgresURL(t) })
	boss := h.organizer()
	const console = "/api/v1/console/events"
	show := console + "/" + boss.demoEvent().ID
	for _, in := range []struct{ method, path, body, field string }{
		{"POST", "/api/v1/console/provisioning/retry", `{"eventId":"\u0000"}`, "eventId"},
		{"POST", console, `{"name":"a\u0000b","artist":"A","description":"","timeZone":"UTC","startsAt":"2030-01-01T20:00","doorsAt":"2030-01-01T19:00","streamUrl":"/s","chat":true}`, "name"},
		{"POST", console, `{"name":"a","artist":"A","description":"\u0000","timeZone":"UTC","startsAt":"2030-01-01T20:00","doorsAt":"2030-01-01T19:00","streamUrl":"/s","chat":true}`, "description"},
		{"PUT", show, `{"name":"a","artist":"A","description":"","timeZone":"\u0000","startsAt":"2030-01-01T20:00","doorsAt":"2030-01-01T19:00","streamUrl":"/s","chat":true}`, "timeZone"},
		{"POST", show + "/staff-codes", `{"role":"\u0000"}`, "role"},
		{"POST", "/api/v1/sign-in", `{"token":"\u0000"}`, "token"},
		{"POST", demo + "/redeem", `{"code":"\u0000"}`, "code"},
	} {
		var p web.Problem
		if got := boss.send(in.method, in.path, "application/json", strings.NewReader(in.body), &p); got != http.StatusUnprocessableEntity || p.Field != in.field {
			t.Errorf("%s %s: %d %+v", in.path, in.body, got, p)
		}
	}
	fan := h.enter("Fan", "Zoe")
	var p web.Problem
	if got := fan.send("PUT", demo+"/nickname", "application/json", strings.NewReader(`{"nickname":"Z\u0000e"}`), &p); got != http.StatusUnprocessableEntity || p.Field != "nickname" {
		t.Errorf("a nickname: %d %+v", got, p)
	}
}

func TestARefusalNamesTheFieldAsItIsCalled(t *testing.T) {
	h := start(t, nil)
	boss := h.organizer()
	const plan = "/api/v1/console/provisioning/plan"
	for path, want := range map[string]string{
		resources + "?state=odd": "state", resources + "/x/odd/y": "kind", resources + "?cursor=odd!": "cursor",
		plan + "?tickets=-1": "tickets", plan + "?tickets=1&doors=soon": "doors", plan + "?event=nowhere&doors=2026-12-24T20:00": "event",
	} {
		var p web.Problem
		if got := boss.call("GET", path, nil, &p); got < 400 || got >= 500 || p.Field != want {
			t.Errorf("%s: %d %+v", path, got, p)
		}
	}
}

package app_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

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
	within(t, 30*time.Second, "the name at the provider", func() bool {
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
	h := start(t, nil)
	boss := h.organizer()
	for _, path := range []string{
		resources + "?event=%00", resources + "?event=%ff", resources + "?q=x&event=%zz", resources + "/%00/user/x", resources + "/x/user/%ff",
		"/api/v1/console/events/%00", "/api/v1/events/%00", "/e/%ff",
	} {
		if got := boss.status("GET", path, nil); got != http.StatusBadRequest {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, path := range []string{resources + "?q=%25", resources + "?q=_", resources + "?q=a+b%26%C3%A4", resources + "?event=nowhere"} {
		var page inventory.Page
		if got := boss.call("GET", path, nil, &page); got != http.StatusOK || len(page.Items) > 0 {
			t.Errorf("%s: %d, %d found", path, got, len(page.Items))
		}
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

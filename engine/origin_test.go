package engine_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine"
)

// sdkHeaders are those that the SDK for JavaScript asks to send; a preflight that refuses one of them refuses the call.
const sdkHeaders = "amz-sdk-invocation-id,amz-sdk-request,authorization,x-amz-content-sha256,x-amz-date,x-amz-security-token,x-amz-user-agent"

// preflight asks for one of an operation, as Chromium does before each request of the SDK.
func (w *world) preflight(origin, method, path, headers string) http.Header {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), "OPTIONS", w.url+path, nil)
	w.ok(err)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", method)
	r.Header.Set("Access-Control-Request-Headers", headers)
	res, body := w.do(r)
	if res.StatusCode/100 != 2 || body != "" {
		w.Errorf("OPTIONS %s: %d %s", path, res.StatusCode, body)
	}
	return res.Header
}

// allows applies the rules of the Fetch standard (CORS-preflight fetch) to an answer.
func allows(h http.Header, origin, method, headers string) bool {
	list := func(name string) map[string]bool {
		m := map[string]bool{}
		for v := range strings.SplitSeq(strings.ToLower(h.Get(name)), ",") {
			m[strings.TrimSpace(v)] = true
		}
		return m
	}
	allowed := list("Access-Control-Allow-Headers")
	for name := range strings.SplitSeq(headers, ",") {
		if !allowed[name] {
			return false
		}
	}
	return h.Get("Access-Control-Allow-Origin") == origin && list("Access-Control-Allow-Methods")[strings.ToLower(method)] && h.Get("Access-Control-Max-Age") != ""
}

func TestEveryPreflightOfTheSDKIsGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	channel := "/channels/" + url.PathEscape(w.channel)
	for _, c := range []struct{ method, path, more string }{
		{"GET", "/endpoints/messaging-session", ""},
		{"GET", "/channels?scope=app-instance-user-memberships", ",x-amz-chime-bearer"},
		{"GET", channel + "/messages?max-results=50&sort-order=DESCENDING", ",x-amz-chime-bearer"},
		{"POST", channel + "/messages", ",x-amz-chime-bearer,content-type"},
		{"POST", channel + "/messages/" + strings.Repeat("a", 64) + "?operation=redact", ",x-amz-chime-bearer,content-type"},
		{"PUT", channel, ",x-amz-chime-bearer,content-type"},
		{"DELETE", channel + "/memberships/" + url.PathEscape(w.ann), ",x-amz-chime-bearer"},
		{"POST", "/", ",content-type"}, // STS
	} {
		const page = "https://show.example"
		if h := w.preflight(page, c.method, c.path, sdkHeaders+c.more); !allows(h, page, c.method, sdkHeaders+c.more) {
			t.Errorf("%s %s: %v", c.method, c.path, h)
		}
	}
	if h := w.preflight("https://show.example", "GET", "/channels", "x-forwarded-for"); allows(h, "https://show.example", "GET", "x-forwarded-for") {
		t.Error("every header is allowed: then the list proves nothing")
	}
}

// A refusal is of use to a page only if it may read the class of the error.
func TestPagesMayReadWhyTheyWereRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/channels", nil)
	w.ok(err)
	r.Header.Set("Origin", "https://show.example")
	res, _ := w.do(r)
	exposed := strings.ToLower(res.Header.Get("Access-Control-Expose-Headers"))
	if res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "https://show.example" ||
		!strings.Contains(exposed, "x-amzn-errortype") || !strings.Contains(exposed, "x-amzn-requestid") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestWhereOriginsAreNamedNoOtherPageMayCallOrConnect(t *testing.T) {
	t.Parallel()
	const ours, theirs = "https://show.example", "https://evil.example"
	w := newWorldWith(t, engine.Config{Origins: []string{ours, "http://localhost:5173"}})
	for origin, want := range map[string]bool{ours: true, "http://localhost:5173": true, theirs: false, "http://show.example": false,
		"https://show.example:8443": false, "https://show.example.evil.example": false, "null": false} {
		h := w.preflight(origin, "GET", "/endpoints/messaging-session", sdkHeaders)
		if got := allows(h, origin, "GET", sdkHeaders); got != want {
			t.Errorf("a page of %s: %v, want %v: %v", origin, got, want, h)
		}
		if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
			t.Errorf("a cache may give this answer to another origin: %v", h)
		}
		conn, res, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.presigned(w.ann).URL.String(), "http"),
			&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if (err == nil) != want || !want && res.StatusCode != http.StatusForbidden {
			t.Errorf("a socket of %s: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	w.connect(w.bob) // no browser, no Origin
}

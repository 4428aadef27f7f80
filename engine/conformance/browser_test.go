package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for everything that a busy machine may take its time with; nothing is expected to take it.
const patience = 60 * time.Second

// browser is Chromium with one page, browser.mjs, in it.
type browser struct {
	t        *testing.T
	config   map[string]string
	commands chan map[string]any
	answers  chan answer

	mu          sync.Mutex
	credentials map[string]credentials
	heard       map[string]chan event
}

// credentials as the SDK for JavaScript takes them.
type credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken,omitempty"`
}

// event is what a messaging session told its observer or its log.
type event struct {
	User, Event string
	Code        int
	Headers     map[string]string
	Payload     string
}

// answer is the outcome of a command: output, or the exception's class.
type answer struct {
	Output           json.RawMessage
	Refused, Message string
	Code             int // of the CloseEvent that start() was rejected with
}

// startBrowser bundles the page, serves it and opens it. Its origin is another than the engine's.
func startBrowser(t *testing.T, endpoint func(origin string) string) *browser {
	t.Helper()
	needNode(t)
	chromium := os.Getenv("STAGEDOOR_CHROMIUM")
	if chromium == "" {
		var err error
		if chromium, err = exec.LookPath("chromium"); err != nil {
			missing(t, "Chromium is not installed: %v", err)
		}
	}
	script := filepath.Join(t.TempDir(), "page.js")
	// The field browser comes first, or the bundle has the Node build of the AWS SDK.
	// What is there is a script or, once npm has run esbuild's installer, the program itself: the system tells them apart.
	bundle := exec.CommandContext(t.Context(), "node_modules/.bin/esbuild", "browser.mjs", "--bundle", "--format=esm",
		"--main-fields=browser,module,main", "--define:global=globalThis", "--log-level=warning", "--outfile="+script)
	if out, err := bundle.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	b := &browser{t: t, commands: make(chan map[string]any), answers: make(chan answer),
		credentials: map[string]credentials{}, heard: map[string]chan event{}}
	page := httptest.NewServer(b.handler(script))
	t.Cleanup(page.Close)
	b.config = map[string]string{"endpoint": endpoint(page.URL), "region": "us-east-1"}
	b.run(chromium, page.URL)
	return b
}

// run starts Chromium on a profile of its own and ends it with the test.
func (b *browser) run(chromium, url string) {
	b.t.Helper()
	profile, err := os.MkdirTemp("", "stagedoor-chromium-")
	if err != nil {
		b.t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(b.t.TempDir(), "chromium.log"))
	if err != nil {
		b.t.Fatal(err)
	}
	// No sandbox: continuous integration runs as root. Certificate errors are ignored instead of importing the engine's
	// certificate into the profile, which takes a tool of its own.
	cmd := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--ignore-certificate-errors", "--no-first-run", "--enable-logging=stderr",
		"--user-data-dir="+profile, url)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // an orderly end takes its children along
		impatient := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		impatient.Stop()
		_ = output.Close()
		if b.t.Failed() {
			b.logConsole(output.Name())
		}
		_ = os.RemoveAll(profile) // a child that is still ending may leave a file; it is in the temporary folder
	})
}

// logConsole shows what the page, and the SDK's log in it, wrote; the rest of Chromium's output is about the machine.
func (b *browser) logConsole(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		b.t.Log(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, said, ok := strings.Cut(line, ":CONSOLE:"); ok {
			b.t.Log(strings.TrimSpace(said))
		}
	}
}

func (b *browser) handler(script string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!doctype html><title>conformance</title><script type="module" src="/page.js"></script>`)
	})
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(b.config) })
	mux.HandleFunc("GET /credentials", func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		_ = json.NewEncoder(w).Encode(b.credentials[r.URL.Query().Get("user")])
	})
	mux.HandleFunc("POST /heard", func(_ http.ResponseWriter, r *http.Request) {
		var e event
		if err := json.NewDecoder(r.Body).Decode(&e); err == nil {
			b.ear(e.User) <- e
		}
	})
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case c := <-b.commands:
			_ = json.NewEncoder(w).Encode(c)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /answer", func(_ http.ResponseWriter, r *http.Request) {
		var a answer
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			a.Refused = err.Error()
		}
		select {
		case b.answers <- a:
		case <-r.Context().Done():
		}
	})
	return mux
}

// ear is where a user's session is heard. There is room for more than any test lets happen.
func (b *browser) ear(user string) chan event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard[user] == nil {
		b.heard[user] = make(chan event, 1000)
	}
	return b.heard[user]
}

// gives sets what the page's server answers when a user's client asks for credentials.
func (b *browser) gives(user string, c credentials) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credentials[user] = c
}

// do lets the page carry out a command and returns what came of it.
func (b *browser) do(t *testing.T, command string, with map[string]any) answer {
	t.Helper()
	limit := time.NewTimer(patience) // not the test's context: a session is stopped after its end
	defer limit.Stop()
	with["do"] = command
	select {
	case b.commands <- with:
	case <-limit.C:
		t.Fatalf("the page does not ask what to do (%s)", command)
	}
	select {
	case a := <-b.answers:
		return a
	case <-limit.C:
		t.Fatalf("the page does not answer: %v", with)
	}
	return answer{}
}

// open starts a user's session and waits until the SDK says that it has started.
func (b *browser) open(t *testing.T, user, arn string, prefetch bool) {
	t.Helper()
	if a := b.do(t, "open", map[string]any{"user": user, "arn": arn, "prefetch": prefetch}); a.Refused != "" || a.Code != 0 {
		t.Fatalf("start() was rejected: %+v", a)
	}
	b.hears(t, user, "connecting", "started", "SESSION_ESTABLISHED")
}

// call sends an operation with a user's client.
func (b *browser) call(t *testing.T, user, operation string, input map[string]any) answer {
	t.Helper()
	return b.do(t, "call", map[string]any{"user": user, "operation": operation, "input": input})
}

// next is the next event of a user's session.
func (b *browser) next(t *testing.T, user string) event {
	t.Helper()
	select {
	case e := <-b.ear(user):
		return e
	case <-time.After(patience):
		t.Fatalf("nothing heard from the session of %s", user)
	}
	return event{}
}

// hears waits for exactly these events, one after the other, and returns the last one. Who else comes and goes, and when
// that is heard, does not matter here.
func (b *browser) hears(t *testing.T, user string, events ...string) (e event) {
	t.Helper()
	for _, want := range events {
		for e = b.next(t, user); strings.HasSuffix(e.Event, "_CHANNEL_MEMBERSHIP"); e = b.next(t, user) {
		}
		if e.Event != want {
			t.Fatalf("%s heard %+v, want %s", user, e, strings.Join(events, ", "))
		}
	}
	return e
}

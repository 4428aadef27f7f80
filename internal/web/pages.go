package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"strings"
)

// boot is what a page knows before its first request.
type boot struct {
	Event *EventView `json:"event"`
	Me    *Me        `json:"me"`
}

// page serves a shell: the built HTML with a fresh nonce, the event's title, and the boot data.
func page(file string) func(*Server) http.Handler {
	return func(s *Server) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.shell(w, r, file, http.StatusOK) })
	}
}

func (s *Server) shell(w http.ResponseWriter, r *http.Request, file string, status int) {
	h := w.Header()
	text, err := fs.ReadFile(s.UI, file)
	if err != nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("The pages were not built into this program. Build it with: make build\n"))
		return
	}
	nonce := rand.Text()
	text = bytes.ReplaceAll(text, []byte("__CSP_NONCE__"), []byte(nonce))
	if v := visitorOf(r.Context()); v != nil && v.event.ID != "" {
		text = s.fill(r, text, v)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", s.policy(nonce))
	w.WriteHeader(status)
	_, _ = w.Write(text) //nolint:gosec // our own file; what fill puts in is escaped there
}

// lost is the answer to a mistyped address of a show: the house's own page, which says so.
func (s *Server) lost(w http.ResponseWriter, r *http.Request) {
	s.shell(w, r, "home.html", http.StatusNotFound)
}

// fill puts title, description and boot data of an event into a shell.
func (s *Server) fill(r *http.Request, text []byte, v *visitor) []byte {
	view := viewOf(v.event, s.now())
	b := boot{Event: &view}
	if s.identifyDevice(r, v) == nil {
		if me, err := s.meOf(r.Context(), v); err == nil {
			b.Me = me
		}
	}
	data, err := json.Marshal(b) // escapes <, > and &: safe inside a script element
	if err != nil {
		return text
	}
	title := html.EscapeString(v.event.Name + " – " + v.event.Artist)
	if from, to := bytes.Index(text, []byte("<title>")), bytes.Index(text, []byte("</title>")); from >= 0 && to > from {
		text = []byte(string(text[:from]) + "<title>" + title + string(text[to:]))
	}
	return bytes.Replace(text, []byte(`id="boot"></script>`), append(append([]byte(`id="boot">`), data...), []byte("</script>")...), 1)
}

// policy is the content security policy of a page. Video may come from anywhere the organizer says; scripts only from
// here; text never becomes markup (Trusted Types: only Svelte's own template policy exists).
func (s *Server) policy(nonce string) string {
	connect := "connect-src 'self' https: " + s.ChatOrigin // https: for playlists of a stream elsewhere
	if !s.Secure {
		connect += " http:" // a page over https may not load such a stream anyway
	}
	if s.ChatOrigin != "" {
		connect += " ws: wss:"
	}
	return strings.Join([]string{
		"default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
		"script-src 'self' 'nonce-" + nonce + "'", "style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self' data:", "font-src 'self'", "media-src 'self' blob: https: http:", strings.TrimSpace(connect),
		"manifest-src 'self'", "require-trusted-types-for 'script'", "trusted-types svelte-trusted-html",
	}, "; ")
}

// assets serves hashed files: they never change under their name.
func (s *Server) assets() http.Handler {
	files := http.FileServerFS(s.UI)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no listings
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		files.ServeHTTP(w, r)
	})
}

func (s *Server) testStream() http.Handler { return s.TestStream }

// headers sets what every answer carries, and notes in the context who calls what.
func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		ctx := context.WithValue(r.Context(), callKey{}, call{clientAddress(r, s.TrustedProxies), r.Method, r.URL.Path})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

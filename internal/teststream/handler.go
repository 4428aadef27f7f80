package teststream

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

// Path is where Handler expects to be mounted, and Live the address of the stream on the same server.
const (
	Path = "/test-stream/"
	Live = Path + "live.m3u8"
)

//go:embed segments/*.ts
var segments embed.FS

// Handler answers GET and HEAD of Live and of the pieces beside it; everything else is 404 or 405. Any page may play
// it: there is nothing secret in it, and a player on another origin needs the CORS header.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Live, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/vnd.apple.mpegurl")
		h.Set("Access-Control-Allow-Origin", "*")
		// Half a piece: a cache in front answers a crowd and nobody falls a whole piece behind.
		h.Set("Cache-Control", "public, max-age=1")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(Playlist(time.Now()))))
	})
	for n := range pieces {
		name := fmt.Sprintf("%03d.ts", n)
		piece, err := fs.ReadFile(segments, "segments/"+name)
		if err != nil {
			panic(err) // compiled in
		}
		mux.HandleFunc("GET "+Path+name, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "video/mp2t")
			h.Set("Access-Control-Allow-Origin", "*")
			// An hour, not for ever: the name does not change when a new version brings other pieces.
			h.Set("Cache-Control", "public, max-age=3600")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(piece))
		})
	}
	return mux
}

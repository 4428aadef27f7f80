package teststream

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// piece is one entry of a playlist as a player understands it.
type piece struct {
	sequence, discontinuity int64
	name, at                string
}

// read takes a playlist apart by the rules of RFC 8216, not by ours.
func read(t *testing.T, text string) []piece {
	t.Helper()
	var out []piece
	var seq, disc int64
	var at string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case tag == "#EXT-X-MEDIA-SEQUENCE":
			seq, _ = strconv.ParseInt(value, 10, 64)
		case tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
			disc, _ = strconv.ParseInt(value, 10, 64)
		case tag == "#EXT-X-DISCONTINUITY":
			disc++
		case tag == "#EXT-X-PROGRAM-DATE-TIME":
			at = value
		case line != "" && line[0] != '#':
			out = append(out, piece{seq, disc, line, at})
			seq++
		}
	}
	return out
}

func TestPlaylistOfAKnownMoment(t *testing.T) {
	want := `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:14.000Z
#EXTINF:2.000,
007.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16.000Z
#EXTINF:2.000,
008.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:18.000Z
#EXTINF:2.000,
009.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:20.000Z
#EXTINF:2.000,
000.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:22.000Z
#EXTINF:2.000,
001.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:24.000Z
#EXTINF:2.000,
002.ts
`
	if got := Playlist(epoch.Add(27*time.Second - time.Millisecond)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each reload must continue the last one: a piece keeps its name, its time and its discontinuity number for as long as
// it is listed, pieces join at the end one by one, and only finished pieces are listed.
func TestReloadsAgreeWithEachOtherOverSeveralLoops(t *testing.T) {
	known := map[int64]piece{}
	var end int64
	for now := epoch.Add(time.Hour); now.Before(epoch.Add(time.Hour + 65*time.Second)); now = now.Add(250 * time.Millisecond) {
		list := read(t, Playlist(now))
		if len(list) != window {
			t.Fatalf("%v: %d pieces, want %d", now, len(list), window)
		}
		for i, p := range list {
			if old, seen := known[p.sequence]; seen && old != p {
				t.Fatalf("%v: piece was %+v and is now %+v", now, old, p)
			}
			known[p.sequence] = p
			if i > 0 && (p.discontinuity != list[i-1].discontinuity) != (p.name == "000.ts") {
				t.Fatalf("%v: %+v after %+v", now, p, list[i-1])
			}
		}
		newest := list[len(list)-1]
		if end != 0 && newest.sequence != end && newest.sequence != end+1 {
			t.Fatalf("%v: from piece %d to %d", now, end, newest.sequence)
		}
		end = newest.sequence
		at, err := time.Parse(time.RFC3339, newest.at)
		if err != nil {
			t.Fatal(err)
		}
		if age := now.Sub(at); age < pieceTime || age >= 2*pieceTime {
			t.Fatalf("%v: the newest piece began %v ago", now, age)
		}
	}
}

func TestBeforeItsBeginningThePlaylistIsStillValid(t *testing.T) {
	if list := read(t, Playlist(epoch.Add(-time.Hour))); len(list) != window || list[0].sequence != 0 {
		t.Errorf("got %+v", list)
	}
}

func TestHandlerServesThePlaylistOfNowAndEveryPieceInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler()
		get := func(path string) *http.Response {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Result()
		}
		r := get(Live)
		body, _ := io.ReadAll(r.Body)
		if string(body) != Playlist(time.Now()) || r.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" {
			t.Errorf("%s %s\n%s", r.Status, r.Header, body)
		}
		if !regexp.MustCompile(`max-age=1$`).MatchString(r.Header.Get("Cache-Control")) {
			t.Errorf("a live playlist must not be kept: %q", r.Header.Get("Cache-Control"))
		}
		total := 0
		for n := range pieces {
			r := get(fmt.Sprintf("%s%03d.ts", Path, n))
			ts, _ := io.ReadAll(r.Body)
			if r.StatusCode != 200 || r.Header.Get("Content-Type") != "video/mp2t" {
				t.Fatalf("piece %d: %s %s", n, r.Status, r.Header)
			}
			if len(ts)%188 != 0 || ts[0] != 0x47 { // ISO 13818-1: packets of 188 bytes that begin with 0x47
				t.Errorf("piece %d is not MPEG-TS", n)
			}
			total += len(ts)
		}
		if total > 450_000 {
			t.Errorf("the pieces weigh %d bytes: too much for a binary", total)
		}
		if r := get(Path + "010.ts"); r.StatusCode != 404 {
			t.Errorf("a piece that does not exist: %s", r.Status)
		}
	})
}

// Package teststream serves a short moving picture as an endless live HLS stream, so that a show can be tried with
// nothing else installed.
//
// Nothing runs and nothing is kept: the playlist is a function of the wall clock, so every node and every restart
// serves the same stream and all viewers see the same second. The ten pieces in segments/ (made by make.sh) repeat
// for ever; where they start again the time stamps jump back, which HLS calls a discontinuity (RFC 8216).
package teststream

import (
	"fmt"
	"strings"
	"time"
)

// Facts about the pieces in segments/, asserted by make.sh.
const (
	pieces    = 10              // how many there are
	pieceTime = 2 * time.Second // how long each lasts, exactly
	// window is how many pieces a playlist shows: 12 s. A player starts three target durations before the end (RFC
	// 8216, section 6.3.3) and may be twice that late before its piece leaves the list.
	window = 6
)

// epoch is when the stream "began": piece 0 of the numbering. A fixed moment keeps EXT-X-MEDIA-SEQUENCE the same on
// all nodes and, unlike the Unix epoch, small enough for players that keep it in 32 bits.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Playlist is the live media playlist at the given moment: the last pieces that are complete by then, oldest first.
// Before 2026 it is the one of the stream's beginning.
//
// A piece that starts the picture over carries EXT-X-DISCONTINUITY unless it is the first in the list: there the
// jump is already behind and is counted in EXT-X-DISCONTINUITY-SEQUENCE. So a piece has the same discontinuity
// sequence number in every playlist it is in, which players need to line up two reloads.
func Playlist(now time.Time) string {
	last := max(int64(now.Sub(epoch)/pieceTime), window) // the piece that is being "recorded" now
	first := last - window
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:%d\n", pieceTime/time.Second)
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", first, first/pieces)
	for n := first; n < last; n++ {
		if n%pieces == 0 && n > first {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		at := epoch.Add(time.Duration(n) * pieceTime).Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.3f,\n%03d.ts\n", at, pieceTime.Seconds(), n%pieces)
	}
	return b.String()
}

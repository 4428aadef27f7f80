package fanout

import (
	"bytes"
	"os"
	"testing"

	"github.com/gobwas/ws"
)

// BenchmarkDeflate is what compressing an event costs, once for everybody, and what is left of its bytes.
func BenchmarkDeflate(b *testing.B) {
	golden, err := os.ReadFile("../session/testdata/frames.txt")
	if err != nil {
		b.Fatal(err)
	}
	var frames [][]byte
	for line := range bytes.Lines(golden) {
		frames = append(frames, ws.MustCompileFrame(ws.NewTextFrame(line)))
	}
	var d deflater
	var before, after int
	for n := 0; b.Loop(); n++ {
		f := frames[n%len(frames)]
		before += len(f)
		after += len(d.frame(f))
	}
	b.ReportMetric(float64(after)/float64(before), "of-the-bytes")
}

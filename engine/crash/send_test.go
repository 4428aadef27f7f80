package crash_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// BenchmarkSend has 64 people send into one channel, each the next message when the last is acknowledged: signed,
// through the engine's handler, durable. What it takes to sign is part of the time.
func BenchmarkSend(b *testing.B) {
	for kind, database := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "engine.db") },
		"postgres": func() string { return dbtest.PostgresURL(b) },
	} {
		b.Run(kind, func(b *testing.B) {
			e, err := engine.New(b.Context(), config(database()))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Close(context.Background()) }()
			w := within(e, rootKey)
			s, err := build(b.Context(), w, 64, 1)
			if err != nil {
				b.Fatal(err)
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for _, who := range s.People {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if err := w.call(b.Context(), http.MethodPost, messages(s.Channels[0]), who, map[string]any{
							"Content": "What a night!", "Type": "STANDARD", "Persistence": "PERSISTENT",
							"ClientRequestToken": strconv.FormatInt(1e6+n, 10)}, nil); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}

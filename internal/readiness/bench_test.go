package readiness_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// BenchmarkStatus counts a ledger of 200,000 tickets of twenty shows: 400,000 rows. It grows in proportion: a million takes five times as long.
func BenchmarkStatus(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			ctx, now := context.Background(), time.Now()
			d := dbtest.SQLite(b, schema.Platform())
			if kind == "postgres" {
				d = dbtest.Postgres(b, schema.Platform())
			}
			h := &house{b, d}
			h.leads(now.Add(time.Hour))
			for i := range 20 {
				e := h.show(fmt.Sprint("show ", i), now.Add(time.Duration(i+1)*time.Hour))
				h.base(e, e)
				h.crowd(e, 10_000)
			}
			if kind == "postgres" {
				h.exec("ANALYZE")
			}
			for b.Loop() {
				if _, err := h.board("aws-us-east-1").Status(ctx, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

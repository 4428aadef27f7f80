package pace_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// What pacing adds to a transaction that is there anyway: Book and Answered of one call, without the commit. One bucket
// covers the call of "case", two that of Amazon.
func BenchmarkBook(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for name, c := range map[string]pace.Call{"none": {}, "case": {}, "aws-us-east-1": {}} {
			c.Op, c.Instance = "CreateAppInstanceUser", "arn:aws:chime:us-east-1:123456789012:app-instance/0b5c5c1e-7d5c-4f7b-9d64-5c1e7d5c4f7b"
			b.Run(kind+"/"+name, func(b *testing.B) {
				url := "sqlite:" + filepath.Join(b.TempDir(), "test.db")
				if kind == "postgres" {
					url = dbtest.PostgresURL(b)
				}
				migrate(b, url)
				d, p := open(b, url), pace.New(preset(b, name))
				for range 50 {
					book(b, d, p, c, time.Time{})
				}
				b.ResetTimer()
				for left := b.N; left > 0; left -= 100 {
					err := d.Write(b.Context(), func(tx *db.Tx) error {
						for range min(left, 100) {
							s, _, err := p.Book(tx, c, p.Now(), time.Time{})
							if err != nil {
								return err
							}
							if err := p.Answered(tx, s, pace.OK); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Choosing among calls of a hundred shows that all have their buckets.
func BenchmarkSnapshot(b *testing.B) {
	url := "sqlite:" + filepath.Join(b.TempDir(), "test.db")
	migrate(b, url)
	d, p := open(b, url), pace.New(preset(b, "aws-us-east-1"))
	var calls []pace.Call
	for i := range 100 {
		n := arn.ARN(strconv.Itoa(i))
		calls = append(calls, pace.Call{Op: "CreateAppInstanceUser", Instance: n}, pace.Call{Op: "BatchCreateChannelMembership", Bearer: n, Channel: n})
	}
	for range 5 {
		for _, c := range calls {
			book(b, d, p, c, time.Time{})
		}
	}
	for b.Loop() {
		s, err := p.Snapshot(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		now := p.Now()
		for _, c := range calls {
			s.Earliest(c, now)
		}
	}
}

package crash_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// Killed by the clock, in the middle of anything. The system lives, so what is left is what the database has.
func TestKilledAtAnyTimeLosesNothingThatWasAcknowledged(t *testing.T) {
	for kind, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "engine.db") },
		"postgres": func(t *testing.T) string { return dbtest.PostgresURL(t) },
	} {
		t.Run(kind, func(t *testing.T) {
			var url string
			c := newCampaign(t, 3)
			for life := range max(share(t, 1, 10), 1) {
				if life%season == 0 {
					url = database(t)
					c.prepare(url)
				}
				over := make(chan struct{})
				timer := time.AfterFunc(time.Duration(c.rnd.IntN(600_000))*time.Microsecond, func() { close(over) })
				c.live(url, over, func() {})
				timer.Stop()
				c.compare(url, "killed by the clock", true)
				if t.Failed() {
					return
				}
			}
		})
	}
}

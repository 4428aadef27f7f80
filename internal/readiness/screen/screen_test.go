package screen_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// The output of a provisioner that runs as a service had a line each ten seconds in which only the time of day was new.
func TestAFileHearsOnlyWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.SQLite(t, schema.Platform())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out strings.Builder
		time.AfterFunc(25*time.Second, func() {
			if _, err := d.Exec(ctx, "INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ('provision', 'door', 1, 1, 99999999999999)"); err != nil {
				t.Error(err)
			}
		})
		if err := screen.Show(ctx, readiness.New(readiness.Config{DB: d, Preset: "case"}), screen.NewBlock(&out)); err != nil {
			t.Error(err)
		}
		if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "nobody leads") || !strings.Contains(lines[1], "door leads") {
			t.Errorf("in a minute: %q", lines)
		}
	})
}

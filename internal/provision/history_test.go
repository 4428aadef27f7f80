package provision_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// The shared app instance has no event: asking for it is not asking for those of all events.
func TestARetryOfOneResourceLeavesAllOthersAlone(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		insert := func(event, subject, kind string) {
			t.Helper()
			if _, err := d.Exec(t.Context(), `INSERT INTO resource (event_id, subject, kind, role, rank, want, want_name, state, name, arn, work, busy, failed,
				generation, attempts, next_try_ms, error, epoch, made_ms) VALUES ($1, $2, $3, '', 1, TRUE, '', 'absent', '', '', 'create', FALSE, TRUE, 1, 9, 9, 'no', 1, 0)`,
				event, subject, kind); err != nil {
				t.Fatal(err)
			}
		}
		insert("", "", "instance")
		insert("ev1", "", "instance")
		insert("ev1", "", "channel")
		insert("ev1", "tk1", "user")
		insert("ev2", "tk2", "user")
		p := provision.New(provision.Config{DB: d, Chime: chime.New(chime.Config{}), Bus: &bus.Bus{}})
		for _, c := range []struct {
			in   provision.RetryInput
			want int
		}{
			{provision.RetryInput{Kind: "instance"}, 1},
			{provision.RetryInput{Event: "ev1", Kind: "channel"}, 1},
			{provision.RetryInput{Event: "ev1", Subject: "tk2", Kind: "user"}, 0},
			{provision.RetryInput{Subject: "tk2"}, 1},
			{provision.RetryInput{Event: "ev1"}, 3},
			{provision.RetryInput{}, 5},
		} {
			if n, err := p.Retry(t.Context(), c.in); err != nil || n != c.want {
				t.Errorf("%+v: %d tried again, want %d (%v)", c.in, n, c.want, err)
			}
		}
		n, err := db.Value[int](t.Context(), d, "SELECT count(*) FROM resource_history WHERE what = 'retried' AND event_id = '' AND kind = 'instance'")
		if err != nil || n != 2 {
			t.Errorf("the shared app instance's history has %d retries, want 2 (%v)", n, err)
		}
	})
}

package moderate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/moderate"
)

// room is a show with a desk at which a worker runs until stop.
type room struct {
	*chimetest.Show
	desk     *moderate.Desk
	bus      *bus.Bus
	behind   chime.Pacer
	mod, fan chimetest.Person
	stop     func()
}

func open(t *testing.T, s *chimetest.Show) *room {
	t.Helper()
	r := &room{Show: s, bus: &bus.Bus{}}
	r.mod, r.fan = s.Enter(t, id.Moderator, "Mo"), s.Enter(t, id.Fan, "Änne")
	r.desk = moderate.New(moderate.Config{DB: s.DB, Chime: s.Client(), Bus: r.bus})
	r.start(t)
	return r
}

// start runs a worker and waits for its end in stop, which may be called twice.
func (r *room) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	desk := r.desk
	go func() { ended <- desk.Run(ctx); close(ended) }()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
}

// restart is a new process: nothing but the database is left of the old one.
func (r *room) restart(t *testing.T) {
	r.stop()
	r.desk = moderate.New(moderate.Config{DB: r.DB, Chime: r.Client(), Bus: r.bus, Behind: r.behind})
	r.start(t)
}

// settle lets time pass until no act is left to do.
func (r *room) settle(t *testing.T) {
	t.Helper()
	for range 600 {
		n, err := db.Value[int](t.Context(), r.DB, "SELECT count(*) FROM moderator_act WHERE done_ms = 0")
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		<-time.After(time.Second)
	}
	t.Fatal("acts are still to do after ten minutes")
}

// shown is what a page would show of a person: lines that are there and not hidden by an action.
func (r *room) shown(user arn.ARN) []string {
	var lines []string
	for _, m := range r.History(r.Channel) {
		if strings.Contains(m.Content, `"act":"hide-user","target":"`+user.ID()+`"`) {
			lines = nil
		}
		if m.Sender == user && !m.Redacted {
			lines = append(lines, m.Content)
		}
	}
	return lines
}

// isBanned checks the one state in which every ban must end.
func (r *room) isBanned(t *testing.T) {
	t.Helper()
	if !r.Banned(r.Channel, r.fan.User) || r.Member(r.Channel, r.fan.User) || len(r.shown(r.fan.User)) != 0 {
		t.Errorf("banned %v, member %v, shown %q", r.Banned(r.Channel, r.fan.User), r.Member(r.Channel, r.fan.User), r.shown(r.fan.User))
	}
	actions := 0
	for _, m := range r.History(r.Channel) {
		if strings.Contains(m.Content, `"hide-user"`) {
			actions++
		}
		if m.Redacted {
			n, err := db.Value[int](t.Context(), r.DB, "SELECT count(*) FROM moderator_act WHERE message_id = $1 AND original <> '' AND done_ms > 0", m.ID)
			if err != nil || n != 1 {
				t.Errorf("%d originals of %s in the trail, %v", n, m.ID, err)
			}
		}
	}
	if actions != 1 {
		t.Errorf("%d actions, want 1", actions)
	}
}

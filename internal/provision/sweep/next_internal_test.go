package sweep

import (
	"slices"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/lease"
	"github.com/stagedoor/stagedoor/internal/provision/ledgertest"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// Whoever asked each few seconds had the first place compared over and over, and the others never.
func TestOfSeveralPlacesThatWereAskedForTheLongestUnvisitedComesFirst(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		all := map[id.Event]bool{wholeAccount: true}
		for range 3 {
			e, _ := ledgertest.Show(t, d, 1, time.Now().Add(time.Hour))
			ledgertest.Fill(t, d, e, true)
			all[e] = true
		}
		s := &sweeper{Term: Term{DB: d}, due: map[id.Event]time.Time{}, seen: map[id.Event]time.Time{}, rests: map[id.Event]time.Time{}}
		now := time.Now()
		s.rests[wholeAccount] = now.Add(time.Hour) // whoever asks does not wait for that
		for range len(all) {
			if err := Ask(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			place, ok, err := s.next(t.Context(), now)
			if err != nil || !ok || !all[place] {
				t.Fatalf("%s, %v, %v; left: %v", place, ok, err, all)
			}
			delete(all, place)
			now = now.Add(time.Second)
			s.seen[place] = now
		}
		if _, err := d.Exec(t.Context(), "UPDATE sweep SET heard = asked"); err != nil {
			t.Fatal(err)
		}
		if place, ok, err := s.next(t.Context(), now); err != nil || !ok || place == wholeAccount {
			t.Errorf("%s, %v, %v: nobody asks, and the account rests", place, ok, err)
		}
	})
}

// A pass that was heard and not ended when its leader went was neither under way nor to come: the screen said that the place had no
// administrator.
func TestWhatALeaderHasHeardAndNotEndedIsHeardAgainByTheNext(t *testing.T) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		if _, err := d.Exec(t.Context(), "INSERT INTO sweep (place, asked, heard, done, since_ms) VALUES ('a', 3, 3, 2, 5), ('b', 2, 2, 2, 0), ('c', 2, 1, 1, 0)"); err != nil {
			t.Fatal(err)
		}
		l := lease.New(d, "provision", "next")
		epoch, ok, err := l.Claim(t.Context())
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := (&sweeper{Term: Term{DB: d, Lease: l, Epoch: epoch}}).takeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		type row struct {
			place        id.Event
			heard, since int64
		}
		rows, err := db.All(t.Context(), d, func(r *row) []any { return []any{&r.place, &r.heard, &r.since} }, "SELECT place, heard, since_ms FROM sweep ORDER BY place")
		if want := []row{{"a", 2, 0}, {"b", 2, 0}, {"c", 1, 0}}; err != nil || !slices.Equal(rows, want) {
			t.Errorf("%v, %v, want %v", rows, err, want)
		}
	})
}

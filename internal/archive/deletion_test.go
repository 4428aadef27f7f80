package archive_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/chime/chimetest"
	"github.com/stagedoor/stagedoor/internal/event"
)

// report writes down, as the provisioner does, that nothing is left.
func report(t *testing.T, s *chimetest.Show, began, finished time.Time) {
	s.Exec(t, `INSERT INTO deletion_report (event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships, moderators,
		messages, sha256)
		SELECT event_id, ended_ms, $1, $2, 3, 1, 1, 802, 801, 2, messages, sha256 FROM sealed_history WHERE event_id = $3
		ON CONFLICT (event_id, ended_ms) DO NOTHING`, began.UnixMilli(), finished.UnixMilli(), s.Event)
}

func TestWhatWasDeletedIsReportedForTheEndItFollowed(t *testing.T) {
	chimetest.Each(t, func(t *testing.T, s *chimetest.Show) {
		k, shows := keeper(t, s, nil), event.New(s.DB)
		s.Exec(t, "UPDATE event SET state = 'scheduled', doors_ms = $1, starts_ms = $1", time.Now().Add(time.Hour).UnixMilli())
		is := func(what string, want bool) archive.Deletion {
			t.Helper()
			d, err := k.Deletion(t.Context(), s.Event)
			if err != nil || (d != nil) != want {
				t.Fatalf("%s: %+v %v", what, d, err)
			}
			if d == nil {
				return archive.Deletion{}
			}
			return *d
		}
		is("before the end", false)
		if _, err := shows.Cancel(t.Context(), s.Event, time.Now()); err != nil {
			t.Fatal(err)
		}
		info, err := k.Seal(t.Context(), s.Event)
		if err != nil {
			t.Fatal(err)
		}
		is("sealed", false)
		began := time.Now().UTC().Truncate(time.Millisecond)
		report(t, s, began, began.Add(time.Minute))
		report(t, s, began, began.Add(time.Hour)) // repeated after a crash
		want := archive.Deletion{BeganAt: began, FinishedAt: began.Add(time.Minute), Calls: 3, Instances: 1, Channels: 1, Accounts: 802, Memberships: 801,
			Moderators: 2, SHA256: info.SHA256}
		if got := is("deleted", true); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if _, err := shows.Uncancel(t.Context(), s.Event, time.Now()); err != nil {
			t.Fatal(err)
		}
		is("un-cancelled", false)
		s.Say(s.Channel, "somebody", chimetest.Line("now it is used"))
		if _, err := shows.End(t.Context(), s.Event, time.Now()); err != nil {
			t.Fatal(err)
		}
		if info, err = k.Seal(t.Context(), s.Event); err != nil {
			t.Fatal(err)
		}
		if err := shows.MarkArchived(t.Context(), s.Event, time.Now()); err != nil {
			t.Fatal(err)
		}
		is("ended", false)
		report(t, s, began, began)
		if got := is("deleted again", true); got.Messages != 1 || got.SHA256 != info.SHA256 {
			t.Errorf("%+v", got)
		}
	})
}

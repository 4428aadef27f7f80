package organizer_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/organizer"
	"github.com/stagedoor/stagedoor/internal/schema"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func each(t *testing.T, f func(t *testing.T, d *db.DB, s *organizer.Store, o organizer.Organizer, link string)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) {
		s := organizer.New(d)
		o, err := s.Ensure(t.Context(), "Nachtlicht", noon)
		if err != nil {
			t.Fatal(err)
		}
		link, err := s.NewLink(t.Context(), o.ID, noon)
		if err != nil {
			t.Fatal(err)
		}
		f(t, d, s, o, link)
	})
}

func TestALinkSignsInOnceAndTheSessionEndsWithSignOut(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, s *organizer.Store, o organizer.Organizer, link string) {
		session, err := s.SignIn(t.Context(), link, noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Session(t.Context(), session, noon.Add(2*time.Hour)); err != nil || got != o {
			t.Fatalf("session of %+v, %v; want %+v", got, err, o)
		}
		if _, err := s.SignIn(t.Context(), link, noon.Add(time.Hour)); !fault.HasCode(err, "link_used_or_expired") {
			t.Errorf("second use: %v", err)
		}
		if err := s.SignOut(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Session(t.Context(), session, noon.Add(2*time.Hour)); !fault.HasCode(err, "not_signed_in") {
			t.Errorf("after sign-out: %v", err)
		}
	})
}

func TestLinksAndSessionsExpire(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, s *organizer.Store, o organizer.Organizer, link string) {
		if _, err := s.SignIn(t.Context(), link, noon.Add(organizer.LinkLife)); !fault.HasCode(err, "link_used_or_expired") {
			t.Errorf("link after 24 hours: %v", err)
		}
		link, err := s.NewLink(t.Context(), o.ID, noon)
		if err != nil {
			t.Fatal(err)
		}
		session, err := s.SignIn(t.Context(), link, noon.Add(organizer.LinkLife-time.Second))
		if err != nil {
			t.Fatalf("link just before 24 hours: %v", err)
		}
		began := noon.Add(organizer.LinkLife - time.Second)
		if _, err := s.Session(t.Context(), session, began.Add(organizer.SessionLife-time.Second)); err != nil {
			t.Errorf("session on its last day: %v", err)
		}
		if _, err := s.Session(t.Context(), session, began.Add(organizer.SessionLife)); !fault.HasCode(err, "not_signed_in") {
			t.Errorf("session after its life: %v", err)
		}
	})
}

func TestOfManyWhoFollowOneLinkExactlyOneGetsIn(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, s *organizer.Store, _ organizer.Organizer, link string) {
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if _, err := s.SignIn(t.Context(), link, noon); err == nil {
					in.Add(1)
				} else if !fault.HasCode(err, "link_used_or_expired") {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d got in", in.Load())
		}
	})
}

func TestGuessesAndOtherSecretsDoNotSignIn(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, s *organizer.Store, _ organizer.Organizer, link string) {
		session, err := s.SignIn(t.Context(), link, noon)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := db.Value[string](t.Context(), d, "SELECT token_hash FROM organizer_session")
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{"empty": "", "guess": "guess", "link": link, "stored hash": stored} {
			if _, err := s.Session(t.Context(), secret, noon); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s as session: %v", what, err)
			}
		}
		if _, err := s.SignIn(t.Context(), session, noon); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("session as link: %v", err)
		}
	})
}

func TestEnsureFindsTheSameOrganizerAgain(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, s *organizer.Store, o organizer.Organizer, _ string) {
		if again, err := s.Ensure(t.Context(), o.Name, noon); err != nil || again != o {
			t.Errorf("%+v %v, want %+v", again, err, o)
		}
		if other, err := s.Ensure(t.Context(), "Other", noon); err != nil || other.ID == o.ID {
			t.Errorf("%+v %v", other, err)
		}
		if _, err := s.Ensure(t.Context(), "", noon); !fault.Is(err, fault.Invalid) {
			t.Errorf("no name: %v", err)
		}
	})
}

package event_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/event"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/schema"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// form is a form that is right: doors at 18:30 and start at 19:00 UTC on the day of noon.
func form() event.Input {
	return event.Input{Name: "Nachtlicht – die große Schau", Artist: "Lena Königswald", Description: "Two hours.\nBring tea.", TimeZone: "Europe/Berlin",
		StartsAt: "2026-11-22T20:00", DoorsAt: "2026-11-22T19:30", StreamURL: "https://stream.example/live.m3u8", Chat: true}
}

func each(t *testing.T, f func(t *testing.T, s *event.Store)) {
	dbtest.Each(t, schema.Platform(), func(t *testing.T, d *db.DB) { f(t, event.New(d)) })
}

func create(t *testing.T, s *event.Store, in event.Input, now time.Time) event.Event {
	t.Helper()
	e, err := s.Create(t.Context(), in, now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestACreatedShowIsFoundAgainAsItWasWritten(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		got := create(t, s, form(), noon)
		want := event.Event{ID: got.ID, Slug: "nachtlicht-die-grosse-schau", Name: "Nachtlicht – die große Schau", Artist: "Lena Königswald",
			Description: "Two hours.\nBring tea.", TimeZone: "Europe/Berlin", DoorsAt: noon.Add(6*time.Hour + 30*time.Minute), StartsAt: noon.Add(7 * time.Hour),
			StreamURL: "https://stream.example/live.m3u8", Chat: true, State: event.Scheduled, CreatedAt: noon, UpdatedAt: noon}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		byID, err := s.Get(t.Context(), got.ID)
		if diff := cmp.Diff(want, byID); err != nil || diff != "" {
			t.Error(err, diff)
		}
		bySlug, err := s.BySlug(t.Context(), got.Slug)
		if diff := cmp.Diff(want, bySlug); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if _, err := s.Get(t.Context(), "evnone"); !fault.HasCode(err, "event_unknown") {
			t.Errorf("unknown id: %v", err)
		}
		if _, err := s.BySlug(t.Context(), "none"); !fault.HasCode(err, "event_unknown") {
			t.Errorf("unknown slug: %v", err)
		}
	})
}

func TestTheLatestStartIsListedFirst(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		var want []id.Event
		for _, day := range []string{"2026-11-24", "2026-11-23", "2026-11-25"} {
			in := form()
			in.StartsAt, in.DoorsAt = day+"T20:00", day+"T19:00"
			want = append(want, create(t, s, in, noon).ID)
		}
		all, err := s.List(t.Context())
		if err != nil || len(all) != 3 || all[0].ID != want[2] || all[2].ID != want[1] {
			t.Errorf("%+v %v", all, err)
		}
	})
}

func TestLocalTimesBecomeAbsoluteAlsoWhenClocksChange(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		for _, c := range []struct{ zone, local, utc string }{
			{"Europe/Berlin", "2027-01-15T20:00", "2027-01-15T19:00:00Z"},
			{"Europe/Berlin", "2027-07-15T20:00", "2027-07-15T18:00:00Z"},
			{"Europe/Berlin", "2027-03-28T01:59", "2027-03-28T00:59:00Z"}, // the last minute of winter time
			{"Europe/Berlin", "2027-03-28T02:00", ""},                     // skipped
			{"Europe/Berlin", "2027-03-28T02:30", ""},
			{"Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00:00Z"},
			{"Europe/Berlin", "2027-10-31T01:59", "2027-10-30T23:59:00Z"},
			{"Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30:00Z"}, // happens twice: the first
			{"Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00:00Z"},
			{"America/New_York", "2027-03-14T02:15", ""},
			{"America/New_York", "2026-11-29T20:00:30", "2026-11-30T01:00:30Z"},
			{"Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45:00Z"}, // half an hour twice
			{"Australia/Lord_Howe", "2027-10-03T02:15", ""},                     // half an hour skipped
			{"Asia/Kathmandu", "2027-01-01T00:00", "2026-12-31T18:15:00Z"},
			{"America/St_Johns", "2027-01-01T00:00", "2027-01-01T03:30:00Z"},
			{"UTC", "2027-01-01T00:00", "2027-01-01T00:00:00Z"},
		} {
			in := form()
			in.TimeZone, in.StartsAt, in.DoorsAt = c.zone, c.local, c.local
			e, err := s.Create(t.Context(), in, noon)
			if c.utc == "" {
				if !fault.Is(err, fault.Invalid) || fault.As(err).Field != "startsAt" || !strings.Contains(fault.As(err).Public, "skip") {
					t.Errorf("%s %s: %v, want a refusal", c.zone, c.local, err)
				}
				continue
			}
			if err != nil || e.StartsAt.Format(time.RFC3339) != c.utc {
				t.Errorf("%s %s: %v %v, want %s", c.zone, c.local, e.StartsAt, err, c.utc)
			}
		}
	})
}

func TestEachFieldIsCheckedAndNamed(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		for name, c := range map[string]struct {
			field string
			spoil func(*event.Input)
		}{
			"no name":             {"name", func(in *event.Input) { in.Name = " \t " }},
			"long name":           {"name", func(in *event.Input) { in.Name = strings.Repeat("ü", 121) }},
			"control in name":     {"name", func(in *event.Input) { in.Name = "a\x00b" }},
			"bidi in name":        {"name", func(in *event.Input) { in.Name = "a\u202eb" }},
			"broken UTF-8":        {"name", func(in *event.Input) { in.Name = "a\xff" }},
			"no artist":           {"artist", func(in *event.Input) { in.Artist = "" }},
			"long artist":         {"artist", func(in *event.Input) { in.Artist = strings.Repeat("ü", 81) }},
			"long description":    {"description", func(in *event.Input) { in.Description = strings.Repeat("ü", 4001) }},
			"escape in prose":     {"description", func(in *event.Input) { in.Description = "a\x1b[31m" }},
			"no zone":             {"timeZone", func(in *event.Input) { in.TimeZone = "" }},
			"the server's zone":   {"timeZone", func(in *event.Input) { in.TimeZone = "Local" }},
			"unknown zone":        {"timeZone", func(in *event.Input) { in.TimeZone = "Europe/Atlantis" }},
			"path as zone":        {"timeZone", func(in *event.Input) { in.TimeZone = "../etc/passwd" }},
			"no start":            {"startsAt", func(in *event.Input) { in.StartsAt = "" }},
			"30 February":         {"startsAt", func(in *event.Input) { in.StartsAt = "2027-02-30T20:00" }},
			"start with zone":     {"startsAt", func(in *event.Input) { in.StartsAt = "2026-11-22T20:00Z" }},
			"start in the past":   {"startsAt", func(in *event.Input) { in.StartsAt, in.DoorsAt = "2026-11-21T20:00", "2026-11-21T19:00" }},
			"start in 2062":       {"startsAt", func(in *event.Input) { in.StartsAt, in.DoorsAt = "2062-11-22T20:00", "2062-11-22T19:00" }},
			"doors after start":   {"doorsAt", func(in *event.Input) { in.DoorsAt = "2026-11-22T20:01" }},
			"doors a week early":  {"doorsAt", func(in *event.Input) { in.DoorsAt = "2026-11-15T19:59" }},
			"script as stream":    {"streamUrl", func(in *event.Input) { in.StreamURL = "javascript:alert(1)" }},
			"other host path":     {"streamUrl", func(in *event.Input) { in.StreamURL = "//evil.example/x" }},
			"backslash host":      {"streamUrl", func(in *event.Input) { in.StreamURL = `/\evil.example` }},
			"stream without host": {"streamUrl", func(in *event.Input) { in.StreamURL = "https://" }},
			"stream of a user":    {"streamUrl", func(in *event.Input) { in.StreamURL = "https://me:secret@x.example/" }},
			"file as stream":      {"streamUrl", func(in *event.Input) { in.StreamURL = "file:///etc/passwd" }},
			"space in stream":     {"streamUrl", func(in *event.Input) { in.StreamURL = "https://x.example/a b" }},
			"long stream":         {"streamUrl", func(in *event.Input) { in.StreamURL = "https://x.example/" + strings.Repeat("a", 2000) }},
			"reserved slug":       {"slug", func(in *event.Input) { in.Slug = "console" }},
			"capital slug":        {"slug", func(in *event.Input) { in.Slug = "Show" }},
			"slug with path":      {"slug", func(in *event.Input) { in.Slug = "a/moderate" }},
			"long slug":           {"slug", func(in *event.Input) { in.Slug = strings.Repeat("a", 61) }},
		} {
			in := form()
			c.spoil(&in)
			_, err := s.Create(t.Context(), in, noon)
			if !fault.Is(err, fault.Invalid) || fault.As(err).Field != c.field {
				t.Errorf("%s: %v on %q, want field %s", name, err, fault.As(err).Field, c.field)
			}
		}
		if all, err := s.List(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%d shows were made, %v", len(all), err)
		}
	})
}

func TestStreamsThatArePossible(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		for _, u := range []string{"", "/test-stream/live.m3u8", "http://192.168.0.7:8080/x.m3u8?token=a%20b", "https://[2001:db8::1]/live", "/stream?a=b#c"} {
			in := form()
			in.StreamURL = u
			if e, err := s.Create(t.Context(), in, noon); err != nil || e.StreamURL != u {
				t.Errorf("%q: %q %v", u, e.StreamURL, err)
			}
		}
	})
}

func TestASlugIsMadeFromAnyName(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		for name, want := range map[string]string{
			"Straßenfest & Söhne": "strassenfest-soehne", "Ça va, Chloé?": "ca-va-chloe", "Łódź – Świętokrzyska": "lodz-swietokrzyska", "Ночь в Москве": "noch-v-moskve",
			"Καλησπέρα Ελλάδα": "kalispera-ellada", "Björk's Ævintýri": "bjoerks-aevintyri", "Tiếng Việt": "tieng-viet", "  ---  ": "show", "夜の光": "show-2", "🎉": "show-3",
			"Console": "console-2", "№ 5 ½": "no-5-1-2", strings.Repeat("very ", 24): strings.TrimRight(strings.Repeat("very-", 12), "-"), "Київ їде": "kiiv-ide", "İstanbul ışık": "istanbul-isik",
		} {
			if want == "show-2" || want == "show-3" || want == "show" {
				continue // their order is checked below
			}
			in := form()
			in.Name = name
			if e, err := s.Create(t.Context(), in, noon); err != nil || e.Slug != want {
				t.Errorf("%q: %q %v, want %q", name, e.Slug, err, want)
			}
		}
		for i, want := range []string{"show", "show-2", "show-3"} {
			in := form()
			in.Name = []string{"夜の光", "🎉", "–"}[i]
			if e, err := s.Create(t.Context(), in, noon); err != nil || e.Slug != want {
				t.Errorf("%q: %q %v, want %q", in.Name, e.Slug, err, want)
			}
		}
	})
}

func TestSlugsAreUniqueAlsoWhenManyAskAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *event.Store) {
		in := form()
		in.Name = strings.Repeat("x", 60) // a suffix must fit into the limit
		var mu sync.Mutex
		var slugs []string
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				e, err := s.Create(t.Context(), in, noon)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				slugs = append(slugs, e.Slug)
				mu.Unlock()
			})
		}
		wg.Wait()
		slices.Sort(slugs)
		if n := len(slices.Compact(slugs)); n != 20 {
			t.Errorf("%d different slugs", n)
		}
		for _, slug := range slugs {
			if len(slug) > 60 {
				t.Errorf("%q is too long", slug)
			}
		}
		in.Slug = "asked-for"
		create(t, s, in, noon)
		if _, err := s.Create(t.Context(), in, noon); !fault.HasCode(err, "slug_taken") || fault.As(err).Field != "slug" {
			t.Errorf("asked for twice: %v", err)
		}
	})
}

package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/pace"
)

func TestPaceTakesEveryPresetAndNothingElse(t *testing.T) {
	f, _ := reflect.TypeFor[config.Chime]().FieldByName("Pace")
	var names []string
	for _, p := range pace.Presets() {
		names = append(names, p.Name)
	}
	offered := strings.Split(f.Tag.Get("enum"), ",")
	slices.Sort(names)
	slices.Sort(offered)
	if !slices.Equal(names, offered) {
		t.Errorf("--pace offers %q, there are %q", offered, names)
	}
	for _, name := range names {
		if !strings.Contains(f.Tag.Get("help"), name) {
			t.Errorf("the help of --pace does not name %s", name)
		}
	}
}

func TestSettingsThatCannotBeAreRefusedBeforeAnythingStarts(t *testing.T) {
	for _, c := range []struct {
		chime, public string
		ok            bool
	}{
		{"embedded", "", true},
		{"aws", "https://live.example.org", true},
		{"http://127.0.0.1:8090", "http://10.0.0.7:8080/", true},
		{"embeded", "", false},
		{"ftp://chat", "", false},
		{"http://", "", false},
		{"embedded", "live.example.org", false},
		{"embedded", "https://", false},
	} {
		s := config.Serve{PublicURL: c.public}
		s.Chime.Chime = c.chime
		if err := s.Check(); (err == nil) != c.ok {
			t.Errorf("chime %q, public URL %q: %v", c.chime, c.public, err)
		}
	}
}

func TestATimeThatIsNegativeIsRefused(t *testing.T) {
	for _, c := range []struct {
		wait, slack time.Duration
		ok          bool
	}{{0, 0, true}, {time.Hour, time.Minute, true}, {-time.Minute, 0, false}, {0, -time.Minute, false}} {
		s := config.Serve{SealWait: c.wait}
		s.Chime.Chime, s.Slack = "embedded", c.slack
		if err := s.Check(); (err == nil) != c.ok {
			t.Errorf("seal wait %v, slack %v: %v", c.wait, c.slack, err)
		}
		if err := s.Readiness.Check(); (err == nil) != (c.slack >= 0) || err != nil && !strings.HasPrefix(err.Error(), "--ready-slack: ") {
			t.Errorf("slack %v: %v", c.slack, err)
		}
	}
}

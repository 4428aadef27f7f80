package config_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/config"
)

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
